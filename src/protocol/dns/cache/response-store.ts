/**
 * Where the cache's responses lie: blocks in one array of 32-bit words, found through a table of (hash, place) pairs
 * with open addressing. Nothing of it is an object, so 100,000 responses take what their bytes take.
 *
 * The array is a ring. New blocks are written at `write`; the gap in front of the next old block, `victim`, is made
 * wider by taking old blocks away in the order in which they lie. One that was asked for since the last lap, or any
 * that is still good while less than half of the array is in use, moves down to the other side of the gap instead.
 */
import type { QuestionKey } from "./question-key.ts";

/** What a block begins with, in words. The message follows, then the offsets of its TTLs as 16-bit numbers. */
export const BLOCK = {
  /** Words of the whole block; negative when nobody uses it any more. */
  size: 0,
  hash: 1,
  /** Seconds of the epoch, unsigned, as is the next. */
  expires: 2,
  stored: 3,
  messageBytes: 4,
  questionBytes: 5,
  /** KEY_… in the low bits, TOLD and ALIAS; in the upper half the type that was asked for. */
  flags: 6,
  ttlCount: 7,
  /** Since it was stored or its lap ended. */
  hits: 8,
  message: 9,
} as const;

export const KEY_FLAGS = 3;
/** It has been said that it is popular and near its end. */
export const TOLD = 4;
/** The answer goes through other names. */
export const ALIAS = 8;

const FIRST_WORDS = 4 * 1024;
const FIRST_SLOTS = 256;
const LARGEST_SHARE = 4;
/** Blocks that move to make room for one: more of them, and the next is taken away whatever it is. */
const MOST_MOVES = 256;
const QUESTION_WORDS = 3;
const SPARE_BLOCKS = 1000;

export class ResponseStore {
  words: Int32Array;
  bytes: Uint8Array;
  halves: Uint16Array;
  count = 0;
  evicted = 0;
  readonly #maximumWords: number;
  readonly #maximumSlots: number;
  readonly #staleSeconds: number;
  /** Pairs of a hash and a block's first word plus one; 0 is a free slot. */
  #table: Int32Array;
  #mask: number;
  #usedWords = 0;
  #write = 0;
  #victim: number;
  /** Where the old blocks of this lap end. */
  #top: number;

  /** @param bytes of all that grows: three quarters for blocks, the rest for the table */
  constructor(bytes: number, staleSeconds: number) {
    this.#maximumWords = Math.max(256, Math.floor((bytes * 3) / 16));
    this.#maximumSlots = Math.max(16, 2 ** Math.floor(Math.log2(bytes / 32)));
    this.#staleSeconds = staleSeconds;
    this.words = new Int32Array(Math.min(FIRST_WORDS, this.#maximumWords));
    this.bytes = new Uint8Array(this.words.buffer);
    this.halves = new Uint16Array(this.words.buffer);
    this.#victim = this.#top = this.words.length;
    const slots = Math.min(FIRST_SLOTS, this.#maximumSlots);
    this.#table = new Int32Array(2 * slots);
    this.#mask = slots - 1;
  }

  /** Memory that is held, used or not. */
  get capacityBytes(): number {
    return this.words.byteLength + this.#table.byteLength;
  }

  get usedBytes(): number {
    return 4 * this.#usedWords;
  }

  /** @returns the first word of the block, -1 when there is none */
  find(key: QuestionKey, hash: number, flags: number): number {
    const words = this.words;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const block = this.#table[2 * slot + 1]! - 1;
      if (block < 0) return -1;
      if (
        this.#table[2 * slot] === hash &&
        (words[block + BLOCK.flags]! & KEY_FLAGS) === flags &&
        words[block + BLOCK.questionBytes] === key.lengthBytes &&
        key.equals(words, block + BLOCK.message + QUESTION_WORDS)
      )
        return block;
    }
  }

  /**
   * Room for a block of so many words under that hash; its head is empty but for size and hash.
   * @returns its first word, -1 when it is too large a part of all
   */
  add(hash: number, size: number, now: number): number {
    if (LARGEST_SHARE * size > this.#maximumWords) return -1;
    let moves = MOST_MOVES;
    while (3 * (this.count + 1) > 2 * (this.#mask + 1))
      if (this.#mask + 1 < this.#maximumSlots) this.#growTable();
      else moves -= this.#sweep(now, moves > 0);
    const block = this.#reserve(size, now);
    this.words.fill(0, block, block + BLOCK.message);
    this.words[block + BLOCK.size] = size;
    this.words[block + BLOCK.hash] = hash;
    this.#usedWords += size;
    this.#insert(hash, block);
    return block;
  }

  remove(block: number): void {
    const size = this.words[block + BLOCK.size]!;
    this.#deleteSlot(this.#slotOf(block));
    this.words[block + BLOCK.size] = -size;
    this.#usedWords -= size;
    this.count--;
  }

  clear(): void {
    this.#table.fill(0);
    this.count = 0;
    this.#usedWords = 0;
    this.#write = 0;
    this.#victim = this.#top = this.words.length;
  }

  /** The first words of all blocks; none may be added while they are gone through. */
  *blocks(): Generator<number> {
    for (let slot = 0; slot <= this.#mask; slot++) {
      const block = this.#table[2 * slot + 1]! - 1;
      if (block >= 0) yield block;
    }
  }

  /** The first words of those blocks that can still be told, the ones that were asked for most in front. */
  mostAsked(now: number, most: number): readonly number[] {
    const { words } = this;
    const expires = (block: number): number => words[block + BLOCK.expires]! >>> 0;
    const order = (a: number, b: number): number =>
      words[b + BLOCK.hits]! - words[a + BLOCK.hits]! || expires(b) - expires(a);
    let found: number[] = [];
    for (const block of this.blocks()) {
      if (now < expires(block) + this.#staleSeconds) found.push(block);
      // Of hundreds of thousands a few are wanted as a rule.
      if (found.length > 2 * most + SPARE_BLOCKS) found = found.sort(order).slice(0, most);
    }
    return found.sort(order).slice(0, most);
  }

  #reserve(size: number, now: number): number {
    let moves = MOST_MOVES;
    for (;;) {
      if (this.#write + size <= this.#victim) {
        const block = this.#write;
        this.#write += size;
        return block;
      }
      const isCrowded = 2 * (this.#usedWords + size) > this.words.length || LARGEST_SHARE * size > this.words.length;
      if (isCrowded && this.words.length < this.#maximumWords) this.#grow();
      else moves -= this.#sweep(now, moves > 0);
    }
  }

  /** Take the next old block away, or move it down. @returns how many were moved: 1 or 0 */
  #sweep(now: number, mayMove: boolean): number {
    if (this.#victim === this.#top) {
      // All that was written since is old in the next lap.
      this.#top = this.#write;
      this.#write = this.#victim = 0;
    }
    const words = this.words;
    const block = this.#victim;
    const size = words[block + BLOCK.size]!;
    this.#victim += Math.abs(size);
    const isKept = size > 0 && mayMove && this.#deserves(block, now);
    if (isKept) this.#moveDown(block, size);
    else if (size > 0) {
      this.remove(block);
      this.evicted++;
    }
    if (this.#victim >= this.#top) this.#victim = this.#top = words.length;
    return isKept ? 1 : 0;
  }

  #deserves(block: number, now: number): boolean {
    const expires = this.words[block + BLOCK.expires]! >>> 0;
    if (2 * this.#usedWords <= this.words.length) return now < expires + this.#staleSeconds;
    return now < expires && this.words[block + BLOCK.hits]! > 0;
  }

  #moveDown(block: number, size: number): void {
    const target = this.#write;
    this.#table[2 * this.#slotOf(block) + 1] = target + 1;
    this.words.copyWithin(target, block, block + size);
    this.words[target + BLOCK.hits] = 0;
    this.#write += size;
  }

  #grow(): void {
    const old = this.words;
    this.words = new Int32Array(Math.min(2 * old.length, this.#maximumWords));
    this.words.set(old);
    this.bytes = new Uint8Array(this.words.buffer);
    this.halves = new Uint16Array(this.words.buffer);
    if (this.#victim < this.#top) {
      // In the middle of a lap: the gap is left to the next one.
      if (this.#write < this.#victim) this.words[this.#write + BLOCK.size] = this.#write - this.#victim;
      this.#write = this.#top;
    }
    this.#victim = this.#top = this.words.length;
  }

  #growTable(): void {
    const slots = this.#mask + 1;
    const old = this.#table;
    this.#table = new Int32Array(4 * slots);
    this.#mask = 2 * slots - 1;
    this.count = 0;
    for (let slot = 0; slot < slots; slot++) {
      const place = old[2 * slot + 1]!;
      if (place !== 0) this.#insert(old[2 * slot]!, place - 1);
    }
  }

  #insert(hash: number, block: number): void {
    let slot = hash & this.#mask;
    while (this.#table[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#table[2 * slot] = hash;
    this.#table[2 * slot + 1] = block + 1;
    this.count++;
  }

  #slotOf(block: number): number {
    let slot = this.words[block + BLOCK.hash]! & this.#mask;
    while (this.#table[2 * slot + 1] !== block + 1) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** What stands behind a freed slot and belongs further up closes the hole, so that no search ends too early. */
  #deleteSlot(freed: number): void {
    const [table, mask] = [this.#table, this.#mask];
    let hole = freed;
    for (let slot = (hole + 1) & mask; table[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = table[2 * slot]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      table[2 * hole] = table[2 * slot]!;
      table[2 * hole + 1] = table[2 * slot + 1]!;
      hole = slot;
    }
    table[2 * hole + 1] = 0;
  }
}
