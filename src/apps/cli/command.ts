/** What a command of the program is: its words, its options, what it does. `--help` is printed from this table. */
import { parseArgs } from "node:util";
import { NetloomError } from "../../base/errors.ts";

export interface OptionDescription {
  /** Placeholder of the value ("DIR"); absent: a flag. */
  readonly value?: string;
  /** May be given more than once. So may a list ("NAME,…"), whose parts then are those of one. */
  readonly repeatable?: true;
  /** The command does nothing without it. */
  readonly necessary?: true;
  readonly help: string;
}

export interface Invocation {
  readonly positionals: readonly string[];
  /** The value of an option; undefined when it was not given. */
  option(name: string): string | undefined;
  /** The value of a necessary option. */
  necessary(name: string): string;
  /** The values of a repeatable option, in the order in which they were given. */
  optionList(name: string): readonly string[];
  flag(name: string): boolean;
}

export interface Command {
  /** One or two words: "apply", "vm stop". */
  readonly name: string;
  /** Positional arguments as shown: "FILE". */
  readonly operands: readonly string[];
  readonly summary: string;
  /** More for the help and the manual page: whole sentences. */
  readonly details?: string;
  readonly options: Readonly<Record<string, OptionDescription>>;
  /** A whole line as a person would type it. */
  readonly example?: string;
  /** Not shown in the list of commands. */
  readonly hidden?: boolean;
  /** Resolves to the exit code: 0 done, 1 failed, 2 wrong use or wrong file. */
  run(invocation: Invocation): Promise<number>;
}

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionDescription>> = {
  state: {
    value: "DIR",
    help: "where netloom keeps what it owns (default /run/netloom; without root $XDG_RUNTIME_DIR/netloom)",
  },
  json: { help: "print data instead of text" },
  help: { help: "show this help" },
};

/** Wrong use: exit code 2. */
export function usageError(message: string, hint?: string): NetloomError {
  return new NetloomError("usage", message, hint === undefined ? {} : { hint });
}

/** Read the words behind a command's name. @throws NetloomError usage */
export function parseInvocation(command: Command, words: readonly string[]): Invocation {
  const described: Readonly<Record<string, OptionDescription>> = { ...COMMON_OPTIONS, ...command.options };
  const options = Object.fromEntries(
    Object.entries(described).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? "boolean" : "string",
        multiple: option.value !== undefined,
        ...(name === "help" ? { short: "h" } : {}),
      } as const,
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(`${command.name}: ${error instanceof Error ? error.message : String(error)}`, usageLine(command));
  }
  const wanted = command.operands.filter((operand) => !operand.startsWith("["));
  if (
    parsed.values["help"] !== true &&
    (parsed.positionals.length < wanted.length || parsed.positionals.length > command.operands.length)
  ) {
    throw usageError(
      `${command.name}: ${parsed.positionals.length < wanted.length ? `${wanted[parsed.positionals.length]} is missing` : `"${parsed.positionals[command.operands.length]}" is one word too many`}`,
      usageLine(command),
    );
  }
  const fault = faultOfOptions(described, parsed.values);
  if (fault !== undefined) throw usageError(`${command.name}: ${fault}`, usageLine(command));
  const optionList = (name: string): readonly string[] => valuesOf(parsed.values[name]);
  const option = (name: string): string | undefined =>
    optionList(name).length === 0 ? undefined : optionList(name).join(",");
  return {
    positionals: parsed.positionals,
    option,
    necessary: (name) => option(name) ?? "",
    optionList,
    flag: (name) => parsed.values[name] === true,
  };
}

function valuesOf(parsed: unknown): readonly string[] {
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function faultOfOptions(
  described: Readonly<Record<string, OptionDescription>>,
  parsed: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [name, { value, repeatable, necessary }] of Object.entries(described)) {
    const given = valuesOf(parsed[name]);
    if (given.includes("")) return `--${name} is empty`;
    if (given.length > 1 && repeatable !== true && value?.includes(",…") !== true) return `--${name} is given twice`;
    if (given.length === 0 && necessary === true && parsed["help"] !== true) return `--${name} is missing`;
  }
  return undefined;
}

function usageLine(command: Command): string {
  const options = Object.entries(command.options).map(([name, { value, repeatable, necessary }]) => {
    const words = `--${name}${value === undefined ? "" : ` ${value}`}`;
    return `${necessary === true ? words : `[${words}]`}${repeatable === true ? "…" : ""}`;
  });
  return `usage: netloom ${[command.name, ...command.operands, ...options, "[--state DIR]", "[--json]"].join(" ")}`;
}

export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, option]) => [`--${name}${option.value === undefined ? "" : ` ${option.value}`}`, option.help] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    command.summary,
    "",
    ...(command.details === undefined ? [] : [wrap(command.details), ""]),
    usageLine(command),
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    ...(command.example === undefined ? [] : [`example: ${command.example}`, ""]),
  ].join("\n");
}

/** The same words in lines of at most 100 characters. */
function wrap(words: string): string {
  return words.replaceAll(/(.{1,100})(?: |$)/g, "$1\n").trimEnd();
}
