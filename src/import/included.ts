/** Files that a configuration includes: followed as far as whoever imports it lets them be read, and never for ever. */
import { NetloomError } from "../base/errors.ts";
import type { Origin, Problems } from "./problem.ts";

export interface IncludedFile {
  /** One name for one file, however it was written. */
  readonly name: string;
  readonly text: string;
}

/** What may be read beside the file that is imported. */
export interface Files {
  /** The name of the file that is imported. */
  readonly name: string;
  /** @throws NetloomError when it cannot be read, or must not */
  read(path: string): IncludedFile;
  /** Names of what is in a folder, each with the folder's in front. @throws as read */
  list(path: string): readonly string[];
}

/** People have two or three. */
const MOST_DEPTH = 8;
const MOST_FILES = 500;
/** Of all together. */
const MOST_CHARACTERS = 4 * 1024 * 1024;
const REMEDY = "import that file by itself, and put the two results together";

export class Included {
  readonly #files: Files | undefined;
  readonly #problems: Problems;
  /** Those that are being read, the innermost last. */
  readonly #open: string[];
  #count = 0;
  #characters = 0;

  constructor(files: Files | undefined, problems: Problems) {
    this.#files = files;
    this.#problems = problems;
    this.#open = files === undefined ? [] : [files.name];
  }

  /** Hand on what is in the file; it is told when it cannot be. @param origin of the line that names it */
  follow(path: string, origin: Origin, take: (file: IncludedFile) => void): void {
    const files = this.#filesFor(origin);
    if (files === undefined) return;
    const file = this.#attempt(path, origin, () => files.read(path));
    if (file === undefined) return;
    if (this.#open.includes(file.name)) {
      this.#problems.tell(origin, "the file includes itself", "remove the line");
      return;
    }
    this.#count++;
    this.#characters += file.text.length;
    if (this.#characters > MOST_CHARACTERS) {
      this.#problems.tell(origin, "the files together are larger than 4 MiB", REMEDY);
      return;
    }
    this.#open.push(file.name);
    take(file);
    this.#open.pop();
  }

  /** Whether the file can be read; nothing is told. */
  isReadable(path: string): boolean {
    try {
      return this.#files?.read(path) !== undefined;
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error;
      return false;
    }
  }

  /** Names of what is in the folder, in their order; none when it cannot be read, which is told. */
  list(path: string, origin: Origin): readonly string[] {
    const files = this.#filesFor(origin);
    return (files === undefined ? undefined : this.#attempt(path, origin, () => files.list(path)))?.toSorted() ?? [];
  }

  #filesFor(origin: Origin): Files | undefined {
    const isTooMuch = this.#open.length > MOST_DEPTH || this.#count >= MOST_FILES;
    if (isTooMuch)
      this.#problems.tell(origin, `more than ${MOST_DEPTH} files within each other, or ${MOST_FILES} in all`, REMEDY);
    else if (this.#files === undefined) this.#problems.tell(origin, "other files are not followed here", REMEDY);
    return isTooMuch ? undefined : this.#files;
  }

  #attempt<T>(path: string, origin: Origin, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error;
      this.#problems.tell(origin, error.message, error.hint ?? `see whether ${path} is there and can be read`);
      return undefined;
    }
  }
}
