/**
 * Kea's memfile of DHCPv4 (`kea-leases4.csv`): a journal with a line of column names, of which the last row of each
 * address counts. State 0 is a lease, 1 declined, 2 ended and taken back, 3 released; a row whose duration is 0 deletes.
 */
import type { Lease, LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { Origin, Problems } from "../problem.ts";
import { identifierBytes, leaseOf, LeaseTable, lineOrigin } from "./records.ts";

const NEEDED = ["address", "hwaddr", "client_id", "valid_lifetime", "expire"] as const;
const STATES: readonly LeaseState[] = ["leased", "declined", "released", "released"];

/** What the memfiles of both protocols tell alike. */
interface KeaRow {
  readonly origin: Origin;
  /** The row says that the address has no lease any more. */
  readonly isDeleted: boolean;
  readonly state: LeaseState;
  readonly hostName: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** "" where the file has no such column. */
  cell(name: string): string;
}

export function looksLikeKea(text: string): boolean {
  return /^address,(?:[a-z_]+,)*(?:hwaddr|duid)\b/.test(text);
}

/** Undefined, and told why, when it is of another kind. */
export function readKeaLeases(text: string, problems: Problems): Lease[] | undefined {
  const table = new LeaseTable<Lease>();
  const rows = readKeaRows(text, NEEDED, problems);
  for (const { cell, origin, isDeleted, ...common } of rows ?? []) {
    if (isDeleted) {
      table.delete(cell("address"));
      continue;
    }
    const identifier = identifierBytes(cell("client_id"));
    const told = identifier === undefined ? {} : { identifier };
    const record = { ...common, ...told, address: cell("address"), mac: cell("hwaddr") };
    const lease = leaseOf(record, origin, problems);
    if (lease !== undefined) table.set(lease);
  }
  return rows === undefined ? undefined : table.all();
}

/** The rows that are leases. Undefined, and told why, when a column is missing. */
export function readKeaRows(text: string, needed: readonly string[], problems: Problems): KeaRow[] | undefined {
  const [header = "", ...rows] = text.split(/\r?\n/);
  const columns = new Map(header.split(",").map((name, i) => [name, i]));
  const missing = needed.find((name) => !columns.has(name));
  if (missing !== undefined) {
    const remedy = columns.has("duid")
      ? "import it with netloom dhcp6 leases import"
      : columns.has("client_id")
        ? "import it with netloom dhcp leases import"
        : "see whether it is a file of Kea";
    problems.tell(lineOrigin(1, header), `there is no column ${missing}`, remedy);
    return undefined;
  }
  return rows.flatMap((row, i) => {
    // The header stands again where Kea put two files together.
    if (row === "" || row === header) return [];
    const cells = row.split(",");
    const cell = (name: string): string => cells[columns.get(name) ?? -1] ?? "";
    const origin = lineOrigin(i + 2, row);
    const [lifetime, expire] = [cell("valid_lifetime"), cell("expire")].map(Number) as [number, number];
    if (cells.length < needed.length || !Number.isInteger(lifetime) || !Number.isInteger(expire) || expire < 0) {
      problems.tell(origin, "this is no lease", "nothing is to be done, unless the file is damaged");
      return [];
    }
    const isForever = lifetime === FOREVER_SECONDS;
    return [
      {
        origin,
        cell,
        isDeleted: lifetime === 0,
        state: STATES[Number(cell("state") || "0")] ?? ("leased" as const),
        hostName: unescape(cell("hostname")),
        startSeconds: Math.min(isForever ? expire : Math.max(0, expire - lifetime), FOREVER_SECONDS),
        endSeconds: isForever ? FOREVER_SECONDS : Math.min(expire, FOREVER_SECONDS),
      },
    ];
  });
}

/** Kea writes a comma as "&#x2c". */
function unescape(text: string): string {
  return text.replaceAll(/&#x([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
