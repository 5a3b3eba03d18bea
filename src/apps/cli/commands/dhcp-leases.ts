/** dhcp leases: who has which address of the DHCP servers of a state folder, whether they run or not. */
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { formatPoolUse, leaseFiles, poolUseOf, readLastLeases } from "../lease-files.ts";
import { print, printJson } from "../output.ts";
import { formatLeaseTable, showLease } from "../shown-lease.ts";
import { watchLeases } from "./dhcp-leases-watch.ts";

export const dhcpLeasesCommand: Command = {
  name: "dhcp leases",
  operands: ["[NETWORK]"],
  summary: "Show who has which address of the DHCP servers that keep their leases in the state folder.",
  details:
    "NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of `dhcp serve`; without one all are " +
    "shown. Below the table stands how many addresses of each server's ranges are given. With --watch and without a " +
    "terminal each change is a line: known (at the start), given, renewed, ended, released, declined; with --json it is " +
    "an object.",
  options: {
    all: { help: "also leases that have ended, which are kept for clients that come back" },
    watch: { help: "show leases as they come and go, until Ctrl-C" },
  },
  example: "netloom dhcp leases --state /var/lib/netloom --json",
  run(invocation) {
    const stateFolder = stateFolderPath(invocation.option("state"));
    const [wanted] = invocation.positionals;
    const [all, json] = [invocation.flag("all"), invocation.flag("json")];
    if (invocation.flag("watch")) return watchLeases(stateFolder, { wanted, json, all });
    const now = Date.now() / 1000;
    const read = leaseFiles(stateFolder, wanted).map((file) => ({ ...file, leases: readLastLeases(file.path) }));
    const shown = read.flatMap(({ server, leases }) =>
      leases.filter(({ endSeconds }) => all || endSeconds > now).map((lease) => showLease(server, lease, now)),
    );
    if (json) printJson(shown);
    else {
      print(formatLeaseTable(shown));
      for (const { path, server, leases } of read) {
        const use = poolUseOf(path, leases, now);
        if (use !== undefined) print(formatPoolUse(server, use));
      }
    }
    return Promise.resolve(0);
  },
};
