/** The lines of a dnsmasq configuration: `KEY`, `KEY=VALUE,VALUE,…`, comments, quotes (dnsmasq(8), CONFIG FILE). */
import type { Included } from "../included.ts";
import { brief, type Origin } from "../problem.ts";

export interface Line {
  /** In lower case, without the dashes of the command line. */
  readonly key: string;
  /** What stands between the commas. */
  readonly values: readonly string[];
  readonly origin: Origin;
}

/** Keys that name files or folders: of further lines, or of the values of one key. */
const FILES: ReadonlyMap<string, string | undefined> = new Map([
  ["conf-file", undefined],
  ["conf-dir", undefined],
  ["dhcp-hostsfile", "dhcp-host"],
  ["dhcp-hostsdir", "dhcp-host"],
  ["dhcp-optsfile", "dhcp-option"],
  ["dhcp-optsdir", "dhcp-option"],
]);

/** The lines of the file, and at their places those of the files that it includes. */
export function readAllLines(text: string, included: Included): Line[] {
  const lines: Line[] = [];
  const add = (source: string, file?: string, key?: string): void => {
    for (const line of readLines(source, file, key)) {
      if (!FILES.has(line.key)) lines.push(line);
      else
        for (const path of pathsOf(line, included))
          included.follow(path, line.origin, (found) => add(found.text, found.name, FILES.get(line.key)));
    }
  };
  add(text);
  return lines;
}

/** The files that such a line names (dnsmasq(8), conf-dir): `PATH`, or `FOLDER[,EXTENSION…]`. */
function pathsOf({ key, values, origin }: Line, included: Included): readonly string[] {
  const [path = "", ...endings] = values;
  if (!key.endsWith("dir")) return path === "" ? [] : [path];
  const wanted = endings.filter((ending) => ending.startsWith("*")).map((ending) => ending.slice(1));
  const unwanted = endings.filter((ending) => !ending.startsWith("*"));
  return included.list(path, origin).filter((found) => {
    const name = found.slice(found.lastIndexOf("/") + 1);
    if (name.endsWith("~") || name.startsWith(".") || (name.startsWith("#") && name.endsWith("#"))) return false;
    if (unwanted.some((ending) => name.endsWith(ending))) return false;
    return wanted.length === 0 || wanted.some((ending) => name.endsWith(ending));
  });
}

/**
 * A comma or a # within quotes stands for itself, and a backslash takes the next letter as it is.
 * @param key of all lines, which are its values
 */
function readLines(text: string, file?: string, key?: string): Line[] {
  const own = file === undefined ? {} : { file };
  return text.split(/\r?\n/).flatMap((source, i): Line[] => {
    const words = withoutComment(source).trim();
    if (words === "") return [];
    const origin = { line: i + 1, text: brief(words), ...own };
    if (key !== undefined) return [{ key, values: splitValues(words), origin }];
    const equals = words.indexOf("=");
    const name = (equals < 0 ? words : words.slice(0, equals)).trimEnd().toLowerCase().replace(/^--/, "");
    const value = equals < 0 ? "" : words.slice(equals + 1).trimStart();
    return [{ key: name, values: value === "" ? [] : splitValues(value), origin }];
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
