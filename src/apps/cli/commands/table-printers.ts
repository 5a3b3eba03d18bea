/** man, completion: what is made from the command table itself. */
import { type Command, usageError } from "../command.ts";
import { completionScript, SHELLS } from "../completion.ts";
import { manPage } from "../man.ts";
import { print } from "../output.ts";
import { VERSION } from "../version.ts";

/** @param commands the whole table, these two included: known only once it stands */
export function manCommand(commands: () => readonly Command[]): Command {
  return {
    name: "man",
    operands: [],
    summary: "Print the manual page, for man -l.",
    options: {},
    example: "netloom man > netloom.8 && man -l netloom.8",
    run() {
      print(manPage(commands(), VERSION).trimEnd());
      return Promise.resolve(0);
    },
  };
}

export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    operands: [SHELLS.join("|")],
    summary: "Print what makes a shell complete netloom's commands and options.",
    options: {},
    example: "source <(netloom completion bash)",
    run({ positionals }) {
      const shell = SHELLS.find((name) => name === positionals[0]);
      if (shell === undefined)
        throw usageError(`completion: there is none for ${positionals[0]}`, `Shells: ${SHELLS.join(", ")}.`);
      print(completionScript(shell, commands()).trimEnd());
      return Promise.resolve(0);
    },
  };
}
