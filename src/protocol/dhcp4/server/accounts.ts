/** Where clients are, and how many addresses they have or are offered: ports of a bridge, circuits of relays. Bounded by the pool. */
import type { RateLimit } from "./limits.ts";

/** Of the arrays that hold them; further ones are not told apart from an unknown place. */
const MOST_ACCOUNTS = 0xffff;
/** Nobody's: it counts nothing. */
export const NO_ACCOUNT = 0;

interface Account {
  readonly name: string;
  addresses: number;
  /** Rows that name it. */
  uses: number;
  newLeases: RateLimit | undefined;
}

export class Accounts {
  readonly #numbers = new Map<string, number>();
  readonly #accounts: (Account | undefined)[] = [undefined];
  readonly #unused: number[] = [];

  /** {@link NO_ACCOUNT} where no client is. */
  find(name: string): number {
    return this.#numbers.get(name) ?? NO_ACCOUNT;
  }

  /** To be followed by {@link use}. */
  open(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#unused.length === 0 && this.#accounts.length > MOST_ACCOUNTS) return NO_ACCOUNT;
    const number = this.#unused.pop() ?? this.#accounts.length;
    this.#accounts[number] = { name, addresses: 0, uses: 0, newLeases: undefined };
    this.#numbers.set(name, number);
    return number;
  }

  /** A row names it from now on. */
  use(number: number): void {
    const account = this.#accounts[number];
    if (account !== undefined) account.uses++;
  }

  /** A row names it no more. */
  leave(number: number): void {
    const account = this.#accounts[number];
    if (account === undefined || --account.uses > 0) return;
    this.#accounts[number] = undefined;
    this.#numbers.delete(account.name);
    this.#unused.push(number);
  }

  add(number: number, change: 1 | -1): void {
    const account = this.#accounts[number];
    if (account !== undefined) account.addresses += change;
  }

  addresses(number: number): number {
    return this.#accounts[number]?.addresses ?? 0;
  }

  /** Undefined where nothing is counted. */
  newLeases(number: number, make: () => RateLimit): RateLimit | undefined {
    const account = this.#accounts[number];
    return account === undefined ? undefined : (account.newLeases ??= make());
  }
}
