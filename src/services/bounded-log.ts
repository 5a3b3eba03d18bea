/** A log for what a guest makes us say: one that floods us shall not fill the disk. */
import type { Logger } from "../base/logger.ts";

/** Lines of one kind in each interval; the rest is only counted. */
const INTERVAL_MILLISECONDS = 10_000;
const LINES = 20;

export class BoundedLog {
  readonly #logger: Logger;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #written = new Map<string, number>();
  #intervalEnds = Number.NEGATIVE_INFINITY;

  /** @param fields of every line */
  constructor(logger: Logger, fields: Readonly<Record<string, unknown>>) {
    this.#logger = logger;
    this.#fields = fields;
  }

  write(level: "debug" | "info" | "warn", message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = performance.now();
    if (now >= this.#intervalEnds) {
      this.#written.clear();
      this.#intervalEnds = now + INTERVAL_MILLISECONDS;
    }
    const lines = (this.#written.get(message) ?? 0) + 1;
    this.#written.set(message, lines);
    if (lines > LINES) return;
    const last = lines === LINES ? { note: `more of these are not logged for ${INTERVAL_MILLISECONDS / 1000} s` } : {};
    this.#logger[level](message, { ...this.#fields, ...fields, ...last });
  }
}
