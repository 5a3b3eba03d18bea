/** What a person should know about where the leases of networks' DHCP servers are kept: a reboot may make them forget. */
import { rangesGiven } from "../state/dhcp-ranges.ts";
import type { Desired } from "../state/desired.ts";

/** Of a thousand networks a person wants to read a few names. */
const NAMED_NETWORKS = 5;

/** @param inMemory whether what is in the state folder goes with a reboot */
export function leaseNotes(
  { objects }: Pick<Desired, "objects">,
  stateFolder: string,
  inMemory: boolean,
): readonly string[] {
  const servers = objects.filter(
    (object) =>
      (object.kind === "dhcp-network" && rangesGiven(object).length > 0) ||
      (object.kind === "ip6-network" && (object.range ?? object.delegate) !== undefined),
  );
  if (servers.length === 0 || !inMemory) return [];
  const origins = [...new Set(servers.map(({ origin }) => origin))];
  const named = origins.slice(0, NAMED_NETWORKS).join(", ");
  const further = origins.length > NAMED_NETWORKS ? ` and ${origins.length - NAMED_NETWORKS} more` : "";
  return [
    `the DHCP leases of ${named}${further} are kept in ${stateFolder}, which is memory and goes with a reboot; --state DIR keeps them on a disk`,
  ];
}
