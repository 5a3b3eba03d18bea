/** The keys of networks, but for what their servers tell. */
import type { KeyText } from "../json-schema.ts";

export const NETWORK_TEXTS = {
  kind: { title: "Kind", default: "bridge" },
  namespace: {
    title: "Namespace",
    description:
      "named network namespace that the bridge is in, made where there is none. Networks in different ones may have the same subnet; a router leads to none of them.",
    otherwise: "this host's own",
  },
  subnet: {
    title: "IPv4 subnet",
    description:
      "IPv4 subnet with a length from 8 to 30. Subnets of one namespace do not overlap each other, nor what else is there.",
  },
  gateway: { title: "Gateway", description: "the host's address in the subnet", otherwise: "the first address" },
  also: {
    title: "Further subnets",
    description: "list of further IPv4 subnets on the same bridge, see below",
    otherwise: "none",
  },
  subnet6: {
    title: "IPv6 subnet",
    description: "IPv6 subnet with a length from 48 to 126, usually 64",
    otherwise: "none: IPv4 only",
  },
  gateway6: {
    title: "IPv6 gateway",
    description: "the host's address in that subnet",
    otherwise: "the first address, …::1",
  },
  prefix6: {
    title: "Part of a delegated prefix",
    description:
      "a /64 of the prefix that an uplink asks for by prefix6: the bridge has its first address, and hosts on the network make their own by router advertisement. Nothing of it is translated.",
    otherwise: "none",
  },
  ports: {
    title: "Ports",
    description: "list of interfaces of this host that become ports of the bridge",
    otherwise: "none",
  },
  device: {
    title: "Device",
    description: "the bridge's name, at most 15 bytes",
    otherwise: "the network's name",
  },
  mtu: {
    title: "MTU",
    description: "68 to 65535 bytes, of the bridge and of everything connected to it; with subnet6 at least 1280",
    otherwise: "the uplink's, 1500 without a router",
  },
  dns: {
    title: "Names",
    description:
      "name servers and search domains that machines are told, or a DNS server of the network; true: with all defaults",
    otherwise:
      "no server; told are those of the uplink's DHCP lease, else the host's own, if a router leads out of the network",
  },
  dhcp: {
    title: "DHCP",
    description: "gives addresses to whoever asks on the network; true: with all defaults",
    otherwise: "only machines that say dhcp: network are served",
  },
  ipv6: {
    title: "IPv6 server",
    description: "router advertisements and DHCPv6 for whoever is on the network; true: with all defaults",
    otherwise: "guests of the file are served, each by a server of its own",
  },
  boot: {
    title: "Boot files",
    description: "a folder that machines on the network boot from",
    otherwise: "none",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const PREFIX6_TEXTS = {
  from: { title: "From", description: "name of the uplink" },
  number: { title: "Number", description: "which /64 of the prefix, from 0" },
} as const satisfies Readonly<Record<string, KeyText>>;

export const FURTHER_SUBNET_TEXTS = {
  subnet: { title: "IPv4 subnet", description: "IPv4 subnet with a length from 8 to 30" },
  gateway: { title: "Gateway", description: "the host's address in the subnet", otherwise: "the first address" },
  dhcp: {
    title: "DHCP",
    description: "gives out addresses of the subnet, once those before it are full; true: with all defaults",
    otherwise: "none but those of hosts and machines",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

const FOUND = "what root has for them";

export const BOOT_TEXTS = {
  root: { title: "Folder", description: "folder that is served by TFTP and HTTP, read-only" },
  bios: {
    title: "BIOS",
    description: "file below root that BIOS firmware boots, such as pxelinux.0",
    otherwise: FOUND,
  },
  uefi: {
    title: "UEFI",
    description: "file below root that UEFI firmware of x64 boots, by TFTP or HTTP, such as shimx64.efi",
    otherwise: FOUND,
  },
  ipxe: {
    title: "iPXE",
    description: "script below root for clients that are iPXE already",
    otherwise: FOUND,
  },
  share: {
    title: "Share",
    description: "name by which root is shared read-only by SMB too, for WinPE; Samba is needed for it",
    otherwise: "root is not shared by SMB",
  },
} as const satisfies Readonly<Record<string, KeyText>>;
