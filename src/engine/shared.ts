/**
 * Kernel parameters that several applied files want, such as the forwarding of one uplink.
 *
 * Who comes second finds the value set already; who goes first must not take it from the other. So the second
 * takes over what the first remembers of the value before, and nobody restores it while another wants it.
 */
import type { StateObject } from "../state/object.ts";
import type { SysctlObject } from "../state/object/kernel.ts";
import type { OwnedObject, OwnershipRecord } from "../state/step.ts";
import { UnitStore } from "../store/unit.ts";

const identity = (object: SysctlObject): string => `${object.namespace}\u0000${object.path}`;

interface Setter {
  readonly unit: string;
  /** Absent: this one does not remember the value before netloom. */
  readonly original?: SysctlObject;
}

/** Who set which parameter, by all records of a state folder: made once where many units are planned. */
export class ParameterSetters {
  readonly #setters = new Map<string, Setter[]>();

  constructor(records: Iterable<OwnershipRecord>) {
    for (const { name: unit, owned } of records) {
      for (const { object, original } of Object.values(owned)) {
        if (object?.kind !== "sysctl") continue;
        const setter = original?.kind === "sysctl" ? { unit, original } : { unit };
        const known = this.#setters.get(identity(object));
        if (known === undefined) this.#setters.set(identity(object), [setter]);
        else known.push(setter);
      }
    }
  }

  /** Those besides the unit itself. */
  others(unit: string, object: SysctlObject): readonly Setter[] {
    return (this.#setters.get(identity(object)) ?? []).filter((setter) => setter.unit !== unit);
  }
}

/** Of all records, read when it is first asked for and then kept: what healing writes into them is no other's original. */
export function settersOnce(stateFolder: string): () => ParameterSetters {
  let found: ParameterSetters | undefined;
  return () => (found ??= new ParameterSetters(UnitStore.readAllRecords(stateFolder)));
}

/** Parameters of a unit that others have set as well. */
export class SharedParameters {
  readonly #unit: string;
  readonly #setters: ParameterSetters;

  constructor(unit: string, setters: ParameterSetters) {
    this.#unit = unit;
    this.#setters = setters;
  }

  /** The record without what must stay for others although `desired` does not want it any more. */
  withoutShared(record: OwnershipRecord, desired: ReadonlySet<string>): OwnershipRecord {
    const owned: Record<string, OwnedObject> = {};
    for (const [key, entry] of Object.entries(record.owned)) {
      const isShared = entry.object?.kind === "sysctl" && this.#setters.others(this.#unit, entry.object).length > 0;
      if (!isShared || desired.has(key)) owned[key] = entry;
    }
    return { ...record, owned };
  }

  /** What stood there before netloom, by key, for wanted parameters that another unit has set. */
  originalsFor(objects: readonly StateObject[]): Record<string, StateObject> {
    const found: Record<string, StateObject> = {};
    for (const object of objects) {
      if (object.kind !== "sysctl") continue;
      const original = this.#setters.others(this.#unit, object).findLast((setter) => setter.original)?.original;
      if (original !== undefined) found[object.key] = { ...original, key: object.key, origin: object.origin };
    }
    return found;
  }
}
