/** doctor: what this host can do, and what on it interferes. */
import { NetloomError } from "../../../base/errors.ts";
import { gatherHostFacts } from "../../../engine/doctor/facts.ts";
import type { Finding } from "../../../engine/doctor/finding.ts";
import { findingsOf } from "../../../engine/doctor/rules.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { print, printJson } from "../output.ts";

export const doctorCommand: Command = {
  name: "doctor",
  example: "netloom doctor --probe eth0",
  operands: [],
  summary:
    "Show what this host can and cannot do, and what other software on it interferes; exit code 1 for a problem.",
  options: {
    probe: {
      value: "IF",
      repeatable: true,
      help: "ask for other DHCP servers on this interface, for two seconds; without it on all bridges where applied files serve DHCP",
    },
  },
  async run(invocation) {
    const facts = await gatherHostFacts({
      stateFolder: stateFolderOf(invocation.option("state")),
      probe: invocation.optionList("probe"),
    });
    const findings = findingsOf(facts);
    if (invocation.flag("json")) printJson(findings);
    else print(formatFindings(findings));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
};

/** Whoever has no state folder yet may ask as well. */
function stateFolderOf(given: string | undefined): string {
  try {
    return stateFolderPath(given);
  } catch (error) {
    if (error instanceof NetloomError && error.code === "no-state-folder") return stateFolderPath("/run/netloom");
    throw error;
  }
}

/** The level before each line; under it what follows from it and what helps. */
function formatFindings(findings: readonly Finding[]): string {
  return findings
    .flatMap(({ level, what, consequence, remedy }) => [
      `${level.padEnd(7)}  ${what}`,
      ...(consequence === undefined ? [] : [`         ${consequence}`]),
      ...(remedy === undefined ? [] : [`         → ${remedy}`]),
    ])
    .join("\n");
}
