/** What exactly one guest is told about IPv6; the router and the DHCPv6 server speak of the same. */
import type { Ipv6Address, Ipv6Prefix, MacAddress } from "../base/address.ts";

export interface GuestLease6 {
  /** Given by DHCPv6; none: the guest makes its own from an autonomous prefix, or has none. */
  readonly addresses: readonly Ipv6Address[];
  readonly prefixes: readonly { readonly prefix: Ipv6Prefix; readonly onLink: boolean; readonly autonomous: boolean }[];
  readonly defaultRouter: boolean;
  readonly routes: readonly Ipv6Prefix[];
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  readonly mtuBytes?: number;
  /** Of addresses and prefixes; 0xffffffff or more is forever. */
  readonly leaseSeconds: number;
}

/** The one guest and who speaks to it. */
export interface GuestPlace6 {
  readonly clientMac: MacAddress;
  /** Link-local source of advertisements. */
  readonly routerAddress: Ipv6Address;
  /** Told as the router's; absent: the router with that address answers for itself. */
  readonly routerMac?: MacAddress;
  /** Link-local source of DHCPv6. */
  readonly serverAddress: Ipv6Address;
  /** Source of our frames. */
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
