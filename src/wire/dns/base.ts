/** Base 64 and base 32 with the extended hexadecimal alphabet (RFC 4648 §4, §7). */

interface Alphabet {
  readonly digits: string;
  readonly bits: number;
}

const BASE64: Alphabet = { digits: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bits: 6 };
const BASE32_HEX: Alphabet = { digits: "0123456789abcdefghijklmnopqrstuv", bits: 5 };

/** With "=" up to a multiple of four digits. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, BASE64);
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** Undefined for what is not base 64. */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, "");
  return text.length % 4 === 0 ? decode(digits, BASE64) : undefined;
}

/** Lower case, without padding, as in names of NSEC3 (RFC 5155 §3.3). */
export function toBase32Hex(bytes: Uint8Array): string {
  return encode(bytes, BASE32_HEX);
}

/** Undefined for what is not base 32; in any case. */
export function fromBase32Hex(text: string): Uint8Array | undefined {
  return decode(text.toLowerCase(), BASE32_HEX);
}

function encode(bytes: Uint8Array, { digits, bits }: Alphabet): string {
  let text = "";
  let held = 0;
  let count = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (count += 8; count >= bits; ) {
      count -= bits;
      text += digits[(held >>> count) & ((1 << bits) - 1)];
    }
  }
  return count === 0 ? text : text + digits[(held << (bits - count)) & ((1 << bits) - 1)];
}

function decode(text: string, { digits, bits }: Alphabet): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * bits) / 8));
  let held = 0;
  let count = 0;
  let length = 0;
  for (const digit of text) {
    const value = digits.indexOf(digit);
    if (value < 0) return undefined;
    held = ((held << bits) | value) & 0xffff;
    count += bits;
    if (count < 8) continue;
    count -= 8;
    bytes[length++] = held >>> count;
  }
  // What is left over is padding of a digit that was needed, and 0.
  return count < bits && (held & ((1 << count) - 1)) === 0 ? bytes : undefined;
}
