/** The manual page netloom(8), made from the command table, in man(7) macros. */
import { type Command, COMMON_OPTIONS, type OptionDescription } from "./command.ts";

/**
 * Escapes what roff would take for its own (backslashes, hyphens that are to be copied, a dot at the start of a line)
 * and what is not ASCII.
 */
function text(words: string): string {
  const escaped = words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/[^ -~]/gu, (letter) => `\\[u${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function optionTerm(name: string, { value }: OptionDescription): string {
  return value === undefined ? `.B ${text(`--${name}`)}` : `.BI ${text(`--${name}`)} " ${text(value)}"`;
}

function optionList(options: Readonly<Record<string, OptionDescription>>): string[] {
  return Object.entries(options).flatMap(([name, option]) => [
    ".TP",
    optionTerm(name, option),
    text(`${sentence(option.help)}${option.necessary === true ? " Necessary." : ""}`),
  ]);
}

function sentence(words: string): string {
  const capital = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function commandSection(command: Command): string[] {
  const operands = command.operands.map((operand) => ` ${operand}`).join("");
  return [
    `.SS ${text(`netloom ${command.name}${operands}`)}`,
    text(command.summary),
    ...(command.details === undefined ? [] : [".PP", text(command.details)]),
    ...optionList(command.options),
    ...(command.example === undefined
      ? []
      : [".PP", "Example:", ".PP", ".RS 4", ".nf", text(command.example), ".fi", ".RE"]),
  ];
}

/** @param version of the program, for the footer */
export function manPage(commands: readonly Command[], version: string): string {
  const shown = commands.filter((command) => command.hidden !== true);
  return [
    `.TH NETLOOM 8 "" ${text(`"netloom ${version}"`)} "System administration"`,
    ".SH NAME",
    text("netloom - the virtual network of a Linux host, in one file"),
    ".SH SYNOPSIS",
    ".B netloom",
    ".I COMMAND",
    text("[OPTION]..."),
    ".SH DESCRIPTION",
    text(
      "netloom gives virtual machines, pods and containers their network: links, addresses, DHCP, routes and NAT. " +
        "One file describes it; netloom shows the change, makes it, verifies it and takes it back when it fails.",
    ),
    ".SH COMMANDS",
    ...shown.flatMap(commandSection),
    ".SH COMMON OPTIONS",
    ...optionList(COMMON_OPTIONS),
    ".SH EXIT STATUS",
    ...exitStatus("0", "Done."),
    ...exitStatus("1", "Failed; what was done is undone."),
    ...exitStatus("2", "Wrong use, or a mistake in the network file: nothing was touched."),
    ".SH FILES",
    ".TP",
    ".I /run/netloom",
    text("What netloom owns, its sockets, logs and guests. Another place: --state."),
    ".SH SEE ALSO",
    ".BR ip (8),",
    ".BR nft (8),",
    ".BR ip\\-netns (8)",
    "",
  ].join("\n");
}

function exitStatus(code: string, meaning: string): string[] {
  return [".TP", `.B ${code}`, text(meaning)];
}
