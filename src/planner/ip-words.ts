/** What `ip` calls numbers of the kernel. */
import type { RouteObject } from "../state/object/kernel.ts";

/** IN6_ADDR_GEN_MODE_* as `ip link set addrgenmode` spells them. */
export const GENERATION_MODES = ["eui64", "none", "stable_secret", "random"] as const;

const ROUTE_TYPES: Readonly<Record<number, string>> = {
  2: "local",
  3: "broadcast",
  5: "multicast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
  9: "throw",
};

/** The word `ip route` has for a type other than unicast. */
export function routeType(object: RouteObject): string | undefined {
  return object.type === undefined || object.type === 1
    ? undefined
    : (ROUTE_TYPES[object.type] ?? `type ${object.type}`);
}
