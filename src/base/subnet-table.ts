/** Of several IPv4 subnets the one that an address is in, by binary search. */
import { type Ipv4Address, ipv4ToNumber, type Ipv4Prefix } from "./address.ts";

interface Entry<Value> {
  readonly first: number;
  readonly last: number;
  readonly value: Value;
}

export class SubnetTable<Value> {
  readonly #entries: readonly Entry<Value>[];

  /** @param subnets that have no address in common, with the host bits zero */
  constructor(subnets: Iterable<readonly [subnet: Ipv4Prefix, value: Value]>) {
    this.#entries = Array.from(subnets, ([{ address, length }, value]) => {
      const first = ipv4ToNumber(address);
      return { first, last: first + 2 ** (32 - length) - 1, value };
    }).sort((a, b) => a.first - b.first);
  }

  find(address: Ipv4Address): Value | undefined {
    const number = ipv4ToNumber(address);
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.last < number) low = middle + 1;
      else high = middle;
    }
    const found = this.#entries[low];
    return found !== undefined && found.first <= number ? found.value : undefined;
  }
}
