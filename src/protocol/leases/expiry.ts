/**
 * Which entries have ended, without ever looking at those that have not: a wheel of lists, one for each second to come.
 * An entry that was prolonged stays where it is and is put further when its old end comes; one that ends beyond the
 * wheel's reach is looked at once a turn.
 */
import { type Ring, Rings } from "./rings.ts";

const SLOTS = 4096;

interface ExpiryOptions {
  /** When an entry ends, as of now: whole seconds. */
  readonly endOf: (entry: number) => number;
  /** Told of each entry whose time has come, before {@link Expiry.take} can give it. */
  readonly onEnd?: (entry: number) => void;
}

export class Expiry {
  readonly #rings: Rings;
  readonly #options: ExpiryOptions;
  /** By second, modulo SLOTS; those that hold any, as most wheels of a thousand networks are nearly empty. */
  readonly #slots = new Map<number, Ring>();
  readonly #ended: Ring;
  #turned: number;

  /** @param rings in which the entries are while they are scheduled */
  constructor(nowSeconds: number, options: ExpiryOptions, rings = new Rings()) {
    this.#rings = rings;
    this.#options = options;
    this.#ended = rings.open();
    this.#turned = Math.floor(nowSeconds);
  }

  isScheduled(entry: number): boolean {
    return this.#rings.has(entry);
  }

  /** Tell that an entry is new, or that its end may have come nearer. */
  schedule(entry: number): void {
    this.#rings.remove(entry);
    this.#place(entry);
  }

  #place(entry: number): void {
    const end = this.#options.endOf(entry);
    if (end <= this.#turned) {
      this.#options.onEnd?.(entry);
      this.#rings.push(this.#ended, entry);
      return;
    }
    const second = Math.min(end, this.#turned + SLOTS - 1) % SLOTS;
    let slot = this.#slots.get(second);
    if (slot === undefined) this.#slots.set(second, (slot = this.#rings.open()));
    this.#rings.push(slot, entry);
  }

  /** Take out the entry that ended first. */
  take(nowSeconds: number): number | undefined {
    this.turn(nowSeconds);
    const rings = this.#rings;
    for (let entry = rings.first(this.#ended); entry !== undefined; entry = rings.first(this.#ended)) {
      rings.remove(entry);
      const end = this.#options.endOf(entry);
      if (end <= nowSeconds) return entry;
      const isOfAClockSetBack = end <= this.#turned;
      this.#place(entry);
      if (isOfAClockSetBack) this.#turnBack(nowSeconds);
    }
    return undefined;
  }

  /** What had ended by a clock that was wrong has not. */
  #turnBack(nowSeconds: number): void {
    this.#turned = Math.floor(nowSeconds);
    const rings = [this.#ended, ...this.#slots.values()];
    const entries = rings.flatMap((ring) => [...this.#emptied(ring)]);
    for (const entry of entries) this.#place(entry);
  }

  /** Tell the time; now and then, so that what has to be done by the next {@link take} stays little. */
  turn(nowSeconds: number): void {
    const now = Math.floor(nowSeconds);
    const start = Math.max(this.#turned + 1, now - SLOTS + 1);
    if (now < start) return;
    this.#turned = now;
    for (let second = start; second <= now && this.#slots.size > 0; second++) {
      const slot = this.#slots.get(second % SLOTS);
      if (slot === undefined) continue;
      this.#slots.delete(second % SLOTS);
      for (const entry of this.#emptied(slot)) this.#place(entry);
      this.#rings.close(slot);
    }
  }

  /** A ring's entries, each taken out as it is named. */
  *#emptied(ring: Ring): Generator<number> {
    const rings = this.#rings;
    for (let entry = rings.first(ring); entry !== undefined; entry = rings.first(ring)) {
      rings.remove(entry);
      yield entry;
    }
  }
}
