/** The keys of a network's router advertisements and DHCPv6 server. */
import type { KeyText } from "../json-schema.ts";
import { DHCP_SERVER_TEXTS } from "./dhcp-servers.ts";

export const IP6_TEXTS = {
  ...DHCP_SERVER_TEXTS,
  mode: {
    title: "Mode",
    description:
      "slaac: hosts make their own addresses and are told the rest. dhcp: the server gives addresses. both: a host has one of either kind.",
    otherwise: "slaac where subnet6 is a /64, else dhcp",
  },
  range: {
    title: "Range",
    description:
      "first and last address to give out, with dhcp and both. What the file gives to machines and hosts, and the gateway, is left out.",
    otherwise: "…::1:0 to …::1:ffff, of a subnet longer than /111 the upper half",
  },
  lease: {
    title: "Lease time",
    description: "90s, 30m, 12h, 7d or infinite: how long addresses and prefixes are good for; hosts renew them before",
    default: "12h",
  },
  prefixes: { title: "Prefixes", description: "prefixes for routers behind the network", otherwise: "none" },
  routes: {
    title: "Routes",
    description: "list of prefixes that hosts reach through this host, beside its default route",
    otherwise: "none",
  },
  ntp: { title: "Time servers", description: "list of time servers that clients are told", otherwise: "none" },
  "known-only": {
    title: "Known hosts only",
    description: "only hosts and machines of the file get addresses and prefixes from the server",
    default: false,
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const PREFIXES_TEXTS = {
  from: { title: "From", description: "prefix that they are parts of; no network's own subnet6 is in it" },
  length: {
    title: "Length",
    description: "bits of each, up to 64",
    otherwise: "60, or that of from if it is longer",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const IP6_HOST_TEXTS = {
  mac: { title: "MAC address", description: "unicast MAC address, in quotes; or duid" },
  duid: {
    title: "DUID",
    description: "what the client calls itself, as 00:03:00:01:52:54:00:00:00:10",
  },
  address: { title: "Address", description: "its own in subnet6, in the range or outside" },
  prefix: { title: "Prefix", description: "its own: of the network's prefixes, or another" },
} as const satisfies Readonly<Record<string, KeyText>>;
