/** The lines of an ini file: `[SECTION]`, `KEY=VALUE`, and comments behind a semicolon or a # at the line's start. */
import { brief, type Origin, type Problems } from "../problem.ts";

export interface Line {
  /** In lower case. */
  readonly key: string;
  /** Without blanks around it; quotes around the whole are taken off. */
  readonly value: string;
  readonly origin: Origin;
}

export interface Section {
  /** "" for what stands before the first one. */
  readonly name: string;
  readonly origin: Origin;
  readonly lines: readonly Line[];
}

/** Sections of one name, in whatever case, are one. */
export function readSections(text: string, problems: Problems): readonly Section[] {
  let current = { name: "", origin: { line: 1, text: "" }, lines: [] as Line[] };
  const sections = new Map<string, typeof current>([["", current]]);
  text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .forEach((source, i) => {
      const words = source.trim();
      if (words === "" || words.startsWith(";") || words.startsWith("#")) return;
      const origin = { line: i + 1, text: brief(words) };
      const header = /^\[([^\]]*)\]/.exec(words)?.[1]?.trim();
      if (header !== undefined) {
        const known = sections.get(header.toLowerCase());
        current = known ?? { name: header, origin, lines: [] };
        sections.set(header.toLowerCase(), current);
        return;
      }
      const equals = words.indexOf("=");
      if (equals < 0) {
        problems.tell(origin, "it is neither a section nor a key with its value", "write KEY=VALUE, or remove it");
        return;
      }
      const value = words.slice(equals + 1).trim();
      current.lines.push({
        key: words.slice(0, equals).trim().toLowerCase(),
        value: /^"(.*)"$/.exec(value)?.[1] ?? value,
        origin,
      });
    });
  return [...sections.values()];
}
