/**
 * What a DHCPv6 lease makes of an interface: the link up, the addresses for as long as they last, and for each delegated
 * prefix a route that refuses what none of its parts is used for, or it would go back and forth between the provider and
 * us (RFC 7084 WPD-5). Where to the outside is the router advertisements' to tell.
 */
import { formatPrefix, type Ipv6Prefix, type MacAddress } from "../base/address.ts";
import type { Desired } from "../state/desired.ts";
import type { AddressObject, LinkObject, RouteObject } from "../state/object/kernel.ts";

/** RTPROT_DHCP (linux/rtnetlink.h). */
const PROTOCOL_DHCP = 16;
/** RTN_UNREACHABLE (linux/rtnetlink.h). */
const UNREACHABLE = 7;
/** Any other route to the same prefix wins. */
const LAST_METRIC = 0x7fff_ffff;

/**
 * IFA_F_NOPREFIXROUTE (linux/if_addr.h): what else is on the link is told by router advertisements (RFC 5942 §4), and the
 * route of an address that ends would outlive it.
 */
export const LEASED_ADDRESS_FLAGS = 0x200;

/** An interface of this host. */
export interface LeasedInterface6 {
  /** Of the unit that keeps the lease. */
  readonly unit: string;
  readonly name: string;
  readonly index: number;
  readonly macAddress: MacAddress;
}

/** Seconds from when it came; absent: for ever. */
export interface LeasedAddress6 {
  readonly address: AddressObject["address"];
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
}

/** @param addresses with their durations from when each came: the kernel itself takes them away at their end */
export function compileLease6(
  target: LeasedInterface6,
  addresses: readonly LeasedAddress6[],
  prefixes: readonly Ipv6Prefix[],
): Desired {
  const origin = `the DHCPv6 lease of ${target.name}`;
  const linkKey = `${target.unit}/link`;
  const link: LinkObject = {
    kind: "link",
    key: linkKey,
    origin,
    namespace: "",
    name: target.name,
    link: { type: "adopted", adoptedIndex: target.index },
    up: true,
  };
  const given = addresses.map(
    ({ address, preferredSeconds, validSeconds }): AddressObject => ({
      kind: "address",
      key: `${target.unit}/address/${address}`,
      origin,
      namespace: "",
      linkKey,
      address,
      prefixLength: 128,
      flags: LEASED_ADDRESS_FLAGS,
      ...(preferredSeconds === undefined ? {} : { preferredSeconds }),
      ...(validSeconds === undefined ? {} : { validSeconds }),
    }),
  );
  const refused = prefixes.map(
    (prefix): RouteObject => ({
      kind: "route",
      key: `${target.unit}/route/${formatPrefix(prefix)}`,
      origin,
      namespace: "",
      destination: prefix,
      nextHops: [],
      type: UNREACHABLE,
      metric: LAST_METRIC,
      protocol: PROTOCOL_DHCP,
    }),
  );
  return { objects: [link, ...given, ...refused], absent: [] };
}
