/** Messages on a stream: each behind its length in two bytes (RFC 1035 §4.2.2). */

const LENGTH_BYTES = 2;

/** In one piece, so that it leaves in one segment (RFC 7766 §8). */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + message.length);
  frame[0] = message.length >>> 8;
  frame[1] = message.length;
  frame.set(message, LENGTH_BYTES);
  return frame;
}

/** Puts together what comes in pieces. */
export class FrameReader {
  readonly #largestBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #isTooLong = false;

  constructor(largestBytes: number) {
    this.#largestBytes = largestBytes;
  }

  /** Whether a message is announced that is too long: nothing that follows can be read. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  add(piece: Uint8Array): void {
    // Not Node's Buffer, whose slices are no copies.
    const plain = new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
    const rest = this.#bytes.subarray(this.#position);
    this.#bytes = rest.length === 0 ? plain.slice() : joined(rest, plain);
    this.#position = 0;
  }

  /** @returns the next message that is complete */
  next(): Uint8Array | undefined {
    const start = this.#position + LENGTH_BYTES;
    if (start > this.#bytes.length) return undefined;
    const length = (this.#bytes[start - 2]! << 8) | this.#bytes[start - 1]!;
    this.#isTooLong = length > this.#largestBytes;
    if (this.#isTooLong || start + length > this.#bytes.length) return undefined;
    this.#position = start + length;
    return this.#bytes.slice(start, this.#position);
  }

  /** @returns the messages that are complete now; undefined when one is announced that is too long */
  read(piece: Uint8Array): Uint8Array[] | undefined {
    this.add(piece);
    const messages: Uint8Array[] = [];
    for (let message = this.next(); message !== undefined; message = this.next()) messages.push(message);
    return this.#isTooLong ? undefined : messages;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
