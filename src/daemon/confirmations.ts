/** Undoes unconfirmed changes when their time is up. */
import { messageOf } from "../base/errors.ts";
import { pendingConfirmations } from "../engine/confirm.ts";

const RETRY_MILLISECONDS = 5000;
/** Clocks jump: none is slept through for longer. */
const LONGEST_SLEEP_MILLISECONDS = 60_000;

export class Confirmations implements Disposable {
  readonly #stateFolder: string;
  readonly #undo: (unit: string) => Promise<void>;
  readonly #failed: (unit: string, message: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param undo undoes the unit's change if its time is up */
  constructor(
    stateFolder: string,
    undo: (unit: string) => Promise<void>,
    failed: (unit: string, message: string) => void,
  ) {
    this.#stateFolder = stateFolder;
    this.#undo = undo;
    this.#failed = failed;
  }

  /** Look again which changes wait: one was made or confirmed. */
  schedule(earliestMilliseconds = 0): void {
    clearTimeout(this.#timer);
    const deadlines = pendingConfirmations(this.#stateFolder).map(({ deadline }) => deadline);
    if (this.#closed || deadlines.length === 0) return;
    const wait = Math.max(Math.min(...deadlines) - Date.now(), earliestMilliseconds);
    this.#timer = setTimeout(() => void this.#undoExpired(), Math.min(wait, LONGEST_SLEEP_MILLISECONDS));
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #undoExpired(): Promise<void> {
    let retry = 0;
    for (const { unit, deadline } of pendingConfirmations(this.#stateFolder)) {
      if (deadline > Date.now() || this.#closed) continue;
      try {
        await this.#undo(unit);
      } catch (error) {
        retry = RETRY_MILLISECONDS;
        this.#failed(unit, messageOf(error));
      }
    }
    this.schedule(retry);
  }
}
