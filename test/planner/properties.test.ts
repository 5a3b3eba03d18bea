import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { invert } from "./invert.ts";
import { plan, type Plan } from "../../src/planner/plan.ts";
import { type Desired, EMPTY } from "../../src/state/desired.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { Snapshot } from "../../src/state/snapshot.ts";
import type { OwnershipRecord, Step } from "../../src/state/step.ts";
import { canonical } from "./canonical.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { desiredFor, HOST, recordOf, wishes } from "./worlds.ts";

interface World {
  readonly snapshot: Snapshot;
  readonly record?: OwnershipRecord;
}

const UNTOUCHED: World = { snapshot: HOST };

/** Plan and apply; what then is there, with its record. */
function reach(world: World, desired: Desired): World & { readonly plan: Plan; readonly record: OwnershipRecord } {
  const made = planIn(world, desired);
  const snapshot = carryOut(world.snapshot, made.steps, [...desired.objects, ...recorded(world.record)]);
  return { snapshot, plan: made, record: recordOf(desired, made.originals, world.record) };
}

function planIn({ snapshot, record }: World, desired: Desired, pending: readonly Step[] = []): Plan {
  const made = plan({ desired, snapshot, ...(record === undefined ? {} : { record }), pending });
  expect(made.conflicts).toEqual([]);
  return made;
}

function carryOut(snapshot: Snapshot, steps: readonly Step[], objects: readonly StateObject[]): Snapshot {
  const kernel = new FakeKernel(snapshot);
  kernel.apply(steps, objects);
  return kernel.observe();
}

/** Stop after the first steps, or, when `torn`, in the middle of the next one. */
function cutOff(
  snapshot: Snapshot,
  steps: readonly Step[],
  objects: readonly StateObject[],
  cut: number,
  torn: boolean,
): Snapshot {
  const position = cut % (steps.length + 1);
  const kernel = new FakeKernel(snapshot);
  // A peer is named by a step of its own, which may lie behind the cut.
  const named = [...objects, ...steps.flatMap((step) => step.after ?? [])];
  kernel.apply(steps.slice(0, position), named);
  const next = steps[position];
  if (torn && next !== undefined) kernel.tear(next, named);
  return kernel.observe();
}

function recorded(record: OwnershipRecord | undefined): StateObject[] {
  return Object.values(record?.owned ?? {}).flatMap(({ object, original }) =>
    [object, original].filter((entry) => entry !== undefined),
  );
}

const summaries = (made: Plan): string[] => made.steps.map((step) => step.summary);

/** Two wanted states after each other, and a place to stop on the way from the first to the second. */
const journeys = fc.tuple(wishes.map(desiredFor), wishes.map(desiredFor), fc.nat(), fc.boolean());

const RUNS = { numRuns: 100 };

describe("for any wanted state", { timeout: 30_000 }, () => {
  test("nothing is left to do once it is reached", () => {
    fc.assert(
      fc.property(journeys, ([first, second]) => {
        const there = reach(reach(UNTOUCHED, first), second);
        expect(summaries(planIn(there, second))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("the way there does not matter to where it leads", () => {
    fc.assert(
      fc.property(journeys, ([first, second]) => {
        const roundabout = reach(reach(UNTOUCHED, first), second);
        const straight = reach(UNTOUCHED, second);
        expect(canonical(roundabout.snapshot)).toEqual(canonical(straight.snapshot));
      }),
      RUNS,
    );
  });

  test("the inverse of a plan restores what was there before", () => {
    fc.assert(
      fc.property(journeys, ([first, second]) => {
        const before = reach(UNTOUCHED, first);
        const after = reach(before, second);
        const objects = [...second.objects, ...recorded(before.record)];
        const back = carryOut(after.snapshot, invert(after.plan.steps, objects), objects);
        expect(canonical(back)).toEqual(canonical(before.snapshot));
      }),
      RUNS,
    );
  });

  test("a change that was cut off anywhere is finished by the next run", () => {
    fc.assert(
      fc.property(journeys, ([first, second, cut, torn]) => {
        const before = reach(UNTOUCHED, first);
        const whole = reach(before, second);
        const pending = whole.plan.steps;
        const objects = [...second.objects, ...recorded(before.record)];
        const stopped = { ...before, snapshot: cutOff(before.snapshot, pending, objects, cut, torn) };
        const rest = planIn(stopped, second, pending);
        const end = carryOut(stopped.snapshot, rest.steps, objects);
        expect(canonical(end)).toEqual(canonical(whole.snapshot));
        expect(summaries(planIn({ ...before, snapshot: end }, second, [...pending, ...rest.steps]))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("being cut off again and again ends well", () => {
    fc.assert(
      fc.property(journeys, fc.array(fc.nat(), { maxLength: 3 }), ([first, second, cut, torn], cuts) => {
        const before = reach(UNTOUCHED, first);
        const whole = reach(before, second);
        const objects = [...second.objects, ...recorded(before.record)];
        let pending = whole.plan.steps;
        let snapshot = cutOff(before.snapshot, pending, objects, cut, torn);
        for (const [i, next] of cuts.entries()) {
          const target = i % 2 === 0 ? EMPTY : second;
          const { steps } = planIn({ ...before, snapshot }, target, pending);
          snapshot = cutOff(snapshot, steps, objects, next, torn);
          pending = [...pending, ...steps];
        }
        const rest = planIn({ ...before, snapshot }, second, pending);
        expect(canonical(carryOut(snapshot, rest.steps, objects))).toEqual(canonical(whole.snapshot));
        const away = planIn({ ...before, snapshot }, EMPTY, pending);
        expect(canonical(carryOut(snapshot, away.steps, objects))).toEqual(canonical(HOST));
      }),
      RUNS,
    );
  });

  test("from anywhere on the way, taking everything away restores the untouched host", () => {
    fc.assert(
      fc.property(journeys, ([first, second, cut, torn]) => {
        const before = reach(UNTOUCHED, first);
        const pending = planIn(before, second).steps;
        const objects = [...second.objects, ...recorded(before.record)];
        const stopped = { ...before, snapshot: cutOff(before.snapshot, pending, objects, cut, torn) };
        const destroy = planIn(stopped, EMPTY, pending);
        const end = carryOut(stopped.snapshot, destroy.steps, objects);
        expect(canonical(end)).toEqual(canonical(HOST));
        expect(summaries(planIn({ ...before, snapshot: end }, EMPTY, [...pending, ...destroy.steps]))).toEqual([]);
      }),
      RUNS,
    );
  });
});
