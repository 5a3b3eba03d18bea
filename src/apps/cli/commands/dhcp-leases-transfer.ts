/** dhcp leases import and export, and those of dhcp6: leases from another DHCP server, and from one of ours to another. */
import { dirname } from "node:path";
import { messageOf, NetloomError } from "../../../base/errors.ts";
import type { PlacedLease, Server } from "../../../import/leases/portable.ts";
import { formatProblem, type Problem } from "../../../import/problem.ts";
import { LeaseLog, readLeaseLog } from "../../../store/lease-log/lease-log.ts";
import { type Lock, takeLock } from "../../../store/lock.ts";
import { createStateFolder, stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { DHCP4, DHCP6, type KeptLease, type LeaseFamily, readLastLeases } from "../lease-family.ts";
import { type LeaseFile, leaseFileFor, leaseFiles, nameOfServer } from "../lease-files.ts";
import { complain, print, printJson } from "../output.ts";
import { readBounded } from "../files-beside.ts";

/** Half a million leases. */
const MOST_BYTES = 256 * 1024 * 1024;

const EXPORT_DETAILS =
  "without one all are exported, also leases that have ended. The servers may run meanwhile." as const;
const TARGETS = {
  interface: { value: "IF", help: "for netloom dhcp serve on this interface" },
  network: { value: "FILE/NETWORK", help: "for this network of an applied file (by the file's name)" },
} as const;
const IMPORT_DETAILS =
  "which is seen from its content. The server of the leases must not run meanwhile, neither the old one nor ours. " +
  "Leases that ours has given already stay as they are.";

export const dhcpLeasesExportCommand: Command = {
  name: "dhcp leases export",
  operands: ["[NETWORK]"],
  summary: "Print the leases as portable JSON, which netloom dhcp leases import takes.",
  details: `NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of \`dhcp serve\`; ${EXPORT_DETAILS}`,
  options: {},
  example: "netloom dhcp leases export lan0 > leases.json",
  run: (invocation) => exportLeases(DHCP4, invocation),
};

export const dhcp6LeasesExportCommand: Command = {
  name: "dhcp6 leases export",
  operands: ["[NETWORK]"],
  summary: "Print the leases of DHCPv6 as portable JSON, which netloom dhcp6 leases import takes.",
  details: `NETWORK is a network of a file, as NETWORK or FILE/NETWORK, or an interface of \`dhcp6 serve\`; ${EXPORT_DETAILS}`,
  options: {},
  example: "netloom dhcp6 leases export lan0 > leases6.json",
  run: (invocation) => exportLeases(DHCP6, invocation),
};

export const dhcpLeasesImportCommand: Command = {
  name: "dhcp leases import",
  operands: ["FILE"],
  summary: "Take over the leases of dnsmasq, ISC dhcpd or Kea, or those that netloom exported.",
  details:
    "FILE is dnsmasq.leases, dhcpd.leases, Kea's memfile (CSV) or the output of netloom dhcp leases export, " +
    IMPORT_DETAILS,
  options: TARGETS,
  example: "netloom dhcp leases import /var/lib/misc/dnsmasq.leases --interface lan0",
  run: (invocation) => importLeases(DHCP4, invocation),
};

export const dhcp6LeasesImportCommand: Command = {
  name: "dhcp6 leases import",
  operands: ["FILE"],
  summary: "Take over the DHCPv6 leases of dnsmasq, ISC dhcpd or Kea, or those that netloom exported.",
  details:
    "FILE is dnsmasq.leases, dhcpd6.leases, Kea's memfile (CSV) or the output of netloom dhcp6 leases export, " +
    IMPORT_DETAILS,
  options: { ...TARGETS, interface: { value: "IF", help: "for netloom dhcp6 serve on this interface" } },
  example: "netloom dhcp6 leases import /var/lib/dhcp/dhcpd6.leases --interface lan0",
  run: (invocation) => importLeases(DHCP6, invocation),
};

function exportLeases<Kept extends KeptLease>(family: LeaseFamily<Kept>, invocation: Invocation): Promise<number> {
  const files = leaseFiles(stateFolderPath(invocation.option("state")), family.name, invocation.positionals[0]);
  const leases = files.flatMap(({ path, server }) => readLastLeases(family, path).map((lease) => ({ server, lease })));
  printJson(family.formatPortable(leases));
  return Promise.resolve(0);
}

/** What became of the leases for one server. */
interface Outcome {
  readonly server: Server;
  readonly imported: number;
  /** Of those, the leases that have ended: kept for clients that come back. */
  readonly ended: number;
  /** Known here already. */
  readonly known: number;
}

async function importLeases<Kept extends KeptLease>(
  family: LeaseFamily<Kept>,
  invocation: Invocation,
): Promise<number> {
  const path = invocation.positionals[0]!;
  const nowSeconds = Date.now() / 1000;
  const { server, leases, problems } = family.read(readBounded(path, MOST_BYTES), nowSeconds);
  if (server === undefined) throw unreadable(family, path, problems);
  const all = [...problems];
  const targets = findTargets(family, stateFolderPath(invocation.option("state")), leases, {
    interface: invocation.option("interface"),
    network: invocation.option("network"),
  });
  const outcomes: Outcome[] = [];
  for (const target of targets) outcomes.push(await importInto(family, target, path, nowSeconds, all));
  if (invocation.flag("json"))
    printJson({
      from: server,
      servers: outcomes.map(({ server: target, ...counts }) => ({ ...target, ...counts })),
      problems: all,
    });
  else {
    for (const problem of all) complain(formatProblem(path, problem));
    for (const outcome of outcomes) print(formatOutcome(server, outcome));
  }
  return 0;
}

function unreadable(
  { name, files }: Pick<LeaseFamily<never>, "name" | "files">,
  path: string,
  [problem]: readonly Problem[],
): NetloomError {
  if (problem === undefined)
    return new NetloomError("bad-file", `read ${path}: this is no file of leases that is known`, {
      hint: `${files}, or what netloom ${name} leases export printed.`,
    });
  return new NetloomError("bad-file", `read ${path}: ${problem.reason}`, { hint: problem.remedy });
}

function formatOutcome(from: string, { server, imported, ended, known }: Outcome): string {
  const count = `${imported} ${imported === 1 ? "lease" : "leases"} of ${from} imported for ${nameOfServer(server)}`;
  const notes = [
    ...(ended > 0 ? [`${ended} of them ended, kept for clients that come back`] : []),
    ...(known > 0 ? [`${known} more known already`] : []),
  ];
  return [count, ...notes].join("; ");
}

interface Target<Kept> {
  readonly file: LeaseFile;
  readonly leases: readonly Kept[];
}

/** @throws NetloomError usage */
function findTargets<Kept>(
  { name: family }: Pick<LeaseFamily<never>, "name">,
  stateFolder: string,
  leases: readonly PlacedLease<Kept>[],
  given: { readonly interface: string | undefined; readonly network: string | undefined },
): Target<Kept>[] {
  const { interface: interfaceName, network } = given;
  if (interfaceName !== undefined && network !== undefined)
    throw usageError(`${family} leases import: --interface and --network exclude each other`);
  const wanted: Server | undefined =
    interfaceName !== undefined ? { interface: interfaceName } : network === undefined ? undefined : { network };
  const byName = Map.groupBy(leases, ({ server }) => JSON.stringify(wanted ?? server));
  if (wanted !== undefined && byName.size === 0) byName.set(JSON.stringify(wanted), []);
  return Array.from(byName, ([name, placed]) => {
    const server = JSON.parse(name) as Server;
    if (nameOfServer(server) === "")
      throw usageError(
        `${family} leases import: whose leases are they to be?`,
        "--interface IF, or --network FILE/NETWORK",
      );
    const file = leaseFileFor(stateFolder, family, server);
    if (file === undefined)
      throw usageError(`${family} leases import: ${nameOfServer(server)} cannot be a server's name`);
    return { file, leases: placed.map(({ lease }) => lease) };
  });
}

async function importInto<Kept extends KeptLease>(
  family: LeaseFamily<Kept>,
  { file: { path, server }, leases }: Target<Kept>,
  source: string,
  nowSeconds: number,
  problems: Problem[],
): Promise<Outcome> {
  createStateFolder(dirname(path));
  using _lock = lockLeases(path, source);
  const read = readLeaseLog(family.codec, path);
  const byAddress = new Map(read.leases.map((lease) => [lease.address, lease]));
  const byClient = new Map([...byAddress.values()].map((lease) => [lease.client, lease]));
  const taken: Kept[] = [];
  let known = 0;
  for (const lease of leases) {
    const here = byAddress.get(lease.address);
    const ofClient = lease.client === "" ? undefined : byClient.get(lease.client);
    if (here?.client === lease.client && here.endSeconds >= lease.endSeconds) known++;
    else if (here !== undefined && here.client !== lease.client && here.endSeconds > nowSeconds)
      problems.push(untaken(family, lease, `${family.holderOf(here) || "somebody else"} has the address here`));
    else if (ofClient !== undefined && ofClient.address !== lease.address && ofClient.endSeconds > nowSeconds)
      problems.push(untaken(family, lease, `its client has ${family.textOf(ofClient)} here`));
    else taken.push(lease);
  }
  await using log = new LeaseLog(family.codec, path, read, {
    all: () => [...byAddress.values(), ...taken],
    onError: (error) => complain(`warning: ${messageOf(error)}`),
  });
  if (taken.length > 0) await log.append(taken);
  return {
    server,
    imported: taken.length,
    ended: taken.filter((lease) => lease.endSeconds <= nowSeconds).length,
    known,
  };
}

function untaken<Kept extends KeptLease>(family: LeaseFamily<Kept>, lease: Kept, reason: string): Problem {
  const [place, holder] = [family.textOf(lease), family.holderOf(lease)];
  const text = holder === "" ? place : `${place} of ${holder}`;
  return { line: 1, text, reason, remedy: "its client gets another address when it comes again" };
}

/** @throws NetloomError locked while a server uses the file */
function lockLeases(path: string, source: string): Lock {
  try {
    return takeLock(`${path}.lock`, `import leases of ${source}`);
  } catch (error) {
    if (!(error instanceof NetloomError) || error.code !== "locked") throw error;
    throw new NetloomError("locked", error.message, {
      cause: error,
      hint: "Stop the server, import, and start it again: only one may write the leases.",
    });
  }
}
