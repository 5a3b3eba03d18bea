/**
 * The question of a message as it stands on the wire, in 32-bit words with its name in lower case: what answers are
 * found by. One key is filled again and again, so that reading a question makes nothing.
 */
import { writeDomainName } from "../../../wire/domain-name.ts";
import { type HashKey, keyedHash } from "./keyed-hash.ts";

/** What a question is asked with, and so a part of the key: bits of a number. */
export const KEY_DNSSEC_OK = 1;
export const KEY_CHECKING_DISABLED = 2;

/** What a question is asked with that its answer depends on. */
export interface QuestionFlags {
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export function keyFlags({ dnssecOk, checkingDisabled }: QuestionFlags): number {
  return (dnssecOk ? KEY_DNSSEC_OK : 0) | (checkingDisabled ? KEY_CHECKING_DISABLED : 0);
}

export function flagsOf(asked: number): QuestionFlags {
  return { dnssecOk: (asked & KEY_DNSSEC_OK) !== 0, checkingDisabled: (asked & KEY_CHECKING_DISABLED) !== 0 };
}

const LABEL_LIMIT = 63;
/** Of a name with its length bytes and the final zero (RFC 1035 §3.1). */
const NAME_LIMIT = 255;
/** Type and class. */
const TAIL_BYTES = 4;

/** One at a time. */
const QUESTION = new Uint8Array(NAME_LIMIT + TAIL_BYTES);
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));

export class QuestionKey {
  /** Little-endian; bytes behind the last are 0. */
  readonly words = new Int32Array(Math.ceil((NAME_LIMIT + TAIL_BYTES) / 4));
  /** Name, type and class. */
  lengthBytes = 0;

  /**
   * Take the question at `start`; it must end before `end`.
   * @returns the offset behind it, 0 when there is none or its name is compressed or too long
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    // A name's last byte is its zero, which has to be at or before this one.
    const limit = Math.min(end - TAIL_BYTES, start + NAME_LIMIT) - 1;
    let zero = start;
    for (;;) {
      if (zero > limit) return 0;
      const length = bytes[zero]!;
      if (length === 0) break;
      if (length > LABEL_LIMIT) return 0;
      zero += length + 1;
    }
    const words = this.words;
    const next = zero + 1 + TAIL_BYTES;
    let index = 0;
    let word = 0;
    let shift = 0;
    for (let position = start; position < next; position++) {
      const byte = bytes[position]!;
      // Length bytes are no letters; numbers of types may be.
      word |= (position < zero ? LOWER[byte]! : byte) << shift;
      if (shift === 24) {
        words[index++] = word;
        word = 0;
        shift = 0;
      } else shift += 8;
    }
    words[index] = word;
    this.lengthBytes = next - start;
    return next;
  }

  hash(flags: number, key: HashKey): number {
    const count = (this.lengthBytes + 3) >>> 2;
    return keyedHash(this.words, count, (this.lengthBytes << 8) | flags, key[0], key[1]);
  }

  /** Whether the same question stands at that word. */
  equals(words: Int32Array, start: number): boolean {
    const own = this.words;
    const whole = this.lengthBytes >>> 2;
    for (let index = 0; index < whole; index++) if (own[index] !== words[start + index]) return false;
    const rest = this.lengthBytes & 3;
    return rest === 0 || ((own[whole]! ^ words[start + whole]!) & (2 ** (8 * rest) - 1)) === 0;
  }

  get type(): number {
    return (this.#byte(this.lengthBytes - 4) << 8) | this.#byte(this.lengthBytes - 3);
  }

  /** The same question for another type. */
  set type(type: number) {
    this.#setByte(this.lengthBytes - 4, type >>> 8);
    this.#setByte(this.lengthBytes - 3, type & 0xff);
  }

  #byte(index: number): number {
    return (this.words[index >>> 2]! >>> (8 * (index & 3))) & 0xff;
  }

  #setByte(index: number, value: number): void {
    const shift = 8 * (index & 3);
    this.words[index >>> 2] = (this.words[index >>> 2]! & ~(0xff << shift)) | (value << shift);
  }

  /** Put a question of its own in. @throws NetloomError bad-domain-name */
  write(name: string, type: number, classNumber: number): void {
    const nameBytes = writeDomainName(name, QUESTION, 0);
    QUESTION[nameBytes] = type >>> 8;
    QUESTION[nameBytes + 1] = type;
    QUESTION[nameBytes + 2] = classNumber >>> 8;
    QUESTION[nameBytes + 3] = classNumber;
    this.read(QUESTION, 0, nameBytes + TAIL_BYTES);
  }
}
