/** A small stable hash, for names and MAC addresses that stay the same from run to run. Not for security. */
import { type MacAddress, macFromBytes } from "../base/address.ts";
import { utf8Encode } from "../base/bytes.ts";

/** FNV-1a with 64 bits over the UTF-8 bytes of the text (RFC 9923). */
export function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of utf8Encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** A unicast, locally administered MAC address that depends on the text only. */
export function derivedMac(text: string): MacAddress {
  const hash = fnv1a64(text);
  // FNV's upper bits are mixed better than its lowest ones: fold the upper 16 into the lower 48.
  const folded = BigInt.asUintN(48, hash ^ (hash >> 48n));
  const bytes = Uint8Array.from({ length: 6 }, (_, i) => Number((folded >> BigInt(40 - 8 * i)) & 0xffn));
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return macFromBytes(bytes);
}
