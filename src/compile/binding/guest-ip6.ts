/**
 * What a guest that takes over a pod's interface is told about IPv6: the pod's addresses and its way out.
 *
 * The default route can only come by router advertisement, and its next hop is the advertisement's source, a
 * link-local address. Where the pod's gateway is one, it is the source, and the gateway itself answers for it. A
 * gateway with another address is given a link-local address of ours, and the guest is told the gateway's MAC for it:
 * what it sends goes to the gateway all the same.
 */
import { SMALLEST_IPV6_MTU_BYTES } from "../../wire/ipv6.ts";
import {
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  familyOf,
  ipFromBytes,
  ipToBytes,
  macToBytes,
  networkOf,
  parseIpv6,
  isLinkLocal6,
} from "../../base/address.ts";
import type { AddressObject, RouteObject } from "../../state/object/kernel.ts";
import type { GuestLease6 } from "../../protocol/guest-lease6.ts";
import { isDerived, type PodInterface } from "./pod-interface.ts";

/** The advertised router, and what it tells. */
export interface GuestIp6 {
  readonly routerAddress: Ipv6Address;
  /** Absent: the router with that address answers by itself. */
  readonly routerMac?: MacAddress;
  readonly serverAddress: Ipv6Address;
  readonly lease: GuestLease6;
  readonly notes: readonly string[];
}

/** On the guest's wire only: nobody else is asked for them. */
const OUR_SERVER = parseIpv6("fe80::6e6c:1");
const OUR_ROUTER = parseIpv6("fe80::6e6c:2");
const TABLE_MAIN = 254;
const TYPE_UNICAST = 1;

/**
 * @param pod its IPv6 addresses of global scope go to the guest
 * @param serverMac source of our frames
 * @returns undefined for a pod without such an address
 */
export function compileGuestIp6(
  pod: PodInterface,
  { serverMac, leaseSeconds }: { serverMac: MacAddress; leaseSeconds: number },
): GuestIp6 | undefined {
  const addresses = pod.addresses.filter(isGlobalIp6);
  if (addresses.length === 0) return undefined;
  const notes: string[] = [];
  const ownPrefixes = new Map<string, Ipv6Prefix & { autonomous: boolean }>();
  const told: Ipv6Address[] = [];
  for (const { address, prefixLength } of addresses) {
    const network = networkOf({ address, length: prefixLength });
    const autonomous = prefixLength === 64 && address === eui64Address(network.address, pod.macAddress);
    if (!autonomous) told.push(address);
    const name = `${network.address}/${prefixLength}`;
    ownPrefixes.set(name, { ...network, autonomous: autonomous || ownPrefixes.get(name)?.autonomous === true });
  }
  const router = findRouter(pod, serverMac, notes);
  const mtuBytes = Math.max(pod.mtuBytes, SMALLEST_IPV6_MTU_BYTES);
  const { defaultRouter, ...place } = router;
  return {
    ...place,
    serverAddress: OUR_SERVER,
    lease: {
      addresses: told,
      prefixes: [...ownPrefixes.values()]
        // An address alone in its prefix has no link to speak of: everything goes through the router.
        .filter(({ length }) => length < 128)
        .map(({ address, length, autonomous }) => ({ prefix: { address, length }, onLink: true, autonomous })),
      defaultRouter,
      routes: defaultRouter ? furtherRoutes(pod, notes) : [],
      nameServers: pod.dns.servers.filter(isIp6),
      searchDomains: pod.dns.search,
      mtuBytes,
      leaseSeconds,
    },
    notes,
  };
}

function findRouter(
  pod: PodInterface,
  serverMac: MacAddress,
  notes: string[],
): { routerAddress: Ipv6Address; routerMac?: MacAddress; defaultRouter: boolean } {
  const nobody = { routerAddress: OUR_ROUTER, routerMac: serverMac, defaultRouter: false };
  const { gateway6 } = pod;
  if (gateway6 === undefined) return nobody;
  if (isLinkLocal6(gateway6.address)) return { routerAddress: gateway6.address, defaultRouter: true };
  if (gateway6.macAddress === undefined) {
    notes.push(
      `the pod's IPv6 gateway ${gateway6.address} does not answer: the guest gets its IPv6 address and no default route`,
    );
    return nobody;
  }
  return { routerAddress: OUR_ROUTER, routerMac: gateway6.macAddress, defaultRouter: true };
}

/** Those behind the default gateway; an advertisement speaks for one router only. */
function furtherRoutes(pod: PodInterface, notes: string[]): Ipv6Prefix[] {
  return pod.routes.filter(isIp6Route).flatMap((route) => {
    const { destination, nextHops } = route;
    if (destination.length === 0 || isDerived(route, pod) || isLinkLocal6(destination.address)) return [];
    const hop = nextHops[0];
    const plain = (route.type ?? TYPE_UNICAST) === TYPE_UNICAST && (route.table ?? TABLE_MAIN) === TABLE_MAIN;
    if (plain && nextHops.length === 1 && hop?.gateway === pod.gateway6?.address) return [destination];
    // The way to the gateway itself is the advertisement's business.
    if (plain && hop?.gateway === undefined && destination.address === pod.gateway6?.address) return [];
    notes.push(
      `the route to ${destination.address}/${destination.length} is not told to the guest: it does not lead through the default gateway`,
    );
    return [];
  });
}

/** The address that SLAAC makes of a MAC address (RFC 4291 appendix A). */
export function eui64Address(network: Ipv6Address, macAddress: MacAddress): Ipv6Address {
  const mac = macToBytes(macAddress);
  const bytes = ipToBytes(network).slice();
  bytes.set([mac[0]! ^ 0x02, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!], 8);
  return ipFromBytes(bytes) as Ipv6Address;
}

export function isIp6(address: string): address is Ipv6Address {
  return address.includes(":");
}

function isGlobalIp6(object: AddressObject): object is AddressObject & { readonly address: Ipv6Address } {
  return familyOf(object.address) === 6 && (object.scope ?? 0) === 0;
}

function isIp6Route(route: RouteObject): route is RouteObject & { readonly destination: Ipv6Prefix } {
  return familyOf(route.destination.address) === 6;
}
