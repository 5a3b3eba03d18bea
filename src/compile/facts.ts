/** What compiling must know of this host beyond the file. Plain JSON; whoever can see the host fills it in. */
import type { Family, Ipv6Prefix, Prefix } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import type { BootFiles } from "../protocol/pxe/offer.ts";

/** A network interface of the host. */
export interface HostLink {
  /** Kernel's interface index. */
  readonly index: number;
  readonly mtuBytes: number;
  readonly up: boolean;
  /** Made by netloom for this very file: it is never in the way. */
  readonly ours: boolean;
  /** Made by netloom, be it for this file or another. */
  readonly marked: boolean;
  /** Name of the bridge or other master that it is a port of. */
  readonly master?: string;
  /** Why it cannot be a port of a bridge, in words: "is a bridge"; absent: it can. */
  readonly unfitPort?: string;
  /**
   * Whether it takes routes and addresses from router advertisements as long as the host does not forward; false
   * where `forwardsByInterface` makes that nobody's concern.
   */
  readonly acceptsAdvertisements: boolean;
  /** A network card of the machine; absent: made by software. */
  readonly hardware?: true;
  /** Host bits kept. */
  readonly addresses: readonly Prefix[];
}

/** A route of the host's main table. */
export interface HostRoute {
  readonly destination: Prefix;
  /** Interface name; absent for routes without one (blackhole). */
  readonly device?: string;
  /** 0 when absent; the lower one wins. */
  readonly metric?: number;
}

/** A forward chain of other software whose policy is drop. */
export interface ForeignForwardDrop {
  /** "ip filter FORWARD", "inet firewalld filter_FORWARD". */
  readonly name: string;
  /** What is dropped there; native chains of family inet drop both and are told once. */
  readonly family: Family;
  /** iptables chains can be given accept rules of ours; a native nft chain of somebody else cannot. */
  readonly backend: "nft" | "legacy" | "native";
  /** Whether the chain DOCKER-USER exists, which Docker keeps for rules of others. */
  readonly hasDockerUser: boolean;
}

/** What is known of an uplink whose address, or prefix, is ours to give. */
export interface UplinkFacts {
  /** What its leases, or the last ones, say about names; absent: it had none yet. */
  readonly resolver?: ResolverConfiguration;
  /** Another DHCP client that works on the device: "dhclient (process 812)". */
  readonly otherClient?: string;
  /** Delegated and not ended; absent: none. */
  readonly prefixes?: readonly Ipv6Prefix[];
  /** What was delegated before and has not ended: hosts use it for nothing new. */
  readonly formerPrefixes?: readonly Ipv6Prefix[];
  /** The same of DHCPv6. */
  readonly otherClient6?: string;
}

/** What is in one network namespace. */
export interface PlaceFacts {
  /** Every link, by name. */
  readonly links: Readonly<Record<string, HostLink>>;
  /** Of both families; the local table's are not wanted. */
  readonly routes: readonly HostRoute[];
}

/** A named namespace that a network is to be in. */
export interface NamespaceFacts extends PlaceFacts {
  /** Made by netloom for this very file. */
  readonly ours: boolean;
}

/** Of the namespace that netloom runs in, and others. */
/** What a network's folder of boot files holds. */
export interface BootFolder {
  /** Why nothing can be served from it; absent: it is a folder that can be read. */
  readonly fault?: string;
  /** Those of the files that the network file names that are not there. */
  readonly missing: readonly string[];
  /** What it can boot by itself. */
  readonly files: BootFiles;
  /** Loaders that are iPXE, in lower case: it must not get itself again. */
  readonly ipxeLoaders: readonly string[];
}

export interface Facts extends PlaceFacts {
  /** By name; those that do not exist are absent. */
  readonly namespaces?: Readonly<Record<string, NamespaceFacts>>;
  /** The host's own resolv.conf; behind a local resolver (127.0.0.53) better the upstream one. */
  readonly resolver: ResolverConfiguration;
  /** By device, of uplinks that do not keep what they have; absent: there are none. */
  readonly uplinks?: Readonly<Record<string, UplinkFacts>>;
  readonly foreignForwardDrops: readonly ForeignForwardDrop[];
  /** "ip filter INPUT": chains that drop what their rules do not let in; absent: nobody asks. */
  readonly foreignInputDrops?: readonly string[];
  /** Whether the host forwarded IPv6 between all its interfaces before netloom came. */
  readonly forwardedIpv6: boolean;
  readonly features: {
    /** Whether the kernel has links of kind dummy. */
    readonly dummy: boolean;
    /** Whether the kernel has IPv6 (/proc/sys/net/ipv6 exists). */
    readonly ipv6: boolean;
    /** Whether nft can filter what bridges forward; absent: nobody asks. */
    readonly bridgeFilter?: boolean;
    /** Whether nft can hook what leaves a device; absent: nobody asks. */
    readonly netdevEgress?: boolean;
    /** Whether single interfaces can be told to forward IPv6 (force_forwarding, Linux 6.17); else all do or none. */
    readonly forwardsByInterface: boolean;
  };
  /** By network, of those with boot files; absent: there are none. */
  readonly bootFolders?: Readonly<Record<string, BootFolder>>;
  /** Those of `requiredFiles` that cannot be read. */
  readonly missingFiles: readonly string[];
}

const EMPTY_PLACE: PlaceFacts = { links: {}, routes: [] };

/** What is in the namespace ("" is the one that netloom runs in); nothing in one that does not exist. */
export function factsOf(namespace: string, facts: Facts): PlaceFacts {
  return namespace === "" ? facts : (facts.namespaces?.[namespace] ?? EMPTY_PLACE);
}
