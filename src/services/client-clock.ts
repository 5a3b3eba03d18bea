/** What DHCP clients of both families go by: their clock, its alarm, and chance. */
import { randomBytes } from "node:crypto";

/** A timer of Node takes no more than 24 days; waking up once a day costs nothing. */
const LONGEST_SLEEP_MILLISECONDS = 86_400_000;

/** The clock of the clients' times, in seconds. */
export function clientNow(): number {
  return performance.now() / 1000;
}

/** From 0 up to 1, not to be guessed. */
export function randomShare(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32;
}

/** Rings at one time, however far away. */
export class Alarm implements Disposable {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** In place of the time before. @param at of {@link clientNow}; undefined or infinite: never */
  set(at: number | undefined): void {
    clearTimeout(this.#timer);
    if (at === undefined || at === Number.POSITIVE_INFINITY) return;
    const wait = Math.ceil((at - clientNow()) * 1000);
    this.#timer =
      wait > LONGEST_SLEEP_MILLISECONDS
        ? setTimeout(() => this.set(at), LONGEST_SLEEP_MILLISECONDS)
        : setTimeout(this.#ring, Math.max(0, wait));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
