/** Answers to who is not answered: made of the query's own first bytes, and never longer than it. */

const HEADER_BYTES = 12;
const RESPONSE = 0x80;
const OPCODE_AND_RECURSION_DESIRED = 0x79;
const CHECKING_DISABLED = 0x10;
const REFUSED = 5;

/**
 * @returns the length of the refusal at `outOffset`; 0 for what must not be answered: a response, or less than a header
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
  if (questionEnd !== 0) out[outOffset + 5] = 1;
  return replyBytes;
}

/** 0 when there is not one plain question. */
function endOfQuestion(query: Uint8Array, offset: number, end: number): number {
  if (query[offset + 4] !== 0 || query[offset + 5] !== 1) return 0;
  let position = offset + HEADER_BYTES;
  for (;;) {
    const length = query[position];
    if (length === undefined || position >= end || length > 63) return 0;
    position += length + 1;
    if (length === 0) return position + 4 <= end ? position + 4 : 0;
  }
}
