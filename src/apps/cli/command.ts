/** What a command of the program is: its words, its options, what it does. `--help` is printed from this table. */
import { parseArgs } from "node:util";
import { NetloomError } from "../../base/errors.ts";

export interface OptionDescription {
  /** Placeholder of the value ("DIR"); absent: a flag. */
  readonly value?: string;
  /** May be given more than once. */
  readonly repeatable?: true;
  readonly help: string;
}

export interface Invocation {
  readonly positionals: readonly string[];
  /** The value of an option; undefined when it was not given. */
  option(name: string): string | undefined;
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
        multiple: option.repeatable === true,
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
  for (const [name, value] of Object.entries(parsed.values)) {
    if (value === "" || (Array.isArray(value) && value.includes("")))
      throw usageError(`${command.name}: --${name} is empty`, usageLine(command));
  }
  return {
    positionals: parsed.positionals,
    option: (name) => {
      const value = parsed.values[name];
      return typeof value === "string" ? value : undefined;
    },
    optionList: (name) => {
      const value = parsed.values[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    flag: (name) => parsed.values[name] === true,
  };
}

function usageLine(command: Command): string {
  const options = Object.entries(command.options).map(
    ([name, option]) =>
      `[--${name}${option.value === undefined ? "" : ` ${option.value}`}]${option.repeatable === true ? "…" : ""}`,
  );
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
