/**
 * Which bindings have ended, without ever looking at those that have not: a wheel of lists, one for each second to
 * come. A binding that was prolonged stays where it is and is put further when its old end comes; one that ends beyond
 * the wheel's reach is looked at once a turn.
 */
import { Ring, type Timed, unlink } from "./ring.ts";

const SLOTS = 4096;

export class Expiry<Entry extends Timed> {
  readonly #slots: (Ring | undefined)[] = new Array<Ring | undefined>(SLOTS).fill(undefined);
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
    (this.#slots[second] ??= new Ring()).push(entry);
  }

  /** Take out the entry that ended first. */
  take(nowSeconds: number): Entry | undefined {
    this.turn(nowSeconds);
    for (let entry = this.#ended.first(); entry !== undefined; entry = this.#ended.first()) {
      unlink(entry);
      // Only entries come into the lists, by schedule().
      if (entry.endSeconds <= nowSeconds) return entry as Entry;
      this.#place(entry);
    }
    return undefined;
  }

  /** Tell the time; now and then, so that what has to be done by the next {@link take} stays little. */
  turn(nowSeconds: number): void {
    const now = Math.floor(nowSeconds);
    const start = Math.max(this.#turned + 1, now - SLOTS + 1);
    if (now < start) return;
    this.#turned = now;
    for (let second = start; second <= now; second++) {
      const slot = this.#slots[second % SLOTS];
      if (slot === undefined) continue;
      this.#slots[second % SLOTS] = undefined;
      for (let entry = slot.first(); entry !== undefined; entry = slot.first()) {
        unlink(entry);
        this.#place(entry);
      }
    }
  }
}
