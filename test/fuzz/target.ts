/** What is fuzzed: by a test with some thousand inputs, and by `npm run fuzz` with as many millions as one has time for. */
export type Random = (below: number) => number;

export interface FuzzTarget {
  readonly name: string;
  start(random: Random): FuzzRun;
}

/** One life of what is fuzzed, however many inputs it gets. */
export interface FuzzRun {
  /** Make an input and give it. @throws when anything of what comes of it is wrong */
  next(): void;
  /** The last input as text. */
  input(): string;
  /** @throws when so many inputs did not reach what they were meant for, or left more behind than they may */
  end(inputs: number): void;
}

export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
