/**
 * Carry out the steps of a plan: services that must go first, then the kernel's objects in the plan's order,
 * then services that must come.
 */
import { Transitions } from "../kernel/transition/transitions.ts";
import { isServedOn } from "../state/served-on.ts";
import type { Desired } from "../state/desired.ts";
import { isService, type ServiceObject, type StateObject } from "../state/object.ts";
import type { Snapshot } from "../state/snapshot.ts";
import type { Step } from "../state/step.ts";
import { differsOnlyInNics, keptNics, onlyLosesNics } from "../state/vm.ts";
import { crashPoint, stepByStep } from "./crash-point.ts";
import type { ServiceHost } from "./service-host.ts";

interface Execution {
  readonly unitName: string;
  readonly desired: Desired;
  /** What the plan was made from. */
  readonly snapshot: Snapshot;
  /** Everything that steps may speak of: of the wanted state, the record and a cut-off change. */
  readonly objects: Iterable<StateObject>;
  /** Services that may run now. */
  readonly running: readonly ServiceObject[];
  readonly services: ServiceHost;
  /** Called before each step. */
  readonly progress?: (step: Step, position: number, total: number) => void;
}

/** @throws NetloomError step-failed, or what a service said; the steps before it are done then */
export async function executeSteps(steps: readonly Step[], execution: Execution): Promise<void> {
  let position = 0;
  const progress = (step: Step): void => execution.progress?.(step, ++position, steps.length);
  const wanted = wantedServices(execution.desired);
  const changes = steps.filter((step) => isService(step.after ?? step.before));
  for (const step of changes) if (comesFirst(step)) progress(step);
  const staying = stayingServices(execution.running, wanted, changes);
  if (!sameValues(staying, execution.running)) await converge(execution, staying, { start: false });
  await changeKernel(
    steps.filter((step) => !isService(step.after ?? step.before)),
    execution,
    progress,
  );
  for (const step of changes) if (!comesFirst(step)) progress(step);
  if (wanted.length > 0) await converge(execution, wanted);
}

/** Services that are left alone while the kernel's objects change; guests without the NICs that they lose. */
function stayingServices(
  running: readonly ServiceObject[],
  wanted: readonly ServiceObject[],
  changes: readonly Step[],
): ServiceObject[] {
  // A service whose interface is made anew is listed among the steps although it is wanted unchanged.
  const ending = new Set(changes.filter((step) => comesFirst(step) && !isUnplugging(step)).map((step) => step.key));
  return running.flatMap((service) => {
    const goal = wanted.find((other) => other.key === service.key);
    if (goal === undefined || ending.has(service.key)) return [];
    if (isServedOn(service, goal)) return [service];
    if (goal.kind !== "vm" || service.kind !== "vm") return sameValue(goal, service) ? [service] : [];
    if (!differsOnlyInNics(goal, service)) return [];
    const reduced = changes.find((step) => step.key === service.key && isUnplugging(step))?.after;
    return [isService(reduced) ? reduced : { ...service, nics: keptNics(service.nics, goal.nics) }];
  });
}

function isUnplugging({ before, after }: Step): boolean {
  return before?.kind === "vm" && after?.kind === "vm" && onlyLosesNics(before, after);
}

/** A service that changes ends before the kernel's objects change, unless it goes on; a guest that only gets NICs does. */
function comesFirst(step: Step): boolean {
  const { before, after } = step;
  if (isService(before) && isService(after) && isServedOn(before, after)) return false;
  if (before?.kind === "vm" && after?.kind === "vm" && differsOnlyInNics(before, after)) return isUnplugging(step);
  return before !== undefined;
}

/** DHCP servers and guests of a wanted state. */
export function wantedServices(desired: Desired): ServiceObject[] {
  return desired.objects.filter(isService);
}

async function converge(
  { services, unitName }: Execution,
  wanted: readonly ServiceObject[],
  options: { readonly start?: boolean } = {},
): Promise<void> {
  crashPoint();
  await services.converge(unitName, wanted, options);
  crashPoint();
}

async function changeKernel(
  steps: readonly Step[],
  execution: Execution,
  progress: (step: Step) => void,
): Promise<void> {
  if (steps.length === 0) return;
  await using transitions = new Transitions({ snapshot: execution.snapshot, objects: execution.objects });
  if (!stepByStep) {
    // Awaited here: leaving the block would close the descriptors that the requests speak of.
    await transitions.transitionAll(steps, progress);
    return;
  }
  for (const step of steps) {
    crashPoint();
    progress(step);
    await transitions.transition(step);
  }
}

function sameValues(a: readonly ServiceObject[], b: readonly ServiceObject[]): boolean {
  return a.length === b.length && a.every((service, i) => sameValue(service, b[i]!));
}

function sameValue(a: ServiceObject, b: ServiceObject): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
