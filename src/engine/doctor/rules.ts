/** What the facts of a host mean for networks of ours: facts in, findings out, the worst first. */
import { abilityFindings } from "./ability-rules.ts";
import type { HostFacts } from "./facts.ts";
import { type Finding, LEVELS } from "./finding.ts";
import { probeFindings, softwareFindings } from "./software-rules.ts";
import { settingFindings } from "./setting-rules.ts";

export function findingsOf(facts: HostFacts): Finding[] {
  return [
    ...abilityFindings(facts),
    ...settingFindings(facts),
    ...softwareFindings(facts),
    ...facts.probes.map(probeFindings).flat(),
  ].toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}
