/** What is due when: a heap. What is no longer wanted stays in it until its time, or until most of it is such. */

export interface Timer {
  readonly at: number;
  run: ((now: number) => void) | undefined;
}

export class Timers {
  #heap: Timer[] = [];
  #cancelled = 0;

  set(at: number, run: (now: number) => void): Timer {
    const timer = { at, run };
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return timer;
  }

  cancel(timer: Timer | undefined): void {
    if (timer?.run === undefined) return;
    timer.run = undefined;
    this.#cancelled++;
    if (this.#cancelled <= 64 + this.#heap.length / 2) return;
    // A sorted list is a heap.
    this.#heap = this.#heap.filter((each) => each.run !== undefined).sort((a, b) => a.at - b.at);
    this.#cancelled = 0;
  }

  next(): number | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#takeFirst();
    return this.#heap[0]?.at;
  }

  /** What is due by now, in order; undefined: nothing. */
  takeDue(now: number): ((now: number) => void) | undefined {
    const at = this.next();
    if (at === undefined || at > now) return undefined;
    const timer = this.#takeFirst();
    const { run } = timer;
    timer.run = undefined;
    return run;
  }

  #takeFirst(): Timer {
    const first = this.#heap[0]!;
    if (first.run === undefined) this.#cancelled--;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(start: number): void {
    const heap = this.#heap;
    const timer = heap[start]!;
    let at = start;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.at <= timer.at) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const timer = heap[start]!;
    let at = start;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < heap.length && heap[below + 1]!.at < heap[below]!.at) below++;
      if (below >= heap.length || heap[below]!.at >= timer.at) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = timer;
  }
}
