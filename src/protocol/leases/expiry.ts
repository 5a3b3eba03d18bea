/**
 * Which bindings have ended, without ever looking at those that have not: a wheel of lists, one for each second to
 * come. A binding that was prolonged stays where it is and is put further when its old end comes; one that ends beyond
 * the wheel's reach is looked at once a turn.
 */
import { Ring, type Timed, unlink } from "./ring.ts";

const SLOTS = 4096;

export class Expiry<Entry extends Timed> {
  /** Those that hold any: most wheels of a thousand networks are nearly empty. */
  readonly #slots = new Map<number, Ring>();
  readonly #ended = new Ring();
  #turned: number;

  constructor(nowSeconds: number) {
    this.#turned = Math.floor(nowSeconds);
  }

  /** Tell that an entry is new, or that its end may have come nearer. */
  schedule(entry: Entry): void {
    unlink(entry);
    this.#place(entry);
  }

  #place(entry: Timed): void {
    if (entry.endSeconds <= this.#turned) {
      this.#ended.push(entry);
      return;
    }
    const second = Math.min(entry.endSeconds, this.#turned + SLOTS - 1) % SLOTS;
    let slot = this.#slots.get(second);
    if (slot === undefined) {
      slot = new Ring();
      this.#slots.set(second, slot);
    }
    slot.push(entry);
  }

  /** Take out the entry that ended first. */
  take(nowSeconds: number): Entry | undefined {
    this.turn(nowSeconds);
    for (let entry = this.#ended.first(); entry !== undefined; entry = this.#ended.first()) {
      unlink(entry);
      // Only entries come into the lists, by schedule().
      if (entry.endSeconds <= nowSeconds) return entry as Entry;
      const isOfAClockSetBack = entry.endSeconds <= this.#turned;
      this.#place(entry);
      if (isOfAClockSetBack) this.#turnBack(nowSeconds);
    }
    return undefined;
  }

  /** What had ended by a clock that was wrong has not. */
  #turnBack(nowSeconds: number): void {
    this.#turned = Math.floor(nowSeconds);
    const entries = [this.#ended, ...this.#slots.values()].flatMap((ring) => [...emptied(ring)]);
    this.#slots.clear();
    for (const entry of entries) this.#place(entry);
  }

  /** Tell the time; now and then, so that what has to be done by the next {@link take} stays little. */
  turn(nowSeconds: number): void {
    const now = Math.floor(nowSeconds);
    const start = Math.max(this.#turned + 1, now - SLOTS + 1);
    if (now < start) return;
    this.#turned = now;
    for (let second = start; second <= now; second++) {
      if (this.#slots.size === 0) return;
      const slot = this.#slots.get(second % SLOTS);
      if (slot === undefined) continue;
      this.#slots.delete(second % SLOTS);
      for (const entry of emptied(slot)) this.#place(entry);
    }
  }
}

/** A ring's entries, each taken out as it is named. */
function* emptied(ring: Ring): Generator<Timed> {
  for (let entry = ring.first(); entry !== undefined; entry = ring.first()) {
    unlink(entry);
    yield entry;
  }
}
