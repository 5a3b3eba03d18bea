/** What serves exactly one guest on its tap: DHCPv4, and router advertisements with DHCPv6. */
import type { Ipv4Address, Ipv4Prefix, Ipv6Address, Ipv6Prefix, MacAddress } from "../../base/address.ts";
import type { ObjectBase } from "./base.ts";

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
