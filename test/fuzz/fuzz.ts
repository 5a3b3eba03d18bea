/** A target as a test. NETLOOM_FUZZ_INPUTS sets the number of inputs, NETLOOM_FUZZ_SEED repeats a run. */
import { test } from "vitest";
import { randomNumbers } from "../support/random.ts";
import type { FuzzTarget } from "./target.ts";

const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);

/** @param options.inputs where nobody says how many */
export function fuzz(target: FuzzTarget, options: { readonly inputs?: number } = {}): void {
  const inputs = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? options.inputs ?? 50_000);
  test(`${target.name}: ${inputs} hostile inputs`, { timeout: 60_000 + inputs }, () => {
    const run = target.start(randomNumbers(SEED));
    for (let i = 0; i < inputs; i++) {
      try {
        run.next();
      } catch (error) {
        throw new Error(`seed ${SEED}, input ${i}: ${run.input()}`, { cause: error });
      }
    }
    run.end(inputs);
  });
}
