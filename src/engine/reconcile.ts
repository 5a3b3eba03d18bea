/**
 * One change from beginning to end: observe → plan → journal → execute → verify → record, and back again
 * when it fails.
 *
 * Going back needs no second mechanism: it is a reconcile to what was wanted before (nothing, for the first
 * apply), planned from what the kernel shows at that moment. The journal of the failed change is what makes
 * its half-made objects known as ours and keeps what they replaced. A change that was cut off by a kill is
 * taken up by the next command in exactly the same way.
 */
import { equalValues } from "../base/equal.ts";
import { NetloomError, messageOf } from "../base/errors.ts";
import { type ObserveRequest, observe } from "../kernel/observe.ts";
import { plan as planSteps, type Plan } from "../planner/plan.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import { isService, type ServiceObject, type StateObject } from "../state/object.ts";
import type { NftTableObject } from "../state/object/kernel.ts";
import type { Snapshot } from "../state/snapshot.ts";
import type { OwnedObject, OwnershipRecord, Step } from "../state/step.ts";
import type { Journal, UnitStore } from "../store/unit.ts";
import { crashPoint } from "./crash-point.ts";
import { executeSteps, wantedServices } from "./execute.ts";
import { observeRequest } from "./request.ts";
import type { ServiceHost } from "./service-host.ts";
import { ParameterSetters, SharedParameters } from "./shared.ts";

export interface ReconcileOptions {
  /** Called before each step; `total` is the number of steps of this change. */
  readonly progress?: (step: Step, position: number, total: number) => void;
  /** Runs DHCP servers and guests. */
  readonly services: ServiceHost;
  /** Where the wanted state comes from: a file's path, or a bind's options. Kept with the record. */
  readonly source?: string;
  /** How the kernel's state is read; absent: all of it, anew. */
  readonly observe?: Observe;
  /** What the plan is made from where that was read a moment before; whether it became true is read anew all the same. */
  readonly seen?: Observe;
}

export type Observe = (request: ObserveRequest) => Promise<Snapshot>;

/** A plan together with what it was made from. */
interface Planned {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly record: OwnershipRecord | undefined;
  readonly journal: Journal | undefined;
}

/** Where a change ended. `steps` is what was done. */
export interface Outcome {
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
}

/**
 * Observe what `desired` and the unit's past touch, and plan the way there. Changes nothing.
 * @param setters where many units are planned: of all of the state folder's records
 */
export async function planUnit(
  unit: UnitStore,
  desired: Desired,
  look: Observe = observe,
  setters: () => ParameterSetters = () => new ParameterSetters(unit.readOtherRecords()),
): Promise<Planned> {
  const record = unit.readRecord();
  const journal = unit.readJournal();
  const snapshot = await look(observeRequest(objectsAtStake(desired, record, journal)));
  const shared = new SharedParameters(unit.name, setters());
  const known = withJournal(unit.name, record, journal);
  const wanted = new Set(desired.objects.map((object) => object.key));
  const plan = planSteps({
    desired,
    snapshot,
    ...known,
    ...(known.record === undefined ? {} : { record: shared.withoutShared(known.record, wanted) }),
  });
  const originals = { ...plan.originals, ...shared.originalsFor(desired.objects) };
  return { plan: { ...plan, originals }, snapshot, record, journal };
}

/**
 * Bring the unit to `desired`; {@link EMPTY} takes it away entirely. Repeating is safe.
 * @throws NetloomError conflict (nothing touched), apply-failed (all undone), rollback-failed (says what is left)
 */
export async function reconcile(unit: UnitStore, desired: Desired, options: ReconcileOptions): Promise<Outcome> {
  const planned = await planUnit(unit, desired, options.seen ?? options.observe);
  refuseConflicts(planned.plan);
  const previous = planned.record?.desired ?? EMPTY;
  try {
    return await carryOut(unit, desired, planned, options);
  } catch (error) {
    if (isEmpty(desired)) throw error;
    await goBack(unit, previous, error, options);
    throw new NetloomError("apply-failed", `${messageOf(error)}; everything done so far was undone`, {
      cause: error,
      ...(error instanceof NetloomError && error.hint !== undefined ? { hint: error.hint } : {}),
    });
  }
}

async function carryOut(
  unit: UnitStore,
  desired: Desired,
  planned: Planned,
  options: ReconcileOptions,
): Promise<Outcome> {
  const { plan, record, journal } = planned;
  const source = options.source ?? record?.source ?? journal?.source ?? "";
  const unfinished = journal !== undefined;
  const unchanged = plan.steps.length === 0 && !unfinished;
  if (unchanged && (record === undefined ? isEmpty(desired) : sameDesired(record.desired, desired))) {
    const wanted = wantedServices(desired);
    if (wanted.length > 0) await options.services.converge(unit.name, wanted);
    if (isEmpty(desired)) unit.remove();
    return { steps: [], notes: plan.notes };
  }
  crashPoint();
  // Also those of the record: when everything is taken away, the record goes before the journal.
  const originals = { ...recordedOriginals(record), ...plan.originals, ...journal?.originals };
  if (!covers(journal, plan)) {
    const steps = [...(journal?.steps ?? []), ...plan.steps];
    writeJournal(unit, { version: 1, source, desired, steps, originals }, planned);
  }
  crashPoint();
  await executeSteps(plan.steps, {
    unitName: unit.name,
    desired,
    snapshot: planned.snapshot,
    objects: objectsAtStake(desired, record, journal),
    running: runningServices(record, journal),
    services: options.services,
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
  crashPoint();
  const applied = await verify(unit, desired, options);
  if (isEmpty(desired)) unit.remove();
  else {
    const owned = ownedObjects(desired, originals, record, applied);
    const next: OwnershipRecord = { version: 1, name: unit.name, source, desired, owned };
    if (record !== undefined && (wentBack(record, next, planned) || equalValues(record, next))) unit.keepRecord();
    else unit.commit(next);
  }
  crashPoint();
  return { steps: plan.steps, notes: plan.notes };
}

function recordedOriginals(record: OwnershipRecord | undefined): Record<string, StateObject> {
  const entries = Object.entries(record?.owned ?? {});
  return Object.fromEntries(
    entries.flatMap(([key, { original }]) => (original === undefined ? [] : [[key, original]])),
  );
}

/** Whether a change that failed was undone: then nothing need be written. */
function wentBack(record: OwnershipRecord, next: OwnershipRecord, { plan, journal }: Planned): boolean {
  return plan.steps.length > 0 && covers(journal, plan) && sameDesired(record.desired, next.desired);
}

/** Read everything back with record and journal still in force: a plan that is not empty is an error by name. */
async function verify(unit: UnitStore, desired: Desired, options: ReconcileOptions): Promise<Snapshot> {
  const { plan, snapshot } = await planUnit(unit, desired, options.observe);
  const problems = [
    ...plan.conflicts.map((conflict) => conflict.message),
    ...plan.steps.filter((step) => !isService(step.after ?? step.before)).map((step) => step.summary),
  ];
  if (problems.length === 0) return snapshot;
  throw new NetloomError(
    "verify-failed",
    `verify ${unit.name}: the kernel does not show what was applied; still to do: ${problems.slice(0, 5).join("; ")}`,
  );
}

async function goBack(unit: UnitStore, previous: Desired, reason: unknown, options: ReconcileOptions): Promise<void> {
  try {
    const planned = await planUnit(unit, previous, options.observe);
    refuseConflicts(planned.plan);
    await carryOut(unit, previous, planned, options);
  } catch (error) {
    throw new NetloomError("rollback-failed", `${messageOf(reason)}; and undoing it failed: ${messageOf(error)}`, {
      hint: "Run the same command again, or `destroy` (`unbind`): the journal is kept and both start from what is there now.",
      cause: reason,
    });
  }
}

function refuseConflicts(plan: Plan): void {
  if (plan.conflicts.length === 0) return;
  const lines = plan.conflicts.map((conflict) => `${conflict.message} (${conflict.remedy})`);
  throw new NetloomError("conflict", `nothing was changed: ${lines.join("\n  ")}`);
}

/** What is owned once `desired` stands: each object, what it replaced, and what was taken away for it. */
function ownedObjects(
  desired: Desired,
  originals: Readonly<Record<string, StateObject>>,
  record: OwnershipRecord | undefined,
  applied: Snapshot,
): Record<string, OwnedObject> {
  const owned: Record<string, OwnedObject> = {};
  for (const object of desired.objects) {
    const original = record?.owned[object.key]?.original ?? originals[object.key];
    const listing = object.kind === "nft-table" ? listingOf(object, applied) : undefined;
    owned[object.key] = {
      object,
      ...(original === undefined ? {} : { original }),
      ...(listing === undefined ? {} : { listing }),
    };
  }
  for (const object of desired.absent) {
    const original = record?.owned[object.key]?.original ?? originals[object.key];
    if (original !== undefined) owned[object.key] = { original };
  }
  return owned;
}

/** How the kernel shows a table that was just loaded: tells later what others changed inside. */
function listingOf({ namespace, family, name }: NftTableObject, applied: Snapshot): string | undefined {
  return applied.namespaces[namespace]?.nftTables.find((table) => table.family === family && table.name === name)
    ?.listing;
}

/** The record as the planner wants it, with the originals and steps of a change that was cut off. */
function withJournal(
  name: string,
  record: OwnershipRecord | undefined,
  journal: Journal | undefined,
): { record?: OwnershipRecord; pending?: readonly Step[] } {
  if (journal === undefined) return record === undefined ? {} : { record };
  const owned: Record<string, OwnedObject> = { ...record?.owned };
  for (const [key, original] of Object.entries(journal.originals)) {
    if (owned[key]?.original === undefined) owned[key] = { ...owned[key], original };
  }
  return {
    record: { version: 1, name, source: record?.source ?? journal.source, owned, desired: record?.desired ?? EMPTY },
    pending: journal.steps,
  };
}

/** What to observe of all that a unit's record and journal speak of. */
export function requestOf(record: OwnershipRecord | undefined, journal: Journal | undefined): ObserveRequest {
  return observeRequest(objectsAtStake(EMPTY, record, journal));
}

function* objectsAtStake(
  desired: Desired,
  record: OwnershipRecord | undefined,
  journal: Journal | undefined,
): Generator<StateObject> {
  yield* desired.objects;
  yield* desired.absent;
  for (const owned of Object.values(record?.owned ?? {})) {
    if (owned.object !== undefined) yield owned.object;
    if (owned.original !== undefined) yield owned.original;
  }
  for (const step of journal?.steps ?? []) {
    if (step.before !== undefined) yield step.before;
    if (step.after !== undefined) yield step.after;
  }
  if (journal !== undefined) yield* Object.values(journal.originals);
}

/** Services that may run now: those of the record, and those that a cut-off change may have started. */
function runningServices(record: OwnershipRecord | undefined, journal: Journal | undefined): ServiceObject[] {
  const services = new Map<string, ServiceObject>();
  const add = (object: StateObject | undefined): void => {
    if (isService(object)) services.set(object.key, object);
  };
  for (const owned of Object.values(record?.owned ?? {})) add(owned.object);
  for (const step of journal?.steps ?? []) add(step.after);
  return [...services.values()];
}

/**
 * Whether the journal of a cut-off change speaks of all that this plan touches, as it does on the way back. Then
 * nothing need be written before it, so that a full disk cannot forbid undoing what it made fail.
 */
function covers(journal: Journal | undefined, plan: Plan): boolean {
  if (journal === undefined) return false;
  const keys = new Set(journal.steps.map((step) => step.key));
  return (
    plan.steps.every((step) => keys.has(step.key)) &&
    Object.keys(plan.originals).every((key) => journal.originals[key] !== undefined)
  );
}

/**
 * A full disk must not forbid putting back what the record says, nor taking it away or undoing a change: record and
 * journal tell as much, except of an object that a kill leaves without its mark.
 * @throws NetloomError write-failed
 */
function writeJournal(unit: UnitStore, next: Journal, { record, journal }: Planned): void {
  try {
    unit.writeJournal(next);
  } catch (error) {
    const isStored = record !== undefined || journal !== undefined;
    const leadsBack = isEmpty(next.desired) || sameDesired(record?.desired ?? EMPTY, next.desired);
    if (!isStored || !leadsBack || !(error instanceof NetloomError && error.code === "write-failed")) throw error;
  }
}

function isEmpty(desired: Desired): boolean {
  return desired.objects.length === 0 && desired.absent.length === 0;
}

function sameDesired(a: Desired, b: Desired): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
