/** dhcp leases: who has which address of the DHCP servers of a state folder, whether they run or not. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ipv4ToNumber } from "../../../base/address.ts";
import { FOREVER_SECONDS, formatHardware, formatIdentifier, type Lease } from "../../../protocol/dhcp4/server/lease.ts";
import { printable } from "../../../services/vm/printable.ts";
import { DHCP4_LEASES } from "../../../store/lease-log/dhcp4.ts";
import { readLeaseLog } from "../../../store/lease-log/lease-log.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { formatTable, print, printJson } from "../output.ts";

const ENDING = ".leases";

/** The file with the leases of an interface's server. */
export function leaseFileOf(stateFolder: string, interfaceName: string): string {
  return join(leaseFolderOf(stateFolder), `${interfaceName}${ENDING}`);
}

export function leaseFolderOf(stateFolder: string): string {
  return join(stateFolder, "dhcp");
}

interface ShownLease {
  readonly interface: string;
  readonly address: string;
  readonly state: "leased" | "ended" | "released" | "declined";
  readonly mac: string;
  readonly clientId?: string;
  readonly hostName?: string;
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

export const dhcpLeasesCommand: Command = {
  name: "dhcp leases",
  operands: [],
  summary: "Show who has which address of the DHCP servers that keep their leases in the state folder.",
  options: { all: { help: "also leases that have ended, which are kept for clients that come back" } },
  example: "netloom dhcp leases --state /var/lib/netloom --json",
  run(invocation) {
    const now = Date.now() / 1000;
    const shown = readFolder(leaseFolderOf(stateFolderPath(invocation.option("state"))))
      .filter(({ lease }) => invocation.flag("all") || lease.endSeconds > now)
      .map(({ interfaceName, lease }) => describe(interfaceName, lease, now));
    if (invocation.flag("json")) printJson(shown);
    else if (shown.length === 0) print("No leases.");
    else print(formatTable([["ADDRESS", "MAC", "HOST NAME", "STATE", "ENDS", "INTERFACE"], ...shown.map(row)]));
    return Promise.resolve(0);
  },
};

function readFolder(folder: string): { interfaceName: string; lease: Lease }[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  return files.toSorted().flatMap((name) => {
    const interfaceName = name.slice(0, -ENDING.length);
    const last = new Map(readLeaseLog(DHCP4_LEASES, join(folder, name)).leases.map((lease) => [lease.address, lease]));
    return [...last.values()]
      .toSorted((a, b) => ipv4ToNumber(a.address) - ipv4ToNumber(b.address))
      .map((lease) => ({ interfaceName, lease }));
  });
}

function describe(interfaceName: string, lease: Lease, now: number): ShownLease {
  const { address, state, hostName, startSeconds, endSeconds } = lease;
  const clientId = formatIdentifier(lease);
  return {
    interface: interfaceName,
    address,
    state: state === "leased" && endSeconds <= now ? "ended" : state,
    mac: formatHardware(lease),
    ...(clientId === undefined ? {} : { clientId }),
    ...(hostName === "" ? {} : { hostName }),
    start: timeOf(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: timeOf(endSeconds) }),
  };
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** What a client calls itself goes to a terminal, into one cell. */
function row({ address, mac, hostName, state, end, interface: interfaceName }: ShownLease): string[] {
  return [address, mac, printable(hostName ?? "-").replaceAll(/\s/g, " "), state, end ?? "never", interfaceName];
}
