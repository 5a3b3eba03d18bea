/**
 * dhcp leases and dhcp6 leases: who has which address of the servers of a state folder, whether they run or not.
 */
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command, Invocation } from "../command.ts";
import { DHCP4, DHCP6, formatPoolUse, type KeptLease, type LeaseFamily, readLastLeases } from "../lease-family.ts";
import { leaseFiles } from "../lease-files.ts";
import { print, printJson } from "../output.ts";
import { formatLeaseTable } from "../shown-lease.ts";
import { watchLeases } from "./dhcp-leases-watch.ts";

const OPTIONS = {
  all: { help: "also leases that have ended, which are kept for clients that come back" },
  watch: { help: "show leases as they come and go, until Ctrl-C" },
} as const;
const WATCHING =
  "With --watch and without a terminal each change is a line: known (at the start), given, renewed, ended, released, " +
  "declined; with --json it is an object.";

export const dhcpLeasesCommand: Command = {
  name: "dhcp leases",
  operands: ["[NETWORK]"],
  summary: "Show who has which address of the DHCP servers that keep their leases in the state folder.",
  details:
    "NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of `dhcp serve`; without one all are " +
    `shown. Below the table stands how many addresses of each server's ranges are given. ${WATCHING}`,
  options: OPTIONS,
  example: "netloom dhcp leases --state /var/lib/netloom --json",
  run: (invocation) => showLeases(DHCP4, invocation),
};

export const dhcp6LeasesCommand: Command = {
  name: "dhcp6 leases",
  operands: ["[NETWORK]"],
  summary: "Show who has which address or prefix of the DHCPv6 servers that keep their leases in the state folder.",
  details:
    "NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of `dhcp6 serve`; without one all are " +
    "shown. Below the table stands how much of each server's range and delegated prefixes is given, of all that it keeps " +
    `at one time. ${WATCHING}`,
  options: OPTIONS,
  example: "netloom dhcp6 leases --state /var/lib/netloom --json",
  run: (invocation) => showLeases(DHCP6, invocation),
};

function showLeases<Kept extends KeptLease>(family: LeaseFamily<Kept>, invocation: Invocation): Promise<number> {
  const stateFolder = stateFolderPath(invocation.option("state"));
  const [wanted] = invocation.positionals;
  const [all, json] = [invocation.flag("all"), invocation.flag("json")];
  if (invocation.flag("watch")) return watchLeases(family, stateFolder, { wanted, json, all });
  const now = Date.now() / 1000;
  const files = leaseFiles(stateFolder, family.name, wanted);
  const read = files.map((file) => ({ ...file, leases: readLastLeases(family, file.path) }));
  const shown = read.flatMap(({ server, leases }) =>
    leases.filter(({ endSeconds }) => all || endSeconds > now).map((lease) => family.show(server, lease, now)),
  );
  if (json) printJson(shown);
  else {
    print(formatLeaseTable(shown));
    for (const { path, server, leases } of read) {
      const use = family.poolUse(path, leases, now);
      if (use !== undefined) print(formatPoolUse(server, use));
    }
  }
  return Promise.resolve(0);
}
