/** Observe, plan and carry out, as the engine does, without its journal. */
import { observeRequest } from "../../../src/engine/request.ts";
import { observe } from "../../../src/kernel/observe.ts";
import { Transitions } from "../../../src/kernel/transition/transitions.ts";
import { type Plan, plan } from "../../../src/planner/plan.ts";
import type { Desired } from "../../../src/state/desired.ts";
import { isService, type StateObject } from "../../../src/state/object.ts";
import type { OwnedObject, OwnershipRecord } from "../../../src/state/step.ts";

/** What the kernel objects of `desired` take now. */
export async function planNow(desired: Desired, record?: OwnershipRecord): Promise<Plan> {
  const snapshot = await observe(observeRequest(atStake(desired, record)));
  return plan({ desired: withoutServices(desired), snapshot, ...(record === undefined ? {} : { record }) });
}

/** Bring the kernel to `desired`; the record is what the next call needs to change or undo it. */
export async function carryOut(
  desired: Desired,
  record?: OwnershipRecord,
  { oneByOne = false } = {},
): Promise<{ plan: Plan; record: OwnershipRecord }> {
  const snapshot = await observe(observeRequest(atStake(desired, record)));
  const planned = plan({ desired: withoutServices(desired), snapshot, ...(record === undefined ? {} : { record }) });
  if (planned.conflicts.length > 0) throw new Error(planned.conflicts.map((conflict) => conflict.message).join("; "));
  await using transitions = new Transitions({ snapshot, objects: atStake(desired, record) });
  if (oneByOne) for (const step of planned.steps) await transitions.transition(step);
  else await transitions.transitionAll(planned.steps);
  return { plan: planned, record: recordOf(desired, planned, record) };
}

function recordOf(desired: Desired, planned: Plan, before: OwnershipRecord | undefined): OwnershipRecord {
  const owned: Record<string, OwnedObject> = {};
  for (const object of [...withoutServices(desired).objects, ...desired.absent]) {
    const original = before?.owned[object.key]?.original ?? planned.originals[object.key];
    const present = desired.absent.includes(object) ? {} : { object };
    owned[object.key] = { ...present, ...(original === undefined ? {} : { original }) };
  }
  return { version: 1, name: "test", source: "", owned, desired };
}

function atStake(desired: Desired, record: OwnershipRecord | undefined): StateObject[] {
  const owned = Object.values(record?.owned ?? {}).flatMap(({ object, original }) => [object, original]);
  return [...desired.objects, ...desired.absent, ...owned.filter((object) => object !== undefined)];
}

function withoutServices(desired: Desired): Desired {
  return {
    ...desired,
    objects: desired.objects.filter((object) => !isService(object)),
  };
}
