/** The Internet checksum (RFC 1071). */
import { type IpAddress, ipToBytes } from "../base/address.ts";

/** Add the big-endian 16-bit words of `bytes` to `initial`; an odd last byte counts as the upper half of a word. */
export function addWords(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  return even === bytes.length ? sum : sum + (bytes[even]! << 8);
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
