/** A network's DNS server. */
import type { IpAddress, MacAddress, Prefix } from "../../base/address.ts";
import type { DnsCacheLimits, DnsUpstream } from "../../protocol/dns/config.ts";
import type { ObjectBase } from "./base.ts";

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

/** A server that is asked. */
export interface DnsForwarder extends Omit<DnsUpstream, "onNetwork"> {
  /** From this host's own namespace, or the network's; absent: an older netloom wrote it, which went by the address alone. */
  readonly from?: "host" | "network";
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
  readonly upstreams: readonly DnsForwarder[];
  readonly domains: readonly { readonly domain: string; readonly upstreams: readonly DnsForwarder[] }[];
  readonly allow: readonly Prefix[];
  /** Absent: private addresses in answers from outside are passed on. */
  readonly rebindingAllowed?: readonly string[];
  readonly mixedCase: boolean;
  readonly cache: DnsCacheLimits;
}
