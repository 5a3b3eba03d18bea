/**
 * One change of a state folder at a time, also beside commands that work without the daemon.
 *
 * A change that waits for a guest (30 s for one that does not let go of a NIC) stands aside meanwhile: the kernel's
 * objects are as the change found or left them then, so that other units can be healed. Its locks stay held, and what
 * is healed beside it has them by way of it.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../base/errors.ts";
import { type Lock, takeLock } from "../store/lock.ts";

const WAIT_MILLISECONDS = 60_000;
const RETRY_MILLISECONDS = 20;

interface HeldLock {
  readonly lock: Lock;
  holders: number;
}

export class ChangeQueue {
  readonly #stateFolder: string;
  readonly #held = new Map<string, HeldLock>();
  /** Units whose change stands aside. */
  readonly #aside = new Set<string>();
  /** Changes, one after the other from beginning to end. */
  #last: Promise<unknown> = Promise.resolve();
  /** Whoever works on the kernel's objects just now. */
  #turn: Promise<void> = Promise.resolve();
  #endTurn: () => void = () => undefined;

  constructor(stateFolder: string) {
    this.#stateFolder = stateFolder;
  }

  /**
   * Do the work when all changes before it are done and nobody else holds the locks.
   * @param locks below the state folder: "lock", "locks/UNIT"
   * @throws NetloomError locked after a minute; what the work throws
   */
  run<Result>(purpose: string, locks: readonly string[], work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(async () => {
      await this.#wait(purpose, locks);
      try {
        return await this.#inTurn(work);
      } finally {
        this.#release(locks);
      }
    });
    this.#last = result.catch(() => {
      // The caller has it; the next in turn is not concerned.
    });
    return result;
  }

  /**
   * As {@link run}, but without waiting for others, and also while a change of another unit stands aside.
   * @returns false: somebody else holds a lock, or changes the unit
   */
  tryRun(purpose: string, unit: string, locks: readonly string[], work: () => Promise<void>): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#aside.has(unit) || !this.#take(purpose, locks, { shared: true })) return false;
      try {
        await work();
        return true;
      } finally {
        this.#release(locks);
      }
    });
  }

  /** For the work of {@link run} and {@link tryRun}: others may have their turn while this part of it waits. */
  async standAside<Result>(unit: string, wait: () => Promise<Result>): Promise<Result> {
    this.#aside.add(unit);
    this.#endTurn();
    try {
      return await wait();
    } finally {
      await this.#beginTurn();
      this.#aside.delete(unit);
    }
  }

  /** Resolves when nobody works on the kernel's objects. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  /** Resolves when all changes that wait now are done. */
  async done(): Promise<void> {
    await this.#last;
    await this.#turn;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#beginTurn();
    try {
      return await work();
    } finally {
      this.#endTurn();
    }
  }

  async #beginTurn(): Promise<void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    this.#endTurn = resolve;
  }

  async #wait(purpose: string, locks: readonly string[]): Promise<void> {
    const deadline = performance.now() + WAIT_MILLISECONDS;
    while (!this.#take(purpose, locks, { complain: performance.now() > deadline })) await sleep(RETRY_MILLISECONDS);
  }

  /**
   * All or none.
   * @param how.shared one that we hold already will do
   * @param how.complain throw instead of returning false
   */
  #take(
    purpose: string,
    locks: readonly string[],
    { shared = false, complain = false }: { readonly shared?: boolean; readonly complain?: boolean },
  ): boolean {
    const taken: string[] = [];
    try {
      for (const name of locks) {
        const held = shared ? this.#held.get(name) : undefined;
        if (held === undefined) {
          this.#held.set(name, { lock: takeLock(join(this.#stateFolder, name), purpose), holders: 1 });
        } else held.holders++;
        taken.push(name);
      }
      return true;
    } catch (error) {
      this.#release(taken);
      if (!complain && error instanceof NetloomError && error.code === "locked") return false;
      throw error;
    }
  }

  #release(locks: readonly string[]): void {
    for (const name of locks.toReversed()) {
      const held = this.#held.get(name);
      if (held === undefined || --held.holders > 0) continue;
      this.#held.delete(name);
      held.lock.release();
    }
  }
}
