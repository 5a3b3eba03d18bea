/** The program: finds the command, runs it, turns errors into text and exit codes. */
import { helpOf, parseInvocation, usageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { print, reportError } from "./output.ts";
import { VERSION } from "./version.ts";

function overview(): string {
  const rows = COMMANDS.filter((command) => command.hidden !== true).map(
    (command) => [[command.name, ...command.operands].join(" "), command.summary] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    "netloom: the virtual network of a Linux host, in one file",
    "",
    ...rows.map(([left, right]) => `  netloom ${left.padEnd(width)}  ${right}`),
    "",
    "  netloom COMMAND --help shows a command's options; --version shows the version.",
    "  Exit code: 0 done, 1 failed (all undone), 2 wrong use or wrong file.",
  ].join("\n");
}

async function run(words: readonly string[]): Promise<number> {
  const first = words[0];
  if (first === "--version") {
    print(`netloom ${VERSION}`);
    return 0;
  }
  if (first === undefined || first === "--help" || first === "-h") {
    print(overview());
    return first === undefined ? 2 : 0;
  }
  if (first === "help") return run([...words.slice(1), "--help"]);
  // "dhcp leases import" is not "dhcp leases" with the operand "import".
  const command = COMMANDS.filter(({ name }) => words.slice(0, name.split(" ").length).join(" ") === name)
    .toSorted((one, other) => one.name.length - other.name.length)
    .at(-1);
  const family = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const wantsHelp = words[1] === "--help" || words[1] === "-h";
  if (family.length > 0 && (words[1] === undefined || wantsHelp)) {
    print(family.map(helpOf).join("\n"));
    return wantsHelp ? 0 : 2;
  }
  if (command === undefined) {
    const said = family.length > 0 ? words.slice(0, 2).join(" ") : first;
    throw usageError(`${said}: there is no such command`, "netloom --help lists them.");
  }
  const invocation = parseInvocation(command, words.slice(command.name.split(" ").length));
  if (invocation.flag("help")) {
    print(helpOf(command));
    return 0;
  }
  return command.run(invocation);
}

async function answer(words: readonly string[]): Promise<void> {
  // Node's own code for a program that has nothing more to wait for and yet no answer.
  process.exitCode = 13;
  try {
    process.exitCode = await run(words);
  } catch (error) {
    process.exitCode = reportError(error, words.includes("--json"));
  }
}

void answer(process.argv.slice(2));
