/** How much a person can read: of a flood of lines the rest is left out. */
export class Pace {
  readonly #mostPerSecond: number;
  #second = 0;
  #count = 0;

  constructor(mostPerSecond: number) {
    this.#mostPerSecond = mostPerSecond;
  }

  /** @returns whether one more may be told now */
  take(nowSeconds: number): boolean {
    const second = Math.floor(nowSeconds);
    this.#count = second === this.#second ? this.#count + 1 : 1;
    this.#second = second;
    return this.#count <= this.#mostPerSecond;
  }
}
