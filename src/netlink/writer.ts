/**
 * Bytes of requests, appended to one preallocated buffer.
 *
 * A request's bytes are a view into a chunk that is shared with its neighbours and never written again, so
 * thousands of requests cost a handful of allocations. A chunk that is full is replaced, not copied: only the
 * request under construction moves to the new one.
 */
import { NetloomError } from "../base/errors.ts";

/** Netlink integers are in the host's byte order (RFC 3549 §2.2). */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const CHUNK_BYTES = 65_536;
/** What is left of a chunk when a new one is begun; most requests are smaller. */
const TAIL_BYTES = 512;
/** A netlink attribute's length is 16 bits wide. */
const MAXIMUM_ATTRIBUTE_BYTES = 65_535;

export class Writer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(CHUNK_BYTES);
  view: DataView = new DataView(this.bytes.buffer);
  #start = 0;
  #position = 0;

  /** Starts the bytes of a new request. */
  begin(): void {
    this.#position = (this.#position + 3) & ~3;
    if (this.#position + TAIL_BYTES > this.bytes.length) this.#replace(new Uint8Array(CHUNK_BYTES));
    this.#start = this.#position;
  }

  /** The bytes since `begin`. They stay valid and unchanged. */
  finish(): Uint8Array {
    return this.bytes.subarray(this.#start, this.#position);
  }

  get position(): number {
    return this.#position;
  }

  /** Appends `count` zero bytes and returns the offset of the first in `bytes`, good until the next append. */
  reserve(count: number): number {
    if (this.#position + count > this.bytes.length) this.#grow(count);
    const offset = this.#position;
    this.#position += count;
    return offset;
  }

  append(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.reserve(bytes.length));
  }

  /** Appends zero bytes up to a multiple of four. */
  pad(): void {
    this.reserve((this.#start - this.#position) & 3);
  }

  /** Starts an attribute: four bytes, length and type (RFC 3549 §2.2 TLV). Returns what `closeAttribute` wants. */
  openAttribute(type: number): number {
    const offset = this.reserve(4);
    this.view.setUint16(offset + 2, type, LITTLE_ENDIAN);
    return offset - this.#start;
  }

  /** Fills in the attribute's length and pads it. @throws NetloomError bad-value when it is longer than 65,535 bytes */
  closeAttribute(mark: number): void {
    const length = this.#position - this.#start - mark;
    if (length > MAXIMUM_ATTRIBUTE_BYTES) {
      throw new NetloomError("bad-value", `encode attribute: ${length} bytes, the most is ${MAXIMUM_ATTRIBUTE_BYTES}`);
    }
    this.view.setUint16(this.#start + mark, length, LITTLE_ENDIAN);
    this.pad();
  }

  /** Writes over 16 bits that were appended before, `mark` counted from the start of the request. */
  patch16(mark: number, value: number): void {
    this.view.setUint16(this.#start + mark, value, LITTLE_ENDIAN);
  }

  /** Offset of the next byte counted from the start of the request. */
  get mark(): number {
    return this.#position - this.#start;
  }

  #grow(count: number): void {
    const kept = this.bytes.subarray(this.#start, this.#position);
    this.#replace(new Uint8Array(Math.max(CHUNK_BYTES, 2 * (kept.length + count))));
    this.bytes.set(kept);
    this.#start = 0;
    this.#position = kept.length;
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#position = 0;
  }
}
