/**
 * Questions that could not be answered lately: they are not asked again at once (RFC 9520), and what was known of them
 * is told without waiting (RFC 8767 §5).
 */

const FIRST_SECONDS = 5;
/** RFC 9520 §3.2 permits five minutes; but a host that is back in the network shall not wait for its names. */
const LONGEST_SECONDS = 20;
/** That a question failed is remembered for so long after it may be asked again. */
const MEMORY_SECONDS = 300;
const MOST_FAILURES = 10_000;

interface FailedQuestion {
  readonly retryAt: number;
  readonly count: number;
}

export class Failures {
  readonly #failed = new Map<string, FailedQuestion>();

  note(key: string, now: number): void {
    const count = this.#find(key, now)?.count ?? 0;
    this.#failed.delete(key);
    this.#failed.set(key, { retryAt: now + Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** count), count: count + 1 });
    if (this.#failed.size > MOST_FAILURES) this.#failed.delete(this.#failed.keys().next().value!);
  }

  forget(key: string): void {
    this.#failed.delete(key);
  }

  forgetAll(isMeant: (key: string) => boolean): void {
    for (const key of this.#failed.keys()) if (isMeant(key)) this.#failed.delete(key);
  }

  clear(): void {
    this.#failed.clear();
  }

  /** Whether it is too early to ask again. */
  isTooEarly(key: string, now: number): boolean {
    return (this.#find(key, now)?.retryAt ?? now) > now;
  }

  /** Whether it failed the last time. */
  hasFailed(key: string, now: number): boolean {
    return this.#find(key, now) !== undefined;
  }

  #find(key: string, now: number): FailedQuestion | undefined {
    const found = this.#failed.get(key);
    return found !== undefined && now < found.retryAt + MEMORY_SECONDS ? found : undefined;
  }
}
