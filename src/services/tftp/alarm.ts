/** A time that moves on with every packet, without a timer for each move. */
export class Alarm {
  readonly #onTime: () => void;
  #timer: NodeJS.Timeout | undefined;
  #timerSeconds = Number.POSITIVE_INFINITY;
  #deadlineSeconds = Number.POSITIVE_INFINITY;

  constructor(onTime: () => void) {
    this.#onTime = onTime;
  }

  /** @param deadlineSeconds of the same clock as `nowSeconds`; undefined: never */
  set(deadlineSeconds: number | undefined, nowSeconds: number): void {
    this.#deadlineSeconds = deadlineSeconds ?? Number.POSITIVE_INFINITY;
    // A timer that comes too early looks again.
    if (this.#deadlineSeconds >= this.#timerSeconds || this.#deadlineSeconds === Number.POSITIVE_INFINITY) return;
    this.#arm(nowSeconds);
  }

  #arm(nowSeconds: number): void {
    clearTimeout(this.#timer);
    this.#timerSeconds = this.#deadlineSeconds;
    const milliseconds = Math.max(0, Math.ceil((this.#deadlineSeconds - nowSeconds) * 1000));
    this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    const now = nowSeconds();
    this.#timerSeconds = Number.POSITIVE_INFINITY;
    if (this.#deadlineSeconds <= now) this.#onTime();
    else if (this.#deadlineSeconds !== Number.POSITIVE_INFINITY) this.#arm(now);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#deadlineSeconds = Number.POSITIVE_INFINITY;
    this.#timerSeconds = Number.POSITIVE_INFINITY;
  }
}

/** The clock of transfers: it does not jump. */
export function nowSeconds(): number {
  return performance.now() / 1000;
}
