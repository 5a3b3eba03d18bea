/**
 * A folder as it is from time to time: what is put into it later is found, too. It is looked at, not listened to: that is
 * the same on every file system, takes nothing of the kernel for each file, and costs as much as listing them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { type FoundFolder, scanFolder } from "./scan.ts";
import type { SeenFiles } from "./seen-files.ts";

/** While something is being copied into it. */
const RESTLESS_MILLISECONDS = 1000;
/** Looks take a fiftieth of the time at most, however many files there are. */
const MOST_OF_TIME = 50;
/** A disk that hung for a while is no reason to look away for hours. */
const MOST_MILLISECONDS = 600_000;

export interface FollowOptions {
  readonly root: string;
  /** Of the look that found what is known so far. */
  readonly seen: SeenFiles;
  /** From one look to the next, if nothing changes. */
  readonly lookSeconds: number;
  readonly onLook: (folder: FoundFolder) => void;
  readonly logger: Logger;
}

export class FolderFollower implements Disposable {
  readonly #end = new AbortController();

  constructor(options: FollowOptions) {
    void this.#run(options);
  }

  async #run({ root, seen, lookSeconds, onLook, logger }: FollowOptions): Promise<void> {
    let milliseconds = lookSeconds * 1000;
    let trouble: string | undefined;
    while (await this.#pass(milliseconds)) {
      const started = performance.now();
      let isRestless = false;
      try {
        const folder = await lookAt(root, seen);
        if (this.#end.signal.aborted) return;
        onLook(folder);
        isRestless = folder.isRestless;
        trouble = undefined;
      } catch (error) {
        const reason = messageOf(error);
        if (reason !== trouble) logger.warn("the folder was not looked at", { folder: root, reason });
        trouble = reason;
      }
      const took = performance.now() - started;
      const pause = Math.min(took * MOST_OF_TIME, MOST_MILLISECONDS);
      milliseconds = Math.max(isRestless ? RESTLESS_MILLISECONDS : lookSeconds * 1000, pause);
    }
  }

  /** @returns false: it ends */
  async #pass(milliseconds: number): Promise<boolean> {
    const { signal } = this.#end;
    try {
      await sleep(milliseconds, undefined, { signal, ref: false });
      return true;
    } catch (error) {
      if (!signal.aborted) throw error;
      return false;
    }
  }

  /** Nothing is told afterwards. A look that is under way is not waited for: its file system may not answer any more. */
  [Symbol.dispose](): void {
    this.#end.abort();
  }
}

/** A folder that is gone is empty: it may come back. */
async function lookAt(root: string, seen: SeenFiles): Promise<FoundFolder> {
  try {
    return await scanFolder(root, seen);
  } catch (error) {
    if (!hasCode(error, "bad-folder")) throw error;
    seen.look([], 0);
    const nothing = { loaders: [], kernels: [], images: [], windows: undefined, script: undefined, arriving: [] };
    return {
      root,
      ...nothing,
      standIns: new Map(),
      hasGrubFile: false,
      isRestless: false,
      notes: [messageOf(error)],
    };
  }
}
