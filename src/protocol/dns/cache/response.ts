/** What the cache has to know of a response before it keeps it: where its TTLs are, and how long it lives. */
import type { DnsCacheLimits } from "../config.ts";

const TYPE_CNAME = 5;
const TYPE_SOA = 6;
const TYPE_DNAME = 39;
const TYPE_OPT = 41;
const TYPE_ANY = 255;
const NO_ERROR = 0;
const NAME_ERROR = 3;
/** MINIMUM is the last field of an SOA record (RFC 1035 §3.3.13). */
const MINIMUM_BYTES = 4;

/** Written anew for each response. */
export class ResponseScan {
  /** Offsets of TTLs in the message. */
  readonly ttlOffsets = new Uint16Array(0x1_0000 / 11);
  ttlCount = 0;
  lifeSeconds = 0;
  /** Whether the answer goes through other names. */
  hasAlias = false;
  /** Whether it tells what was asked for, also what is not to be kept. */
  hasData = false;
  #isPositive = false;
  #deniedSeconds: number | undefined;

  /**
   * Set the TTLs of the message to what may be told of them, and its life to the least of them.
   * @param questionEnd where its records begin
   * @param deniedSeconds life of a denial that has no SOA
   * @returns false when it is not to be kept: no response, truncated, no final word (SERVFAIL), a denial without an
   *   SOA (RFC 2308 §5), with OPT, without records, or malformed
   */
  scan(message: Uint8Array, questionEnd: number, limits: DnsCacheLimits, deniedSeconds?: number): boolean {
    this.ttlCount = 0;
    this.#deniedSeconds = undefined;
    this.hasData = false;
    const [high, low] = [message[2]!, message[3]!];
    const responseCode = low & 15;
    if ((high & 0x82) !== 0x80 || (responseCode !== NO_ERROR && responseCode !== NAME_ERROR)) return false;
    const type = uint16(message, questionEnd - 4);
    const answers = uint16(message, 6);
    const records = answers + uint16(message, 8) + uint16(message, 10);
    if (!this.#walk(message, questionEnd, { answers, records, type })) return false;
    this.#deniedSeconds ??= deniedSeconds;
    this.hasData = this.#isPositive && responseCode === NO_ERROR;
    if (this.hasData) this.#clamp(message, limits.minimumTtlSeconds, limits.maximumTtlSeconds);
    else if (this.#deniedSeconds === undefined) return false;
    else
      this.#clamp(message, 0, Math.min(this.#deniedSeconds, limits.maximumNegativeSeconds, limits.maximumTtlSeconds));
    return this.lifeSeconds > 0;
  }

  /** @returns false when the records are malformed, or one of them is OPT */
  #walk(message: Uint8Array, start: number, expected: { answers: number; records: number; type: number }): boolean {
    const { answers, records, type } = expected;
    this.#isPositive = false;
    this.hasAlias = false;
    let position = start;
    for (let index = 0; index < records; index++) {
      position = skipName(message, position);
      const data = position + 10;
      if (position === 0 || data > message.length) return false;
      const end = data + uint16(message, position + 8);
      const recordType = uint16(message, position);
      if (end > message.length || recordType === TYPE_OPT) return false;
      if (index < answers) {
        this.#isPositive ||= recordType === type || type === TYPE_ANY;
        this.hasAlias ||= recordType === TYPE_CNAME || recordType === TYPE_DNAME;
      } else if (recordType === TYPE_SOA && end - data > MINIMUM_BYTES)
        this.#deniedSeconds ??= Math.min(readTtl(message, position + 4), readTtl(message, end - MINIMUM_BYTES));
      this.ttlOffsets[this.ttlCount++] = position + 4;
      position = end;
    }
    return position === message.length;
  }

  #clamp(message: Uint8Array, minimum: number, maximum: number): void {
    this.lifeSeconds = maximum;
    for (let index = 0; index < this.ttlCount; index++) {
      const offset = this.ttlOffsets[index]!;
      const ttl = Math.min(Math.max(readTtl(message, offset), minimum), maximum);
      this.lifeSeconds = Math.min(this.lifeSeconds, ttl);
      writeUint32(message, offset, ttl);
    }
  }
}

/** @returns the offset behind the name, 0 when it runs over the end */
function skipName(bytes: Uint8Array, start: number): number {
  let position = start;
  for (;;) {
    const length = bytes[position];
    if (length === undefined) return 0;
    if (length === 0) return position + 1;
    if (length >= 0xc0) return position + 2;
    if (length > 63) return 0;
    position += length + 1;
  }
}

export function uint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** One with the highest bit set counts as 0 (RFC 2181 §8). */
function readTtl(bytes: Uint8Array, offset: number): number {
  const value = (uint16(bytes, offset) << 16) | uint16(bytes, offset + 2);
  return value < 0 ? 0 : value;
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
