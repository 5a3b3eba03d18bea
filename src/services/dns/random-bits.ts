/** Random bits from the system's source for keys, fetched many at a time. */
import { getRandomValues } from "node:crypto";
import type { RandomBits } from "../../protocol/dns/resolver/random.ts";

export function randomBitsSource(): RandomBits {
  const words = new Uint32Array(256);
  let next = words.length;
  return (bits) => {
    if (next === words.length) {
      getRandomValues(words);
      next = 0;
    }
    return words[next++]! >>> (32 - bits);
  };
}
