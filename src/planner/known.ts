/**
 * What netloom knows to be its own before it looks: the record, and the steps of a change that a kill cut
 * off, any of which may have been done.
 */
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { OwnedObject, OwnershipRecord, Step } from "../state/step.ts";
import { deviceOf, identityOf } from "./identity.ts";

export interface Known {
  readonly key: string;
  /** Everything that may stand under this key and is ours, the latest last; of one identity only the latest, but for links. */
  readonly objects: readonly StateObject[];
  /** What stood there before us. */
  readonly original: StateObject | undefined;
  /** The record's entry, absent for what only a cut-off change knows. */
  readonly recorded: OwnedObject | undefined;
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
      original: owned.original,
      recorded: owned,
      uncertain: false,
    });
  }
  const earlierNames = renames(pending);
  for (const step of pending) {
    const entry = known.get(step.key);
    const original = entry === undefined ? replacedBy(step, earlierNames) : entry.original;
    let objects = entry?.objects ?? [];
    if (step.before !== undefined && !isBorrowed(step.before, original)) objects = withObject(objects, step.before);
    if (step.after !== undefined) objects = withObject(objects, step.after);
    known.set(step.key, {
      key: step.key,
      objects,
      original,
      recorded: entry?.recorded,
      uncertain: true,
    });
  }
  return known;
}

/** What a first step under this key replaced, when it is of a kind that comes back: a value, an adopted link, a thing taken away. */
function replacedBy(step: Step, earlierNames: ReadonlyMap<string, string>): StateObject | undefined {
  const { before } = step;
  if (before === undefined) return undefined;
  switch (before.kind) {
    case "sysctl": {
      const device = deviceOf(before.path) ?? "";
      const earlier = earlierNames.get(`${before.namespace}/${device}`) ?? device;
      return { ...before, path: before.path.replace(`/${device}/`, `/${earlier}/`) };
    }
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

/** What links were called before these steps, by namespace and new name. */
function renames(steps: readonly Step[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { before, after } of steps) {
    if (before?.kind !== "link" || after?.kind !== "link" || before.name === after.name) continue;
    names.set(`${after.namespace}/${after.name}`, before.name);
  }
  return names;
}

function sameIdentity(object: StateObject, other: StateObject | undefined): boolean {
  return other !== undefined && identityOf(object) === identityOf(other);
}

/** Links are known by every name that they may have at the moment. */
function withObject(objects: readonly StateObject[], object: StateObject): readonly StateObject[] {
  if (objects.length === 0) return [object];
  const replaces = (other: StateObject): boolean =>
    sameIdentity(other, object) &&
    (other.kind !== "link" ||
      object.kind !== "link" ||
      (other.name === object.name && other.macAddress === object.macAddress));
  return [...objects.filter((other) => !replaces(other)), object];
}

/** What we found and only took away or changed for a time. */
function isBorrowed(object: StateObject, original: StateObject | undefined): boolean {
  return object.kind !== "link" && sameIdentity(object, original);
}

export function isAdopted(object: LinkObject): boolean {
  return object.link.type === "adopted";
}
