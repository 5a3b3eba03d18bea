/** How much may be done for one question: whoever asks must not be able to make us ask for ever (CVE-2020-12662). */

/** Messages to servers, repetitions included. */
const MOST_QUERIES = 60;
/** Names of servers whose addresses are looked for. */
const MOST_SERVER_NAMES = 8;

export class Effort {
  #queries = MOST_QUERIES;
  #serverNames = MOST_SERVER_NAMES;
  /** Those that are being looked for: one that needs itself is not found. */
  readonly #lookedFor: string[] = [];

  takeQuery(): boolean {
    return this.#queries-- > 0;
  }

  takeServerName(name: string): boolean {
    return !this.#lookedFor.includes(name) && this.#serverNames-- > 0;
  }

  beginLookingFor(name: string): void {
    this.#lookedFor.push(name);
  }

  endLookingFor(name: string): void {
    this.#lookedFor.splice(this.#lookedFor.indexOf(name), 1);
  }

  get isSpent(): boolean {
    return this.#queries <= 0;
  }
}
