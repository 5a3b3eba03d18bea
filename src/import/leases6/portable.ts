/**
 * DHCPv6 leases as portable JSON: `{ format: "netloom-dhcp6-leases", version: 1, leases: [{ interface or network, lease,
 * kind, state, duid, iaid, mac, hostName, start, end }] }`. Nothing of a lease is lost by it.
 */
import {
  formatDuid,
  formatLease6,
  identifierOf,
  type Lease6,
  type Lease6State,
} from "../../protocol/dhcp6/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { AssociationKind } from "../../wire/dhcp6/association.ts";
import {
  formatTime,
  type PlacedLease,
  type PortableEntry,
  readEntries,
  readServer,
  readTime,
  type Server,
  tellNone,
} from "../leases/portable.ts";
import { identifierBytes } from "../leases/records.ts";
import type { Problems } from "../problem.ts";
import { type Lease6Record, lease6Of } from "./records.ts";

export const FORMAT6 = "netloom-dhcp6-leases";
const STATES: readonly Lease6State[] = ["leased", "released", "declined"];
const KINDS: readonly AssociationKind[] = ["address", "temporary", "prefix"];

interface PortableLease6 extends Server {
  /** "2001:db8::5", "2001:db8:100::/56". */
  readonly lease: string;
  readonly kind: AssociationKind;
  readonly state: Lease6State;
  /** In hexadecimal; absent: nobody's. */
  readonly duid?: string;
  /** Of the client's association; absent together with `duid`. */
  readonly iaid?: number;
  /** Absent: not known. */
  readonly mac?: string;
  readonly hostName?: string;
  /** RFC 3339, UTC. */
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

interface PortableLeases6 {
  readonly format: typeof FORMAT6;
  readonly version: 1;
  readonly leases: readonly PortableLease6[];
}

export function formatPortable6(leases: readonly PlacedLease<Lease6>[]): PortableLeases6 {
  return { format: FORMAT6, version: 1, leases: leases.map(formatEntry) };
}

function formatEntry({ server, lease }: PlacedLease<Lease6>): PortableLease6 {
  const { kind, state, client, mac, hostName, startSeconds, endSeconds } = lease;
  return {
    ...server,
    lease: formatLease6(lease),
    kind,
    state,
    ...(client === "" ? {} : { duid: formatDuid(lease), iaid: identifierOf(client) }),
    ...(mac === "" ? {} : { mac }),
    ...(hostName === "" ? {} : { hostName }),
    start: formatTime(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: formatTime(endSeconds) }),
  };
}

/** Undefined, and told why, when nothing of it can be read. */
export function readPortable6(text: string, problems: Problems): PlacedLease<Lease6>[] | undefined {
  return readEntries(text, FORMAT6, problems)?.flatMap(({ entry, origin }) => {
    const record = readRecord(entry);
    if (record === undefined) {
      tellNone(origin, problems);
      return [];
    }
    const lease = lease6Of(record, origin, problems);
    return lease === undefined ? [] : [{ lease, server: readServer(entry) }];
  });
}

function readRecord(entry: PortableEntry["entry"]): Lease6Record | undefined {
  const { lease, kind, state, duid, iaid = 0, mac = "", hostName = "", start, end } = entry;
  const [knownState, knownKind] = [STATES.find((one) => one === state), KINDS.find((one) => one === kind)];
  const startSeconds = readTime(start);
  const endSeconds = end === undefined ? FOREVER_SECONDS : readTime(end);
  if (knownState === undefined || knownKind === undefined) return undefined;
  if (startSeconds === undefined || endSeconds === undefined) return undefined;
  if (typeof lease !== "string" || typeof mac !== "string" || typeof hostName !== "string") return undefined;
  const bytes = typeof duid === "string" ? identifierBytes(duid) : undefined;
  if (typeof iaid !== "number" || (duid !== undefined && bytes === undefined)) return undefined;
  const [address = "", length = "128"] = lease.split("/");
  const told = bytes === undefined ? {} : { duid: bytes };
  return {
    kind: knownKind,
    address,
    length: Number(length),
    state: knownState,
    ...told,
    identifier: iaid,
    mac,
    hostName,
    startSeconds,
    endSeconds,
  };
}
