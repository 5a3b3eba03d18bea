/**
 * A clock that goes on while the host sleeps (suspend), as the lives of answers do. Node's steady one stands still then:
 * in the morning a cache would tell what has ended long ago.
 */
import { uptime } from "node:os";
import { steadySeconds } from "../clock.ts";

/** What tells of the sleep is a file to be read (/proc/uptime). */
const LOOK_SECONDS = 1;
/** The two are not read at one moment. */
const LEAST_SLEEP_SECONDS = 2;

export class WakefulClock {
  readonly #steady: () => number;
  readonly #uptime: () => number;
  /** What the two clocks differ by as far as known. */
  #difference: number;
  #lookedAt: number;
  #sleptSeconds = 0;

  constructor(steady: () => number = steadySeconds, upSeconds: () => number = () => uptime()) {
    this.#steady = steady;
    this.#uptime = upSeconds;
    this.#lookedAt = steady();
    this.#difference = upSeconds() - this.#lookedAt;
  }

  /** In seconds, of no particular day; never goes back. A sleep is seen within a second. */
  now(): number {
    const steady = this.#steady();
    if (steady - this.#lookedAt >= LOOK_SECONDS) this.#look(steady);
    return steady + this.#sleptSeconds;
  }

  /** When it is that time on the steady clock, unless the host sleeps. */
  steadyAt(seconds: number): number {
    return seconds - this.#sleptSeconds;
  }

  #look(steady: number): void {
    this.#lookedAt = steady;
    const difference = this.#uptime() - steady;
    const slept = difference - this.#difference;
    if (slept < LEAST_SLEEP_SECONDS) return;
    this.#difference = difference;
    this.#sleptSeconds += slept;
  }
}
