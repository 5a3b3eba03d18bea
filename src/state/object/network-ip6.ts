/** A network's router advertisements and its DHCPv6 server. */
import type { Ipv6Address, Ipv6Prefix, MacAddress } from "../../base/address.ts";
import type { ObjectBase } from "./base.ts";

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
