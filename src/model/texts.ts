/** What a person reads about each key of the network file, in an editor; the same words as in docs/network-file.md. */
import type { KeyText } from "./json-schema.ts";

export const FILE_TEXTS = {
  version: { title: "Version", description: "1, the version of the file's format" },
  name: {
    title: "Name",
    description:
      "name of what this file makes: a-z 0-9 -, 1 to 63 characters. Addresses and MACs stay the same as long as it does.",
    otherwise: "the file's name without folder and ending",
  },
  uplinks: { title: "Uplinks", description: "How this host reaches the outside." },
  networks: { title: "Networks", description: "A Linux bridge with the gateway's addresses on it." },
  routers: { title: "Routers", description: "What leads from networks to each other and to the outside." },
  machines: { title: "Machines", description: "What stands on the networks: namespaces and guests." },
} as const satisfies Readonly<Record<string, KeyText>>;

export const UPLINK_TEXTS = {
  device: { title: "Device", description: "name of a device of this host" },
  address: {
    title: "Address",
    description:
      "keep: the device's addresses are left as they are. dhcp: a DHCPv4 server gives address, routes, MTU and name servers. Else the addresses that the device gets, of both families, with their lengths: 203.0.113.2/24, or a list of such.",
    default: "keep",
  },
  "ipv6-only-ok": {
    title: "Without IPv4",
    description:
      "with dhcp: true: where the network does without IPv4 (option 108, RFC 8925) no address is asked for as long as its server says",
    default: false,
  },
  address6: {
    title: "IPv6 address",
    description:
      "keep: what the device has of IPv6 is left as it is. ra: addresses and routes by router advertisements, also while this host forwards. dhcp: the same, and a DHCPv6 server gives an address and name servers.",
    default: "keep",
  },
  prefix6: {
    title: "Delegated prefix",
    description:
      "bits of the IPv6 prefix that a DHCPv6 server is asked for, 16 to 64, such as 56; it may give another length. What no network uses of it is refused as unreachable.",
    otherwise: "none is asked for",
  },
  gateway: {
    title: "Gateway",
    description:
      "with addresses of one's own: the router that leads to the outside, or a list with one of each family. It lies in the subnet of one of the addresses; an IPv6 one may be link-local, and with a /32 or /128 alone it may be any.",
    otherwise: "none: no default route is set",
  },
  dns: {
    title: "Name servers",
    description:
      "what machines behind the uplink are told: a list of name servers, or servers and search as in a network",
    otherwise: "those of the DHCP lease, else the host's own",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const DNS_TEXTS = {
  servers: {
    title: "Name servers",
    description: "list of name servers that machines are told, IPv4 or IPv6",
  },
  search: { title: "Search domains", description: "list of search domains" },
} as const satisfies Readonly<Record<string, KeyText>>;

export const NETWORK_DNS_TEXTS = {
  servers: {
    title: "Name servers",
    description:
      "list of name servers elsewhere that machines are told, IPv4 or IPv6: then the network has none of its own",
    otherwise: "those of the uplink's DHCP lease, else the host's own, if a router leads out of the network",
  },
  search: {
    title: "Search domains",
    description: "list of search domains",
    otherwise: "those that belong to the servers told; with a server of its own its domain",
  },
  domain: {
    title: "Domain",
    description: "what the names of the network's machines, hosts and clients end with",
    otherwise: "NETWORK.internal",
  },
  forward: {
    title: "Forwarders",
    description:
      "list of servers that are asked what the network's own does not know: 9.9.9.9, with a port 9.9.9.9#5353, over TLS tls://9.9.9.9/dns.quad9.net; of several the quickest, the others from time to time and when it is silent",
    otherwise: "those that machines would be told without a server",
  },
  mode: {
    title: "Mode",
    description:
      "forward-first: asks the forwarders, and when they fail the root servers and those below them, unless a forwarder says that signatures are wrong or the name is blocked. forward-only: never by itself. recursive: always by itself.",
    otherwise: "forward-first, and recursive where nobody is to be asked",
  },
  allow: {
    title: "Allowed",
    description: "list of networks of the file, subnets and addresses that get answers; others are refused",
    otherwise: "the network, what is behind its relay agents and routers, and the networks that its router joins it to",
  },
  records: {
    title: "Records",
    description:
      'list of records in the words of zone files: "www CNAME web", "@ MX 10 mail", "_sip._tcp 300 SRV 0 5 5060 pbx". A name is one of the domain, @ the domain itself; with a final dot it is complete, and may be any.',
    otherwise: "none but the names of machines, hosts and clients",
  },
  domains: {
    title: "Other domains",
    description:
      "map from domains to the list of servers that are asked for names in and below them, whatever the mode",
    otherwise: "those of networks that the router joins",
  },
  ttl: {
    title: "Life of records",
    description: "90s, 30m, 12h or 7d: how long others may remember a record that does not say so itself",
    default: "1h",
  },
  leases: {
    title: "Names of clients",
    description:
      "clients of the network's DHCP and DHCPv6 servers have the names that they give themselves, unless taken",
    default: true,
  },
  "private-answers": {
    title: "Private addresses from outside",
    description:
      "false: answers of servers outside lose private addresses, so that no web page reaches into the network by a name of its own (rebinding). true: all are passed on. A list of domains: those whose names may have such addresses. Names of domains, and the search domains of the uplink, may.",
    default: false,
  },
  "mixed-case": {
    title: "Mixed case",
    description:
      "forwarders are asked in mIxEd case, which forged answers have to guess (0x20); some servers do not give it back",
    default: false,
  },
  cache: { title: "Cache", description: "what is remembered of answers from outside" },
} as const satisfies Readonly<Record<string, KeyText>>;

export const DNS_CACHE_TEXTS = {
  size: { title: "Size", description: "memory for answers, 64K to 4096M", default: "16M" },
  "min-ttl": {
    title: "Shortest life",
    description: "answers live at least so long: 30s, 5m",
    otherwise: "what the answer says",
  },
  "max-ttl": { title: "Longest life", description: "answers live at most so long", default: "1d" },
  "max-negative": {
    title: "Longest life of a no",
    description: "no such name, and no such record, live at most so long",
    default: "1h",
  },
  stale: {
    title: "Stale answers",
    description: "how long what has ended is still told while no server answers (RFC 8767); or never",
    default: "1d",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const PREFIX6_TEXTS = {
  from: { title: "From", description: "name of the uplink" },
  number: { title: "Number", description: "which /64 of the prefix, from 0" },
} as const satisfies Readonly<Record<string, KeyText>>;

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
  "rapid-commit": {
    title: "Rapid commit",
    description: "clients that wish it get their address in two messages instead of four",
    default: false,
  },
  "known-only": {
    title: "Known hosts only",
    description: "only hosts and machines of the file get an address",
    default: false,
  },
  guard: {
    title: "Guard",
    description: "no machine's DHCP, DHCPv6 or router advertisements to the others; those of ports are let through",
    default: true,
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
  hosts: { title: "Hosts", description: "list of clients that are known", otherwise: "none" },
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

export const FURTHER_SUBNET_TEXTS = {
  subnet: { title: "IPv4 subnet", description: "IPv4 subnet with a length from 8 to 30" },
  gateway: { title: "Gateway", description: "the host's address in the subnet", otherwise: "the first address" },
  dhcp: {
    title: "DHCP",
    description: "gives out addresses of the subnet, once those before it are full; true: with all defaults",
    otherwise: "none but those of hosts and machines",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

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

export const IP6_TEXTS = {
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
  "rapid-commit": {
    title: "Rapid commit",
    description: "clients that wish it get their address in two messages instead of four",
    default: false,
  },
  "known-only": {
    title: "Known hosts only",
    description: "only hosts and machines of the file get addresses and prefixes from the server",
    default: false,
  },
  guard: {
    title: "Guard",
    description: "no machine's DHCP, DHCPv6 or router advertisements to the others; those of ports are let through",
    default: true,
  },
  hosts: { title: "Hosts", description: "list of clients that are known", otherwise: "none" },
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

export const ROUTER_TEXTS = {
  networks: {
    title: "Networks",
    description: "list of networks; they reach each other. A network has one router.",
  },
  uplink: { title: "Uplink", description: "name of an uplink" },
  nat: {
    title: "Address translation",
    description:
      "masquerade: machines appear outside with the uplink's address, new connections from outside are dropped. none: packets keep their addresses, the outside may connect; it needs a route to the subnet.",
    default: "masquerade",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

const MACHINE_DNS = { title: "Name servers and search domains", otherwise: "the network's" } as const;
const MAC = {
  title: "MAC address",
  description: "unicast MAC address, in quotes",
  otherwise: "derived from the file's name, the machine and the NIC",
} as const;

export const NAMESPACE_TEXTS = {
  kind: { title: "Kind", description: "A named network namespace, as a pod or container has it" },
  nics: { title: "NICs", description: "list of at most 16; they are called eth0, eth1, … inside" },
  dns: MACHINE_DNS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const NAMESPACE_NIC_TEXTS = {
  network: { title: "Network", description: "name of a network" },
  address: {
    title: "IPv4 address",
    description: "IPv4 address in the network's subnet",
    otherwise: "the lowest free one",
  },
  address6: {
    title: "IPv6 address",
    description: "IPv6 address in the network's subnet6",
    otherwise: "the lowest free one",
  },
  mac: MAC,
} as const satisfies Readonly<Record<string, KeyText>>;

const GUEST_TEXTS = {
  kind: { title: "Kind", description: "A QEMU guest, straight on networks or inside a namespace machine." },
  image: { title: "Disk image", description: "disk image" },
  kernel: { title: "Kernel", description: "kernel to boot directly" },
  initrd: { title: "Initial RAM disk", description: "initial RAM disk, only with kernel", otherwise: "none" },
  append: { title: "Kernel command line", description: "kernel command line, only with kernel", otherwise: "none" },
  memory: { title: "Memory", description: "size with its unit, 32M to 4096G", default: "256M" },
  cpus: { title: "CPUs", description: "1 to 255", default: 1 },
  accelerator: {
    title: "Accelerator",
    description: "kvm, tcg, or auto: KVM where a guest really boots under it",
    default: "auto",
  },
} as const satisfies Readonly<Record<string, KeyText>>;

const QUEUES = { title: "Queues", description: "1 to 8 pairs of queues", default: 1 } as const;
const OPTIONS = {
  title: "DHCP options",
  description: "further DHCP options: 42, 66, 67 and 224 to 254",
  otherwise: "none",
} as const;

export const POD_VM_TEXTS = {
  ...GUEST_TEXTS,
  in: { title: "Pod", description: "name of a namespace machine; each VM has one of its own" },
  nics: {
    title: "NICs",
    description: "list, not longer than the pod's",
    default: [{ binding: "bridge" }],
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const BINDING_NIC_TEXTS = {
  binding: {
    title: "Binding",
    description:
      "bridge: the guest has the pod's MAC and addresses, IPv6 included. masquerade: the pod keeps them, the guest is 10.0.2.2 and fd10:0:2::2 behind it; first NIC only. macvtap: as bridge, by a macvtap on the pod's interface instead of a bridge.",
  },
  profile: {
    title: "Profile",
    description: "modern: KubeVirt's names of today; legacy: those of KubeVirt 0.4.1, bridge only",
    default: "modern",
  },
  dhcp: {
    title: "DHCP",
    description: "single: the guest is told its addresses; none: it is not",
    default: "single",
  },
  queues: QUEUES,
  ports: {
    title: "Ports",
    description: "list such as [8080/tcp, 53/udp]: what of the pod leads to the guest; masquerade only",
    otherwise: "everything",
  },
  options: OPTIONS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const NETWORK_VM_TEXTS = {
  ...GUEST_TEXTS,
  nics: { title: "NICs", description: "list of at most 16" },
  dns: MACHINE_DNS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const TAP_NIC_TEXTS = {
  network: { title: "Network", description: "name of a network" },
  address: {
    title: "IPv4 address",
    description: "the guest's addresses",
    otherwise: "allocated as for namespaces; with dhcp: none none",
  },
  address6: {
    title: "IPv6 address",
    description: "the guest's addresses",
    otherwise: "allocated as for namespaces; with dhcp: none none",
  },
  mac: MAC,
  dhcp: {
    title: "DHCP",
    description:
      "single: a server on the tap, for this guest alone. network: the network's server on the bridge. none: nothing is served; an address is kept free for the guest.",
    otherwise: "single; network where the network has dhcp, for IPv6 where it has ipv6",
  },
  queues: QUEUES,
  options: OPTIONS,
} as const satisfies Readonly<Record<string, KeyText>>;
