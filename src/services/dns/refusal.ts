/**
 * Answers to who is not answered: made of the query's own first bytes, and never longer than it but for the six bytes in
 * which who speaks EDNS is told why (RFC 8914 §4.19).
 */
import { DNSSEC_OK, isExtension, OPT_BYTES, writeExtension } from "../../protocol/dns/cache/extension.ts";

const HEADER_BYTES = 12;
const RESPONSE = 0x80;
const OPCODE_AND_RECURSION_DESIRED = 0x79;
const CHECKING_DISABLED = 0x10;
const REFUSED = 5;
/** Of a name (RFC 1035 §3.1). */
const LONGEST_NAME_BYTES = 255;
/** Extended DNS error: code and length of the option, Prohibited. */
const PROHIBITED = [0, 15, 0, 2, 0, 18] as const;
/** What a refusal may be longer than what it refuses. */
export const REFUSAL_EXTRA_BYTES = PROHIBITED.length;

/**
 * @param out has room for the query and {@link REFUSAL_EXTRA_BYTES} more at `outOffset`
 * @returns the length of the refusal; 0 for what must not be answered: a response, or less than a header
 */
export function writeRefusal(
  query: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  if (length < HEADER_BYTES || (query[offset + 2]! & RESPONSE) !== 0) return 0;
  const questionEnd = endOfQuestion(query, offset, offset + length);
  const replyBytes = questionEnd === 0 ? HEADER_BYTES : questionEnd - offset;
  for (let index = 0; index < replyBytes; index++) out[outOffset + index] = query[offset + index]!;
  out[outOffset + 2] = RESPONSE | (query[offset + 2]! & OPCODE_AND_RECURSION_DESIRED);
  out[outOffset + 3] = (query[offset + 3]! & CHECKING_DISABLED) | REFUSED;
  for (let index = 4; index < HEADER_BYTES; index++) out[outOffset + index] = 0;
  if (questionEnd === 0) return replyBytes;
  out[outOffset + 5] = 1;
  const isExtended = (query[offset + 7]! | query[offset + 9]! | query[offset + 10]!) === 0 && query[offset + 11] === 1;
  if (!isExtended || !isExtension(query, questionEnd, offset + length)) return replyBytes;
  const place = outOffset + replyBytes;
  writeExtension(out, place, (query[questionEnd + 7]! & DNSSEC_OK) !== 0);
  out[place + OPT_BYTES - 1] = PROHIBITED.length;
  PROHIBITED.forEach((byte, index) => {
    out[place + OPT_BYTES + index] = byte;
  });
  out[outOffset + 11] = 1;
  return replyBytes + OPT_BYTES + PROHIBITED.length;
}

/** 0 when there is not one plain question. */
function endOfQuestion(query: Uint8Array, offset: number, end: number): number {
  if (query[offset + 4] !== 0 || query[offset + 5] !== 1) return 0;
  const start = offset + HEADER_BYTES;
  for (let position = start; ; ) {
    const length = query[position];
    if (length === undefined || position >= end || length > 63) return 0;
    position += length + 1;
    if (position - start > LONGEST_NAME_BYTES) return 0;
    if (length === 0) return position + 4 <= end ? position + 4 : 0;
  }
}
