/** The lines of a dnsmasq configuration: `KEY`, `KEY=VALUE,VALUE,…`, comments, quotes (dnsmasq(8), CONFIG FILE). */
import { brief, type Origin } from "../problem.ts";

export interface Line {
  /** In lower case, without the dashes of the command line. */
  readonly key: string;
  /** What stands between the commas. */
  readonly values: readonly string[];
  readonly origin: Origin;
}

/** A comma or a # within quotes stands for itself, and a backslash takes the next letter as it is. */
export function readLines(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((source, i) => {
    const words = withoutComment(source).trim();
    if (words === "") return [];
    const [, key = "", value] = /^([^=]*?)\s*(?:=\s*(.*))?$/s.exec(words) ?? [];
    const values = value === undefined || value === "" ? [] : splitValues(value);
    return [{ key: key.toLowerCase().replace(/^--/, ""), values, origin: { line: i + 1, text: brief(words) } }];
  });
}

/** A # begins a comment at the start of a line and behind a blank. */
function withoutComment(line: string): string {
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const letter = line[i];
    if (letter === "\\" && isQuoted) i++;
    else if (letter === '"') isQuoted = !isQuoted;
    else if (letter === "#" && !isQuoted && (i === 0 || /\s/.test(line[i - 1]!))) return line.slice(0, i);
  }
  return line;
}

const ESCAPED: Readonly<Record<string, string>> = { b: "\b", e: "\u001b", n: "\n", r: "\r", t: "\t" };

function splitValues(text: string): string[] {
  const values: string[] = [];
  let value = "";
  /** Blanks within quotes stay. */
  let quotedEnd = 0;
  let isQuoted = false;
  const take = (): string => value.slice(0, quotedEnd) + value.slice(quotedEnd).trimEnd();
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (letter === "\\" && isQuoted && i + 1 < text.length) value += ESCAPED[text[++i]!] ?? text[i]!;
    else if (letter === '"') isQuoted = !isQuoted;
    else if (letter === "," && !isQuoted) {
      values.push(take());
      value = "";
      quotedEnd = 0;
    } else if (isQuoted || value !== "" || !/\s/.test(letter)) value += letter;
    if (isQuoted) quotedEnd = value.length;
  }
  return [...values, take()];
}

const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** dnsmasq(8): the least that it gives. */
const LEAST_LEASE_SECONDS = 120;

/** How long a lease lasts by "45m", "12h", "infinite"; undefined: it is something else. */
export function parseLeaseTime(text: string): number | undefined {
  const seconds = parseTime(text);
  return seconds === undefined ? undefined : Math.max(LEAST_LEASE_SECONDS, seconds);
}

/** Seconds; undefined: it is no time. */
export function parseTime(text: string): number | undefined {
  if (text === "infinite") return 0xffff_ffff;
  const [, number, unit = ""] = /^(\d{1,9})([smhdw]?)$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Math.min(Number(number) * (SECONDS_OF_UNIT[unit.toLowerCase()] ?? 1), 0xffff_fffe);
}
