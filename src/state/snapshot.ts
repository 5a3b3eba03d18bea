/**
 * What the kernel shows, as plain JSON, decoded but not yet matched with declared objects. Only what was
 * asked for is in it.
 */
import type { IpAddress, Ipv4Address, MacAddress, Prefix } from "../base/address.ts";
import type { MacvlanMode } from "./object/kernel.ts";

export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND ("veth", "bridge", "tun"…); absent for hardware and lo. */
  readonly kind?: string;
  readonly macAddress?: MacAddress;
  readonly mtuBytes: number;
  /** IFF_UP, the administrative state. */
  readonly up: boolean;
  /** IFF_ALLMULTI, as a person sets it. */
  readonly allMulticast?: boolean;
  /** Interface index of the master; absent: none. */
  readonly masterIndex?: number;
  /** IFLA_IFALIAS; ours read "netloom:KEY". */
  readonly alias?: string;
  /** IFLA_LINK: the peer's index for veth (in the peer's namespace). */
  readonly linkIndex?: number;
  readonly group: number;
  /** Bridge port flag. */
  readonly learning?: boolean;
  /** IN6_ADDR_GEN_MODE_* (linux/if_link.h); absent: no IPv6 on this link. */
  readonly ipv6AddressGeneration?: number;
  readonly stp?: boolean;
  readonly forwardDelayCentiseconds?: number;
  readonly macvlanMode?: MacvlanMode;
  /** Tap only. */
  readonly ownerUid?: number;
  readonly groupGid?: number;
  readonly persistent?: boolean;
}

export interface ObservedAddress {
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly peer?: IpAddress;
  readonly broadcast?: Ipv4Address;
  readonly scope: number;
  readonly label?: string;
  /** All IFA_F_* bits as the kernel shows them. */
  readonly flags: number;
  /** Absent: forever. */
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
  readonly metric?: number;
  /** IFAPROT_*, absent where nobody said. */
  readonly protocol?: number;
}

export interface ObservedNextHop {
  readonly linkIndex?: number;
  readonly gateway?: IpAddress;
  readonly weight?: number;
  readonly onlink?: boolean;
}

export interface ObservedRoute {
  readonly destination: Prefix;
  readonly nextHops: readonly ObservedNextHop[];
  readonly type: number;
  readonly table: number;
  readonly metric?: number;
  readonly tos: number;
  readonly protocol: number;
  readonly scope: number;
  readonly source?: IpAddress;
  readonly mtuBytes?: number;
}

export interface ObservedNeighbour {
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly macAddress?: MacAddress;
  /** NUD_* bits. */
  readonly state: number;
}

export interface ObservedNftTable {
  readonly family: string;
  readonly name: string;
  /** The table's comment; ours is "netloom:" and a fingerprint of the rules that were loaded. */
  readonly comment?: string;
  /** Canonical listing (`nft -s list table`), to notice what others changed inside. */
  readonly listing?: string;
}

export interface ObservedNamespace {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  readonly routes: readonly ObservedRoute[];
  readonly neighbours: readonly ObservedNeighbour[];
  /** Value by path; a path the kernel does not have is null. */
  readonly sysctls: Readonly<Record<string, string | null>>;
  readonly nftTables: readonly ObservedNftTable[];
  /** Comments ("netloom:KEY") of accept rules of ours found in chains of others. */
  readonly foreignAccepts: readonly string[];
  /** Chains of iptables' filter tables, as "FAMILY BACKEND CHAIN" ("4 nft DOCKER-USER"); absent: not looked for. */
  readonly foreignChains?: readonly string[];
}

export interface Snapshot {
  /** By namespace name; null: the namespace does not exist. */
  readonly namespaces: Readonly<Record<string, ObservedNamespace | null>>;
  /** Names whose file is there but is no namespace: what a kill in the middle of a creation or deletion leaves. */
  readonly brokenNamespaces?: readonly string[];
  /** By path; null: no such file. */
  readonly files: Readonly<Record<string, { readonly content: string; readonly mode: number } | null>>;
  /** Paths without a file where a kill in the middle of writing or removing it left something, be it an empty folder. */
  readonly brokenFiles?: readonly string[];
}
