/** The Internet checksum (RFC 1071). */
import { type IpAddress, ipToBytes } from "../base/address.ts";

/**
 * Add the big-endian 16-bit words of `bytes` from `start` up to `end` to `initial`; an odd last byte counts as the upper
 * half of a word.
 */
export function addWords(bytes: Uint8Array, initial = 0, start = 0, end = bytes.length): number {
  // Two sums instead of one of shifted words: the shift is done once.
  let upper = 0;
  let lower = 0;
  let i = start;
  for (; i + 1 < end; i += 2) {
    upper += bytes[i]!;
    lower += bytes[i + 1]!;
  }
  if (i < end) upper += bytes[i]!;
  return initial + upper * 256 + lower;
}

/** Fold a sum of words to 16 bits and complement it. 0 over data that includes its own right checksum. */
export function finishChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** Sum of what is covered besides the payload: RFC 768 for IPv4, RFC 8200 §8.1 for IPv6, which add up the same. */
export function pseudoHeader(
  { source, destination }: { readonly source: IpAddress; readonly destination: IpAddress },
  protocol: number,
  length: number,
): number {
  return addWords(ipToBytes(source), addWords(ipToBytes(destination), protocol + (length >>> 16) + (length & 0xffff)));
}
