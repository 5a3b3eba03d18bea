/** OPT in a message that need not be one that can be decoded. */
import { DNS_HEADER_BYTES } from "../../../wire/dns/codec.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";

const QUESTION_BYTES = 4;
/** Type, class, lifetime and length of the data. */
const RECORD_BYTES = 10;

/** @returns undefined: there is none as far as records can be told apart */
export function findExtension(message: Uint8Array): { readonly dnssecOk: boolean } | undefined {
  const count = (section: number): number => u16(message, 4 + 2 * section);
  const [questions, before] = [count(0), count(1) + count(2)];
  let at = DNS_HEADER_BYTES;
  for (let i = 0; i < questions && at < message.length; i++) at = behindName(message, at) + QUESTION_BYTES;
  for (let i = 0; i < before + count(3) && at < message.length; i++) {
    const isRoot = message[at] === 0;
    at = behindName(message, at);
    if (at + RECORD_BYTES > message.length) return undefined;
    if (i >= before && isRoot && u16(message, at) === DNS_TYPE.OPT)
      return { dnssecOk: (message[at + 6]! & 0x80) !== 0 };
    at += RECORD_BYTES + u16(message, at + 8);
  }
  return undefined;
}

/** Behind the end of the message when the name does not end in it. */
function behindName(message: Uint8Array, start: number): number {
  for (let at = start; at < message.length; ) {
    const length = message[at]!;
    if (length === 0) return at + 1;
    // Where the name is told on, which is not followed.
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return message.length + 1;
}

function u16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}
