/**
 * The network file after it was checked: addresses allocated, defaults filled in, every reference good.
 * Plain JSON and immutable; names refer to other declared things of the same model.
 */
import type {
  IpAddress,
  Ipv4Address,
  Ipv4Prefix,
  Ipv6Address,
  Ipv6Prefix,
  MacAddress,
  Prefix,
} from "../base/address.ts";
import type { DnsCacheLimits, DnsUpstream } from "../protocol/dns/config.ts";
import type { DhcpLimits } from "../state/object/network-dhcp.ts";
import type { NetworkDnsObject } from "../state/object/network-dns.ts";
import type { Position } from "./mistakes.ts";

interface Declared {
  readonly name: string;
  /** Where it is declared. */
  readonly position: Position;
}

/** A device of this host through which routers reach the outside. */
export interface Uplink extends Declared {
  readonly device: string;
  /** keep: the device's addresses are left as they are. dhcp: it gets one from a DHCPv4 server. static: `addresses`. */
  readonly address: "keep" | "dhcp" | "static";
  /** Host bits kept; empty unless static. */
  readonly addresses: readonly Prefix[];
  /** With dhcp: the host does without IPv4 where the network says so (RFC 8925). */
  readonly ipv6OnlyOk: boolean;
  /**
   * keep: what it has of IPv6 is left as it is. ra: addresses and routes by router advertisements, also where the host
   * forwards. dhcp: these, and an address from a DHCPv6 server.
   */
  readonly address6: "keep" | "ra" | "dhcp";
  /** A prefix of so many bits is asked for, 16 to 64. */
  readonly prefix6Length?: number;
  /** At most one of each family, and none of a family without an address. */
  readonly gateways: readonly IpAddress[];
  /** What machines behind it are told rather than what its lease or the host says. */
  readonly dns: DnsSettings;
}

/** Name servers and search domains; what is absent comes from the next wider place (machine, network, host). */
export interface DnsSettings {
  readonly servers?: readonly IpAddress[];
  readonly search?: readonly string[];
}

/** A network's DNS server on its bridge. */
export interface NetworkDns {
  /** Small letters, no final dot. */
  readonly domain: string;
  /** Absent: those that the network's machines would be told without the server. */
  readonly forward?: readonly DnsUpstream[];
  /** Absent: forward-first, recursive where there is nobody to forward to. */
  readonly mode?: NetworkDnsObject["mode"];
  /** Absent: the network itself, and those that its router joins it to. */
  readonly allow?: { readonly networks: readonly string[]; readonly prefixes: readonly Prefix[] };
  readonly records: NetworkDnsObject["records"];
  readonly namesLeases: boolean;
  readonly domains: NetworkDnsObject["domains"];
  /** Domains whose names may have private addresses in answers from outside; absent: all. */
  readonly privateAnswers?: readonly string[];
  readonly mixedCase: boolean;
  readonly cache: DnsCacheLimits;
}

/** Addresses, both ends included; the first is not above the last. */
export interface AddressRange {
  readonly first: Ipv4Address;
  readonly last: Ipv4Address;
}

/** What a DHCP client is told beside its address; what is absent comes from the next wider place. */
export interface DhcpSettings {
  readonly options: readonly CustomOption[];
  /** Address of the server with the boot file. */
  readonly nextServer?: Ipv4Address;
  readonly serverName?: string;
  readonly bootFile?: string;
}

/** A client that is known; exactly one of macAddress, clientIdHex and circuitIdHex is there. */
export interface DhcpHost extends DhcpSettings {
  readonly name?: string;
  readonly macAddress?: MacAddress;
  readonly clientIdHex?: string;
  readonly circuitIdHex?: string;
  /** Absent: it gets any of the ranges. */
  readonly address?: Ipv4Address;
  readonly leaseSeconds?: number;
}

/** Clients that are alike; all that is there has to match. */
export interface DhcpClass extends DhcpSettings {
  readonly name: string;
  /** What the vendor class begins with. */
  readonly vendor?: string;
  readonly user?: string;
  readonly architectures?: readonly number[];
  /** One to six bytes, "00:50:56". */
  readonly macPrefix?: string;
  readonly range?: AddressRange;
  readonly leaseSeconds?: number;
}

/** Another subnet whose clients the server gives addresses; what it does not say is the network's. */
export interface DhcpSubnet extends DhcpSettings {
  readonly subnet: Ipv4Prefix;
  /** May be none: then only hosts and machines are served there. */
  readonly ranges: readonly AddressRange[];
  readonly leaseSeconds?: { readonly default?: number; readonly minimum?: number; readonly maximum?: number };
  /** It is not on the bridge: its clients come through a relay agent. */
  readonly relayed: boolean;
  /** What its clients are told as their router; of the bridge's subnets it is their gateway. */
  readonly router?: Ipv4Address;
}

/** How a network's own DHCP server gives addresses to whoever asks. */
export interface NetworkDhcp extends DhcpSettings {
  /** Apart from each other; they may hold addresses that are somebody's, which are left out. */
  readonly ranges: readonly AddressRange[];
  /** Minimum <= default <= maximum. */
  readonly leaseSeconds: { readonly default: number; readonly minimum: number; readonly maximum: number };
  readonly authoritative: boolean;
  readonly rapidCommit: boolean;
  readonly knownOnly: boolean;
  /** Believe a circuit also in what no relay agent sent. */
  readonly trustCircuit: boolean;
  readonly limits?: DhcpLimits;
  /** Each one to six bytes, "00:50:56". */
  readonly ignoredMacPrefixes: readonly string[];
  readonly hosts: readonly DhcpHost[];
  readonly classes: readonly DhcpClass[];
  /** Those that stand on the bridge as well first. */
  readonly further: readonly DhcpSubnet[];
}

/** An IPv4 subnet on a bridge. */
export interface BridgeSubnet {
  /** Host bits are zero. */
  readonly subnet: Ipv4Prefix;
  readonly gateway: Ipv4Address;
}

/** A client of a network's IPv6 server; exactly one of macAddress and duidHex is there, and an address or a prefix. */
export interface Ip6Host {
  readonly macAddress?: MacAddress;
  readonly duidHex?: string;
  /** Of the network's subnet, in the range or outside. */
  readonly address?: Ipv6Address;
  readonly prefix?: Ipv6Prefix;
}

/** How hosts of a network come to their IPv6 addresses: router advertisements and a DHCPv6 server. */
export interface NetworkIp6 {
  /** slaac: hosts make their own; dhcp: the server gives them; both: each host has one of either kind. */
  readonly mode: "slaac" | "dhcp" | "both";
  /** What the server gives to whoever asks; absent with slaac, and where only known hosts get addresses. */
  readonly range?: { readonly first: Ipv6Address; readonly last: Ipv6Address };
  /** Of addresses and prefixes. */
  readonly leaseSeconds: number;
  /** Prefixes of that length for routers behind the network, out of one; absent: none. */
  readonly delegate?: { readonly from: Ipv6Prefix; readonly length: number };
  /** Further destinations through the host, beside the default route. */
  readonly routes: readonly Ipv6Prefix[];
  readonly ntpServers: readonly Ipv6Address[];
  readonly rapidCommit: boolean;
  readonly hosts: readonly Ip6Host[];
}

/** A folder that whoever asks on a network boots from. */
export interface NetworkBoot {
  /** Absolute path. */
  readonly root: string;
  /** Below root, for BIOS firmware; absent: what root has. */
  readonly bios?: string;
  /** The same for UEFI firmware of x64. */
  readonly uefi?: string;
  /** Below root, a script for clients that are iPXE. */
  readonly ipxe?: string;
  /** The name by which root is shared by SMB. */
  readonly share?: string;
}

/** A Linux bridge whose gateway address stands on the host. */
export interface Network extends Declared {
  readonly kind: "bridge";
  /** Name of the network namespace that the bridge is in; "" is the host's own. */
  readonly namespace: string;
  /** Host bits are zero. */
  readonly subnet: Ipv4Prefix;
  readonly gateway: Ipv4Address;
  /** Further subnets on the same bridge. */
  readonly also: readonly BridgeSubnet[];
  /** Host bits are zero; absent together with gateway6: the network is IPv4 only. */
  readonly subnet6?: Ipv6Prefix;
  /** The /64 of that number, from 0, of the prefix that the uplink is given. */
  readonly prefix6?: { readonly uplink: string; readonly number: number };
  readonly gateway6?: Ipv6Address;
  /** Interfaces of this host, made by somebody else, that become ports of the bridge. */
  readonly ports: readonly string[];
  /** The bridge's interface name. */
  readonly device: string;
  readonly macAddress: MacAddress;
  /** 68 to 65535; absent: the smallest of the uplinks that its router leads to. */
  readonly mtuBytes?: number;
  readonly dns: DnsSettings;
  /** Absent: machines ask servers elsewhere. */
  readonly dnsServer?: NetworkDns;
  /** Absent: only machines that ask for it are served. */
  readonly dhcp?: NetworkDhcp;
  /** Only with subnet6. Absent: nothing is advertised. */
  readonly ipv6?: NetworkIp6;
  /** Without dhcp it is told beside the DHCP server of somebody else. */
  readonly boot?: NetworkBoot;
  /** Machines must not serve each other what the network's own server serves. Absent: they may. */
  readonly guard?: true;
}

/** Routing between networks and to an uplink. */
export interface Router extends Declared {
  readonly networks: readonly string[];
  readonly uplink: string;
  readonly nat: "masquerade" | "none";
}

/** A machine's connection to a network, a veth pair. */
export interface PodNic {
  readonly index: number;
  readonly position: Position;
  readonly network: string;
  /** Name inside the machine: eth0, eth1… */
  readonly interfaceName: string;
  /** Name of the other end, a port of the bridge. */
  readonly hostDevice: string;
  readonly address: Ipv4Address;
  /** Where the network has an IPv6 subnet. */
  readonly address6?: Ipv6Address;
  readonly macAddress: MacAddress;
}

/** A named network namespace, as a pod has it. */
export interface NamespaceMachine extends Declared {
  readonly kind: "namespace";
  readonly nics: readonly PodNic[];
  readonly dns: DnsSettings;
}

/** A DHCP option that the file adds; `hex` is its value. */
export interface CustomOption {
  readonly code: number;
  readonly hex: string;
}

/** A guest's NIC that takes over the pod's NIC of the same index. */
export interface BindingNic {
  readonly index: number;
  readonly position: Position;
  readonly binding: "bridge" | "masquerade" | "macvtap";
  readonly profile: "modern" | "legacy";
  readonly dhcp: "none" | "single";
  /** Pairs of queues, 1 to 8. */
  readonly queues: number;
  /** Only these ports of the pod lead to the guest; absent: all. Masquerade only. */
  readonly ports?: readonly GuestPort[];
  readonly options: readonly CustomOption[];
}

/** A port that a guest is reached on. */
export interface GuestPort {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
}

/** A guest's NIC straight on a network: a tap that is a port of the network's bridge. */
export interface TapNic {
  /** Its own for as long as the guest has it, whatever its place in the list. */
  readonly number: number;
  readonly position: Position;
  readonly network: string;
  /** Name of the tap on the host. */
  readonly hostDevice: string;
  /** none: nothing is served; single: by a server on its tap; network: by the network's server on the bridge. */
  readonly dhcp: "none" | "single" | "network";
  /** The same for IPv6; a guest that is told something else than the network's hosts has a server on its tap all the same. */
  readonly dhcp6: "none" | "single" | "network";
  /** Pairs of queues, 1 to 8. */
  readonly queues: number;
  /** Absent with dhcp none, unless the file says one: then it is kept free for the guest. */
  readonly address?: Ipv4Address;
  readonly address6?: Ipv6Address;
  readonly macAddress: MacAddress;
  /** Further DHCP options. */
  readonly options: readonly CustomOption[];
}

/** A QEMU guest, inside a namespace machine or straight on networks. */
export interface VmMachine extends Declared {
  readonly kind: "vm";
  /** The namespace machine that it runs in; absent: it is on the host, with a tap for each NIC. */
  readonly pod?: string;
  /** Absolute paths. */
  readonly image?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append?: string;
  readonly memoryMebibytes: number;
  readonly cpus: number;
  readonly accelerator: "auto" | "kvm" | "tcg";
  /** Those that take over NICs of the pod; empty without a pod. */
  readonly nics: readonly BindingNic[];
  /** Those straight on networks; empty in a pod. */
  readonly taps: readonly TapNic[];
  readonly dns: DnsSettings;
}

export type Machine = NamespaceMachine | VmMachine;

/** How a value came about and where: the line of the value, or of what it was derived for. */
export interface ValueOrigin extends Position {
  readonly value: string;
  /** kept: allocated by an earlier run. */
  readonly how: "declared" | "default" | "derived" | "allocated" | "kept";
}

export interface Model {
  /** `[a-z0-9-]`, at most 63 characters. */
  readonly name: string;
  readonly file: string;
  readonly uplinks: readonly Uplink[];
  readonly networks: readonly Network[];
  readonly routers: readonly Router[];
  readonly machines: readonly Machine[];
  /** By path, e.g. `machines.pod1.nics[0].address`. */
  readonly origins: Readonly<Record<string, ValueOrigin>>;
}
