/**
 * Leases as portable JSON: `{ format: "netloom-leases", version: 1, leases: [{ interface or network, address,
 * state, mac, hardwareType, clientId, hostName, start, end }] }`. Nothing of a lease is lost by it.
 */
import { formatHardware, formatIdentifier, type Lease, type LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { Origin, Problems } from "../problem.ts";
import { identifierBytes, leaseOf, lineOrigin } from "./records.ts";

const FORMAT = "netloom-leases";
const ETHERNET = 1;
const STATES: readonly LeaseState[] = ["leased", "released", "declined"];

/** Whose server gave a lease: that of `dhcp serve` on an interface, or of a network as FILE/NETWORK. */
export interface Server {
  readonly interface?: string;
  readonly network?: string;
}

interface PortableLease extends Server {
  readonly address: string;
  readonly state: LeaseState;
  /** Absent: not known. */
  readonly mac?: string;
  /** Absent: 1, Ethernet. */
  readonly hardwareType?: number;
  /** Option 61 in hexadecimal; absent: the client sends none and is known by its MAC address. */
  readonly clientId?: string;
  readonly hostName?: string;
  /** RFC 3339, UTC. */
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

interface PortableLeases {
  readonly format: typeof FORMAT;
  readonly version: 1;
  readonly leases: readonly PortableLease[];
}

export interface PlacedLease<Kept> {
  /** Empty: the file does not tell. */
  readonly server: Server;
  readonly lease: Kept;
}

export function formatPortable(leases: readonly PlacedLease<Lease>[]): PortableLeases {
  return { format: FORMAT, version: 1, leases: leases.map(formatLease) };
}

function formatLease({ server, lease }: PlacedLease<Lease>): PortableLease {
  const { address, state, hardware, hostName, startSeconds, endSeconds } = lease;
  const clientId = formatIdentifier(lease);
  const hardwareType = hardware.charCodeAt(0);
  return {
    ...server,
    address,
    state,
    ...(hardware === "" ? {} : { mac: formatHardware(lease) }),
    ...(hardware === "" || hardwareType === ETHERNET ? {} : { hardwareType }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(hostName === "" ? {} : { hostName }),
    start: formatTime(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: formatTime(endSeconds) }),
  };
}

/** "2026-11-21T12:00:00Z" */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

export function looksLikePortable(text: string, format: string = FORMAT): boolean {
  return /^\s*\{/.test(text) && text.slice(0, 1000).includes(`"${format}"`);
}

/** Undefined, and told why, when nothing of it can be read. */
export function readPortable(text: string, problems: Problems): PlacedLease<Lease>[] | undefined {
  return readEntries(text, FORMAT, problems)?.flatMap(({ entry, origin }) => {
    const record = readRecord(entry);
    if (record === undefined) {
      tellNone(origin, problems);
      return [];
    }
    const lease = leaseOf(record, origin, problems);
    return lease === undefined ? [] : [{ lease, server: readServer(entry) }];
  });
}

export interface PortableEntry {
  readonly origin: Origin;
  readonly entry: Readonly<Record<string, unknown>>;
}

/** The leases of an export, unchecked. Undefined, and told why, when nothing of it can be read. */
export function readEntries(text: string, format: string, problems: Problems): PortableEntry[] | undefined {
  const content = parseJson(text);
  if (!isRecord(content) || content["format"] !== format || !Array.isArray(content["leases"])) {
    problems.tell(lineOrigin(1, text.slice(0, 100)), "this is no export of leases", "export them again");
    return undefined;
  }
  if (content["version"] !== 1) {
    const reason = `version ${String(content["version"])} of the export is not known, only 1 is`;
    problems.tell(lineOrigin(1, ""), reason, "import it with the netloom that exported it");
    return undefined;
  }
  return content["leases"].map((entry: unknown, i) => ({
    origin: { line: 1, text: `leases[${i}]` },
    entry: isRecord(entry) ? entry : {},
  }));
}

export function tellNone(origin: Origin, problems: Problems): void {
  problems.tell(origin, "this is no lease", "see docs/dhcp-import.md for what belongs to one");
}

export function readServer(entry: Readonly<Record<string, unknown>>): Server {
  if (typeof entry["interface"] === "string") return { interface: entry["interface"] };
  return typeof entry["network"] === "string" ? { network: entry["network"] } : {};
}

function readRecord(entry: Readonly<Record<string, unknown>>) {
  const { address, state, mac = "", hardwareType = ETHERNET, clientId, hostName = "", start, end } = entry;
  const known = STATES.find((candidate) => candidate === state);
  const startSeconds = readTime(start);
  const endSeconds = end === undefined ? FOREVER_SECONDS : readTime(end);
  const isGood = typeof address === "string" && typeof mac === "string" && typeof hostName === "string";
  if (!isGood || known === undefined || startSeconds === undefined || endSeconds === undefined) return undefined;
  if (typeof hardwareType !== "number" || !Number.isInteger(hardwareType) || hardwareType < 0 || hardwareType > 255)
    return undefined;
  const identifier = typeof clientId === "string" ? identifierBytes(clientId) : undefined;
  if (clientId !== undefined && identifier === undefined) return undefined;
  const told = identifier === undefined ? {} : { identifier };
  return { address, state: known, mac, hardwareType, hostName, startSeconds, endSeconds, ...told };
}

export function readTime(value: unknown): number | undefined {
  const seconds = typeof value === "string" ? Math.floor(Date.parse(value) / 1000) : Number.NaN;
  return seconds >= 0 && seconds <= FOREVER_SECONDS ? seconds : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
