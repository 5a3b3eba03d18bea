/** The shape of a network's DHCP server. */
import * as v from "valibot";
import { duration, headText, hostName, identifier, macPrefix, namedOptions, range } from "../dhcp-leaf.ts";
import { integer, ipv4, line, mac, reference, subnet, yesOrNo } from "../leaf.ts";
import {
  DHCP_CLASS_TEXTS,
  DHCP_HOST_TEXTS,
  DHCP_LIMITS_TEXTS,
  DHCP_TEXTS,
  FURTHER_DHCP_TEXTS,
  LEASE_TEXTS,
  RELAYED_SUBNET_TEXTS,
} from "../texts/network-dhcp.ts";
import { either, isList, isMap, list, map } from "./containers.ts";

const MAXIMUM_RELAYED = 1000;

const told = {
  options: v.exactOptional(namedOptions),
  "next-server": v.exactOptional(ipv4),
  "server-name": v.exactOptional(headText(63, "tftp.example.org")),
  "boot-file": v.exactOptional(headText(127, "pxelinux.0")),
};

const dhcpHost = map(
  {
    name: v.exactOptional(hostName),
    mac: v.exactOptional(mac),
    "client-id": v.exactOptional(identifier(2, 255)),
    "circuit-id": v.exactOptional(identifier(1, 253)),
    address: v.exactOptional(ipv4),
    ...told,
    lease: v.exactOptional(duration),
  },
  DHCP_HOST_TEXTS,
);

const dhcpClass = map(
  {
    name: reference,
    vendor: v.exactOptional(line),
    user: v.exactOptional(line),
    architecture: v.exactOptional(list(integer(0, 65535, ""), 64, "architectures")),
    mac: v.exactOptional(macPrefix),
    range: v.exactOptional(range),
    ...told,
    lease: v.exactOptional(duration),
  },
  DHCP_CLASS_TEXTS,
);

const leaseTimes = map(
  { default: v.exactOptional(duration), min: v.exactOptional(duration), max: v.exactOptional(duration) },
  LEASE_TEXTS,
);

const ranges = either(isList, list(range, 256, "ranges"), range);

const lease = v.exactOptional(either(isMap, leaseTimes, duration));

const relayedSubnet = map(
  { subnet, range: ranges, router: v.exactOptional(ipv4), lease, ...told },
  RELAYED_SUBNET_TEXTS,
);

const dhcpLimits = map(
  {
    "per-port": v.exactOptional(integer(1, 0xffff, " leases")),
    "new-per-second": v.exactOptional(integer(1, 1_000_000, " leases")),
    "new-per-second-per-port": v.exactOptional(integer(1, 1_000_000, " leases")),
  },
  DHCP_LIMITS_TEXTS,
);

export const dhcp = map(
  {
    range: v.exactOptional(ranges),
    lease,
    authoritative: v.exactOptional(yesOrNo),
    "rapid-commit": v.exactOptional(yesOrNo),
    "known-only": v.exactOptional(yesOrNo),
    "trust-circuit": v.exactOptional(yesOrNo),
    limits: v.exactOptional(dhcpLimits),
    guard: v.exactOptional(yesOrNo),
    ignore: v.exactOptional(list(macPrefix, 10_000, "MAC addresses")),
    ...told,
    hosts: v.exactOptional(list(dhcpHost, 10_000, "hosts")),
    classes: v.exactOptional(list(dhcpClass, 256, "classes")),
    relayed: v.exactOptional(list(relayedSubnet, MAXIMUM_RELAYED, "subnets")),
  },
  DHCP_TEXTS,
);

export const furtherDhcp = map({ range: v.exactOptional(ranges), lease, ...told }, FURTHER_DHCP_TEXTS);
