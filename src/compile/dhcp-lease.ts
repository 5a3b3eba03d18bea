/** What a DHCPv4 lease makes of an interface: the link up, its MTU, the address for as long as it lasts, the routes. */
import { broadcastOf, contains, formatPrefix, type Ipv4Prefix, IPV4_ANY, type MacAddress } from "../base/address.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../protocol/dhcp4/client/lease.ts";
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import type { LinkObject, NextHop, RouteObject } from "../state/object/kernel.ts";

/** RTPROT_DHCP (linux/rtnetlink.h). */
const PROTOCOL_DHCP = 16;
const SCOPE_LINK = 253;
const LONGEST_PREFIX_WITH_BROADCAST = 30;

/** An interface of this host as it was before anything was applied to it. */
export interface LeasedInterface {
  /** Of the unit that keeps the lease. */
  readonly unit: string;
  readonly name: string;
  readonly index: number;
  readonly macAddress: MacAddress;
  readonly mtuBytes: number;
  /** Of the routes; the lower one wins. */
  readonly metric: number;
}

/** The interface up, without an address: what a client needs to ask. */
export function compileUnleased(target: LeasedInterface): Desired {
  return { objects: [linkOf(target, target.mtuBytes)], absent: [] };
}

/**
 * @param validSeconds how long the address may still be used: the kernel itself takes it away then. Not used for a
 *   lease for ever.
 */
export function compileLease(target: LeasedInterface, lease: Dhcp4Lease, validSeconds: number): Desired {
  const { address, prefixLength } = lease;
  const origin = originOf(target);
  const own: Ipv4Prefix = { address, length: prefixLength };
  const broadcast = prefixLength > LONGEST_PREFIX_WITH_BROADCAST ? undefined : (lease.broadcast ?? broadcastOf(own));
  const objects: StateObject[] = [
    // A larger one than the interface has may be more than its device can; that is left to the host.
    linkOf(target, Math.min(lease.mtuBytes ?? target.mtuBytes, target.mtuBytes)),
    {
      kind: "address",
      key: `${target.unit}/address/${address}`,
      origin,
      namespace: "",
      linkKey: linkKeyOf(target),
      address,
      prefixLength,
      ...(broadcast === undefined ? {} : { broadcast }),
      ...(lease.leaseSeconds === INFINITE_LEASE_SECONDS ? {} : { validSeconds }),
    },
    ...routesOf(target, lease),
  ];
  return { objects, absent: [] };
}

function linkKeyOf({ unit }: LeasedInterface): string {
  return `${unit}/link`;
}

function originOf({ name }: LeasedInterface): string {
  return `the DHCP lease of ${name}`;
}

function linkOf(target: LeasedInterface, mtuBytes: number): LinkObject {
  return {
    kind: "link",
    key: linkKeyOf(target),
    origin: originOf(target),
    namespace: "",
    name: target.name,
    link: { type: "adopted", adoptedIndex: target.index },
    mtuBytes,
    up: true,
  };
}

/** Those onto the link first; a gateway that none of them leads to is taken to be on the link. */
function routesOf(target: LeasedInterface, { address, prefixLength, routes }: Dhcp4Lease): RouteObject[] {
  const reachable = [
    { address, length: prefixLength },
    ...routes.flatMap(({ destination, gateway }) => (gateway === IPV4_ANY ? [destination] : [])),
  ];
  const linkKey = linkKeyOf(target);
  return routes
    .toSorted((a, b) => Number(a.gateway !== IPV4_ANY) - Number(b.gateway !== IPV4_ANY))
    .map(({ destination, gateway }): RouteObject => {
      const onLink = gateway === IPV4_ANY;
      const hop: NextHop = onLink
        ? { linkKey }
        : { linkKey, gateway, ...(reachable.some((prefix) => contains(prefix, gateway)) ? {} : { onlink: true }) };
      return {
        kind: "route",
        key: `${target.unit}/route/${formatPrefix(destination)}`,
        origin: originOf(target),
        namespace: "",
        destination,
        nextHops: [hop],
        metric: target.metric,
        protocol: PROTOCOL_DHCP,
        ...(onLink ? { scope: SCOPE_LINK } : {}),
        source: address,
      };
    });
}
