/** doctor: what this host can do, and what on it interferes. */
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
    probe: { value: "IF", repeatable: true, help: "ask for DHCP servers on this interface, for two seconds" },
  },
  async run(invocation) {
    const facts = await gatherHostFacts({
      stateFolder: stateFolderPath(invocation.option("state")),
      probe: invocation.optionList("probe"),
    });
    const findings = findingsOf(facts);
    if (invocation.flag("json")) printJson(findings);
    else print(formatFindings(findings));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
};

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
