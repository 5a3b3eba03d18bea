/** What of a status is not as it should be: `netloom status` ends with 1 for it. */
import type { ServiceReport } from "../services/service.ts";
import type { UnitStatus } from "./status.ts";

export interface Judged {
  readonly units: readonly Pick<UnitStatus, "name" | "state" | "unserved" | "setAside" | "fight" | "failure">[];
  readonly setAside?: readonly string[];
  readonly keeper?: { readonly services: readonly Pick<ServiceReport & { name: string }, "name" | "state">[] };
}

const STATES: Readonly<Record<Exclude<UnitStatus["state"], "applied">, string>> = {
  drifted: "is drifted",
  unfinished: "is unfinished",
  unknown: "is unknown",
};

/**
 * One short line for each, none when all is as it was applied. A guest that ended by itself or was stopped is none, nor
 * what starts or stops just now.
 */
export function faultsOf({ units, keeper, setAside = [] }: Judged): readonly string[] {
  const faults = setAside.map((file) => `unreadable: ${file}`);
  for (const { name, state, unserved, setAside, fight, failure } of units) {
    if (state !== "applied") faults.push(`${name} ${STATES[state]}`);
    if (fight !== undefined) faults.push(`${name} is fought over`);
    if (failure !== undefined) faults.push(`${name} cannot be healed`);
    for (const service of unserved ?? []) faults.push(`${service} does not run`);
    for (const file of setAside ?? []) faults.push(`${name} has ${file} set aside`);
  }
  for (const { name, state } of keeper?.services ?? []) {
    if (state === "failed") faults.push(`${name} has failed`);
    if (state === "killed") faults.push(`${name} was killed`);
  }
  return faults;
}
