/**
 * Gives memory back that a burst of work took. V8 and the C library keep their heaps as large as they once were for as
 * long as there is nothing to do, which for a daemon is nearly always.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimMemory } from "../kernel/native.ts";

const QUIET_MILLISECONDS = 5000;

export class IdleMemory implements Disposable {
  readonly #collect: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    this.#collect =
      typeof collect === "function" ? (): void => void collect({ flavor: "last-resort" }) : () => undefined;
  }

  /** Work was done: collect once it has been quiet for a while. */
  worked(): void {
    if (this.#timer === undefined) this.#timer = setTimeout(this.#whenQuiet, QUIET_MILLISECONDS).unref();
    else this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  readonly #whenQuiet = (): void => {
    this.#timer = undefined;
    this.#collect();
    trimMemory();
  };
}
