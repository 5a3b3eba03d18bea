/** Steps as events tell them. */
import type { Step } from "../state/step.ts";

const MOST = 20;

/** What was done, one sentence a step; of a large change only the first ones. */
export function summariesOf(steps: readonly Step[]): string[] {
  const told = steps.slice(0, MOST).map((step) => step.summary);
  return steps.length > MOST ? [...told, `and ${steps.length - MOST} more`] : told;
}
