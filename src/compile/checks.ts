/** What can be wrong between a good file and this host. All problems are told at once, before anything is touched. */
import { formatPrefix, overlaps } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { formatMistake, formatPath, type Mistake, type Path } from "../model/mistakes.ts";
import type { Model, Network } from "../model/model.ts";
import type { Facts } from "./facts.ts";
import { requiredFiles } from "./required-files.ts";

/** The file is good and this host is not fit for it. Code `cannot-plan`. */
export class PlanningError extends NetloomError {
  readonly problems: readonly Mistake[];

  constructor(file: string, problems: readonly Mistake[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super("cannot-plan", `plan ${file}: ${count} on this host\n${problems.map(formatMistake).join("\n")}`);
    this.name = "PlanningError";
    this.problems = problems;
  }
}

/** A VPN's pair of routes that stands for the default route (0.0.0.0/1, 128.0.0.0/1) is in nobody's way. */
const LONGEST_DEFAULT_ROUTE = 1;

/** @throws PlanningError */
export function checkAgainstHost(model: Model, facts: Facts): void {
  const problems: Mistake[] = [];
  const tell = (path: Path, value: string, reason: string, remedy: string): void => {
    const key = formatPath(path);
    const origin = model.origins[key];
    const { line, column } = origin ?? { line: 1, column: 1 };
    problems.push({ file: model.file, line, column, path: key, value: JSON.stringify(value), reason, remedy });
  };
  for (const uplink of model.uplinks) {
    if (facts.links[uplink.device] !== undefined) continue;
    tell(
      ["uplinks", uplink.name, "device"],
      uplink.device,
      "there is no such device on this host",
      existingDevices(facts),
    );
  }
  for (const network of model.networks) {
    const obstacle = overlapping(network, facts);
    if (obstacle === undefined) continue;
    tell(
      ["networks", network.name, "subnet"],
      formatPrefix(network.subnet),
      `overlaps ${obstacle}`,
      "give the network a subnet that this host does not use",
    );
  }
  const missing = new Set(facts.missingFiles);
  for (const file of requiredFiles(model)) {
    if (!missing.has(file.path)) continue;
    tell(
      ["machines", file.machine, file.key],
      file.path,
      "there is no such file, or it cannot be read",
      "check the path; a relative one starts at the network file's folder",
    );
  }
  if (problems.length > 0) throw new PlanningError(model.file, problems);
}

/** What of the host lies in the network's range; undefined: nothing. */
function overlapping(network: Network, facts: Facts): string | undefined {
  const isOurs = (device: string | undefined): boolean => device !== undefined && facts.links[device]?.ours === true;
  for (const [device, link] of Object.entries(facts.links)) {
    const address = link.addresses.find((candidate) => overlaps(candidate, network.subnet));
    if (address !== undefined && !link.ours) return `the address ${formatPrefix(address)} of ${device}`;
  }
  const route = facts.routes.find(
    ({ destination, device }) =>
      destination.length > LONGEST_DEFAULT_ROUTE && !isOurs(device) && overlaps(destination, network.subnet),
  );
  if (route === undefined) return undefined;
  return `the host's route to ${formatPrefix(route.destination)}${route.device === undefined ? "" : ` through ${route.device}`}`;
}

function existingDevices(facts: Facts): string {
  const names = Object.entries(facts.links).flatMap(([name, link]) => (link.ours || name === "lo" ? [] : [name]));
  return names.length === 0 ? "this host has no device but lo" : `use one of: ${names.slice(0, 12).join(", ")}`;
}
