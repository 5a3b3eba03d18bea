/** Completion for shells, made from the command table: commands, options, the values that an option may have. */
import { type Command, COMMON_OPTIONS, type OptionDescription } from "./command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** What completes a value or an operand. */
type Source =
  | { readonly words: readonly string[] }
  | { readonly from: "files" | "folders" | "interfaces" | "namespaces" }
  | undefined;

/** Placeholders say it: "a|b" are the words themselves, "FILE" is a file. */
function sourceOf(placeholder: string): Source {
  if (/^[a-z0-9]+(?:\|[a-z0-9]+)+$/.test(placeholder)) return { words: placeholder.split("|") };
  if (/^\[?FILE/.test(placeholder)) return { from: "files" };
  if (placeholder.startsWith("DIR")) return { from: "folders" };
  if (placeholder.startsWith("IF")) return { from: "interfaces" };
  if (placeholder.startsWith("NAME|PATH")) return { from: "namespaces" };
  return undefined;
}

const BASH_SOURCES = {
  files: "compopt -o default; COMPREPLY=()",
  folders: 'COMPREPLY=($(compgen -d -- "$current"))',
  interfaces: 'COMPREPLY=($(compgen -W "$(ls /sys/class/net 2>/dev/null)" -- "$current"))',
  namespaces: 'COMPREPLY=($(compgen -W "$(ls /run/netns 2>/dev/null)" -- "$current"))',
} as const;

function bashReply(source: Source): string {
  if (source === undefined) return "COMPREPLY=()";
  return "from" in source
    ? BASH_SOURCES[source.from]
    : `COMPREPLY=($(compgen -W "${source.words.join(" ")}" -- "$current"))`;
}

/** The script for `source <(netloom completion bash)`. */
function bash(commands: readonly Command[]): string {
  const firsts = [...new Set(commands.map(({ name }) => name.split(" ")[0]!))];
  const families = firsts.filter((first) => commands.some(({ name }) => name.startsWith(`${first} `)));
  const cases = commands.map((command) => {
    const options = allOptions(command);
    const values = Object.entries(options).flatMap(([name, { value }]) =>
      value === undefined ? [] : [`        --${name}) ${bashReply(sourceOf(value))}; return ;;`],
    );
    const operand = operandSource(command, commands);
    return [
      `    "${command.name}")`,
      '      case "$previous" in',
      ...values,
      "      esac",
      '      case "$current" in',
      `        -*) COMPREPLY=($(compgen -W "${optionWords(options).join(" ")}" -- "$current")) ;;`,
      `        *) ${bashReply(operand)} ;;`,
      "      esac ;;",
    ].join("\n");
  });
  const seconds = families.map((first) => {
    const words = new Set(nextWords(first, commands));
    return `    ${first}) COMPREPLY=($(compgen -W "${[...words].join(" ")}" -- "$current")) ;;`;
  });
  const thirds = commands.filter(({ name }) => name.split(" ").length === 3).map(({ name }) => name);
  return `# netloom: completion for bash
_netloom() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command=\${COMP_WORDS[1]-}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${[...firsts, "--help", "--version"].join(" ")}" -- "$current"))
    return
  fi
  case "$command" in
    ${families.join(" | ")})
      if ((COMP_CWORD == 2)); then
        case "$command" in
${seconds.map((line) => `      ${line}`).join("\n")}
        esac
        return
      fi
      command+=" \${COMP_WORDS[2]}" ;;
  esac
  if ((COMP_CWORD > 3)); then
    case "$command \${COMP_WORDS[3]}" in
      ${thirds.map((name) => `"${name}"`).join(" | ")}) command+=" \${COMP_WORDS[3]}" ;;
    esac
  fi
  case "$command" in
${cases.join("\n")}
  esac
}
complete -F _netloom netloom
`;
}

/** The words that may follow those of a family or a command. */
function nextWords(words: string, commands: readonly Command[]): string[] {
  const own = commands.filter(({ name }) => name.startsWith(`${words} `));
  return own.map(({ name }) => name.slice(words.length + 1).split(" ")[0]!);
}

/** Of "dhcp leases" the third words of its family. */
function operandSource({ name, operands }: Command, commands: readonly Command[]): Source {
  const words = nextWords(name, commands);
  return words.length > 0 ? { words } : operands.map(sourceOf).find((source) => source !== undefined);
}

/** zsh reads bash's functions by itself. */
function zsh(commands: readonly Command[]): string {
  return `#compdef netloom\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
}

const FISH_SOURCES = {
  files: "-F",
  folders: "-x -a '(__fish_complete_directories)'",
  interfaces: "-x -a '(ls /sys/class/net 2>/dev/null)'",
  namespaces: "-x -a '(ls /run/netns 2>/dev/null)'",
} as const;

function fish(commands: readonly Command[]): string {
  const lines = ["# netloom: completion for fish", "complete -c netloom -f"];
  const seen = new Set<string>();
  for (const command of commands) {
    const [first = "", second, third] = command.name.split(" ");
    const about = ` -d ${quoted(command.summary)}`;
    if (second === undefined) lines.push(`complete -c netloom -n __fish_use_subcommand -a ${first}${about}`);
    else if (third !== undefined)
      lines.push(
        `complete -c netloom -n '__fish_seen_subcommand_from ${second}; and test (count (commandline -opc)) -eq 3' -a ${third}${about}`,
      );
    else {
      if (!seen.has(first)) lines.push(`complete -c netloom -n __fish_use_subcommand -a ${first}`);
      lines.push(
        `complete -c netloom -n '__fish_seen_subcommand_from ${first}; and test (count (commandline -opc)) -eq 2' -a ${second}${about}`,
      );
    }
    seen.add(first);
    const here =
      second === undefined
        ? `'__fish_seen_subcommand_from ${first}'`
        : `'${[first, second, ...(third === undefined ? [] : [third])].map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ")}'`;
    for (const [name, { value, help }] of Object.entries(allOptions(command))) {
      lines.push(`complete -c netloom -n ${here} -l ${name}${fishValue(value)} -d ${quoted(help)}`);
    }
    if (command.operands.some((operand) => /^\[?FILE/.test(operand))) lines.push(`complete -c netloom -n ${here} -F`);
  }
  return `${lines.join("\n")}\n`;
}

function fishValue(value: string | undefined): string {
  if (value === undefined) return "";
  const source = sourceOf(value);
  if (source === undefined) return " -x";
  return "from" in source ? ` -r ${FISH_SOURCES[source.from]}` : ` -x -a ${quoted(source.words.join(" "))}`;
}

function quoted(words: string): string {
  return `'${words.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function allOptions(command: Command): Readonly<Record<string, OptionDescription>> {
  return { ...command.options, ...COMMON_OPTIONS };
}

function optionWords(options: Readonly<Record<string, OptionDescription>>): string[] {
  return Object.keys(options).map((name) => `--${name}`);
}

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const shown = commands.filter((command) => command.hidden !== true);
  return { bash, zsh, fish }[shell](shown);
}
