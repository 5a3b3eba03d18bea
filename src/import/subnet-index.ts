/** Of many subnets, which may lie in each other, the smallest that an address is in: a look-up for each length. */
import { type Ipv4Address, ipv4ToNumber, type Ipv4Prefix } from "../base/address.ts";

export class SubnetIndex<Value> {
  readonly #byLength = new Map<number, Map<number, Value>>();

  /** Of two that are the same the first counts. @returns whether it was the first */
  add({ address, length }: Ipv4Prefix, value: Value): boolean {
    const known = this.#byLength.get(length) ?? new Map<number, Value>();
    this.#byLength.set(length, known);
    const key = keyOf(ipv4ToNumber(address), length);
    if (known.has(key)) return false;
    known.set(key, value);
    return true;
  }

  find(address: Ipv4Address): Value | undefined {
    const number = ipv4ToNumber(address);
    for (let length = 32; length >= 0; length--) {
      const found = this.#byLength.get(length)?.get(keyOf(number, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function keyOf(address: number, length: number): number {
  return Math.floor(address / 2 ** (32 - length));
}
