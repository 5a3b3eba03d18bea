/**
 * Which bindings have ended, without ever looking at those that have not: a wheel of lists, one for each second to
 * come. A binding that was prolonged stays where it is and is put further when its old end comes; one that ends beyond
 * the wheel's reach is looked at once a turn.
 */
export interface Timed {
  /** Seconds, whole. */
  endSeconds: number;
  previous: Timed | undefined;
  next: Timed | undefined;
}

const SLOTS = 4096;

/** A ring of entries around a head, each in one list at most. */
class List implements Timed {
  readonly endSeconds = 0;
  previous: Timed = this;
  next: Timed = this;

  push(entry: Timed): void {
    entry.previous = this.previous;
    entry.next = this;
    this.previous.next = entry;
    this.previous = entry;
  }

  first(): Timed | undefined {
    return this.next === this ? undefined : this.next;
  }
}

function unlink(entry: Timed): void {
  if (entry.previous === undefined || entry.next === undefined) return;
  entry.previous.next = entry.next;
  entry.next.previous = entry.previous;
  entry.previous = undefined;
  entry.next = undefined;
}

export class Expiry<Entry extends Timed> {
  readonly #slots: (List | undefined)[] = new Array<List | undefined>(SLOTS).fill(undefined);
  readonly #ended = new List();
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
    (this.#slots[second] ??= new List()).push(entry);
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
