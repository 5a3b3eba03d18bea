/** The route to an address's own prefix, which the kernel derives from the address. */
import { familyOf, ipToBytes, networkOf } from "../base/address.ts";
import { equalValues } from "../base/equal.ts";
import type { AddressObject } from "./object/kernel.ts";
import type { ObservedAddress, ObservedLink, ObservedRoute } from "./snapshot.ts";

const PROTOCOL_KERNEL = 2;
const TABLE_LOCAL = 255;
/** linux/if_addr.h; of IPv4: another address of the same prefix has the route. */
const IFA_F_SECONDARY = 0x01;
const IFA_F_NOPREFIXROUTE = 0x200;

/**
 * Whether somebody took that route away, as the CNI plugin ptp does and `ip route flush`. Not of an address that has
 * none: of a link that is down, a single host, or one that was made without.
 *
 * @param routes at least those of its namespace that go through its link
 */
export function lacksPrefixRoute(
  address: ObservedAddress,
  link: ObservedLink,
  routes: readonly ObservedRoute[],
): boolean {
  const hostLength = 8 * ipToBytes(address.address).length;
  if (!link.up || address.prefixLength === hostLength || (address.flags & IFA_F_NOPREFIXROUTE) !== 0) return false;
  if (familyOf(address.address) === 4 && (address.flags & IFA_F_SECONDARY) !== 0) return false;
  const prefix = networkOf({ address: address.peer ?? address.address, length: address.prefixLength });
  return !routes.some(
    (route) =>
      route.protocol === PROTOCOL_KERNEL &&
      route.table !== TABLE_LOCAL &&
      route.destination.length === prefix.length &&
      route.destination.address === prefix.address &&
      route.nextHops.some((hop) => hop.linkIndex === link.index),
  );
}

/** Whether two values of an address differ in nothing else. */
export function differInPrefixRoute(one: AddressObject, other: AddressObject): boolean {
  if (one.prefixRoute === other.prefixRoute) return false;
  const { prefixRoute: _one, ...first } = one;
  const { prefixRoute: _other, ...second } = other;
  return equalValues(first, second);
}
