/**
 * Gives memory back that a burst of work took. V8 and the C library keep their heaps as large as they once were for as
 * long as there is nothing to do, which for a daemon is nearly always.
 *
 * Only the last resort of V8 shrinks its heap, and that forgets compiled code as well: the next bind then takes twice as
 * long. A heap that has hardly grown is collected in the usual way.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimMemory } from "../kernel/native.ts";

const QUIET_MILLISECONDS = 5000;
const BURST_BYTES = 16 * 1024 * 1024;

export class IdleMemory implements Disposable {
  readonly #collect: (flavor: "regular" | "last-resort") => void;
  /** The heap's size after the last burst. */
  #usualBytes = getHeapStatistics().total_heap_size;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    this.#collect =
      typeof collect === "function" ? (flavor): void => void collect({ type: "major", flavor }) : () => undefined;
  }

  /** Work was done: collect once it has been quiet for a while. */
  worked(): void {
    if (this.#timer === undefined) this.#timer = setTimeout(this.#whenQuiet, QUIET_MILLISECONDS).unref();
    else this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** At once, and all: what has been loaded for the time to come is in use from now on. */
  settle(): void {
    this.#collect("last-resort");
    this.#usualBytes = getHeapStatistics().total_heap_size;
    trimMemory();
  }

  readonly #whenQuiet = (): void => {
    this.#timer = undefined;
    if (getHeapStatistics().total_heap_size - this.#usualBytes > BURST_BYTES) {
      this.settle();
      return;
    }
    this.#collect("regular");
    trimMemory();
  };
}

/**
 * For a process that holds much for long and makes little else that lasts: what is new stays in the megabyte that it has
 * at the start, instead of in up to 32 that are never given back.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  // So little is copied sooner than other threads are woken for it.
  setFlagsFromString("--no-parallel-scavenge");
}

/**
 * For a process whose work leaves much behind that lasted a little too long to be young: it is collected when the heap
 * has grown by a third, instead of a multiple.
 */
export function keepOldGenerationSmall(): void {
  setFlagsFromString("--heap-growing-percent=30");
}
