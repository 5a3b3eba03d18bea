/** What of a network's servers can change while they run, so that nobody on the network misses them. */
import { equalValues } from "../base/equal.ts";
import type { ServiceObject } from "./object.ts";

/** Whether the server of the one can go on as the other's. */
export function isServedOn(before: ServiceObject, after: ServiceObject): boolean {
  if (before.kind === "dns-network" && after.kind === "dns-network")
    return equalValues({ ...before, hosts: [], records: [] }, { ...after, hosts: [], records: [] });
  // Of IPv6 all that it tells, but not where: hosts keep what both tell.
  return (
    before.kind === "ip6-network" &&
    after.kind === "ip6-network" &&
    before.key === after.key &&
    before.network === after.network &&
    before.namespace === after.namespace &&
    before.linkKey === after.linkKey &&
    before.interfaceName === after.interfaceName &&
    before.linkAddress === after.linkAddress
  );
}
