/**
 * Looking again and again at what raises no events, at a bounded price: everything twice a second while there is
 * little of it, and never more than so many looks a second.
 */
const TURN_MILLISECONDS = 500;
/** One costs about 5 µs: together less than a quarter of a thousandth of one CPU. */
const LOOKS_PER_TURN = 20;

/** Looks once, and tells what it found by itself. */
export type Look = () => void;

export class Poll implements Disposable {
  readonly #looks = new Set<Look>();
  #turn: Iterator<Look> | undefined;
  #timer: NodeJS.Timeout | undefined;

  add(look: Look): void {
    this.#looks.add(look);
    this.#timer ??= setInterval(() => this.#takeTurn(), TURN_MILLISECONDS).unref();
  }

  delete(look: Look): void {
    this.#looks.delete(look);
    if (this.#looks.size === 0) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #takeTurn(): void {
    for (let looks = Math.min(LOOKS_PER_TURN, this.#looks.size); looks > 0; looks--) {
      this.#turn ??= this.#looks.values();
      const { value, done } = this.#turn.next();
      if (done === true) this.#turn = undefined;
      else value();
    }
  }
}
