/** dhcp leases: who has which address of the DHCP servers of a state folder, whether they run or not. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ipv4ToNumber } from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
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

/** Whose leases a file holds. */
type Served = { readonly interface: string } | { readonly network: string };

type ShownLease = Served & {
  readonly address: string;
  readonly state: "leased" | "ended" | "released" | "declined";
  readonly mac: string;
  readonly clientId?: string;
  readonly hostName?: string;
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
};

export const dhcpLeasesCommand: Command = {
  name: "dhcp leases",
  operands: ["[NETWORK]"],
  summary: "Show who has which address of the DHCP servers that keep their leases in the state folder.",
  details:
    "NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of `dhcp serve`; without one all are shown.",
  options: { all: { help: "also leases that have ended, which are kept for clients that come back" } },
  example: "netloom dhcp leases --state /var/lib/netloom --json",
  run(invocation) {
    const now = Date.now() / 1000;
    const [wanted] = invocation.positionals;
    const files = leaseFiles(leaseFolderOf(stateFolderPath(invocation.option("state")))).filter(
      ({ served }) => wanted === undefined || isMeant(served, wanted),
    );
    if (wanted !== undefined && files.length === 0)
      throw new NetloomError("no-such-network", `dhcp leases ${wanted}: no DHCP server has kept leases of it`);
    const shown = files
      .flatMap(({ path, served }) => readFile(path).map((lease) => ({ served, lease })))
      .filter(({ lease }) => invocation.flag("all") || lease.endSeconds > now)
      .map(({ served, lease }) => describe(served, lease, now));
    if (invocation.flag("json")) printJson(shown);
    else if (shown.length === 0) print("No leases.");
    else print(formatTable([["ADDRESS", "MAC", "HOST NAME", "STATE", "ENDS", "NETWORK"], ...shown.map(row)]));
    return Promise.resolve(0);
  },
};

/** Those of `dhcp serve` lie in the folder itself, those of a file's networks in one of the file's name. */
function leaseFiles(folder: string): { path: string; served: Served }[] {
  const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).toSorted() : []);
  return namesIn(folder).flatMap((name): { path: string; served: Served }[] => {
    const path = join(folder, name);
    if (name.endsWith(ENDING)) return [{ path, served: { interface: name.slice(0, -ENDING.length) } }];
    if (!statSync(path).isDirectory()) return [];
    return namesIn(path)
      .filter((inside) => inside.endsWith(ENDING))
      .map((inside) => ({
        path: join(path, inside),
        served: { network: `${name}/${inside.slice(0, -ENDING.length)}` },
      }));
  });
}

function isMeant(served: Served, wanted: string): boolean {
  return nameOf(served) === wanted || ("network" in served && served.network.endsWith(`/${wanted}`));
}

/** The last lease of each address. */
function readFile(path: string): Lease[] {
  const last = new Map(readLeaseLog(DHCP4_LEASES, path).leases.map((lease) => [lease.address, lease]));
  return [...last.values()].toSorted((a, b) => ipv4ToNumber(a.address) - ipv4ToNumber(b.address));
}

function describe(served: Served, lease: Lease, now: number): ShownLease {
  const { address, state, hostName, startSeconds, endSeconds } = lease;
  const clientId = formatIdentifier(lease);
  return {
    ...served,
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
function row(shown: ShownLease): string[] {
  const { address, mac, hostName, state, end } = shown;
  return [address, mac, printable(hostName ?? "-").replaceAll(/\s/g, " "), state, end ?? "never", nameOf(shown)];
}

function nameOf(served: Served): string {
  return "network" in served ? served.network : served.interface;
}
