/** Our rules in tables that iptables-legacy speaks to: the kernel tells nobody of changes there, so they are looked at. */
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";

/** Looking takes a program, 5 ms. */
const EVERY_MILLISECONDS = 10_000;

interface LegacyTablesOptions {
  /** Namespaces in which there are any. */
  readonly places: () => ReadonlySet<string>;
  /** Looks. */
  readonly isChanged: (namespace: string) => Promise<boolean>;
  readonly onChange: (namespace: string) => void;
  readonly everyMilliseconds?: number;
  readonly log: Logger;
}

export class LegacyTables implements Disposable {
  readonly #options: LegacyTablesOptions;
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(options: LegacyTablesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.everyMilliseconds ?? EVERY_MILLISECONDS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { places, isChanged, onChange, log } = this.#options;
    for (const namespace of places()) {
      try {
        if (await isChanged(namespace)) onChange(namespace);
      } catch (error) {
        log.warn("tables of iptables-legacy cannot be read", { namespace, reason: messageOf(error) });
      }
    }
    this.#looking = false;
  }
}
