/**
 * Kernel parameters that several applied files want, such as the forwarding of one uplink.
 *
 * Who comes second finds the value set already; who goes first must not take it from the other. So the second
 * takes over what the first remembers of the value before, and nobody restores it while another wants it.
 */
import type { StateObject, SysctlObject } from "../state/object.ts";
import type { OwnedObject, OwnershipRecord } from "../state/step.ts";

const identity = (object: SysctlObject): string => `${object.namespace}\u0000${object.path}`;

/** Parameters of other units' records, with the value before netloom where one remembers it. */
export class SharedParameters {
  readonly #originals = new Map<string, SysctlObject | undefined>();

  constructor(others: Iterable<OwnershipRecord>) {
    for (const record of others) {
      for (const { object, original } of Object.values(record.owned)) {
        if (object?.kind !== "sysctl") continue;
        const known = this.#originals.get(identity(object));
        this.#originals.set(identity(object), original?.kind === "sysctl" ? original : known);
      }
    }
  }

  /** The record without what must stay for others although `desired` does not want it any more. */
  withoutShared(record: OwnershipRecord, desired: ReadonlySet<string>): OwnershipRecord {
    const owned: Record<string, OwnedObject> = {};
    for (const [key, entry] of Object.entries(record.owned)) {
      const isShared = entry.object?.kind === "sysctl" && this.#originals.has(identity(entry.object));
      if (!isShared || desired.has(key)) owned[key] = entry;
    }
    return { ...record, owned };
  }

  /** What stood there before netloom, by key, for wanted parameters that another unit has set. */
  originalsFor(objects: readonly StateObject[]): Record<string, StateObject> {
    const found: Record<string, StateObject> = {};
    for (const object of objects) {
      const original = object.kind === "sysctl" ? this.#originals.get(identity(object)) : undefined;
      if (original !== undefined) found[object.key] = { ...original, key: object.key, origin: object.origin };
    }
    return found;
  }
}
