/**
 * The command line of a program for those who work on netloom: one table says what may be given, and `--help` is
 * written from it. What is wrong is told in one line, with exit status 2.
 */
import { relative } from "node:path";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { messageOf } from "../../src/base/errors.ts";

export interface Usage {
  /** As it is typed, without what the table says: "scripts/sandbox.sh node bench/dns.ts". */
  readonly command: string;
  /** What is measured and against whom; lines. */
  readonly what: string;
  /** What must be there: programs, packages, CPUs, rights; lines. */
  readonly needs: string;
}

/** How a text is read. @throws Error whose message says what would be right */
type Read<Value> = (text: string) => Value;

interface Option<Value> {
  readonly what: string;
  /** The text that counts when none is given, read like any other. */
  readonly fallback: string;
  readonly read: Read<Value>;
  /** Given by its place in the table instead of by its name; "rest": all that is left, as if with commas between. */
  readonly place?: "one" | "rest";
}

interface Switch {
  readonly what: string;
  readonly isSwitch: true;
}

type Table = Readonly<Record<string, Option<unknown> | Switch>>;
type Values<Options extends Table> = {
  readonly [Name in keyof Options]: Options[Name] extends Option<infer Value> ? Value : boolean;
};

export const text: Read<string> = (given) => given;

function numberBetween(kind: string, least: number, most: number, isRight: (value: number) => boolean): Read<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  return (given) => {
    const value = given.trim() === "" ? Number.NaN : Number(given);
    if (value >= least && value <= most && isRight(value)) return value;
    throw new Error(`a ${kind} ${range}`);
  };
}

export const whole = (least: number, most: number = Number.MAX_SAFE_INTEGER): Read<number> =>
  numberBetween("whole number", least, most, Number.isInteger);

export const decimal = (least: number, most: number = Number.MAX_SAFE_INTEGER): Read<number> =>
  numberBetween("number", least, most, Number.isFinite);

/** Several with commas between them. */
export function list<Value>(read: Read<Value>): Read<readonly Value[]> {
  return (given) => given.split(",").map(read);
}

export function oneOf(names: readonly string[]): Read<string> {
  return (given) => {
    if (names.includes(given)) return given;
    throw new Error(`one of ${names.join(", ")}`);
  };
}

/** The words of the command by which an option is given. */
function sign(name: string, option: Option<unknown> | Switch): string {
  if ("isSwitch" in option) return `--${name}`;
  if (option.place !== undefined) return option.place === "one" ? name : `${name}...`;
  return `--${name} ${option.fallback === "" ? "…" : option.fallback}`;
}

/** @returns what `--help` tells */
export function formatUsage(usage: Usage, table: Table): string {
  const options = Object.entries(table);
  const isPlaced = (option: Option<unknown> | Switch): boolean => "place" in option;
  const words = options.filter(([, option]) => isPlaced(option)).map(([name, option]) => `[${sign(name, option)}]`);
  if (options.some(([, option]) => !isPlaced(option))) words.push("[OPTIONS]");
  const rows = options.map(([name, option]): [string, string] => [
    sign(name, option),
    "fallback" in option && isPlaced(option) ? `${option.what} (default ${option.fallback})` : option.what,
  ]);
  rows.push(["--help", "this text"]);
  return [
    usage.what,
    "",
    `usage: ${[usage.command, ...words].join(" ")}`,
    "",
    ...rows.map(([first, what]) => `  ${first}\n      ${what}`),
    "",
    `It needs ${usage.needs}`,
    "",
  ].join("\n");
}

/**
 * @param words the command line behind the program
 * @returns undefined when help is wanted
 * @throws Error of one line about a wrong word
 */
export function parseWords<Options extends Table>(
  table: Options,
  words: readonly string[],
): Values<Options> | undefined {
  const named = Object.entries(table).filter(([, option]) => !("place" in option));
  const config: ParseArgsOptionsConfig = { help: { type: "boolean" } };
  for (const [name, option] of named) config[name] = { type: "isSwitch" in option ? "boolean" : "string" };
  const placed = Object.entries(table).filter(([, option]) => "place" in option);
  const { values, positionals } = parseArgs({
    args: [...words],
    options: config,
    allowPositionals: placed.length > 0,
  });
  if (values["help"] === true) return undefined;
  const result = Object.entries(table).map(([name, option]) => {
    if ("isSwitch" in option) return [name, values[name] === true] as const;
    const given = option.place === undefined ? values[name] : takeWord(positionals, option.place);
    const chosen = typeof given === "string" ? given : option.fallback;
    try {
      return [name, option.read(chosen)] as const;
    } catch (error) {
      throw new Error(`${option.place === undefined ? "--" : ""}${name} ${chosen}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  });
  if (positionals.length > 0) throw new Error(`${positionals.join(" ")}: that is too much`);
  return Object.fromEntries(result) as Values<Options>;
}

function takeWord(words: string[], place: "one" | "rest"): string | undefined {
  return place === "one" ? words.shift() : words.splice(0).join(",") || undefined;
}

/** What was given to this program. It ends here, with status 0 after `--help`, and with 2 when something is wrong. */
export function readCommandLine<Options extends Table>(usage: Usage, table: Options): Values<Options> {
  try {
    const values = parseWords(table, process.argv.slice(2));
    if (values !== undefined) return values;
    process.stdout.write(formatUsage(usage, table));
  } catch (error) {
    // What Node adds about words that begin with a dash is of no use here.
    const [reason] = messageOf(error).split(/\.\s|\n/);
    process.stderr.write(`${relative("", process.argv[1] ?? "")}: ${reason} (--help tells what there is)\n`);
    process.exit(2);
  }
  process.exit(0);
}
