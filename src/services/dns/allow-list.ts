/** Who is answered, by the address in a raw sockaddr: looked up for each datagram, so without an object for it. */
import { familyOf, type IpAddress, ipToBytes, type Prefix } from "../../base/address.ts";
import { addressWord, encodeSocketAddress, isIpv4 } from "../../kernel/socket-address.ts";

const WORD = 2 ** 32;

export interface Askers {
  /** Whether the sockaddr that begins at `offset` is of somebody who is answered. */
  allows(sockaddrs: Uint8Array, offset: number): boolean;
  /** The same for an address as text. */
  allowsAddress(address: IpAddress): boolean;
}

export class AllowList implements Askers {
  /** Ranges that neither meet nor touch, in order. */
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  /** Of each IPv6 prefix four words of address and four of mask. */
  readonly #prefixes6: Uint32Array;
  readonly #allowsAll: boolean;

  /** @param prefixes absent: everybody */
  constructor(prefixes: readonly Prefix[] | undefined) {
    this.#allowsAll = prefixes === undefined;
    const ranges = mergedRanges((prefixes ?? []).filter(({ address }) => familyOf(address) === 4));
    this.#starts = Float64Array.from(ranges, ([start]) => start);
    this.#ends = Float64Array.from(ranges, ([, end]) => end);
    this.#prefixes6 = Uint32Array.from(
      (prefixes ?? []).filter(({ address }) => familyOf(address) === 6).flatMap(wordsOf),
    );
  }

  allows(sockaddrs: Uint8Array, offset: number): boolean {
    if (this.#allowsAll) return true;
    return isIpv4(sockaddrs, offset)
      ? this.#allows4(addressWord(sockaddrs, offset, 0))
      : this.#allows6(sockaddrs, offset);
  }

  allowsAddress(address: IpAddress): boolean {
    return this.#allowsAll || this.allows(encodeSocketAddress({ address, port: 0 }), 0);
  }

  #allows4(address: number): boolean {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < address) low = middle + 1;
      else high = middle;
    }
    return low < this.#starts.length && this.#starts[low]! <= address;
  }

  #allows6(sockaddrs: Uint8Array, offset: number): boolean {
    const words = this.#prefixes6;
    for (let start = 0; start < words.length; start += 8) {
      let word = 0;
      while (
        word < 4 &&
        ((addressWord(sockaddrs, offset, word) ^ words[start + word]!) & words[start + 4 + word]!) === 0
      )
        word++;
      if (word === 4) return true;
    }
    return false;
  }
}

function mergedRanges(prefixes: readonly Prefix[]): [start: number, end: number][] {
  const merged: [number, number][] = [];
  const ranges = prefixes.map((prefix): [number, number] => {
    const [address = 0, , , , mask = 0] = wordsOf(prefix);
    const start = (address & mask) >>> 0;
    return [start, start + (WORD - 1 - mask)];
  });
  for (const [start, end] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1] + 1) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** Four words of address, four of mask. */
function wordsOf({ address, length }: Prefix): number[] {
  const bytes = new Uint8Array(16);
  bytes.set(ipToBytes(address));
  const view = new DataView(bytes.buffer);
  const places = [0, 1, 2, 3];
  const maskOf = (word: number): number => {
    const bits = Math.min(32, Math.max(0, length - 32 * word));
    return bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0;
  };
  return [...places.map((word) => view.getUint32(4 * word)), ...places.map(maskOf)];
}
