/**
 * Rows of a table by a key that each row holds itself: four bytes for a slot, of which a third or more are empty. (A Map
 * takes ten times that.) Who may choose keys cannot make them collide, as nobody knows what they are mixed with.
 */
const FIRST_SLOTS = 16;
const FULL_SHARE = 0.7;
const EMPTY = 0;

/** A number of 32 bits that depends on every bit of both. */
export function mixed(a: number, b: number): number {
  let hash = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ b;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}

export class RowIndex {
  /** Linear probing: row + 1. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #used = 0;
  readonly #hashOf: (row: number) => number;

  /** @param hashOf the key of a row, mixed; the same as long as the row is in the index */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf;
  }

  /** @param isIt whether a row has the key that is looked for, whose hash is given */
  find(hash: number, isIt: (row: number) => boolean): number | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = hash & mask; slots[at] !== EMPTY; at = (at + 1) & mask) {
      const row = slots[at]! - 1;
      if (isIt(row)) return row;
    }
    return undefined;
  }

  /** A row whose key no other row in the index has. */
  add(row: number): void {
    if (this.#used + 1 > this.#slots.length * FULL_SHARE) this.#grow();
    this.#used++;
    this.#put(row);
  }

  #put(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = this.#hashOf(row) & mask;
    while (slots[at] !== EMPTY) at = (at + 1) & mask;
    slots[at] = row + 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (const slot of before) if (slot !== EMPTY) this.#put(slot - 1);
  }

  /** A row that may be in the index, with the key that it has there. */
  remove(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#hashOf(row) & mask;
    while (slots[gap] !== row + 1) {
      if (slots[gap] === EMPTY) return;
      gap = (gap + 1) & mask;
    }
    this.#used--;
    // What stands behind it and would not be found across the gap moves into it.
    for (let at = (gap + 1) & mask; slots[at] !== EMPTY; at = (at + 1) & mask) {
      const home = this.#hashOf(slots[at]! - 1) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = slots[at]!;
      gap = at;
    }
    slots[gap] = EMPTY;
  }
}
