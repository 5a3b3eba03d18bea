/**
 * What was observed of namespaces lately, good until an event tells of a change there. A unit of a thousand
 * namespaces is planned anew from the one that changed.
 */
import { observe, type ObserveRequest } from "../../kernel/observe.ts";
import type { ObservedNamespace, Snapshot } from "../../state/snapshot.ts";

interface Kept {
  readonly request: string;
  readonly observed: ObservedNamespace | null;
}

export class ObservedNamespaces {
  readonly #listens: (namespace: string) => boolean;
  readonly #kept = new Map<string, Kept>();
  /** Counts what was forgotten: what was read meanwhile may be older. */
  readonly #changes = new Map<string, number>();

  /** @param listens whether changes of the namespace will be told to {@link forget} */
  constructor(listens: (namespace: string) => boolean) {
    this.#listens = listens;
  }

  forget(namespace: string): void {
    this.#kept.delete(namespace);
    this.#changes.set(namespace, (this.#changes.get(namespace) ?? 0) + 1);
  }

  /** Keep nothing of any other namespace. */
  retain(namespaces: ReadonlySet<string>): void {
    for (const map of [this.#kept, this.#changes]) {
      for (const name of map.keys()) if (!namespaces.has(name)) map.delete(name);
    }
  }

  /** As {@link observe} of the kernel floor, reading only what is not known. */
  async observe(request: ObserveRequest): Promise<Snapshot> {
    const namespaces: Record<string, ObservedNamespace | null> = {};
    const unknown: { readonly name: string; readonly request: string; readonly changes: number | undefined }[] = [];
    for (const entry of request.namespaces) {
      const kept = this.#kept.get(entry.name);
      const text = JSON.stringify(entry);
      if (kept?.request === text) namespaces[entry.name] = kept.observed;
      else unknown.push({ name: entry.name, request: text, changes: this.#changes.get(entry.name) });
    }
    const names = new Set(unknown.map(({ name }) => name));
    const fresh = await observe({ ...request, namespaces: request.namespaces.filter(({ name }) => names.has(name)) });
    for (const { name, request: text, changes } of unknown) {
      const observed = fresh.namespaces[name] ?? null;
      namespaces[name] = observed;
      if (this.#changes.get(name) === changes && observed !== null && this.#listens(name)) {
        this.#kept.set(name, { request: text, observed });
      }
    }
    return { namespaces, files: fresh.files };
  }
}
