/**
 * How much an importer makes of one file. A small file can say things that hold for every network and every host, whose
 * product is a file that nobody reads; past the bound nothing more is made, which is told once.
 */
import type { Origin, Problems } from "./problem.ts";

/** Values of a network file: an address, an option, a name. 10,000 hosts of a network are 50,000, and a network file has at most 100,000. */
export const MOST_VALUES = 60_000;

export class Budget {
  readonly #problems: Problems;
  #spent = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** Whether so many more values may be made for the statement. */
  take(values: number, origin: Origin): boolean {
    if (this.isSpent) return false;
    this.#spent += values;
    if (!this.isSpent) return true;
    this.#problems.tell(
      origin,
      `the network file would have more than ${MOST_VALUES} values, so this and what comes behind it is left out`,
      "write what holds for many networks or hosts once, or part the file",
    );
    return false;
  }

  get isSpent(): boolean {
    return this.#spent > MOST_VALUES;
  }

  /** Values that were made, at most {@link MOST_VALUES} and those of one statement. */
  get spent(): number {
    return this.#spent;
  }
}
