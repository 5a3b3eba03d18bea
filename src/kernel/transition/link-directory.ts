/**
 * Interface indexes by link key, kept up to date while steps are carried out.
 *
 * The links that a plan creates get their index from us and not from the kernel, so that what comes after them (the
 * addresses on them, their ports) can travel in the same write. Numbers begin well above those in use, because the
 * kernel counts up by one for what others create at the same time.
 */
import { markedKey } from "../../state/mark.ts";
import type { StateObject } from "../../state/object.ts";
import type { LinkObject } from "../../state/object/kernel.ts";
import type { ObservedLink, Snapshot } from "../../state/snapshot.ts";

interface Place {
  readonly namespace: string;
  readonly index: number;
}

const DISTANCE = 64;

export class LinkDirectory {
  readonly #snapshot: Snapshot;
  readonly #places = new Map<string, Place>();
  readonly #objects = new Map<string, LinkObject>();
  readonly #nextIndex = new Map<string, number>();

  /** `objects`: whatever may be spoken of, above all adopted links (which carry no alias) and veth peers to create. */
  constructor(snapshot: Snapshot, objects: Iterable<StateObject>) {
    this.#snapshot = snapshot;
    for (const [namespace, observed] of Object.entries(snapshot.namespaces)) {
      for (const { alias, index } of observed?.links ?? []) {
        const key = markedKey(alias);
        if (key !== undefined) this.#places.set(key, { namespace, index });
      }
    }
    for (const object of objects) if (object.kind === "link") this.add(object);
  }

  /** Take notice of an object; the first one of a key counts. */
  add(object: LinkObject): void {
    if (!this.#objects.has(object.key)) this.#objects.set(object.key, object);
    if (object.link.type === "adopted") {
      this.#places.set(object.key, { namespace: object.namespace, index: object.link.adoptedIndex });
    }
  }

  object(key: string): LinkObject | undefined {
    return this.#objects.get(key);
  }

  /** Undefined: no such link. A key "foreign:INDEX/NAME" says it itself. */
  index(key: string): number | undefined {
    const foreign = /^foreign:(\d+)\//.exec(key);
    return foreign === null ? this.#places.get(key)?.index : Number(foreign[1]);
  }

  /** The index of a link that is there, by the name under which it was observed where it carries no alias yet. */
  indexOf(observed: LinkObject): number | undefined {
    return this.index(observed.key) ?? this.#named(observed)?.index;
  }

  #named({ namespace, name }: LinkObject): ObservedLink | undefined {
    return this.#snapshot.namespaces[namespace]?.links.find((link) => link.name === name);
  }

  /** The index that a link to be created shall have. */
  reserve(object: LinkObject): number {
    const { namespace } = object;
    let next = this.#nextIndex.get(namespace);
    if (next === undefined) {
      const links = this.#snapshot.namespaces[namespace]?.links ?? [];
      next = links.reduce((highest, link) => Math.max(highest, link.index), 0) + DISTANCE;
    }
    this.#nextIndex.set(namespace, next + 1);
    this.set(object, next);
    return next;
  }

  set({ key, namespace }: LinkObject, index: number): void {
    this.#places.set(key, { namespace, index });
  }

  forget(key: string): void {
    this.#places.delete(key);
  }
}
