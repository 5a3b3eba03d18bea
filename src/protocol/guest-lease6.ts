/** What exactly one guest is told about IPv6; the router and the DHCPv6 server speak of the same. */
import type { Ipv6Address, Ipv6Prefix, MacAddress } from "../base/address.ts";

export interface GuestLease6 {
  /** Given by DHCPv6 (IA_NA); none: the guest makes its own from an autonomous prefix, or has none. */
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
  /** Of addresses and prefixes; 0xffffffff or more is forever. */
  readonly leaseSeconds: number;
}

/** The one guest and who speaks to it. */
export interface GuestPlace6 {
  readonly clientMac: MacAddress;
  /** Link-local source of advertisements: the guest's next hop. */
  readonly routerAddress: Ipv6Address;
  /**
   * Where the guest's packets to the router go: told in the advertisements and in answers to solicitations for
   * routerAddress. Absent: the real router has that address and answers itself.
   */
  readonly routerMac?: MacAddress;
  /** Link-local source of DHCPv6 answers; solicitations for it are answered with serverMac. */
  readonly serverAddress: Ipv6Address;
  /** Source of our frames; the server's DUID-LL is made of it. */
  readonly serverMac: MacAddress;
  readonly lease: GuestLease6;
}

const FOREVER_SECONDS = 0xffff_ffff;

export function lifetimeOf({ leaseSeconds }: GuestLease6): number {
  return Math.min(leaseSeconds, FOREVER_SECONDS);
}

/** `part` of a lifetime, where forever stays forever. */
export function partOfLifetime(seconds: number, part: number): number {
  return seconds === FOREVER_SECONDS ? seconds : Math.floor(seconds * part);
}
