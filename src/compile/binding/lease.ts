/** What a guest that takes over a pod's interface is told by DHCP: the pod's own configuration. */
import { type Ipv4Address, type Ipv4Prefix, IPV4_ANY, contains, familyOf } from "../../base/address.ts";
import type { RouteObject } from "../../state/object/kernel.ts";
import type { OfferedLease } from "../../protocol/dhcp4/lease-options.ts";
import { type PodInterface, isDerived, primaryAddress } from "./pod-interface.ts";

type LeaseRoute = OfferedLease["routes"][number];

interface PodLease {
  readonly lease: OfferedLease;
  readonly notes: readonly string[];
}

/** 999 days, KubeVirt's lease. */
export const DEFAULT_LEASE_SECONDS = 86_313_600;
/** Told where the pod's resolv.conf has nothing, as KubeVirt documents it. */
const FALLBACK_SERVER = "8.8.8.8" as Ipv4Address;
const FALLBACK_SEARCH = "cluster.local";
const TABLE_MAIN = 254;
const TYPE_UNICAST = 1;

/** The lease, or undefined for a pod interface without an IPv4 address: then the guest is on its own. */
export function compileLease(
  pod: PodInterface,
  { leaseSeconds = DEFAULT_LEASE_SECONDS, options }: { leaseSeconds?: number; options?: OfferedLease["options"] },
): PodLease | undefined {
  const primary = primaryAddress(pod);
  if (primary === undefined) return undefined;
  const notes: string[] = [];
  const others = pod.addresses.filter(
    (other) => other !== primary && (other.scope ?? 0) === 0 && isIpv4(other.address),
  );
  if (others.length > 0) {
    const list = others.map((address) => `${address.address}/${address.prefixLength}`).join(", ");
    notes.push(
      `${pod.name} also has ${list}; the guest is told ${primary.address}/${primary.prefixLength} only: DHCPv4 carries one address`,
    );
  }
  const own: Ipv4Prefix = { address: primary.address, length: primary.prefixLength };
  const { router, routes } = compileRoutes(pod, own, notes);
  const { nameServers, searchDomains, domainName } = compileResolver(pod, notes);
  return {
    lease: {
      address: primary.address,
      prefixLength: primary.prefixLength,
      ...(router === undefined ? {} : { router }),
      routes,
      ...(primary.broadcast === undefined ? {} : { broadcast: primary.broadcast }),
      nameServers,
      searchDomains,
      ...(domainName === undefined ? {} : { domainName }),
      ...(pod.hostName === undefined ? {} : { hostName: pod.hostName }),
      mtuBytes: pod.mtuBytes,
      leaseSeconds,
      ...(options === undefined ? {} : { options }),
    },
    notes,
  };
}

/**
 * Router and classless routes. A client that knows option 121 ignores option 3 (RFC 3442), so the default route is
 * in both. On-link routes come first: a gateway outside the address's subnet is of use only behind one.
 */
function compileRoutes(
  pod: PodInterface,
  own: Ipv4Prefix,
  notes: string[],
): { router: Ipv4Address | undefined; routes: readonly LeaseRoute[] } {
  const told = tellableRoutes(pod, notes);
  const chosen = [...told].sort((a, b) => a.metric - b.metric);
  const best = new Map<string, LeaseRoute>();
  for (const { route } of chosen) {
    const destination = `${route.destination.address}/${route.destination.length}`;
    if (!best.has(destination)) best.set(destination, route);
  }
  const unique = [...best.values()];
  const fallback = unique.find((route) => route.destination.length === 0);
  const onLink = unique.filter((route) => route !== fallback && route.gateway === IPV4_ANY);
  const behind = unique.filter((route) => route !== fallback && route.gateway !== IPV4_ANY);
  const gateways = [...behind, ...(fallback === undefined ? [] : [fallback])].map((route) => route.gateway);
  for (const gateway of gateways) {
    const reachable = [own, ...onLink.map((route) => route.destination)].some((prefix) => contains(prefix, gateway));
    if (gateway === IPV4_ANY || reachable) continue;
    onLink.push({ destination: { address: gateway, length: 32 }, gateway: IPV4_ANY });
  }
  return {
    router: fallback === undefined || fallback.gateway === IPV4_ANY ? undefined : fallback.gateway,
    routes: [...onLink, ...behind, ...(fallback === undefined ? [] : [fallback])],
  };
}

/** The pod's IPv4 routes that DHCP can tell; what it cannot goes to the notes. */
function tellableRoutes(pod: PodInterface, notes: string[]): { route: LeaseRoute; metric: number }[] {
  const told: { route: LeaseRoute; metric: number }[] = [];
  for (const object of pod.routes) {
    if (!isIpv4Route(object) || isDerived(object, pod)) continue;
    const { destination } = object;
    const name = `${destination.address}/${destination.length}`;
    const hop = object.nextHops[0];
    const gateway = hop?.gateway ?? IPV4_ANY;
    if (
      (object.type ?? TYPE_UNICAST) !== TYPE_UNICAST ||
      (object.table ?? TABLE_MAIN) !== TABLE_MAIN ||
      (object.tos ?? 0) !== 0
    ) {
      notes.push(`the route to ${name} is not told to the guest: DHCP knows neither route types, tables nor TOS`);
    } else if (!isIpv4(gateway)) {
      notes.push(`the route to ${name} is not told to the guest: its gateway ${gateway} is an IPv6 address`);
    } else {
      if (object.nextHops.length > 1) notes.push(`of the route to ${name} the guest is told the first gateway only`);
      told.push({ route: { destination, gateway }, metric: object.metric ?? 0 });
    }
  }
  return told;
}

function isIpv4Route(route: RouteObject): route is RouteObject & { readonly destination: Ipv4Prefix } {
  return familyOf(route.destination.address) === 4;
}

function isIpv4(address: string): address is Ipv4Address {
  return !address.includes(":");
}

/** What a guest is told of the pod's resolv.conf by DHCPv4. */
export function compileResolver(
  pod: PodInterface,
  notes: string[],
): {
  readonly nameServers: readonly Ipv4Address[];
  readonly searchDomains: readonly string[];
  readonly domainName?: string;
} {
  const resolver = resolverOrFallback(pod, notes);
  const domainName = longest(resolver.searchDomains);
  return { ...resolver, ...(domainName === undefined ? {} : { domainName }) };
}

function resolverOrFallback(
  pod: PodInterface,
  notes: string[],
): { nameServers: readonly Ipv4Address[]; searchDomains: readonly string[] } {
  const { servers, search } = pod.dns;
  const nameServers = servers.filter(isIpv4);
  if (nameServers.length > 0) return { nameServers, searchDomains: search };
  const nothing = servers.length === 0 && search.length === 0;
  const reason = servers.length === 0 ? "names no DNS server" : "names no DNS server with an IPv4 address";
  notes.push(
    `the pod's resolv.conf ${reason}: the guest is told ${FALLBACK_SERVER}${nothing ? ` and search domain ${FALLBACK_SEARCH}` : ""}`,
  );
  return { nameServers: [FALLBACK_SERVER], searchDomains: nothing ? [FALLBACK_SEARCH] : search };
}

/** KubeVirt's choice of option 15: the longest search domain, the first of equals. */
function longest(domains: readonly string[]): string | undefined {
  return domains.reduce<string | undefined>(
    (best, name) => (best === undefined || name.length > best.length ? name : best),
    undefined,
  );
}
