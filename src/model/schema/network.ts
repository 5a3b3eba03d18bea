/** The shape of networks. */
import * as v from "valibot";
import { bootPath, shareName } from "../boot-leaf.ts";
import { deviceName, integer, ipv4, ipv6, path, reference, subnet, subnet6, word, yesOrNo } from "../leaf.ts";
import { BOOT_TEXTS, FURTHER_SUBNET_TEXTS, NETWORK_TEXTS, PREFIX6_TEXTS } from "../texts/network.ts";
import { either, isBoolean, list, map } from "./containers.ts";
import { dhcp, furtherDhcp } from "./network-dhcp.ts";
import { networkDns } from "./network-dns.ts";
import { ip6 } from "./network-ip6.ts";

/** Further ones on one bridge. */
const MAXIMUM_SUBNETS = 64;

const furtherSubnet = map(
  {
    subnet,
    gateway: v.exactOptional(ipv4),
    dhcp: v.exactOptional(either(isBoolean, yesOrNo, furtherDhcp)),
  },
  FURTHER_SUBNET_TEXTS,
);

const boot = map(
  {
    root: path,
    bios: v.exactOptional(bootPath),
    uefi: v.exactOptional(bootPath),
    ipxe: v.exactOptional(bootPath),
    share: v.exactOptional(shareName),
  },
  BOOT_TEXTS,
);

export const network = map(
  {
    kind: v.exactOptional(word(["bridge"], ["vlan", "vxlan", "flat", "macvlan", "gre", "geneve"])),
    namespace: v.exactOptional(reference),
    subnet,
    gateway: v.exactOptional(ipv4),
    also: v.exactOptional(list(furtherSubnet, MAXIMUM_SUBNETS, "subnets")),
    subnet6: v.exactOptional(subnet6),
    gateway6: v.exactOptional(ipv6),
    prefix6: v.exactOptional(map({ from: reference, number: integer(0, 0xffff_ffff, "") }, PREFIX6_TEXTS)),
    ports: v.exactOptional(list(deviceName, 64, "ports")),
    device: v.exactOptional(deviceName),
    mtu: v.exactOptional(integer(68, 65535, " bytes")),
    dns: v.exactOptional(either(isBoolean, yesOrNo, networkDns)),
    dhcp: v.exactOptional(either(isBoolean, yesOrNo, dhcp)),
    ipv6: v.exactOptional(either(isBoolean, yesOrNo, ip6)),
    boot: v.exactOptional(boot),
  },
  NETWORK_TEXTS,
);
