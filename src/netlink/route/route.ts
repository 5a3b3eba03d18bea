/** Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (man 7 rtnetlink, linux/rtnetlink.h). */
import { formatPrefix, IPV4_ANY, type IpAddress, type Ipv6Address, type Prefix } from "../../base/address.ts";
import { attribute, attributeTable, decodeAttributes, encodeAttributes, nested, struct } from "../attribute.ts";
import { ip, u8, u32 } from "../codec.ts";
import {
  encodeBody,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../message.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  type CreateMode,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from "./constants.ts";
import { createFlags, kernelFamily } from "./family.ts";
import { METRICS, type RouteMetrics } from "./metrics.ts";
import {
  decodeNextHop,
  gatewayFields,
  type Multipath,
  multipath,
  RTNH_F_ONLINK,
  type RouteNextHop,
  via,
} from "./next-hop.ts";

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_ANYCAST = 4;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
const RT_TABLE_UNSPEC = 0;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_SCOPE_NOWHERE = 255;
const RTM_F_CLONED = 0x200;

/** struct rtmsg */
const RTMSG = struct({
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: u8,
  flags: u32,
});

const TABLE = attributeTable({
  destination: attribute("RTA_DST", 1, ip),
  from: attribute("RTA_SRC", 2, ip),
  inputIndex: attribute("RTA_IIF", 3, u32),
  gateway: attribute("RTA_GATEWAY", 5, ip),
  via: attribute("RTA_VIA", 18, via),
  linkIndex: attribute("RTA_OIF", 4, u32),
  source: attribute("RTA_PREFSRC", 7, ip),
  metric: attribute("RTA_PRIORITY", 6, u32),
  table: attribute("RTA_TABLE", 15, u32),
  metrics: attribute("RTA_METRICS", 8, nested(METRICS)),
  multipath: attribute("RTA_MULTIPATH", 9, multipath),
  preference: attribute("RTA_PREF", 20, u8),
  expires: attribute("RTA_EXPIRES", 23, u32),
  nextHopId: attribute("RTA_NH_ID", 30, u32),
});

export const ROUTE_MESSAGE = { fixedBytes: RTMSG.size, table: TABLE };

/** A route. Identity to the kernel: table, destination, tos, metric (and for IPv6 the next hop). */
export interface Route {
  readonly destination: Prefix;
  /** RTN_*; 1 (unicast) when absent. */
  readonly type?: number;
  /** Any 32-bit number; 254 (main) when absent. */
  readonly table?: number;
  /** Absent: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number;
  readonly tos?: number;
  /** RTPROT_*, who made it: 2 kernel, 3 boot (`ip` and the default here), 4 static, 16 dhcp. */
  readonly protocol?: number;
  /** RT_SCOPE_*; when absent as `ip` does it: link without a gateway, host for a local route, else global. */
  readonly scope?: number;
  /** Source address that locally made packets take (`src`). */
  readonly source?: IpAddress;
  /** IPv6 only: the route serves packets from this prefix (`from`). */
  readonly from?: Prefix;
  /** None for a blackhole; several: multipath. */
  readonly nextHops: readonly RouteNextHop[];
  readonly metrics?: RouteMetrics;
  /** IPv6 router preference: 0 medium, 1 high, 3 low. */
  readonly preference?: number;
  /** IPv6 only: the kernel takes it away after so many seconds. A dump does not say it. */
  readonly expiresSeconds?: number;
  /** Next hop object, in place of `nextHops`. */
  readonly nextHopId?: number;
}

function defaultScope(route: Route): number {
  const { type = RTN_UNICAST, nextHops } = route;
  if (kernelFamily(route.destination.address) === AF_INET6) return RT_SCOPE_UNIVERSE;
  if (type === RTN_LOCAL) return RT_SCOPE_HOST;
  if (type === RTN_BROADCAST || type === RTN_MULTICAST || type === RTN_ANYCAST) return RT_SCOPE_LINK;
  const direct = nextHops.length === 1 && nextHops[0]!.gateway === undefined;
  return type === RTN_UNICAST && direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function encodeRoute(
  route: Route,
  { scope, protocol, type }: { scope: number; protocol: number; type: number },
): Uint8Array {
  const { destination, from, nextHops, table = RT_TABLE_MAIN, metrics } = route;
  const family = kernelFamily(destination.address);
  const only = nextHops.length === 1 ? nextHops[0]! : undefined;
  const paths: Multipath | undefined = nextHops.length > 1 ? { family, nextHops } : undefined;
  return encodeBody((writer) => {
    RTMSG.append(writer, {
      family,
      destinationLength: destination.length,
      sourceLength: from?.length ?? 0,
      tos: route.tos ?? 0,
      table: table > 255 ? RT_TABLE_UNSPEC : table,
      protocol,
      scope,
      type,
      flags: only?.onlink === true ? RTNH_F_ONLINK : 0,
    });
    encodeAttributes(writer, TABLE, {
      ...gatewayFields(only?.gateway, family),
      destination: destination.length === 0 && family === AF_INET ? undefined : destination.address,
      from: from === undefined || from.length === 0 ? undefined : from.address,
      linkIndex: only?.linkIndex,
      source: route.source,
      metric: route.metric,
      table: table > 255 ? table : undefined,
      metrics,
      multipath: paths,
      preference: route.preference,
      expires: route.expiresSeconds,
      nextHopId: route.nextHopId,
    });
  });
}

function titleOf(route: Route): string {
  const destination = route.destination.length === 0 ? "default" : formatPrefix(route.destination);
  return `route ${destination}${route.table === undefined || route.table === RT_TABLE_MAIN ? "" : ` in table ${route.table}`}`;
}

/**
 * Adds a route: `ip route add …`; with `append` as `ip route append`, which adds an IPv6 next hop to the routes of
 * the same destination and metric. @throws NetloomError bad-value
 */
export function newRoute(route: Route, mode: CreateMode & { readonly append?: boolean } = {}): NetlinkRequest {
  return {
    type: RTM_NEWROUTE,
    flags: mode.append === true ? NLM_F_CREATE | NLM_F_APPEND : createFlags(mode),
    body: encodeRoute(route, {
      scope: route.scope ?? defaultScope(route),
      protocol: route.protocol ?? RTPROT_BOOT,
      type: route.type ?? RTN_UNICAST,
    }),
    operation: `add ${titleOf(route)}`,
  };
}

/** Removes the first route that has all that is given: `ip route delete …`. ESRCH when there is none. */
export function deleteRoute(route: Route): NetlinkRequest {
  // Scope "nowhere", protocol 0 and type 0 match any (net/ipv4/fib_trie.c fib_table_delete); IPv6 has no scopes.
  const anyScope = kernelFamily(route.destination.address) === AF_INET ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
  const { scope = anyScope, protocol = 0, type = 0 } = route;
  return {
    type: RTM_DELROUTE,
    flags: 0,
    body: encodeRoute(route, { scope, protocol, type }),
    operation: `delete ${titleOf(route)}`,
  };
}

/** Which routes a dump shall hold; the kernel filters (strict checking). */
export interface RouteFilter {
  readonly family?: 4 | 6;
  readonly table?: number;
  readonly protocol?: number;
  readonly linkIndex?: number;
}

/** Routes of all tables and both families, or those of a filter: `ip route show table all`. */
export function dumpRoutes({ family, table, protocol, linkIndex }: RouteFilter = {}): NetlinkRequest {
  return {
    type: RTM_GETROUTE,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => {
      RTMSG.append(writer, {
        family: family === undefined ? AF_UNSPEC : family === 4 ? AF_INET : AF_INET6,
        protocol: protocol ?? 0,
      });
      encodeAttributes(writer, TABLE, { table, linkIndex });
    }),
    operation: "list routes",
  };
}

/**
 * A route of a dump or an event. Undefined for another message, one too short, an address family that is not IP,
 * and for cached clones of IPv6.
 */
export function decodeRoute({ type, source, start, end }: NetlinkMessage): Route | undefined {
  if (type !== RTM_NEWROUTE && type !== RTM_DELROUTE) return undefined;
  const header = RTMSG.decode(source, start, end);
  if (header === undefined || (header.flags & RTM_F_CLONED) !== 0) return undefined;
  const { family } = header;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const fields = decodeAttributes(TABLE, source, start + RTMSG.size, end);
  const any = family === AF_INET ? IPV4_ANY : ("::" as Ipv6Address);
  const { metric, metrics, preference, nextHopId } = fields;
  const single = fields.linkIndex !== undefined || fields.gateway !== undefined || fields.via !== undefined;
  const nextHops =
    fields.multipath?.nextHops ?? (single ? [decodeNextHop(fields.linkIndex ?? 0, header.flags, fields)] : []);
  return {
    destination: { address: fields.destination ?? any, length: header.destinationLength },
    type: header.type,
    table: fields.table ?? header.table,
    tos: header.tos,
    protocol: header.protocol,
    scope: header.scope,
    nextHops,
    ...(metric === undefined ? {} : { metric }),
    ...(fields.source === undefined ? {} : { source: fields.source }),
    ...(header.sourceLength === 0 ? {} : { from: { address: fields.from ?? any, length: header.sourceLength } }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(preference === undefined ? {} : { preference }),
    ...(nextHopId === undefined ? {} : { nextHopId }),
  };
}

/**
 * Whether a route message is one of those that the kernel derives from every address into its local table (local,
 * broadcast, anycast and multicast), read without decoding the rest: they are most of a dump.
 */
export function isDerivedLocal({ source, start, end }: NetlinkMessage): boolean {
  if (end - start < RTMSG.size || source.view.getUint8(start + 4) !== RT_TABLE_LOCAL) return false;
  const type = source.view.getUint8(start + 7);
  return type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST || type === RTN_MULTICAST;
}
