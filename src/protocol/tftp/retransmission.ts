/**
 * When to send again: measured as TCP does (RFC 6298), with the limits of a boot.
 *
 * A client's own "timeout" option (RFC 2349) says how long it may take at most; what is measured is nearly always much
 * less, and a lost packet costs only that.
 */

/** Below it a client that writes to a slow disk would be sent much twice. */
const LEAST_SECONDS = 0.1;
const FIRST_SECONDS = 1;
const MOST_SECONDS = 5;
/** A boot loader that erases flash, or waits for a person, is silent for long. */
const GIVE_UP_SECONDS = 30;
/** However short the client's own time-out is, with that many unanswered copies nobody is there. */
const GIVE_UP_COPIES = 5;
/** As long as not a word has come back: the address may be made up, and its owner would get all of them. */
const UNHEARD_COPIES = 3;

export class Retransmission {
  readonly #mostSeconds: number;
  readonly #giveUpSeconds: number;
  #smoothedSeconds: number | undefined;
  #variationSeconds = 0;
  #copies = 0;
  #isHeard = false;
  #sinceSeconds: number;

  /** @param timeoutSeconds of the client's option, 1 to 255 */
  constructor(nowSeconds: number, timeoutSeconds?: number) {
    this.#mostSeconds = timeoutSeconds ?? MOST_SECONDS;
    this.#giveUpSeconds = Math.max(GIVE_UP_SECONDS, GIVE_UP_COPIES * this.#mostSeconds);
    this.#sinceSeconds = nowSeconds;
  }

  /** An answer came to what had been sent once only (Karn), so long after it. */
  measure(seconds: number): void {
    const smoothed = this.#smoothedSeconds;
    if (smoothed === undefined) {
      this.#smoothedSeconds = seconds;
      this.#variationSeconds = seconds / 2;
      return;
    }
    this.#variationSeconds += (Math.abs(smoothed - seconds) - this.#variationSeconds) / 4;
    this.#smoothedSeconds = smoothed + (seconds - smoothed) / 8;
  }

  /** There was progress. */
  restart(nowSeconds: number): void {
    this.#copies = 0;
    this.#isHeard = true;
    this.#sinceSeconds = nowSeconds;
  }

  /** The time has come. @returns whether it is sent once more, or waited for only */
  backOff(): boolean {
    this.#copies++;
    return this.#isHeard || this.#copies <= UNHEARD_COPIES;
  }

  /** How long to wait for an answer now. */
  intervalSeconds(): number {
    const measured =
      this.#smoothedSeconds === undefined ? FIRST_SECONDS : this.#smoothedSeconds + 4 * this.#variationSeconds;
    return Math.min(this.#mostSeconds, Math.max(LEAST_SECONDS, measured) * 2 ** Math.min(this.#copies, 10));
  }

  /** Nothing has come for so long that nobody waits any more. */
  isHopeless(nowSeconds: number): boolean {
    return this.#copies >= GIVE_UP_COPIES && nowSeconds - this.#sinceSeconds >= this.#giveUpSeconds;
  }

  /** For the log and the screen; undefined before the first measurement. */
  get roundTripSeconds(): number | undefined {
    return this.#smoothedSeconds;
  }
}
