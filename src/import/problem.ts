/** What an importer could not take, told so that the person can do something about it. */

/** Where something stands in the file that is imported. */
export interface Origin {
  /** Counted from 1. */
  readonly line: number;
  /** An included file, as it is named beside the one that is imported; absent: that one itself. */
  readonly file?: string;
  /** The statement, shortened, in one line. */
  readonly text: string;
}

export interface Problem extends Origin {
  /** Why it was not taken, or how what was made of it differs. */
  readonly reason: string;
  /** What to do. */
  readonly remedy: string;
}

/** A file of nothing but mistakes must not be answered by a larger one. */
const MOST_PROBLEMS = 2000;
const MOST_CHARACTERS = 120;

/** A statement as it is shown: one line, not too long. */
export function brief(text: string): string {
  const line = text
    .slice(0, 4 * MOST_CHARACTERS)
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 3)}...` : line;
}

export class Problems {
  readonly #list: Problem[] = [];
  readonly #told = new Set<string>();
  #omitted = 0;

  /** The same thing about one line is told once. */
  tell({ line, text, file }: Origin, reason: string, remedy: string): void {
    const key = `${file ?? ""}:${line} ${text} ${reason}`;
    if (this.#told.has(key)) return;
    if (this.#list.length >= MOST_PROBLEMS) {
      this.#omitted++;
      return;
    }
    this.#told.add(key);
    this.#list.push({ line, text, reason, remedy, ...(file === undefined ? {} : { file }) });
  }

  /** In the order of the lines, included files behind the one that is imported. */
  all(): Problem[] {
    const sorted = this.#list.toSorted((a, b) => compareText(a.file ?? "", b.file ?? "") || a.line - b.line);
    if (this.#omitted === 0) return sorted;
    const { line = 1, file } = sorted.at(-1) ?? {};
    const reason = `${this.#omitted} more things could not be taken`;
    const remedy = "put the first ones right and import again";
    return [...sorted, { line, text: "", reason, remedy, ...(file === undefined ? {} : { file }) }];
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** `FILE:LINE: TEXT: REASON; REMEDY`. */
export function formatProblem(file: string, { line, text, reason, remedy }: Problem): string {
  return `${file}:${line}: ${[...(text === "" ? [] : [text]), reason].join(": ")}; ${remedy}`;
}
