/** Addresses, routes and neighbours as requests. */
import { familyOf, networkOf } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { NetlinkRequest } from "../../netlink/message.ts";
import { IFA_F_NODAD, IFA_F_PERMANENT, deleteAddress, newAddress } from "../../netlink/route/address.ts";
import { deleteNeighbour, newNeighbour } from "../../netlink/route/neighbour.ts";
import { RTPROT_KERNEL, RT_TABLE_MAIN, type Route, deleteRoute, newRoute } from "../../netlink/route/route.ts";
import type { AddressObject, NeighbourObject, RouteObject } from "../../state/object/kernel.ts";
import type { LinkDirectory } from "./link-directory.ts";

const IP6_RT_PRIO_ADDRCONF = 256;

/**
 * Requests that add an address. One that says IFA_F_PERMANENT was observed on a kernel and comes back: it was found
 * unique before, so IPv6 does not look for duplicates again, which would leave it unusable for a second; and the
 * kernel may have made the same link-local address by itself meanwhile.
 */
export function createAddressRequests(object: AddressObject, links: LinkDirectory): NetlinkRequest[] {
  const linkIndex = requireIndex(object, object.linkKey, links);
  const { flags = 0 } = object;
  const wanted = { ...addressOf(object, linkIndex), flags: flags & ~IFA_F_PERMANENT };
  const requests: NetlinkRequest[] = [];
  const comesBack = familyOf(object.address) === 6 && (flags & IFA_F_PERMANENT) !== 0;
  if (comesBack) requests.push(newAddress({ ...wanted, flags: wanted.flags | IFA_F_NODAD }, { replace: true }));
  if (!comesBack || (flags & IFA_F_NODAD) === 0) requests.push(newAddress(wanted, { replace: comesBack }));
  if (object.prefixRoute === false) requests.push(deleteRoute(prefixRouteOf(object, linkIndex)));
  return requests;
}

/** The route that the kernel derives from an address comes back, or goes, and the address stays. */
export function changePrefixRouteRequests(after: AddressObject, links: LinkDirectory): NetlinkRequest[] {
  const route = prefixRouteOf(after, requireIndex(after, after.linkKey, links));
  if (after.prefixRoute === false) return [deleteRoute(route)];
  const source = familyOf(after.address) === 4 ? { source: after.address } : {};
  return [newRoute({ ...route, ...source }, { replace: true })];
}

/** As fib_add_ifaddr() (net/ipv4/fib_frontend.c) and addrconf_prefix_route() (net/ipv6/addrconf.c) make it. */
function prefixRouteOf(object: AddressObject, linkIndex: number): Route {
  const { metric = familyOf(object.address) === 6 ? IP6_RT_PRIO_ADDRCONF : undefined } = object;
  return {
    destination: networkOf({ address: object.peer ?? object.address, length: object.prefixLength }),
    table: RT_TABLE_MAIN,
    protocol: RTPROT_KERNEL,
    nextHops: [{ linkIndex }],
    ...(metric === undefined ? {} : { metric }),
  };
}

function addressOf(object: AddressObject, linkIndex: number) {
  const { address, prefixLength, peer, broadcast, scope, label, preferredSeconds, validSeconds, metric, protocol } =
    object;
  return {
    linkIndex,
    address,
    prefixLength,
    ...(peer === undefined ? {} : { peer }),
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(scope === undefined ? {} : { scope }),
    ...(label === undefined ? {} : { label }),
    ...(preferredSeconds === undefined ? {} : { preferredSeconds }),
    ...(validSeconds === undefined ? {} : { validSeconds }),
    ...(metric === undefined ? {} : { metric }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

/** None when the link is gone, and the address with it. */
export function deleteAddressRequests(object: AddressObject, links: LinkDirectory): NetlinkRequest[] {
  const linkIndex = links.index(object.linkKey);
  if (linkIndex === undefined) return [];
  const { address, prefixLength, peer } = object;
  return [deleteAddress({ linkIndex, address, prefixLength, ...(peer === undefined ? {} : { peer }) })];
}

/** `replace`: it takes the place of the route of the same destination, metric and table. */
export function createRouteRequests(
  object: RouteObject,
  links: LinkDirectory,
  { replace = false } = {},
): NetlinkRequest[] {
  const nextHops = object.nextHops.map(({ linkKey, ...hop }) =>
    linkKey === undefined ? hop : { ...hop, linkIndex: requireIndex(object, linkKey, links) },
  );
  return [newRoute(routeOf(object, nextHops), { replace })];
}

/** None when a link that it goes through is gone, and the route with it. */
export function deleteRouteRequests(object: RouteObject, links: LinkDirectory): NetlinkRequest[] {
  const nextHops: Route["nextHops"][number][] = [];
  for (const { linkKey, ...hop } of object.nextHops) {
    const linkIndex = linkKey === undefined ? undefined : links.index(linkKey);
    if (linkKey !== undefined && linkIndex === undefined) return [];
    nextHops.push(linkIndex === undefined ? hop : { ...hop, linkIndex });
  }
  return [deleteRoute(routeOf(object, nextHops))];
}

function routeOf(object: RouteObject, nextHops: Route["nextHops"]): Route {
  const { destination, type, table, metric, tos, protocol, scope, source, mtuBytes } = object;
  return {
    destination,
    nextHops,
    ...(type === undefined ? {} : { type }),
    ...(table === undefined ? {} : { table }),
    ...(metric === undefined ? {} : { metric }),
    ...(tos === undefined ? {} : { tos }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(scope === undefined ? {} : { scope }),
    ...(source === undefined ? {} : { source }),
    ...(mtuBytes === undefined ? {} : { metrics: { mtuBytes } }),
  };
}

/** Takes the place of an entry that the kernel has learned. */
export function createNeighbourRequests(object: NeighbourObject, links: LinkDirectory): NetlinkRequest[] {
  const { address, macAddress, state } = object;
  const linkIndex = requireIndex(object, object.linkKey, links);
  return [
    newNeighbour({ linkIndex, address, macAddress, ...(state === undefined ? {} : { state }) }, { replace: true }),
  ];
}

/** None when the link is gone, and the entry with it. */
export function deleteNeighbourRequests(object: NeighbourObject, links: LinkDirectory): NetlinkRequest[] {
  const linkIndex = links.index(object.linkKey);
  return linkIndex === undefined ? [] : [deleteNeighbour({ linkIndex, address: object.address })];
}

function requireIndex(
  object: AddressObject | RouteObject | NeighbourObject,
  key: string,
  links: LinkDirectory,
): number {
  const index = links.index(key);
  if (index !== undefined) return index;
  throw new NetloomError("no-link", `add ${object.kind} of ${object.origin}: the link ${key} does not exist`);
}
