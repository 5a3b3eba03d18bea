/** Undoing a plan: its steps backwards, each with before and after exchanged. */
import type { StateObject } from "../../src/state/object.ts";
import type { LinkObject } from "../../src/state/object/kernel.ts";
import type { Step } from "../../src/state/step.ts";
import type { Draft } from "../../src/planner/context.ts";
import { orderDrafts } from "../../src/planner/order.ts";
import { describeDrafts } from "../../src/planner/plan.ts";

/**
 * Steps that lead back to where `steps`, or the first of them, began. What vanished along with something is
 * made again after it. `objects` are further objects that the steps speak of, for the names in the texts.
 */
export function invert(steps: readonly Step[], objects: readonly StateObject[] = []): Step[] {
  const before = new Map<string, LinkObject>();
  const after = new Map<string, LinkObject>();
  for (const object of objects) {
    if (object.kind !== "link") continue;
    before.set(object.key, object);
    after.set(object.key, object);
  }
  for (const step of steps.toReversed()) {
    for (const object of [step.before, ...(step.along ?? [])])
      if (object?.kind === "link") after.set(object.key, object);
  }
  const created = new Set<string>();
  for (const step of steps) {
    if (step.after?.kind !== "link") continue;
    before.set(step.key, step.after);
    if (step.before === undefined) created.add(step.key);
  }
  const names = { before: (key: string) => before.get(key), after: (key: string) => after.get(key) };
  const drafts: Draft[] = [];
  for (const step of steps.toReversed()) {
    if (isPeerOfCreated(step, created)) continue;
    const again = (step.along ?? []).map((object, i) => draftOf(object.key, undefined, object, i + 1));
    const main = draftOf(step.key, step.after, step.before, 0);
    drafts.push(
      ...(step.after === undefined ? orderAgain([main, ...again], after) : [main, ...orderAgain(again, after)]),
    );
  }
  return describeDrafts(drafts, names);
}

function orderAgain(drafts: readonly Draft[], links: ReadonlyMap<string, LinkObject>): Draft[] {
  return orderDrafts(drafts, (key) => links.get(key)?.namespace);
}

function draftOf(key: string, before: StateObject | undefined, after: StateObject | undefined, rank: number): Draft {
  return { key, before, after, along: [], rank };
}

/** The other end of a veth pair that these steps made goes with the end that made it. */
function isPeerOfCreated(step: Step, created: ReadonlySet<string>): boolean {
  if (step.before !== undefined || step.after?.kind !== "link" || step.after.link.type !== "veth-peer") return false;
  return created.has(step.after.link.peerKey);
}
