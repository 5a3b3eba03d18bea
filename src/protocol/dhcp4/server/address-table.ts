/** A value for each of many addresses: a third of a map's memory where addresses lie side by side, as in a range. */
import { type Ipv4Address, ipv4ToNumber } from "../../../base/address.ts";

/** Addresses whose values lie in one array; the least that an address far from all others takes. */
const BLOCK_BITS = 6;
const BLOCK = 1 << BLOCK_BITS;

export class AddressTable<Value> {
  readonly #blocks = new Map<number, (Value | undefined)[]>();

  get(address: Ipv4Address): Value | undefined {
    const number = ipv4ToNumber(address);
    return this.#blocks.get(number >>> BLOCK_BITS)?.[number % BLOCK];
  }

  set(address: Ipv4Address, value: Value): void {
    const number = ipv4ToNumber(address);
    const block = this.#blocks.get(number >>> BLOCK_BITS);
    if (block !== undefined) {
      block[number % BLOCK] = value;
      return;
    }
    const added = new Array<Value | undefined>(BLOCK).fill(undefined);
    added[number % BLOCK] = value;
    this.#blocks.set(number >>> BLOCK_BITS, added);
  }

  /** What is set meanwhile may come or not. */
  *values(): Generator<Value> {
    for (const block of this.#blocks.values()) for (const value of block) if (value !== undefined) yield value;
  }
}
