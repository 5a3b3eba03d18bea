/** What is known of a folder's files from one look to the next. */
import type { Content } from "./content.ts";
import type { Entry } from "./list-files.ts";
import type { LoaderKind } from "./loaders.ts";

/** Who copies a file writes to it again and again; after such a silence it is taken for whole. */
export const SETTLE_SECONDS = 5;

/** GRUB, and whether it can load anything from where it came from. */
export type Grub = "network" | "local";

/** What a file is by its name and by what stands in it. */
export interface Examined {
  readonly kind: LoaderKind | undefined;
  readonly content: Content | undefined;
  /** Looked for in programs of UEFI firmware only. */
  readonly isIpxe: boolean;
  readonly grub: Grub | undefined;
  /** It was looked into, and may turn out to be anything while it is written. */
  readonly mayBecome: boolean;
  /** It could not be, this time. */
  readonly isUnread: boolean;
}

interface Seen {
  readonly identity: string;
  readonly sinceSeconds: number;
  examined?: Examined;
}

export class SeenFiles {
  #seen = new Map<string, Seen>();
  #isFirst = true;

  /**
   * A look begins. What was there at the first one is taken for whole: nobody knows since when it has been so.
   * @returns whether any of these files came, changed or went within {@link SETTLE_SECONDS}
   */
  look(files: readonly Entry[], nowSeconds: number): boolean {
    const seen = new Map<string, Seen>();
    let isRestless = false;
    for (const { path, identity } of files) {
      const before = this.#seen.get(path);
      const sinceSeconds = this.#isFirst ? Number.NEGATIVE_INFINITY : nowSeconds;
      const now = before?.identity === identity ? before : { identity, sinceSeconds };
      if (!isOld(now, nowSeconds)) isRestless = true;
      seen.set(path, now);
    }
    this.#seen = seen;
    this.#isFirst = false;
    return isRestless;
  }

  /** Whether the file has been as it is for a while. */
  isSettled(path: string, nowSeconds: number): boolean {
    const seen = this.#seen.get(path);
    return seen === undefined || isOld(seen, nowSeconds);
  }

  /** What is in the file; it is read once, as long as it stays the same. */
  async examine(path: string, read: () => Promise<Examined>): Promise<Examined> {
    const seen = this.#seen.get(path);
    if (seen === undefined) return read();
    const examined = seen.examined ?? (await read());
    if (!examined.isUnread) seen.examined = examined;
    return examined;
  }
}

function isOld({ sinceSeconds }: Seen, nowSeconds: number): boolean {
  return nowSeconds - sinceSeconds >= SETTLE_SECONDS;
}
