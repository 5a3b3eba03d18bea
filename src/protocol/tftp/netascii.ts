/**
 * The mode "netascii" (RFC 764 by way of RFC 1350): a line ends with CR LF, a CR by itself is CR NUL.
 *
 * Both directions may be given their bytes in pieces of any size.
 */
const NUL = 0;
const LF = 10;
const CR = 13;

/** Where a file's bytes become netascii. */
export class NetasciiEncoder {
  /** The second byte of a pair whose first one filled the last output. */
  #pending: number | undefined;

  /** @param pending of an encoder that had stopped there */
  constructor(pending?: number) {
    this.#pending = pending;
  }

  get pending(): number | undefined {
    return this.#pending;
  }

  /**
   * Until the input is used up or the output is full.
   * @returns how many bytes of each
   */
  encode(input: Uint8Array, output: Uint8Array): { readonly read: number; readonly written: number } {
    let read = 0;
    let written = 0;
    while (written < output.length) {
      if (this.#pending !== undefined) {
        output[written++] = this.#pending;
        this.#pending = undefined;
        continue;
      }
      if (read === input.length) break;
      const byte = input[read++]!;
      output[written++] = byte === LF ? CR : byte;
      if (byte === LF) this.#pending = LF;
      else if (byte === CR) this.#pending = NUL;
    }
    return { read, written };
  }
}

/** Where netascii becomes a file's bytes. */
export class NetasciiDecoder {
  #afterReturn = false;

  decode(input: Uint8Array): Uint8Array {
    const output = new Uint8Array(input.length + 1);
    let written = 0;
    for (const byte of input) {
      if (this.#afterReturn) {
        this.#afterReturn = false;
        if (byte === LF) {
          output[written++] = LF;
          continue;
        }
        output[written++] = CR;
        if (byte === NUL) continue;
      }
      if (byte === CR) this.#afterReturn = true;
      else output[written++] = byte;
    }
    return output.subarray(0, written);
  }

  /** What was held back, at the end. */
  finish(): Uint8Array {
    return this.#afterReturn ? Uint8Array.of(CR) : new Uint8Array();
  }
}
