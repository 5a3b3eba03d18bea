/** Ranges of addresses: what lists leave out, and what several lists have in common. */
import { familyOf, formatPrefix, ipFromBigint, ipToBigint, networkOf, type Prefix } from "../../base/address.ts";

/** IPv4 and, behind all of it, IPv6 on one line of numbers. */
export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

const IPV6_START = 1n << 32n;
const BITS = { 4: 32, 6: 128 } as const;

export function rangeOf(prefix: Prefix): Range {
  const family = familyOf(prefix.address);
  const first = ipToBigint(networkOf(prefix).address) + (family === 6 ? IPV6_START : 0n);
  return { first, last: first + (1n << BigInt(BITS[family] - prefix.length)) - 1n };
}

/** "192.0.2.0/24", "192.0.2.1": as few as make up the range, which is of one family. */
export function formatRange({ first, last }: Range): string[] {
  const family = first < IPV6_START ? 4 : 6;
  const start = family === 6 ? IPV6_START : 0n;
  const texts: string[] = [];
  for (let at = first - start; at <= last - start; ) {
    let hostBits = 0;
    while (
      hostBits < BITS[family] &&
      at % (2n << BigInt(hostBits)) === 0n &&
      at + (2n << BigInt(hostBits)) - 1n <= last - start
    )
      hostBits++;
    const address = ipFromBigint(at, family);
    texts.push(hostBits === 0 ? address : formatPrefix({ address, length: BITS[family] - hostBits }));
    at += 1n << BigInt(hostBits);
  }
  return texts;
}

/** Whether it is more than an organization has: shorter than /8 of IPv4 or /16 of IPv6. */
export function isVast({ first, last }: Range): boolean {
  return last - first >= (first < IPV6_START ? 1n << 24n : 1n << 112n);
}

/** Any number of ranges, as the fewest that have the same addresses. */
export class RangeSet {
  /** In order, apart from each other. */
  readonly #ranges: Range[] = [];

  constructor(ranges: Iterable<Range> = []) {
    for (const range of ranges) this.add(range);
  }

  add({ first, last }: Range): void {
    const from = this.#firstNotBefore(first);
    let to = from;
    while (to < this.#ranges.length && this.#ranges[to]!.first <= last) to++;
    const [low, high] = [this.#ranges[from], this.#ranges[to - 1]];
    const merged =
      to === from || low === undefined || high === undefined
        ? { first, last }
        : { first: low.first < first ? low.first : first, last: high.last > last ? high.last : last };
    this.#ranges.splice(from, to - from, merged);
  }

  /** The parts of a range that are in the set. */
  within({ first, last }: Range): Range[] {
    const parts: Range[] = [];
    for (let at = this.#firstNotBefore(first); at < this.#ranges.length; at++) {
      const range = this.#ranges[at]!;
      if (range.first > last) break;
      parts.push({ first: range.first > first ? range.first : first, last: range.last < last ? range.last : last });
    }
    return parts;
  }

  /** The parts of a range that are not. */
  outside({ first, last }: Range): Range[] {
    const parts: Range[] = [];
    let next = first;
    for (const part of this.within({ first, last })) {
      if (part.first > next) parts.push({ first: next, last: part.first - 1n });
      next = part.last + 1n;
    }
    if (next <= last) parts.push({ first: next, last });
    return parts;
  }

  /** The place of the first range that ends at the address or behind it. */
  #firstNotBefore(address: bigint): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
