/** plan, apply and destroy of a network file. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { NetloomError, messageOf } from "../base/errors.ts";
import { allocationsOf } from "../compile/allocations.ts";
import { compile } from "../compile/compile.ts";
import { qualifyKeys } from "../compile/qualify.ts";
import { missingCapabilities } from "../kernel/features.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import type { Model } from "../model/model.ts";
import { parseNetworkFile } from "../model/parse.ts";
import type { Plan } from "../planner/plan.ts";
import { type Desired, EMPTY } from "../state/object.ts";
import type { Step } from "../state/step.ts";
import { UnitStore } from "../store/unit.ts";
import { gatherFacts } from "./facts.ts";
import { keeperServices } from "./keeper-services.ts";
import { type Outcome, planUnit, reconcile } from "./reconcile.ts";

type Progress = (step: Step, position: number, total: number) => void;

/** @throws NetloomError bad-file (exit code 2), cannot-plan */
export async function planFile(
  file: string,
  stateFolder: string,
): Promise<{ plan: Plan; unitName: string; notes: readonly string[] }> {
  const { unit, desired, notes } = await wanted(file, stateFolder);
  const { plan } = await planUnit(unit, desired);
  const lacking = missingCapabilities().map(({ name }) => name);
  const blind =
    lacking.length === 0
      ? []
      : [
          `without ${lacking.join(", ")} not all of this host can be read: what is done already may be planned once more`,
        ];
  return { plan, unitName: unit.name, notes: [...notes, ...plan.notes, ...blind] };
}

/** @throws NetloomError bad-file, cannot-plan, conflict (nothing touched), apply-failed (all undone), rollback-failed */
export async function applyFile(
  file: string,
  stateFolder: string,
  progress: Progress,
): Promise<{ outcome: Outcome; unitName: string; notes: readonly string[] }> {
  const { unit, desired, notes } = await wanted(file, stateFolder);
  const services = keeperServices(stateFolder);
  const outcome = await reconcile(unit, desired, { progress, services, source: resolve(file) });
  return { outcome, unitName: unit.name, notes: [...notes, ...outcome.notes] };
}

/**
 * Undo what was applied from this file. The file need not be valid any more, nor exist: what to undo is in
 * the record.
 */
export async function destroyFile(
  file: string,
  stateFolder: string,
  progress: Progress,
): Promise<{ outcome: Outcome; unitName: string }> {
  const unit = unitOf(file, stateFolder);
  const services = keeperServices(stateFolder);
  const outcome = await reconcile(unit, EMPTY, { progress, services });
  return { outcome, unitName: unit.name };
}

async function wanted(
  file: string,
  stateFolder: string,
): Promise<{ unit: UnitStore; desired: Desired; notes: readonly string[] }> {
  const text = readNetworkFile(file);
  const first = parseNetworkFile(text, file, { folder: dirname(resolve(file)) });
  const unit = UnitStore.open(stateFolder, first.name);
  const record = unit.readRecord();
  if (record !== undefined && record.source !== resolve(file)) {
    throw new NetloomError(
      "name-taken",
      `${file}: the name ${first.name} belongs to ${record.source}, which is applied`,
      {
        hint: `Destroy that one first, or give this file a name of its own: "name: something-else" at its top.`,
      },
    );
  }
  const previous = record ?? unit.readJournal();
  const model: Model =
    previous === undefined
      ? first
      : parseNetworkFile(text, file, { folder: dirname(resolve(file)), previous: allocationsOf(previous.desired) });
  const facts = await gatherFacts(model, ownedKeys(unit));
  const { desired: unqualified, notes } = compile(model, facts);
  const desired = qualifyKeys(unqualified, unit.name);
  await requireFeatures(desired);
  return { unit, desired, notes };
}

function unitOf(file: string, stateFolder: string): UnitStore {
  const source = resolve(file);
  for (const name of UnitStore.list(stateFolder)) {
    const unit = UnitStore.open(stateFolder, name);
    if ((unit.readRecord() ?? unit.readJournal())?.source === source) return unit;
  }
  return UnitStore.open(stateFolder, basename(file).replace(/\.[^.]*$/, ""));
}

function readNetworkFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new NetloomError("bad-file", `${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Keys of what an earlier run made or may have made. */
function ownedKeys(unit: UnitStore): Set<string> {
  const steps = unit.readJournal()?.steps ?? [];
  return new Set([...Object.keys(unit.readRecord()?.owned ?? {}), ...steps.map((step) => step.key)]);
}
