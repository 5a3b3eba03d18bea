/**
 * Whole responses in wire form, found by the question as it stands on the wire. A query that can be answered from here
 * is answered without decoding: the response is copied, and given the asker's id, flags, spelling of the question and
 * OPT, and TTLs that have run down. That a name does not exist answers every type of it (RFC 2308 §5).
 *
 * Time is in seconds, of a clock that only goes forward.
 */
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import type { DnsCacheLimits } from "../config.ts";
import { type CachedResponse, describeResponse, namesIn } from "./cached-response.ts";
import { NameDenials, restoreType } from "./denials.ts";
import { DNSSEC_OK, isExtension, OPT_BYTES, UDP_REPLY_BYTES, writeExtension } from "./extension.ts";
import { type HashKey, randomHashKey } from "./keyed-hash.ts";
import {
  flagsOf,
  KEY_CHECKING_DISABLED,
  KEY_DNSSEC_OK,
  keyFlags,
  type QuestionFlags,
  QuestionKey,
} from "./question-key.ts";
import { ALIAS, BLOCK, KEY_FLAGS, ResponseStore, TOLD } from "./response-store.ts";
import { readUint32, ResponseScan, writeUint32 } from "./response.ts";

interface CachedQuestion {
  readonly question: DnsQuestion;
  readonly flags: QuestionFlags;
}

export interface FoundResponse {
  /** As it was stored, with TTLs counted down; a copy. */
  readonly message: Uint8Array;
  /** Its life has ended: only to be told while nobody answers, with TTLs of STALE_TTL_SECONDS (RFC 8767 §5). */
  readonly stale: boolean;
  /** 0 when it is stale. */
  readonly remainingSeconds: number;
}

export interface AnswerCacheStats {
  readonly entries: number;
  /** Of the responses and what is kept with them. */
  readonly usedBytes: number;
  /** Memory that is held for them. */
  readonly capacityBytes: number;
  readonly stored: number;
  /** Responses that had to make room, also when they had ended. */
  readonly evicted: number;
}

/** RFC 8767 §5. */
const STALE_TTL_SECONDS = 30;
const HEADER_BYTES = 12;
/** With the root as its name. */
const SHORTEST_QUERY_BYTES = HEADER_BYTES + 5;
const PLAIN_REPLY_BYTES = 512;
const AUTHORITATIVE = 0x04;
const RECURSION_DESIRED = 0x01;
const AUTHENTIC_DATA = 0x20;
const CHECKING_DISABLED = 0x10;
/** Asked for so often during its life, a response is worth being fetched anew during the last tenth of it. */
const POPULAR_HITS = 3;
const MOST_POPULAR = 256;
/** Types and classes are gone through when a name is forgotten: of those that IANA has not given, no more are kept. */
const MOST_KINDS = 64;
const GIVEN_TYPES = 264;

/** All caches take turns with it. */
const scan = new ResponseScan();

export class AnswerCache {
  readonly #limits: DnsCacheLimits;
  readonly #hashKey: HashKey;
  readonly #store: ResponseStore;
  readonly #key = new QuestionKey();
  readonly #expected = new QuestionKey();
  readonly #denials: NameDenials;
  /** Types and classes that were ever stored. */
  readonly #kinds = new Set<number>();
  #popular: CachedQuestion[] = [];
  #stored = 0;

  /** @param hashKey of the table, which nobody may guess; the default is good enough where nobody attacks */
  constructor(limits: DnsCacheLimits, hashKey: HashKey = randomHashKey()) {
    this.#limits = limits;
    this.#hashKey = hashKey;
    this.#store = new ResponseStore(limits.bytes, limits.staleSeconds);
    this.#denials = new NameDenials(this.#store, this.#key, hashKey);
  }

  /**
   * Keep a response, in the place of an earlier one to the same question. Its life is the least TTL of its records, a
   * denial's that of its SOA (RFC 2308 §5), within the limits. What has no life is not kept, nor is what is truncated,
   * malformed, has another question, an OPT record, or another response code than NOERROR and NXDOMAIN.
   * @param message without OPT; it is copied
   * @param deniedSeconds life of a denial that has no SOA; default: it has none
   */
  store(
    question: DnsQuestion,
    flags: QuestionFlags,
    message: Uint8Array,
    nowSeconds: number,
    deniedSeconds?: number,
  ): void {
    const key = this.#key;
    const copy = message.slice();
    if (message.length < SHORTEST_QUERY_BYTES || copy[4] !== 0 || copy[5] !== 1) return;
    const questionEnd = key.read(copy, HEADER_BYTES, copy.length);
    if (questionEnd === 0 || !this.#isQuestion(question, questionEnd - HEADER_BYTES)) return;
    const kind = question.type * 0x1_0000 + question.class;
    if (question.type >= GIVEN_TYPES && this.#kinds.size >= MOST_KINDS && !this.#kinds.has(kind)) return;
    const isLasting = scan.scan(copy, questionEnd, this.#limits, deniedSeconds);
    const asked = keyFlags(flags);
    const now = Math.floor(nowSeconds);
    if (isLasting || scan.hasData) this.#denials.prepare(copy, asked, now);
    if (!isLasting) return;
    const messageWords = (copy.length + 3) >>> 2;
    const size = BLOCK.message + messageWords + ((scan.ttlCount + 1) >>> 1);
    const block = this.#room(key.hash(asked, this.#hashKey), asked, size, now);
    if (block < 0) return;
    const { words, bytes, halves } = this.#store;
    words[block + BLOCK.expires] = now + scan.lifeSeconds;
    words[block + BLOCK.stored] = now;
    words[block + BLOCK.messageBytes] = copy.length;
    words[block + BLOCK.questionBytes] = key.lengthBytes;
    words[block + BLOCK.flags] = (question.type << 16) | (scan.hasAlias ? ALIAS : 0) | asked;
    words[block + BLOCK.ttlCount] = scan.ttlCount;
    words[block + BLOCK.hits] = 0;
    const start = 4 * (block + BLOCK.message);
    bytes.set(copy, start);
    // The asker's own, each time.
    bytes[start] = bytes[start + 1] = 0;
    bytes[start + 2] = copy[2]! & ~RECURSION_DESIRED;
    bytes[start + 3] = copy[3]! & ~CHECKING_DISABLED;
    bytes.set(new Uint8Array(key.words.buffer, 0, key.lengthBytes), start + HEADER_BYTES);
    halves.set(scan.ttlOffsets.subarray(0, scan.ttlCount), 2 * (block + BLOCK.message + messageWords));
    this.#kinds.add(key.type * 0x1_0000 + question.class);
    this.#stored++;
  }

  /** A block of that size, that of an earlier response to the question where it fits. */
  #room(hash: number, asked: number, size: number, now: number): number {
    const block = this.#store.find(this.#key, hash, asked);
    if (block >= 0) {
      const old = this.#store.words[block + BLOCK.size]!;
      if (old >= size && old < 2 * size) return block;
      this.#store.remove(block);
    }
    return this.#store.add(hash, size, now);
  }

  #isQuestion({ name, type, class: classNumber }: DnsQuestion, lengthBytes: number): boolean {
    const expected = this.#expected;
    expected.write(name, type, classNumber);
    return expected.lengthBytes === lengthBytes && expected.equals(this.#key.words, 0);
  }

  /** What is known as the answer to a question, whatever the case of its name. */
  find(question: DnsQuestion, flags: QuestionFlags, nowSeconds: number): FoundResponse | undefined {
    const now = Math.floor(nowSeconds);
    const block = this.#find(question, keyFlags(flags), now);
    if (block < 0) return undefined;
    const expires = this.#store.words[block + BLOCK.expires]! >>> 0;
    if (now >= expires + this.#limits.staleSeconds) return undefined;
    return this.#describe(block, now, question.type);
  }

  /** What lives, or what was stored last. */
  #find({ name, type, class: classNumber }: DnsQuestion, asked: number, now: number): number {
    const { words } = this.#store;
    this.#key.write(name, type, classNumber);
    const block = this.#store.find(this.#key, this.#key.hash(asked, this.#hashKey), asked);
    if (block >= 0 && now < words[block + BLOCK.expires]! >>> 0) return block;
    return this.#denials.newer(block, this.#denials.find(asked), now);
  }

  /** @param type that is asked for; a denial may have come with another */
  #describe(block: number, now: number, type: number): FoundResponse {
    const { words, bytes, halves } = this.#store;
    const start = 4 * (block + BLOCK.message);
    const length = words[block + BLOCK.messageBytes]!;
    const message = bytes.slice(start, start + length);
    restoreType(message, words[block + BLOCK.questionBytes]!, type);
    const expires = words[block + BLOCK.expires]! >>> 0;
    const stale = now >= expires;
    const age = now - (words[block + BLOCK.stored]! >>> 0);
    const first = 2 * (block + BLOCK.message + ((length + 3) >>> 2));
    for (let index = 0; index < words[block + BLOCK.ttlCount]!; index++) {
      const offset = halves[first + index]!;
      writeUint32(message, offset, stale ? STALE_TTL_SECONDS : readUint32(message, offset) - age);
    }
    return { message, stale, remainingSeconds: Math.max(0, expires - now) };
  }

  /** Forget all that is known of a name, of every type; not what is below it. */
  remove(name: string): void {
    for (const kind of this.#kinds) {
      this.#key.write(name, Math.floor(kind / 0x1_0000), kind % 0x1_0000);
      for (let asked = 0; asked <= KEY_FLAGS; asked++) {
        const block = this.#store.find(this.#key, this.#key.hash(asked, this.#hashKey), asked);
        if (block >= 0) this.#store.remove(block);
      }
    }
  }

  /**
   * Forget all answers that go through a name that is meant, in lower case. Each one is read, so this takes its time.
   * @param which those with aliases, or all
   */
  removeAbout(isMeant: (name: string) => boolean, which: "aliases" | "all"): void {
    const { words, bytes } = this.#store;
    // What is removed moves others in the table.
    const blocks = [...this.#store.blocks()];
    for (const block of blocks) {
      const hasAlias = (words[block + BLOCK.flags]! & ALIAS) !== 0;
      if (which === "aliases" && !hasAlias) continue;
      const start = 4 * (block + BLOCK.message);
      const message = bytes.subarray(start, start + words[block + BLOCK.messageBytes]!);
      if (namesIn(message, hasAlias).some(isMeant)) this.#store.remove(block);
    }
  }

  clear(): void {
    this.#store.clear();
    this.#kinds.clear();
    this.#denials.anyChecked = false;
  }

  /** Whether it was ever told of a name that it does not exist, with AD. */
  get hasCheckedDenials(): boolean {
    return this.#denials.anyChecked;
  }

  /**
   * What can still be told, what was asked for most first; nothing may be stored or removed while it is gone through.
   * @param most of them: only these are read
   */
  *entries(nowSeconds: number, most: number = Number.POSITIVE_INFINITY): Generator<CachedResponse> {
    const now = Math.floor(nowSeconds);
    const { words } = this.#store;
    for (const block of this.#store.mostAsked(now, most)) {
      const { message, stale, remainingSeconds } = this.#describe(block, now, this.#typeOf(block));
      yield {
        ...describeResponse(message),
        flags: flagsOf(words[block + BLOCK.flags]!),
        stale,
        remainingSeconds,
        hits: words[block + BLOCK.hits]!,
        message,
      };
    }
  }

  stats(): AnswerCacheStats {
    return {
      entries: this.#store.count,
      usedBytes: this.#store.usedBytes,
      capacityBytes: this.#store.capacityBytes,
      stored: this.#stored,
      evicted: this.#store.evicted,
    };
  }

  /** Whether {@link takePopular} has something to tell. */
  get hasPopular(): boolean {
    return this.#popular.length > 0;
  }

  /**
   * What was asked for repeatedly and is in the last tenth of its life: worth asking for again now. Each is told once;
   * what was stored with AA is a zone's of our own and is not told.
   */
  takePopular(): readonly CachedQuestion[] {
    const popular = this.#popular;
    if (popular.length > 0) this.#popular = [];
    return popular;
  }

  /**
   * Write the reply to a query over UDP.
   * @param out has room for {@link UDP_REPLY_BYTES} at `outOffset`
   * @returns its length; 0 when the query has to go the long way: nothing living is known, it is no plain query of one
   *   question, or the reply is longer than the asker takes
   */
  answer(
    query: Uint8Array,
    offset: number,
    length: number,
    out: Uint8Array,
    outOffset: number,
    nowSeconds: number,
  ): number {
    const end = offset + length;
    const low = query[offset + 3]!;
    // A response, another opcode, AA, TC, RA, Z and a response code are odd, and so is all but one question.
    if (
      length < SHORTEST_QUERY_BYTES ||
      (query[offset + 2]! & ~RECURSION_DESIRED) !== 0 ||
      (low & ~(AUTHENTIC_DATA | CHECKING_DISABLED)) !== 0 ||
      query[offset + 4] !== 0 ||
      query[offset + 5] !== 1 ||
      (query[offset + 6]! | query[offset + 7]! | query[offset + 8]! | query[offset + 9]! | query[offset + 10]!) !== 0
    )
      return 0;
    const key = this.#key;
    const questionEnd = key.read(query, offset + HEADER_BYTES, end);
    if (questionEnd === 0) return 0;
    const additionals = query[offset + 11]!;
    let asked = (low & CHECKING_DISABLED) === 0 ? 0 : KEY_CHECKING_DISABLED;
    let largest = PLAIN_REPLY_BYTES;
    if (additionals === 1) {
      if (!isExtension(query, questionEnd, end)) return 0;
      if ((query[questionEnd + 7]! & DNSSEC_OK) !== 0) asked |= KEY_DNSSEC_OK;
      largest = (query[questionEnd + 3]! << 8) | query[questionEnd + 4]!;
      if (largest < PLAIN_REPLY_BYTES) largest = PLAIN_REPLY_BYTES;
      else if (largest > UDP_REPLY_BYTES) largest = UDP_REPLY_BYTES;
    } else if (additionals !== 0 || questionEnd !== end) return 0;

    const store = this.#store;
    let block = store.find(key, key.hash(asked, this.#hashKey), asked);
    const words = store.words;
    const now = Math.floor(nowSeconds);
    if (block < 0 || now >= words[block + BLOCK.expires]! >>> 0) {
      block = this.#denials.find(asked);
      if (block < 0 || now >= words[block + BLOCK.expires]! >>> 0) return 0;
    }
    const messageBytes = words[block + BLOCK.messageBytes]!;
    if (messageBytes + additionals * OPT_BYTES > largest) return 0;
    const bytes = store.bytes;
    const start = 4 * (block + BLOCK.message);
    const questionBytes = questionEnd - offset;
    out[outOffset] = query[offset]!;
    out[outOffset + 1] = query[offset + 1]!;
    out[outOffset + 2] = bytes[start + 2]! | query[offset + 2]!;
    const kept = (low & AUTHENTIC_DATA) !== 0 || (asked & KEY_DNSSEC_OK) !== 0 ? 0xff : ~AUTHENTIC_DATA;
    out[outOffset + 3] = (bytes[start + 3]! & kept) | (low & CHECKING_DISABLED);
    for (let index = 4; index < HEADER_BYTES; index++) out[outOffset + index] = bytes[start + index]!;
    for (let index = HEADER_BYTES; index < questionBytes; index++) out[outOffset + index] = query[offset + index]!;
    for (let index = questionBytes; index < messageBytes; index++) out[outOffset + index] = bytes[start + index]!;
    const age = now - (words[block + BLOCK.stored]! >>> 0);
    // A zone of our own says the same all the time.
    if (age > 0 && (bytes[start + 2]! & AUTHORITATIVE) === 0) this.#ageReply(block, age, out, outOffset);
    words[block + BLOCK.hits]!++;
    if (10 * ((words[block + BLOCK.expires]! >>> 0) - now) <= age) this.#tellPopular(block);
    if (additionals === 0) return messageBytes;
    writeExtension(out, outOffset + messageBytes, (asked & KEY_DNSSEC_OK) !== 0);
    // Without OPT it has 255 additional records at most, being short enough for UDP.
    out[outOffset + 11]!++;
    return messageBytes + OPT_BYTES;
  }

  #ageReply(block: number, age: number, out: Uint8Array, outOffset: number): void {
    const { words, halves } = this.#store;
    const first = 2 * (block + BLOCK.message + ((words[block + BLOCK.messageBytes]! + 3) >>> 2));
    const last = first + words[block + BLOCK.ttlCount]!;
    for (let index = first; index < last; index++) {
      const position = outOffset + halves[index]!;
      writeUint32(out, position, readUint32(out, position) - age);
    }
  }

  #tellPopular(block: number): void {
    const { words, bytes } = this.#store;
    const start = 4 * (block + BLOCK.message);
    if (
      (words[block + BLOCK.flags]! & TOLD) !== 0 ||
      words[block + BLOCK.hits]! < POPULAR_HITS ||
      (bytes[start + 2]! & AUTHORITATIVE) !== 0 ||
      this.#popular.length === MOST_POPULAR
    )
      return;
    words[block + BLOCK.flags]! |= TOLD;
    const message = bytes.subarray(start, start + words[block + BLOCK.messageBytes]!);
    const question = { ...describeResponse(message).question, type: this.#typeOf(block) };
    this.#popular.push({ question, flags: flagsOf(words[block + BLOCK.flags]!) });
  }

  /** That was asked for when it came. */
  #typeOf(block: number): number {
    return this.#store.words[block + BLOCK.flags]! >>> 16;
  }
}
