/** What the daemon tells as it happens, kept for a while so that a listener who was away misses nothing. */
import type { HealEvent } from "../engine/heal.ts";

/** Something happened. `unit` is the applied file, the bind, the attachment or the guest that it is about. */
export type DaemonEvent =
  | HealEvent
  | { readonly kind: "started"; readonly version: string }
  | {
      readonly kind: "applied";
      readonly unit: string;
      readonly steps: readonly string[];
      readonly milliseconds: number;
    }
  /** The DHCP lease of an uplink says something else, and what hangs on it was brought up to it. */
  | { readonly kind: "lease-followed"; readonly unit: string; readonly steps: readonly string[] }
  | { readonly kind: "destroyed"; readonly unit: string; readonly steps: readonly string[] }
  | { readonly kind: "bound" | "unbound" | "attached" | "detached"; readonly unit: string }
  | { readonly kind: "unconfirmed"; readonly unit: string; readonly seconds: number }
  | { readonly kind: "confirmed"; readonly unit: string }
  | { readonly kind: "undone"; readonly unit: string; readonly steps: readonly string[] }
  | { readonly kind: "undo-failed"; readonly unit: string; readonly message: string }
  | { readonly kind: "change-failed"; readonly purpose: string; readonly message: string };

interface NumberedEvent {
  /** Counts on over restarts: it begins at the daemon's start in milliseconds since 1970. */
  readonly id: number;
  /** RFC 3339. */
  readonly time: string;
  readonly event: DaemonEvent;
}

type Listener = (event: NumberedEvent) => void;

const KEPT_EVENTS = 1000;

export class EventRing {
  readonly #kept: NumberedEvent[] = [];
  readonly #listeners = new Set<Listener>();
  #lastId: number;

  /** @param startedAt milliseconds since 1970 */
  constructor(startedAt: number) {
    this.#lastId = startedAt;
  }

  add(event: DaemonEvent): NumberedEvent {
    const numbered = { id: ++this.#lastId, time: new Date().toISOString(), event };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }

  /**
   * Hear of all events from now on, and first of the kept ones after `lastId`.
   * @returns ends it
   */
  listen(listener: Listener, lastId: number = this.#lastId): Disposable {
    for (const event of this.#kept) if (event.id > lastId) listener(event);
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}
