/**
 * Entries in rings, each entry in one ring at most, in the order in which they were put in. Entries are numbers from 0
 * on, so that a hundred thousand of them take two numbers each.
 */

/** What a ring is known by. */
export type Ring = number;

const FIRST_ENTRIES = 64;
/** Beside an entry n stands n + 1, beside a ring's end r stands -(r + 1); 0 says that it is in none. */
const NOWHERE = 0;

export class Rings {
  #previous = new Int32Array(FIRST_ENTRIES);
  #next = new Int32Array(FIRST_ENTRIES);
  /** Of each ring, its last and its first entry. */
  readonly #last: number[] = [];
  readonly #first: number[] = [];
  readonly #unused: Ring[] = [];

  /** An empty one. */
  open(): Ring {
    const ring = this.#unused.pop() ?? this.#first.length;
    this.#last[ring] = this.#first[ring] = -(ring + 1);
    return ring;
  }

  /** One that is empty, which will be opened anew. */
  close(ring: Ring): void {
    this.#unused.push(ring);
  }

  has(entry: number): boolean {
    return (this.#next[entry] ?? NOWHERE) !== NOWHERE;
  }

  first(ring: Ring): number | undefined {
    const mark = this.#first[ring]!;
    return mark > 0 ? mark - 1 : undefined;
  }

  /** Behind all others; the entry is in no ring. */
  push(ring: Ring, entry: number): void {
    if (entry >= this.#next.length) this.#grow(entry);
    const [end, before] = [-(ring + 1), this.#last[ring]!];
    this.#previous[entry] = before;
    this.#next[entry] = end;
    this.#setNext(before, entry + 1);
    this.#last[ring] = entry + 1;
  }

  /** Take an entry out of the ring that it is in, if any. */
  remove(entry: number): void {
    if (!this.has(entry)) return;
    const [before, after] = [this.#previous[entry]!, this.#next[entry]!];
    this.#setNext(before, after);
    this.#setPrevious(after, before);
    this.#previous[entry] = this.#next[entry] = NOWHERE;
  }

  #setNext(mark: number, value: number): void {
    if (mark > 0) this.#next[mark - 1] = value;
    else this.#first[-mark - 1] = value;
  }

  #setPrevious(mark: number, value: number): void {
    if (mark > 0) this.#previous[mark - 1] = value;
    else this.#last[-mark - 1] = value;
  }

  #grow(entry: number): void {
    this.#previous = grown(this.#previous, entry);
    this.#next = grown(this.#next, entry);
  }
}

/** A longer array with the same beginning, which has the index. A quarter more costs nothing in the mean. */
export function grown<Numbers extends Int32Array | Uint32Array | Uint16Array | Uint8Array>(
  numbers: Numbers,
  index: number,
): Numbers {
  const longer = new (numbers.constructor as new (length: number) => Numbers)(
    Math.max(index + 1, Math.ceil(numbers.length * 1.25)),
  );
  longer.set(numbers);
  return longer;
}
