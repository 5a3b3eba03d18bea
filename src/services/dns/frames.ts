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
  #rest: Uint8Array = new Uint8Array(0);

  constructor(largestBytes: number) {
    this.#largestBytes = largestBytes;
  }

  /** @returns the messages that are complete now; undefined when one is announced that is too long */
  read(piece: Uint8Array): Uint8Array[] | undefined {
    // Not Node's Buffer, whose slices are no copies.
    const plain = new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
    const bytes = this.#rest.length === 0 ? plain : joined(this.#rest, plain);
    const messages: Uint8Array[] = [];
    let position = 0;
    while (position + LENGTH_BYTES <= bytes.length) {
      const length = (bytes[position]! << 8) | bytes[position + 1]!;
      if (length > this.#largestBytes) return undefined;
      const end = position + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      messages.push(bytes.slice(position + LENGTH_BYTES, end));
      position = end;
    }
    this.#rest = bytes.slice(position);
    return messages;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
