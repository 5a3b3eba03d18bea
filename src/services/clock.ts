/** What machines of services go by: a clock that does not jump, its alarm, and chance. */
import { randomBytes } from "node:crypto";

/** A timer of Node takes no more than 24 days; waking up once a day costs nothing. */
const LONGEST_SLEEP_MILLISECONDS = 86_400_000;

/** In seconds, of no particular day. */
export function steadySeconds(): number {
  return performance.now() / 1000;
}

/** From 0 up to 1, not to be guessed. */
export function randomShare(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32;
}

/**
 * Rings at one time, however far away. The time may move on with every packet: there is no timer for each move, but one
 * that looks again when it comes too early.
 */
export class Alarm implements Disposable {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer looks; undefined: there is none. */
  #looksAt: number | undefined;
  #at: number | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** In place of the time before. @param at of {@link steadySeconds}; undefined or infinite: never */
  set(at: number | undefined): void {
    if (at === undefined || at === Number.POSITIVE_INFINITY) this.#clear();
    else {
      this.#at = at;
      if (this.#looksAt === undefined || at < this.#looksAt) this.#arm(at);
    }
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    const wait = Math.min(LONGEST_SLEEP_MILLISECONDS, Math.max(0, Math.ceil((at - steadySeconds()) * 1000)));
    this.#looksAt = at;
    this.#timer = setTimeout(() => this.#look(), wait);
  }

  #look(): void {
    this.#looksAt = undefined;
    const at = this.#at;
    if (at === undefined) return;
    if (at > steadySeconds()) this.#arm(at);
    else {
      this.#at = undefined;
      this.#ring();
    }
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#looksAt = undefined;
    this.#at = undefined;
  }

  [Symbol.dispose](): void {
    this.#clear();
  }
}
