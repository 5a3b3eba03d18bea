/** What compiling must know of this host beyond the file. Plain JSON; whoever can see the host fills it in. */
import type { Prefix } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";

/** A network interface of the host. */
export interface HostLink {
  readonly mtuBytes: number;
  readonly up: boolean;
  /** Made by netloom for this very file: it is never in the way. */
  readonly ours: boolean;
  /** Host bits kept. */
  readonly addresses: readonly Prefix[];
}

/** A route of the host's main table. */
export interface HostRoute {
  readonly destination: Prefix;
  /** Interface name; absent for routes without one (blackhole). */
  readonly device?: string;
}

/** A forward chain of other software whose policy is drop. */
export interface ForeignForwardDrop {
  /** "ip filter FORWARD", "inet firewalld filter_FORWARD". */
  readonly name: string;
  /** iptables chains can be given accept rules of ours; a native nft chain of somebody else cannot. */
  readonly backend: "nft" | "legacy" | "native";
  /** Whether the chain DOCKER-USER exists, which Docker keeps for rules of others. */
  readonly hasDockerUser: boolean;
}

export interface Facts {
  /** Every link of the namespace that netloom runs in, by name. */
  readonly links: Readonly<Record<string, HostLink>>;
  /** Of both families; the local table's are not wanted. */
  readonly routes: readonly HostRoute[];
  /** The host's own resolv.conf; behind a local resolver (127.0.0.53) better the upstream one. */
  readonly resolver: ResolverConfiguration;
  readonly foreignForwardDrops: readonly ForeignForwardDrop[];
  readonly features: {
    /** Whether the kernel has links of kind dummy. */
    readonly dummy: boolean;
    /** Whether the kernel has IPv6 (/proc/sys/net/ipv6 exists). */
    readonly ipv6: boolean;
  };
  /** Those of `requiredFiles` that cannot be read. */
  readonly missingFiles: readonly string[];
}
