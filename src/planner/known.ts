/**
 * What netloom knows to be its own before it looks: the record, and the steps of a change that a kill cut
 * off, any of which may have been done.
 */
import type { LinkObject, StateObject } from "../state/object.ts";
import type { OwnedObject, OwnershipRecord, Step } from "../state/step.ts";
import { identityOf } from "./identity.ts";

export interface Known {
  readonly key: string;
  /** Everything that may stand under this key and is ours; at most one of each identity, the latest. */
  readonly objects: readonly StateObject[];
  /** What stood there before us. */
  readonly original?: StateObject;
  /** The record's entry, absent for what only a cut-off change knows. */
  readonly recorded?: OwnedObject;
  /** A cut-off change was to do something here: what is observed may be before or after it. */
  readonly uncertain: boolean;
}

/** In the order in which things were made. */
export function knownObjects(record: OwnershipRecord | undefined, pending: readonly Step[]): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const [key, owned] of Object.entries(record?.owned ?? {})) {
    known.set(key, {
      key,
      objects: owned.object === undefined ? [] : [owned.object],
      ...(owned.original === undefined ? {} : { original: owned.original }),
      recorded: owned,
      uncertain: false,
    });
  }
  for (const step of pending) {
    const entry = known.get(step.key);
    const original = entry === undefined ? replacedBy(step) : entry.original;
    let objects = entry?.objects ?? [];
    for (const object of [step.before, step.after]) {
      if (object !== undefined && !sameIdentity(object, original)) objects = withObject(objects, object);
    }
    if (step.after !== undefined && sameIdentity(step.after, original)) objects = withObject(objects, step.after);
    known.set(step.key, {
      key: step.key,
      objects,
      ...(original === undefined ? {} : { original }),
      ...(entry?.recorded === undefined ? {} : { recorded: entry.recorded }),
      uncertain: true,
    });
  }
  return known;
}

/** What a first step under this key replaced, when it is of a kind that comes back: a value, an adopted link, a thing taken away. */
function replacedBy(step: Step): StateObject | undefined {
  const { before } = step;
  if (before === undefined) return undefined;
  switch (before.kind) {
    case "sysctl":
      return before;
    case "link":
      return isAdopted(before) ? before : undefined;
    case "address":
    case "route":
    case "neighbour":
      return step.after === undefined ? before : undefined;
    default:
      return undefined;
  }
}

function sameIdentity(object: StateObject, other: StateObject | undefined): boolean {
  return other !== undefined && identityOf(object) === identityOf(other);
}

function withObject(objects: readonly StateObject[], object: StateObject): StateObject[] {
  return [...objects.filter((other) => !sameIdentity(other, object)), object];
}

export function isAdopted(object: LinkObject): boolean {
  return object.link.type === "adopted";
}
