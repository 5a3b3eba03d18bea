/** One change of a state folder at a time, also beside commands that work without the daemon. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../base/errors.ts";
import { type Lock, takeLock } from "../store/lock.ts";

const WAIT_MILLISECONDS = 60_000;
const RETRY_MILLISECONDS = 20;

export class ChangeQueue {
  readonly #stateFolder: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stateFolder: string) {
    this.#stateFolder = stateFolder;
  }

  /**
   * Do the work when all changes before it are done and nobody else holds the locks.
   * @param locks below the state folder: "lock", "locks/UNIT"
   * @throws NetloomError locked after a minute; what the work throws
   */
  run<Result>(purpose: string, locks: readonly string[], work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      const held = await this.#wait(purpose, locks);
      try {
        return await work();
      } finally {
        release(held);
      }
    });
  }

  /** As {@link run}, but without waiting for others. @returns false: somebody else holds a lock */
  tryRun(purpose: string, locks: readonly string[], work: () => Promise<void>): Promise<boolean> {
    return this.#inTurn(async () => {
      const held = this.#take(purpose, locks);
      if (held === undefined) return false;
      try {
        await work();
        return true;
      } finally {
        release(held);
      }
    });
  }

  /** Resolves when all changes that wait now are done. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #wait(purpose: string, locks: readonly string[]): Promise<Lock[]> {
    const deadline = performance.now() + WAIT_MILLISECONDS;
    for (;;) {
      const held = this.#take(purpose, locks, performance.now() > deadline);
      if (held !== undefined) return held;
      await sleep(RETRY_MILLISECONDS);
    }
  }

  /** All or none. */
  #take(purpose: string, locks: readonly string[], complain = false): Lock[] | undefined {
    const held: Lock[] = [];
    try {
      for (const name of locks) held.push(takeLock(join(this.#stateFolder, name), purpose));
      return held;
    } catch (error) {
      release(held);
      if (!complain && error instanceof NetloomError && error.code === "locked") return undefined;
      throw error;
    }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {
      // The caller has it; the next in turn is not concerned.
    });
    return result;
  }
}

function release(locks: readonly Lock[]): void {
  for (const lock of locks.toReversed()) lock.release();
}
