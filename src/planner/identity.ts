/** What makes two objects the same thing in the kernel, whatever their keys are. */
import { isService, type StateObject } from "../state/object.ts";
import type { RouteObject } from "../state/object/kernel.ts";

const MAIN_TABLE = 254;
/** IPv6 routes without a metric get IP6_RT_PRIO_USER (net/ipv6/ip6_route.h). */
const IPV6_DEFAULT_METRIC = 1024;

const identities = new WeakMap<StateObject, string>();

/** Two objects with the same identity cannot stand side by side. */
export function identityOf(object: StateObject): string {
  let identity = identities.get(object);
  if (identity === undefined) {
    identity = buildIdentity(object);
    identities.set(object, identity);
  }
  return identity;
}

function buildIdentity(object: StateObject): string {
  if (isService(object)) return `${object.kind}|${object.key}`;
  switch (object.kind) {
    case "namespace":
      return `namespace|${object.name}`;
    case "link":
      return `link|${object.key}`;
    case "address":
      return `address|${object.namespace}|${object.linkKey}|${object.address}/${object.prefixLength}|${object.peer ?? ""}`;
    case "route":
      return `route|${object.namespace}|${routeIdentity(object)}${ipv6Links(object)}`;
    case "neighbour":
      return `neighbour|${object.namespace}|${object.linkKey}|${object.address}`;
    case "sysctl":
      return `sysctl|${object.namespace}|${object.path}`;
    case "nft-table":
      return `nft-table|${object.namespace}|${object.family} ${object.name}`;
    case "foreign-accept":
      return `foreign-accept|${object.key}|${object.namespace}|${object.backend}|${object.chain}|${object.inInterface ?? ""}|${object.outInterface ?? ""}|${object.establishedOnly === true}`;
    case "file":
      return `file|${object.path}`;
  }
}

/** IPv6 has a route to one destination for each link, as fe80::/64 shows. */
function ipv6Links({ destination, nextHops }: RouteObject): string {
  return destination.address.includes(":") ? ` ${nextHops.map((hop) => hop.linkKey ?? "").join(" ")}` : "";
}

/** Table, destination, metric and type of service, with the kernel's defaults filled in. */
export function routeIdentity(route: Pick<RouteObject, "table" | "destination" | "metric" | "tos">): string {
  const { address, length } = route.destination;
  const metric = route.metric || (address.includes(":") ? IPV6_DEFAULT_METRIC : 0);
  return `${route.table ?? MAIN_TABLE} ${address}/${length} ${metric} ${route.tos ?? 0}`;
}

/** The same identity, or the same parameter of a device that goes by another name. */
export function isSameThing(a: StateObject | undefined, b: StateObject | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.kind === "sysctl" && b.kind === "sysctl") {
    return a.namespace === b.namespace && withoutDevice(a.path) === withoutDevice(b.path);
  }
  return identityOf(a) === identityOf(b);
}

function withoutDevice(path: string): string {
  const device = deviceOf(path);
  return device === undefined ? path : path.replace(`/${device}/`, "/*/");
}

/** The device in `net/ipv4/conf/DEVICE/…`; undefined for a parameter of the namespace. */
export function deviceOf(path: string): string | undefined {
  const device = /^net\/(?:ipv[46]|mpls)\/(?:conf|neigh)\/([^/]+)\//.exec(path)?.[1];
  return device === "all" || device === "default" ? undefined : device;
}
