/**
 * Hears of changes of one kernel parameter that raises no event of its own.
 *
 * A write by way of this very /proc is told by inotify, at once. Another mount of it (a container's) has files of its
 * own, so the value is also looked at from time to time, through a descriptor that stays open and keeps the file that
 * inotify watches in the kernel's cache.
 */
import { closeSync, constants, type FSWatcher, openSync, readSync, watch } from "node:fs";
import { hasCode } from "../../base/errors.ts";
import { openFileInNamespace } from "../../kernel/native.ts";
import type { Poll } from "./poll.ts";

const scratch = new Uint8Array(256);

export class SysctlWatch implements Disposable {
  readonly #poll: Poll;
  readonly #onChange: () => void;
  readonly #descriptor: number;
  readonly #watcher: FSWatcher;
  #value: string | undefined;

  /**
   * @param namespace descriptor; undefined: our own
   * @param path below /proc/sys
   * @throws SystemCallError or Error ENOENT: the kernel has no such parameter (any more)
   */
  constructor(namespace: number | undefined, path: string, poll: Poll, onChange: () => void) {
    this.#poll = poll;
    this.#onChange = onChange;
    const file = `/proc/sys/${path}`;
    this.#descriptor =
      namespace === undefined
        ? openSync(file, constants.O_RDONLY)
        : openFileInNamespace({ namespace, path: file, flags: constants.O_RDONLY });
    try {
      this.#watcher = watch(`/proc/self/fd/${this.#descriptor}`, { persistent: false }, onChange);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
    this.#watcher.on("error", onChange);
    this.#value = this.#read();
    poll.add(this.#look);
  }

  /** Whether the parameter that was opened is still the one of that path: its device may have been replaced. */
  get alive(): boolean {
    return this.#read() !== undefined;
  }

  [Symbol.dispose](): void {
    this.#poll.delete(this.#look);
    this.#watcher.close();
    closeSync(this.#descriptor);
  }

  readonly #look = (): void => {
    const value = this.#read();
    if (value === this.#value) return;
    this.#value = value;
    this.#onChange();
  };

  /** Undefined: it is gone, and one of the same path is another. */
  #read(): string | undefined {
    try {
      const bytes = readSync(this.#descriptor, scratch, 0, scratch.length, 0);
      return String.fromCharCode(...scratch.subarray(0, bytes));
    } catch (error) {
      if (hasCode(error, "ENOENT", "EINVAL")) return undefined;
      throw error;
    }
  }
}
