/**
 * The plan: from what is wanted, what is observed and what is known to be ours, the steps that lead from one
 * to the other.
 *
 * Each wanted object is looked for in the snapshot and read back in its own words (`read-back.ts`): missing
 * means create, different means change, equal means nothing. What is known as ours and no longer wanted
 * goes, or becomes again what it was before us. What is not ours is never touched: it is a conflict where it
 * stands in the way. Then the steps are put in an order in which each can be done (`order.ts`), and described.
 *
 * Nothing here depends on which of an unfinished change's steps were done: what is observed decides.
 */
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { Step } from "../state/step.ts";
import { commandsFor } from "./commands.ts";
import { type Conflict, Context, type Draft, type PlanInput } from "./context.ts";
import { checkNamespaces, planLinks, planNamespaces } from "./links.ts";
import type { Names } from "./names.ts";
import { orderDrafts } from "./order.ts";
import { planServices } from "./services.ts";
import { summarize } from "./summary.ts";
import { planThings } from "./things.ts";

export interface Plan {
  /** In the order in which they are to be done. */
  readonly steps: readonly Step[];
  /** What forbids it; then there are no steps. */
  readonly conflicts: readonly Conflict[];
  /** What a person should know besides the steps. */
  readonly notes: readonly string[];
  /** What stood there before us, by key: to be kept with the record, and to come back when we go. */
  readonly originals: Readonly<Record<string, StateObject>>;
}

/**
 * With `desired` = EMPTY, the plan takes everything away that is known as ours.
 * @throws NetloomError plan-cycle, internal: mistakes in what was asked, not in the snapshot
 */
export function plan(input: PlanInput): Plan {
  const context = new Context(input);
  checkNamespaces(context);
  planNamespaces(context);
  planLinks(context);
  planThings(context);
  planServices(context);
  if (context.conflicts.length > 0)
    return { steps: [], conflicts: context.conflicts, notes: context.notes, originals: {} };
  const ordered = orderDrafts(context.drafts, (key) => context.linkObject(key)?.namespace);
  return {
    steps: describeDrafts(ordered, namesOf(context)),
    conflicts: context.conflicts,
    notes: context.notes,
    originals: context.originals,
  };
}

export function describeDrafts(drafts: readonly Draft[], names: Names): Step[] {
  return drafts.map(({ key, before, after, along }) => ({
    key,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(along.length === 0 ? {} : { along }),
    summary: summarize(before, after, names),
    commands: commandsFor(before, after, names),
  }));
}

function namesOf(context: Context): Names {
  const now = (key: string): LinkObject | undefined => {
    const object = context.linkObject(key) ?? context.borrowedLink(key);
    const match = context.links.get(key);
    return object === undefined || match === undefined || match.link.name === object.name
      ? object
      : { ...object, name: match.link.name, namespace: match.namespace };
  };
  const then = (key: string): LinkObject | undefined => {
    const original = context.desired.has(key) ? undefined : context.known.get(key)?.original;
    return original?.kind === "link" ? original : (context.linkObject(key) ?? context.borrowedLink(key));
  };
  return { before: now, after: then };
}
