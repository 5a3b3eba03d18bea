/** dhcp6 leases: who has which address or prefix of the DHCPv6 servers of a state folder, whether they run or not. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ipToBigint } from "../../../base/address.ts";
import { formatDuid, type Lease6 } from "../../../protocol/dhcp6/server/lease.ts";
import { FOREVER_SECONDS } from "../../../protocol/leases/time.ts";
import { printable } from "../../../services/vm/printable.ts";
import { DHCP6_LEASES } from "../../../store/lease-log/dhcp6.ts";
import { readLeaseLog } from "../../../store/lease-log/lease-log.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { formatTable, print, printJson } from "../output.ts";

const ENDING = ".leases";

/** The file with the leases of an interface's server. */
export function leaseFile6Of(stateFolder: string, interfaceName: string): string {
  return join(leaseFolder6Of(stateFolder), `${interfaceName}${ENDING}`);
}

export function leaseFolder6Of(stateFolder: string): string {
  return join(stateFolder, "dhcp6");
}

interface ShownLease {
  readonly interface: string;
  /** "2001:db8::5", "2001:db8:100::/56". */
  readonly lease: string;
  readonly kind: Lease6["kind"];
  readonly state: Lease6["state"] | "ended";
  readonly duid: string;
  readonly mac?: string;
  readonly hostName?: string;
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

export const dhcp6LeasesCommand: Command = {
  name: "dhcp6 leases",
  operands: [],
  summary: "Show who has which address or prefix of the DHCPv6 servers that keep their leases in the state folder.",
  options: { all: { help: "also leases that have ended, which are kept for clients that come back" } },
  example: "netloom dhcp6 leases --state /var/lib/netloom --json",
  run(invocation) {
    const now = Date.now() / 1000;
    const shown = readFolder(leaseFolder6Of(stateFolderPath(invocation.option("state"))))
      .filter(({ lease }) => invocation.flag("all") || lease.endSeconds > now)
      .map(({ interfaceName, lease }) => describe(interfaceName, lease, now));
    if (invocation.flag("json")) printJson(shown);
    else if (shown.length === 0) print("No leases.");
    else print(formatTable([["LEASE", "MAC", "HOST NAME", "STATE", "ENDS", "INTERFACE", "DUID"], ...shown.map(row)]));
    return Promise.resolve(0);
  },
};

function readFolder(folder: string): { interfaceName: string; lease: Lease6 }[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  return files.toSorted().flatMap((name) => {
    const interfaceName = name.slice(0, -ENDING.length);
    const last = new Map(readLeaseLog(DHCP6_LEASES, join(folder, name)).leases.map((lease) => [lease.address, lease]));
    return [...last.values()]
      .toSorted((a, b) => (ipToBigint(a.address) < ipToBigint(b.address) ? -1 : 1))
      .map((lease) => ({ interfaceName, lease }));
  });
}

function describe(interfaceName: string, lease: Lease6, now: number): ShownLease {
  const { kind, address, length, state, mac, hostName, startSeconds, endSeconds } = lease;
  return {
    interface: interfaceName,
    lease: length === 128 ? address : `${address}/${length}`,
    kind,
    state: state === "leased" && endSeconds <= now ? "ended" : state,
    duid: formatDuid(lease),
    ...(mac === "" ? {} : { mac }),
    ...(hostName === "" ? {} : { hostName }),
    start: timeOf(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: timeOf(endSeconds) }),
  };
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** What a client calls itself goes to a terminal, into one cell. */
function row({ lease, mac = "-", hostName, state, end, interface: interfaceName, duid }: ShownLease): string[] {
  const name = printable(hostName ?? "-").replaceAll(/\s/g, " ");
  return [lease, mac, name, state, end ?? "never", interfaceName, duid];
}
