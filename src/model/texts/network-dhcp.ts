/** The keys of a network's DHCP server. */
import type { KeyText } from "../json-schema.ts";
import { DHCP_SERVER_TEXTS } from "./dhcp-servers.ts";

const NO_OPTIONS = { title: "DHCP options", otherwise: "none" } as const;
const FURTHER_OPTIONS = {
  ...NO_OPTIONS,
  description: "DHCP options by their names or numbers, such as ntp-servers: [192.0.2.1]",
} as const;
const BOOT_FILE = { title: "Boot file", description: "file to boot from, in the message's own field" } as const;
const NEXT_SERVER = { title: "Next server", description: "address of the server with the boot file (siaddr)" } as const;
const SERVER_NAME = { title: "Server name", description: "name of that server, in the message's own field" } as const;
const LEASE = {
  title: "Lease time",
  description: "90s, 30m, 12h, 7d or infinite",
  otherwise: "the network's",
} as const;

export const DHCP_TEXTS = {
  ...DHCP_SERVER_TEXTS,
  range: {
    title: "Range",
    description:
      "first and last address to give out, or a list of such ranges. What the file gives to machines and hosts, and the gateway, is left out.",
    otherwise: "the upper half of the subnet",
  },
  lease: {
    title: "Lease time",
    description: "90s, 30m, 12h, 7d or infinite: for how long an address is given at most; or default, min and max",
    default: "12h",
  },
  authoritative: {
    title: "Authoritative",
    description: "no other server is on the network: a client that asks for a wrong address is refused, not ignored",
    default: true,
  },
  "known-only": {
    title: "Known hosts only",
    description: "only hosts and machines of the file get an address",
    default: false,
  },
  "trust-circuit": {
    title: "Circuits without a relay",
    description: "believe a circuit-id also in what no relay agent sent: the switch puts it there, and clients cannot",
    default: false,
  },
  limits: {
    title: "Limits",
    description:
      "what clients at one port of the bridge, or circuit of a relay agent, get at most, so that who makes up clients takes nothing from the others",
    otherwise: "eight addresses for each that is still free",
  },
  ignore: {
    title: "Ignored clients",
    description: "list of MAC addresses, or beginnings of them, that get no answer",
    otherwise: "none",
  },
  options: FURTHER_OPTIONS,
  "next-server": { ...NEXT_SERVER, otherwise: "none" },
  "server-name": { ...SERVER_NAME, otherwise: "none" },
  "boot-file": { ...BOOT_FILE, otherwise: "none" },
  classes: {
    title: "Classes",
    description: "list of kinds of clients that are told something else; of several that match the first counts",
    otherwise: "none",
  },
  relayed: {
    title: "Relayed subnets",
    description: "list of subnets that are not on the bridge: a relay agent brings their clients' messages",
    otherwise: "none",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

const OF_SUBNET = {
  lease: {
    title: "Lease time",
    description: "90s, 30m, 12h, 7d or infinite; or default, min and max",
    otherwise: "the network's",
  },
  options: NO_OPTIONS,
  "next-server": NEXT_SERVER,
  "server-name": SERVER_NAME,
  "boot-file": BOOT_FILE,
} as const;

export const FURTHER_DHCP_TEXTS = {
  range: {
    title: "Range",
    description: "first and last address to give out, or a list of such ranges",
    otherwise: "the upper half of the subnet",
  },
  ...OF_SUBNET,
} as const satisfies Readonly<Record<string, KeyText>>;

export const RELAYED_SUBNET_TEXTS = {
  subnet: {
    title: "IPv4 subnet",
    description: "IPv4 subnet with a length from 8 to 30, which the relay agent has an address of",
  },
  range: {
    title: "Range",
    description: "first and last address to give out, or a list of such ranges, [] for hosts alone",
  },
  router: {
    title: "Router",
    description: "the address that its clients are told as their router",
    otherwise: "none is told",
  },
  ...OF_SUBNET,
} as const satisfies Readonly<Record<string, KeyText>>;

export const DHCP_LIMITS_TEXTS = {
  "per-port": {
    title: "Leases of a port",
    description: "leases that the clients at one port have at one time",
    otherwise: "eight for each address that is still free",
  },
  "new-per-second": {
    title: "New leases a second",
    description: "leases that clients without one get in a second, on average; four times as many at once",
    otherwise: "as many as there are addresses, at least 1000",
  },
  "new-per-second-per-port": {
    title: "New leases a second at a port",
    description: "those of clients at one port",
    otherwise: "half as many",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const LEASE_TEXTS = {
  default: { title: "Default", description: "for clients that ask for no time", default: "12h" },
  min: {
    title: "Shortest",
    description: "a client that asks for less gets this",
    otherwise: "2m, or default if that is less",
  },
  max: { title: "Longest", description: "a client that asks for more gets this", otherwise: "default" },
} as const satisfies Readonly<Record<string, KeyText>>;

export const DHCP_HOST_TEXTS = {
  name: { title: "Name", description: "what the host is told to be called", otherwise: "it is not told" },
  mac: { title: "MAC address", description: "unicast MAC address, in quotes; or client-id, or circuit-id" },
  "client-id": {
    title: "Client identifier",
    description: "what the client calls itself (option 61): text, or bytes as 01:52:54:00:00:00:10",
  },
  "circuit-id": {
    title: "Circuit",
    description: "where its relay agent sees it (option 82.1): text, or bytes as 00:04:00:01",
  },
  address: {
    title: "Address",
    description: "its own in a subnet of the network, in a range or outside",
    otherwise: "any of the range",
  },
  options: NO_OPTIONS,
  "next-server": NEXT_SERVER,
  "server-name": SERVER_NAME,
  "boot-file": BOOT_FILE,
  lease: LEASE,
} as const satisfies Readonly<Record<string, KeyText>>;

export const DHCP_CLASS_TEXTS = {
  name: { title: "Name", description: "name of the class" },
  vendor: { title: "Vendor class", description: "what its vendor class (option 60) begins with" },
  user: { title: "User class", description: "one of its user classes (option 77)" },
  architecture: { title: "Architecture", description: "list of client architectures (option 93), such as [7, 9]" },
  mac: { title: "MAC address", description: "a MAC address, or the beginning of one" },
  range: { title: "Range", description: "first and last address, for this class alone" },
  options: NO_OPTIONS,
  "next-server": NEXT_SERVER,
  "server-name": SERVER_NAME,
  "boot-file": BOOT_FILE,
  lease: LEASE,
} as const satisfies Readonly<Record<string, KeyText>>;
