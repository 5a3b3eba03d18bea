/** What is wrong in a network file, told so that the person can put it right without reading anything else. */
import { NetloomError } from "../base/errors.ts";

/** Keys and list indices from the top of the file: `["machines", "vm1", "nics", 0, "binding"]`. */
export type Path = readonly (string | number)[];

/** A place in the file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Mistake extends Position {
  readonly file: string;
  /** `machines.vm1.nics[0].binding`; empty for the file as a whole. */
  readonly path: string;
  /** The offending value as JSON, shortened; undefined where there is none (a missing key). */
  readonly value: string | undefined;
  readonly reason: string;
  /** What would be right. */
  readonly remedy: string;
}

/** A mistake before it has its place in the file. */
export interface Complaint {
  readonly path: Path;
  readonly reason: string;
  readonly remedy: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
}

/** `machines.vm1.nics[0].binding`; a name with a dot or blank in it stands in brackets and quotes. */
export function formatPath(path: Path): string {
  return path.reduce<string>(extendPath, "");
}

/** The path one step deeper. */
export function extendPath(path: string, part: string | number): string {
  if (typeof part === "number") return `${path}[${part}]`;
  if (/[^A-Za-z0-9_-]/.test(part)) return `${path}[${JSON.stringify(part)}]`;
  return path === "" ? part : `${path}.${part}`;
}

/** One mistake in two lines: `FILE:LINE:COLUMN: PATH: REASON (is VALUE)` and the remedy below it. */
export function formatMistake(mistake: Mistake): string {
  const where = `${mistake.file}:${mistake.line}:${mistake.column}: ${mistake.path === "" ? "" : `${mistake.path}: `}`;
  const value = mistake.value === undefined ? "" : ` (is ${mistake.value})`;
  return `${where}${mistake.reason}${value}\n    ${mistake.remedy}`;
}

/** Everything that is wrong in one network file. Code `bad-file`; the message holds all mistakes, first line first. */
export class NetworkFileError extends NetloomError {
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
    super("bad-file", `read ${file}: ${count}\n${mistakes.map(formatMistake).join("\n")}`);
    this.name = "NetworkFileError";
    this.mistakes = mistakes;
  }
}
