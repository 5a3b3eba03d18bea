/** Entries in the order in which they were put in, each in one ring at most. */
export interface Timed {
  /** Seconds, whole. */
  endSeconds: number;
  previous: Timed | undefined;
  next: Timed | undefined;
}

/** The head of its entries. */
export class Ring implements Timed {
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

/** Take an entry out of the ring that it is in, if any. */
export function unlink(entry: Timed): void {
  if (entry.previous === undefined || entry.next === undefined) return;
  entry.previous.next = entry.next;
  entry.next.previous = entry.previous;
  entry.previous = undefined;
  entry.next = undefined;
}
