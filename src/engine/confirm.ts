/**
 * Changes that undo themselves unless somebody confirms them: the change that cuts off the person who made it. What
 * was wanted before and the deadline are kept with the unit, so that neither a kill nor a reboot makes the change last:
 * whoever opens the unit next and finds the deadline past undoes it first.
 */
import { NetloomError } from "../base/errors.ts";
import { EMPTY, type Desired } from "../state/desired.ts";
import { type Confirmation, UnitStore } from "../store/unit.ts";
import { type Outcome, reconcile, type ReconcileOptions } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";

/**
 * As {@link reconcile}; with `confirmSeconds` the change is undone unless it is confirmed within that time after it was
 * done. Without it the change lasts, and so does an earlier one that waited.
 */
export async function reconcileUnconfirmed(
  unit: UnitStore,
  desired: Desired,
  options: ReconcileOptions,
  confirmSeconds: number | undefined,
): Promise<Outcome> {
  if (confirmSeconds === undefined) {
    const outcome = await reconcile(unit, desired, options);
    unit.removeConfirmation();
    return outcome;
  }
  const pending = unit.readConfirmation();
  const previous = pending?.previous ?? unit.readRecord()?.desired ?? EMPTY;
  const confirmation = (): Confirmation => ({ version: 1, deadline: Date.now() + confirmSeconds * 1000, previous });
  // Before the first step: cut off by a kill, the change is undone as well.
  unit.writeConfirmation(confirmation());
  try {
    const outcome = await reconcile(unit, desired, options);
    unit.writeConfirmation(confirmation());
    return outcome;
  } catch (error) {
    if (pending === undefined) unit.removeConfirmation();
    else unit.writeConfirmation(pending);
    throw error;
  }
}

/**
 * Undo the unit's unconfirmed change if its time is up.
 * @param options.now milliseconds since 1970
 * @returns undefined: nothing was to be undone
 */
export async function undoUnconfirmed(
  unit: UnitStore,
  services: ServiceHost,
  { now = Date.now() }: { readonly now?: number } = {},
): Promise<Outcome | undefined> {
  const pending = unit.readConfirmation();
  if (pending === undefined || pending.deadline > now) return undefined;
  const outcome = await reconcile(unit, pending.previous, { services });
  unit.removeConfirmation();
  return outcome;
}

/**
 * Let unconfirmed changes last.
 * @param unit only this one's
 * @returns the units whose change was confirmed
 * @throws NetloomError confirm-late when the unit's time is up, nothing-to-confirm when the unit has none
 */
export function confirmUnits(stateFolder: string, unit?: string): string[] {
  const pending = pendingConfirmations(stateFolder).filter((entry) => unit === undefined || entry.unit === unit);
  const late = pending.find((entry) => entry.deadline <= Date.now());
  if (late !== undefined) {
    throw new NetloomError("confirm-late", `confirm ${late.unit}: its time is up, it is being undone`, {
      hint: "Apply it again.",
    });
  }
  if (unit !== undefined && pending.length === 0)
    throw new NetloomError("nothing-to-confirm", `confirm ${unit}: no change of it waits to be confirmed`);
  for (const entry of pending) UnitStore.open(stateFolder, entry.unit).removeConfirmation();
  return pending.map((entry) => entry.unit);
}

interface Pending {
  readonly unit: string;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** Changes that wait to be confirmed. @throws NetloomError corrupt-store */
export function pendingConfirmations(stateFolder: string): Pending[] {
  return UnitStore.list(stateFolder).flatMap((unit) => {
    const pending = UnitStore.open(stateFolder, unit).readConfirmation();
    return pending === undefined ? [] : [{ unit, deadline: pending.deadline }];
  });
}
