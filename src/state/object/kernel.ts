/** What the kernel holds, and files: one value type for each kind of object. */
import type { Family, IpAddress, Ipv4Address, MacAddress, Prefix } from "../../base/address.ts";
import type { ObjectBase } from "./base.ts";

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
