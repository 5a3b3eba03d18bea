/**
 * That a name does not exist holds for all its types (RFC 2308 §5, RFC 8020 §2): such a response is kept under a type
 * that no record has, and found there after no other was found.
 */
import type { HashKey } from "./keyed-hash.ts";
import type { QuestionKey } from "./question-key.ts";
import { BLOCK, type ResponseStore } from "./response-store.ts";

/** What a denial is kept under in the place of its own. */
export const EVERY_TYPE = 0;

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const TYPE_OPT = 41;
/** What begins here and ends before ANY is no data (RFC 6895 §3.1). */
const FIRST_META_TYPE = 128;
const TYPE_ANY = 255;
const NAME_ERROR = 3;
const AUTHENTIC_DATA = 0x20;

export class NameDenials {
  readonly #store: ResponseStore;
  readonly #key: QuestionKey;
  readonly #hashKey: HashKey;
  /** Whether one was ever stored that a server had checked: told with AD. */
  anyChecked = false;

  /** @param key that questions are put in */
  constructor(store: ResponseStore, key: QuestionKey, hashKey: HashKey) {
    this.#store = store;
    this.#key = key;
    this.#hashKey = hashKey;
  }

  /** A block for the question in the key, of any age; -1: none. Leaves another type in the key. */
  find(asked: number): number {
    const key = this.#key;
    const { type } = key;
    if (type === EVERY_TYPE || type === TYPE_OPT || (type >= FIRST_META_TYPE && type < TYPE_ANY)) return -1;
    return this.#findType(EVERY_TYPE, asked);
  }

  /** What lives of the two, or what was stored last. */
  newer(block: number, denial: number, now: number): number {
    const { words } = this.#store;
    if (block < 0 || denial < 0) return Math.max(block, denial);
    if (now < words[denial + BLOCK.expires]! >>> 0) return denial;
    return words[denial + BLOCK.stored]! >>> 0 >= words[block + BLOCK.stored]! >>> 0 ? denial : block;
  }

  /**
   * Put into the key what the response is kept under, and forget what it makes untrue. A server that denies a name of
   * which it has just told something is believed for that one type only (RFC 4074 §4.2).
   */
  prepare(message: Uint8Array, asked: number, now: number): void {
    const { type } = this.#key;
    const isOfName = isNameDenial(message) && !this.#isKnownToExist(asked, now);
    const untrue = this.#findType(isOfName ? type : EVERY_TYPE, asked);
    if (untrue >= 0) this.#store.remove(untrue);
    this.#key.type = isOfName ? EVERY_TYPE : type;
    this.anyChecked ||= isOfName && (message[3]! & AUTHENTIC_DATA) !== 0;
  }

  /** Whether the name in the key has addresses, or was told to have none. Leaves another type in the key. */
  #isKnownToExist(asked: number, now: number): boolean {
    const { words, bytes } = this.#store;
    const own = this.#key.type;
    const known = [TYPE_A, TYPE_AAAA].some((type) => {
      const block = type === own ? -1 : this.#findType(type, asked);
      return (
        block >= 0 && now < words[block + BLOCK.expires]! >>> 0 && (bytes[4 * (block + BLOCK.message) + 3]! & 15) === 0
      );
    });
    this.#key.type = own;
    return known;
  }

  #findType(type: number, asked: number): number {
    const key = this.#key;
    key.type = type;
    return this.#store.find(key, key.hash(asked, this.#hashKey), asked);
  }
}

/** That the very name that is asked for does not exist, not one that it is an alias of. */
export function isNameDenial(message: Uint8Array): boolean {
  return (message[3]! & 15) === NAME_ERROR && message[6] === 0 && message[7] === 0;
}

/** Put the type that is asked for into a response, in whose place another may stand. @param keyBytes of its question */
export function restoreType(message: Uint8Array, keyBytes: number, type: number): void {
  const offset = HEADER_BYTES + keyBytes - 4;
  message[offset] = type >>> 8;
  message[offset + 1] = type;
}
