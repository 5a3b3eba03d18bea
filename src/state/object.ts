/**
 * The vocabulary of desired state: one value type per kernel object and per service instance.
 *
 * Every value is plain JSON. `key` identifies the object for its whole life, also when the kernel's name
 * for it changes; `origin` says which declared object it came from ("network lan", "machine vm1"), for
 * messages. A property that is absent is not cared about: it is neither compared nor changed.
 *
 * Namespaces are named as `ip netns` does: "" is the namespace that netloom runs in, "pod1" stands for
 * /run/netns/pod1, and an absolute path is taken as it is.
 */
import type {
  Family,
  IpAddress,
  Ipv4Address,
  Ipv4Prefix,
  Ipv6Address,
  Ipv6Prefix,
  MacAddress,
  Prefix,
} from "../base/address.ts";
import type { BootFiles } from "../protocol/pxe/offer.ts";
import type { DnsCacheLimits, DnsUpstream } from "../protocol/dns/config.ts";

interface ObjectBase {
  readonly key: string;
  readonly origin: string;
}

/** A named network namespace that netloom makes (`ip netns add NAME`). `loopbackUp` sets lo up in it. */
export interface NamespaceObject extends ObjectBase {
  readonly kind: "namespace";
  readonly name: string;
}

/** linux/if_link.h MACVLAN_MODE_*: who else on the same parent is reached. */
export type MacvlanMode = "private" | "vepa" | "bridge" | "passthru";

/** What a link is, with what only that kind has. `adopted`: a link that somebody else made. */
export type LinkType =
  | { readonly type: "bridge"; readonly forwardDelayCentiseconds?: number; readonly stp?: boolean }
  /** The end that creates the pair; the other end is its own object, of type veth-peer. */
  | { readonly type: "veth"; readonly peerKey: string }
  | { readonly type: "veth-peer"; readonly peerKey: string }
  | { readonly type: "tap"; readonly ownerUid?: number; readonly groupGid?: number; readonly queues?: number }
  | { readonly type: "dummy" }
  /** On top of another link of the same namespace, with a MAC address of its own; macvtap: frames go to a character device. */
  | { readonly type: "macvlan" | "macvtap"; readonly parentKey: string; readonly mode: MacvlanMode }
  /** Found by the interface index that `adoptedIndex` gives, never created nor deleted by us. */
  | { readonly type: "adopted"; readonly adoptedIndex: number };

/** A network interface. */
export interface LinkObject extends ObjectBase {
  readonly kind: "link";
  readonly namespace: string;
  /** The kernel's name, 1 to 15 bytes. */
  readonly name: string;
  readonly link: LinkType;
  readonly macAddress?: MacAddress;
  readonly mtuBytes?: number;
  readonly up?: boolean;
  /** Whether it takes multicast of all groups (IFF_ALLMULTI). */
  readonly allMulticast?: boolean;
  /** Key of the bridge that this link is a port of; null: port of none. */
  readonly masterKey?: string | null;
  /** Bridge port flag: learn source addresses. Only with a master. */
  readonly learning?: boolean;
  /** How IPv6 addresses come by themselves when it goes up: 0 EUI-64, 1 none, 2 stable secret, 3 random (linux/if_link.h). */
  readonly ipv6AddressGeneration?: number;
}

/** An address on a link (`ip address add`). Deleting it takes the kernel's derived routes along. */
export interface AddressObject extends ObjectBase {
  readonly kind: "address";
  readonly namespace: string;
  readonly linkKey: string;
  /** The interface's address with its prefix length, host bits kept. */
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly peer?: IpAddress;
  readonly broadcast?: Ipv4Address;
  /** rtnetlink scope number: 0 global, 200 site, 253 link, 254 host. */
  readonly scope?: number;
  readonly label?: string;
  /** IFA_F_* bits that a person can set (nodad, home, noprefixroute, mngtmpaddr, autojoin, permanent). */
  readonly flags?: number;
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
  readonly metric?: number;
  /** IFAPROT_* (IFA_PROTO): who made it; 3 is the kernel's own link-local address. */
  readonly protocol?: number;
  /** false: the route to the prefix that the kernel derives is taken away again, as the CNI plugin ptp does. */
  readonly prefixRoute?: false;
}

export interface NextHop {
  readonly linkKey?: string;
  readonly gateway?: IpAddress;
  /** 1 to 256. */
  readonly weight?: number;
  readonly onlink?: boolean;
}

/** A route (`ip route add`). Identity: namespace, table, destination, metric, tos. */
export interface RouteObject extends ObjectBase {
  readonly kind: "route";
  readonly namespace: string;
  readonly destination: Prefix;
  readonly nextHops: readonly NextHop[];
  /** RTN_UNICAST (1) when absent. */
  readonly type?: number;
  /** 254 (main) when absent. */
  readonly table?: number;
  readonly metric?: number;
  readonly tos?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly source?: IpAddress;
  readonly mtuBytes?: number;
}

/** A permanent neighbour entry (`ip neighbour add`). */
export interface NeighbourObject extends ObjectBase {
  readonly kind: "neighbour";
  readonly namespace: string;
  readonly linkKey: string;
  readonly address: IpAddress;
  readonly macAddress: MacAddress;
  /** NUD_* bits; NUD_PERMANENT (0x80) when absent. */
  readonly state?: number;
}

/** A kernel parameter; `path` is relative to /proc/sys, with slashes, e.g. "net/ipv4/conf/lan/forwarding". */
export interface SysctlObject extends ObjectBase {
  readonly kind: "sysctl";
  readonly namespace: string;
  readonly path: string;
  readonly value: string;
}

/** A whole nft table of our own, replaced in one transaction. `rules` is the text between the table's braces. */
export interface NftTableObject extends ObjectBase {
  readonly kind: "nft-table";
  readonly namespace: string;
  readonly family: "ip" | "ip6" | "inet" | "bridge" | "netdev";
  readonly name: string;
  readonly rules: string;
}

/**
 * An accept rule of ours in a chain of somebody else whose policy would drop our forwarded packets
 * (Docker's FORWARD). Carries a comment "netloom:KEY"; nothing else in that chain is touched.
 */
export interface ForeignAcceptObject extends ObjectBase {
  readonly kind: "foreign-accept";
  readonly namespace: string;
  /** 4 when absent. */
  readonly family?: Family;
  /** Which iptables program speaks to that table. */
  readonly backend: "nft" | "legacy";
  /** Chain in table filter, "DOCKER-USER" or "FORWARD". */
  readonly chain: string;
  readonly inInterface?: string;
  readonly outInterface?: string;
  /** Only packets of connections that exist already. */
  readonly establishedOnly?: boolean;
}

/** A small text file outside the state folder, e.g. /etc/netns/pod1/resolv.conf; its folder is made and removed with it. */
export interface FileObject extends ObjectBase {
  readonly kind: "file";
  readonly path: string;
  readonly content: string;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
}

/** What exactly one DHCPv4 client is told. All durations in seconds. */
export interface SingleLease {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly router?: Ipv4Address;
  /** Further routes, option 121/249; an off-link gateway needs its on-link route (gateway 0.0.0.0) before it. */
  readonly routes: readonly { readonly destination: Ipv4Prefix; readonly gateway: Ipv4Address }[];
  readonly broadcast?: Ipv4Address;
  readonly nameServers: readonly Ipv4Address[];
  readonly searchDomains: readonly string[];
  readonly domainName?: string;
  readonly hostName?: string;
  readonly mtuBytes?: number;
  readonly leaseSeconds: number;
  /** Further options by code (42, 66, 67, 224 to 254), value in hexadecimal. */
  readonly options?: readonly { readonly code: number; readonly hex: string }[];
}

/** A DHCPv4 server for exactly one client, raw on one tap. */
export interface SingleDhcpObject extends ObjectBase {
  readonly kind: "dhcp-single";
  readonly namespace: string;
  readonly linkKey: string;
  /** The interface's name at the time the service runs. */
  readonly interfaceName: string;
  readonly clientMac: MacAddress;
  /** Source address and server identifier. */
  readonly serverAddress: Ipv4Address;
  /** Source MAC of frames and of ARP answers. */
  readonly serverMac: MacAddress;
  readonly lease: SingleLease;
}

/** What exactly one guest is told about IPv6, by router advertisements and by DHCPv6. All durations in seconds. */
export interface SingleLease6 {
  /** Given by DHCPv6 (IA_NA); empty: the guest makes its addresses from an autonomous prefix, or has none. */
  readonly addresses: readonly Ipv6Address[];
  /** Prefix information options of the advertisement (RFC 4861 §4.6.2). */
  readonly prefixes: readonly {
    readonly prefix: Ipv6Prefix;
    readonly onLink: boolean;
    /** The guest makes an address from it (SLAAC, RFC 4862). */
    readonly autonomous: boolean;
  }[];
  /** Whether the advertising router is a default router. */
  readonly defaultRouter: boolean;
  /** Further destinations through it (route information, RFC 4191). */
  readonly routes: readonly Ipv6Prefix[];
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  /** 1280 or more. */
  readonly mtuBytes?: number;
  /** Of addresses and prefixes. */
  readonly leaseSeconds: number;
}

/** Router advertisements and a DHCPv6 server for exactly one guest, raw on one tap. */
export interface Ip6SingleObject extends ObjectBase {
  readonly kind: "ip6-single";
  readonly namespace: string;
  readonly linkKey: string;
  /** The interface's name at the time the service runs. */
  readonly interfaceName: string;
  readonly clientMac: MacAddress;
  /** Link-local source of the advertisements: the guest's next hop. */
  readonly routerAddress: Ipv6Address;
  /**
   * Where the guest's packets to the router go: told in the advertisements and in answers to solicitations for
   * routerAddress. Absent: the real router has that address and answers itself.
   */
  readonly routerMac?: MacAddress;
  /** Link-local source address of DHCPv6 answers; solicitations for it are answered with serverMac. */
  readonly serverAddress: Ipv6Address;
  /** Source MAC of frames; the server's DUID-LL is made of it. */
  readonly serverMac: MacAddress;
  readonly lease: SingleLease6;
}

/** Both ends included. */
export interface DhcpRange {
  readonly first: Ipv4Address;
  readonly last: Ipv4Address;
}

/** What a client of a network's DHCP server is told beside its address. */
export interface DhcpTold {
  /** By code, value in hexadecimal; an empty one is not told. */
  readonly options: readonly { readonly code: number; readonly hex: string }[];
  /** From where the boot file is fetched. */
  readonly nextServer?: Ipv4Address;
  readonly serverName?: string;
  readonly bootFile?: string;
}

/** A client that is known; exactly one of mac, clientIdHex and circuitIdHex is there. */
export interface DhcpKnownHost extends DhcpTold {
  readonly mac?: MacAddress;
  readonly clientIdHex?: string;
  readonly circuitIdHex?: string;
  readonly name?: string;
  /** Nobody else gets it; absent: any of the ranges. */
  readonly address?: Ipv4Address;
  readonly leaseSeconds?: number;
}

/** Clients of one kind: all that is there has to match. */
interface DhcpClientClass extends DhcpTold {
  readonly name: string;
  readonly vendor?: string;
  readonly user?: string;
  readonly architectures?: readonly number[];
  readonly macPrefix?: string;
  readonly range?: DhcpRange;
  readonly leaseSeconds?: number;
}

/** Another subnet of a network's DHCP server; what it does not say is the network's. */
export interface DhcpFurtherSubnet extends DhcpTold {
  readonly subnet: Ipv4Prefix;
  readonly ranges: readonly DhcpRange[];
  readonly leaseSeconds?: { readonly default?: number; readonly minimum?: number; readonly maximum?: number };
  /** The host's own address there. */
  readonly gateway?: Ipv4Address;
  /** It is not on the bridge: its clients come through a relay agent. */
  readonly relayed?: true;
}

/** What keeps those at one port of a bridge from taking a DHCP server's addresses; all at least 1. */
export interface DhcpLimits {
  readonly leasesPerPort?: number;
  readonly newLeasesPerSecond?: number;
  readonly newLeasesPerSecondOfPort?: number;
}

/** The DHCPv4 server on a network's bridge. */
export interface NetworkDhcpObject extends ObjectBase, DhcpTold {
  readonly kind: "dhcp-network";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK: all objects that say the same share one server and its leases. */
  readonly network: string;
  /** Its hosts join what the network's own object says, where there is one. */
  readonly joins?: true;
  /** Source address and server identifier: the bridge's own. */
  readonly serverAddress: Ipv4Address;
  readonly prefixLength: number;
  readonly mtuBytes: number;
  /** Of the first subnet. */
  readonly ranges: readonly DhcpRange[];
  readonly leaseSeconds: { readonly default: number; readonly minimum: number; readonly maximum: number };
  readonly authoritative: boolean;
  readonly rapidCommit: boolean;
  readonly knownOnly: boolean;
  /** Believe a circuit also in what no relay agent sent. */
  readonly trustCircuit?: true;
  /** Absent, and what is absent of it: the server's defaults. */
  readonly limits?: DhcpLimits;
  /** Clients that ask are told that their names are known to the DNS (RFC 4702). */
  readonly updatesNames?: true;
  /** MAC addresses, or how they begin, that get no answer. */
  readonly ignore: readonly string[];
  readonly hosts: readonly DhcpKnownHost[];
  readonly classes: readonly DhcpClientClass[];
  /** Absent: none. */
  readonly furtherSubnets?: readonly DhcpFurtherSubnet[];
}

/** A client of a network's IPv6 server; exactly one of mac and duidHex is there. */
export interface Ip6KnownHost {
  readonly mac?: MacAddress;
  readonly duidHex?: string;
  /** Nobody else gets it. */
  readonly address?: Ipv6Address;
  readonly prefix?: Ipv6Prefix;
}

/** Router advertisements and the DHCPv6 server on a network's bridge. */
export interface Ip6NetworkObject extends ObjectBase {
  readonly kind: "ip6-network";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK: whose leases these are. */
  readonly network: string;
  /** Link-local source of advertisements and answers: the bridge's own. */
  readonly linkAddress: Ipv6Address;
  /** Further addresses of the bridge, under which relays reach the server. */
  readonly addresses: readonly Ipv6Address[];
  /** What is on the link, at least one. */
  readonly prefixes: readonly {
    readonly prefix: Ipv6Prefix;
    /** Hosts make addresses from it (SLAAC, RFC 4862). */
    readonly autonomous: boolean;
    /** Of a delegated one, which may be taken back: how long hosts use it unless they hear of it again. */
    readonly seconds?: { readonly preferred: number; readonly valid: number };
  }[];
  /** Whether addresses are to be had by DHCPv6. */
  readonly managed: boolean;
  /** What is given to whoever asks; absent: `hosts` alone get addresses. */
  readonly range?: { readonly first: Ipv6Address; readonly last: Ipv6Address };
  readonly delegate?: { readonly from: Ipv6Prefix; readonly length: number };
  /** Of addresses and prefixes; 0xffffffff is forever. */
  readonly leaseSeconds: number;
  /** Whether the bridge is the hosts' default router. */
  readonly defaultRouter: boolean;
  /** Further destinations through it (route information, RFC 4191). */
  readonly routes: readonly Ipv6Prefix[];
  readonly mtuBytes: number;
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly Ipv6Address[];
  readonly rapidCommit: boolean;
  readonly hosts: readonly Ip6KnownHost[];
}

/** What serves a network's boot files: TFTP, HTTP and, where it has a share, SMB on the bridge's address. */
export interface BootServerObject extends ObjectBase {
  readonly kind: "boot-server";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK. */
  readonly network: string;
  readonly address: Ipv4Address;
  /** Absolute path of a folder; nothing outside it is served. */
  readonly root: string;
  /** Of what was found in the folder, which the menu for iPXE is made of: another one, another menu. */
  readonly fingerprint: string;
  /** The name by which the folder is shared by SMB. */
  readonly share?: string;
  /**
   * What it tells machines beside the DHCP server of somebody else, which gives them their addresses (proxyDHCP). Absent: the
   * network's own DHCP server tells them.
   */
  readonly proxy?: BootFiles;
}

/** A machine, or a client that is known, under its name. */
export interface DnsHost {
  /** In full, small letters: "web.lan.example". */
  readonly name: string;
  /** None: it has those of its leases. */
  readonly addresses: readonly IpAddress[];
  /** Whose leases may have the name as well; absent: nobody's. */
  readonly mac?: MacAddress;
  readonly clientIdHex?: string;
}

/** The DNS server on a network's bridge: for the names there the authority, for all others a resolver. */
export interface NetworkDnsObject extends ObjectBase {
  readonly kind: "dns-network";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK: all objects that say the same share one server, and it knows the leases of that network. */
  readonly network: string;
  /** Its hosts join what the network's own object says, where there is one. */
  readonly joins?: true;
  /** The bridge's own, where it is asked. */
  readonly addresses: readonly IpAddress[];
  /** No final dot, small letters. */
  readonly domain: string;
  /** Whose addresses it knows the names of (PTR). */
  readonly subnets: readonly Prefix[];
  readonly hosts: readonly DnsHost[];
  /** Names in full; data in hexadecimal, as on the wire. */
  readonly records: readonly {
    readonly name: string;
    readonly type: number;
    readonly ttlSeconds: number;
    readonly hex: string;
  }[];
  /** Clients of the network's DHCP servers have the names that they give themselves. */
  readonly namesLeases: boolean;
  readonly mode: "forward-first" | "forward-only" | "recursive";
  readonly upstreams: readonly DnsUpstream[];
  readonly domains: readonly { readonly domain: string; readonly upstreams: readonly DnsUpstream[] }[];
  readonly allow: readonly Prefix[];
  /** Absent: private addresses in answers from outside are passed on. */
  readonly rebindingAllowed?: readonly string[];
  readonly mixedCase: boolean;
  readonly cache: DnsCacheLimits;
}

/**
 * A DHCPv4 client of an interface that somebody else made. What its lease makes of the interface is a unit of its own,
 * so that it changes without a change of the file.
 */
export interface DhcpClientObject extends ObjectBase {
  readonly kind: "dhcp-client";
  readonly namespace: string;
  readonly interfaceName: string;
  /** Of the routes; the lower one wins. */
  readonly metric: number;
  /** The host does without IPv4 where the network does (RFC 8925). */
  readonly ipv6OnlyOk?: true;
}

/**
 * A DHCPv6 client of an interface that somebody else made, whose lease is a unit of its own as that of a DHCPv4 one. It
 * asks for an address, a prefix, or both.
 */
export interface Dhcp6ClientObject extends ObjectBase {
  readonly kind: "dhcp6-client";
  readonly namespace: string;
  readonly interfaceName: string;
  readonly address: boolean;
  /** Wished for; absent: no prefix is asked for. */
  readonly prefixLength?: number;
}

export interface VmNic {
  /** Names the device in QEMU for its whole life ("nic0"): hot-plug finds it again. */
  readonly id: string;
  /** What the tap is; default tap. A macvtap is opened through its character device. */
  readonly tapType?: "tap" | "macvtap";
  /** Pairs of queues; default 1. */
  readonly queues?: number;
  readonly tapKey: string;
  readonly tapName: string;
  /** Where the tap is; absent: in the machine's own namespace. */
  readonly namespace?: string;
  readonly macAddress: MacAddress;
  readonly mtuBytes?: number;
}

/** A QEMU process inside a namespace. */
export interface VmObject extends ObjectBase {
  readonly kind: "vm";
  readonly name: string;
  readonly namespace: string;
  readonly memoryMebibytes: number;
  readonly cpus: number;
  /** auto: KVM where a guest really boots under it, else TCG. */
  readonly accelerator: "auto" | "kvm" | "tcg";
  /** Disk image, absolute path. */
  readonly image?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append?: string;
  readonly nics: readonly VmNic[];
}

export type KernelObject =
  | NamespaceObject
  | LinkObject
  | AddressObject
  | RouteObject
  | NeighbourObject
  | SysctlObject
  | NftTableObject
  | ForeignAcceptObject
  | FileObject;
export type ServiceObject =
  | SingleDhcpObject
  | Ip6SingleObject
  | NetworkDhcpObject
  | Ip6NetworkObject
  | BootServerObject
  | NetworkDnsObject
  | DhcpClientObject
  | Dhcp6ClientObject
  | VmObject;
export type StateObject = KernelObject | ServiceObject;

export const SERVICE_KINDS: ReadonlySet<unknown> = new Set<ServiceObject["kind"]>([
  "dhcp-single",
  "ip6-single",
  "dhcp-network",
  "ip6-network",
  "boot-server",
  "dns-network",
  "dhcp-client",
  "dhcp6-client",
  "vm",
]);

/** Whether it is run by us and not by the kernel. */
export function isService(object: StateObject | undefined): object is ServiceObject {
  return SERVICE_KINDS.has(object?.kind);
}

/** What a network file says and no object shows: whoever is attached to its networks later must know it. */
export interface Declared {
  /** The file itself, where what it asks for follows a DHCP lease: it is compiled again when the lease changes. */
  readonly text?: string;
  /** Addresses of guests that are told none. */
  readonly reserved?: readonly IpAddress[];
  /** By network: what its machines are told about names, where the file says it. */
  readonly dns?: Readonly<
    Record<string, { readonly servers?: readonly IpAddress[]; readonly search?: readonly string[] }>
  >;
  /** Networks on which machines must not serve each other what the network's own server serves. */
  readonly guarded?: readonly string[];
}

/**
 * Desired state. `absent` lists foreign objects (as observed) that must not be there while ours are: the
 * planner deletes them, and what was deleted is restored when ours go.
 */
export interface Desired {
  readonly objects: readonly StateObject[];
  readonly absent: readonly StateObject[];
  /** Absent: nothing. */
  readonly declared?: Declared;
}

export const EMPTY: Desired = { objects: [], absent: [] };

/** "network interface" words for messages: `link lan`, `address 10.0.0.1/24`. */
export function nameOf(object: StateObject): string {
  switch (object.kind) {
    case "namespace":
      return `namespace ${object.name}`;
    case "link":
      return `${object.link.type === "veth-peer" ? "veth" : object.link.type} ${object.name}${inside(object.namespace)}`;
    case "address":
      return `address ${object.address}/${object.prefixLength}${inside(object.namespace)}`;
    case "route":
      return `route ${object.destination.length === 0 ? "default" : `${object.destination.address}/${object.destination.length}`}${inside(object.namespace)}`;
    case "neighbour":
      return `neighbour ${object.address}${inside(object.namespace)}`;
    case "sysctl":
      return `sysctl ${object.path.replaceAll("/", ".")}${inside(object.namespace)}`;
    case "nft-table":
      return `nft table ${object.family} ${object.name}${inside(object.namespace)}`;
    case "foreign-accept":
      return `accept rule in chain ${object.chain}${inside(object.namespace)}`;
    case "file":
      return `file ${object.path}`;
    case "dhcp-single":
      return `DHCP on ${object.interfaceName}${inside(object.namespace)}`;
    case "ip6-single":
      return `IPv6 for the guest on ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp-network":
      return `DHCP on ${object.interfaceName}${inside(object.namespace)}`;
    case "ip6-network":
      return `IPv6 on ${object.interfaceName}${inside(object.namespace)}`;
    case "boot-server":
      return `boot files on ${object.interfaceName}${inside(object.namespace)}`;
    case "dns-network":
      return `DNS on ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp-client":
      return `DHCP client of ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp6-client":
      return `DHCPv6 client of ${object.interfaceName}${inside(object.namespace)}`;
    case "vm":
      return `VM ${object.name}`;
  }
}

function inside(namespace: string): string {
  return namespace === "" ? "" : ` in ${namespace}`;
}
