/** The routes that the kernel makes by itself, to the prefixes of addresses. */
import { networkOf } from "../../src/base/address.ts";
import { routeIdentity } from "../../src/planner/identity.ts";
import type { ObservedAddress, ObservedNamespace, ObservedRoute } from "../../src/state/snapshot.ts";

type Prefixed = Pick<ObservedAddress, "linkIndex" | "address" | "prefixLength">;

/** The route that the kernel derives from an address. */
export function prefixRoute({ linkIndex, address, prefixLength }: Prefixed): ObservedRoute {
  const isIp6 = address.includes(":");
  return {
    destination: networkOf({ address, length: prefixLength }),
    nextHops: [{ linkIndex }],
    type: 1,
    table: 254,
    tos: 0,
    protocol: 2,
    ...(isIp6 ? { metric: 256, scope: 0 } : { scope: 253, source: address }),
  };
}

/** Whether the kernel derived it from that address. */
export function isPrefixRoute(route: ObservedRoute, address: Prefixed | undefined): boolean {
  if (address === undefined || route.protocol !== 2) return false;
  const own = prefixRoute(address);
  return routeIdentity(own) === routeIdentity(route) && route.nextHops[0]?.linkIndex === address.linkIndex;
}

/** The routes with those that the kernel derives from addresses of links that are up. */
export function withPrefixRoutes({
  links,
  addresses,
  routes,
}: Pick<ObservedNamespace, "links" | "addresses" | "routes">): ObservedRoute[] {
  const all = [...routes];
  for (const entry of addresses) {
    const isHost = entry.prefixLength === (entry.address.includes(":") ? 128 : 32);
    if (isHost || links.find((link) => link.index === entry.linkIndex)?.up !== true) continue;
    if (!all.some((route) => isPrefixRoute(route, entry))) all.push(prefixRoute(entry));
  }
  return all;
}
