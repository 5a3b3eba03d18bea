/** What of a network's IPv6 server can change while it runs: all that it tells, but not where. */
import type { ServiceObject } from "./object.ts";

/** Whether the server of the one can go on as the other's, so that hosts keep what both tell. */
export function isServedOn(before: ServiceObject, after: ServiceObject): boolean {
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
