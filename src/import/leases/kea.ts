/**
 * Kea's memfile of DHCPv4 (`kea-leases4.csv`): a journal with a line of column names, of which the last row of each
 * address counts. State 0 is a lease, 1 declined, 2 ended and taken back, 3 released; a row whose duration is 0 deletes.
 */
import type { Lease, LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { Problems } from "../problem.ts";
import { identifierBytes, leaseOf, LeaseTable, lineOrigin } from "./records.ts";

const NEEDED = ["address", "hwaddr", "client_id", "valid_lifetime", "expire"] as const;
const STATES: readonly LeaseState[] = ["leased", "declined", "released", "released"];

export function looksLikeKea(text: string): boolean {
  return /^address,(?:[a-z_]+,)*(?:hwaddr|duid)\b/.test(text);
}

/** Undefined, and told why, when it is of another kind. */
export function readKeaLeases(text: string, problems: Problems): Lease[] | undefined {
  const table = new LeaseTable();
  const [header = "", ...rows] = text.split(/\r?\n/);
  const columns = new Map(header.split(",").map((name, i) => [name, i]));
  const missing = NEEDED.find((name) => !columns.has(name));
  if (missing !== undefined) {
    const remedy = columns.has("duid") ? "nothing is to be done: clients ask anew" : "see whether it is a file of Kea";
    problems.tell(lineOrigin(1, header), `there is no column ${missing}`, remedy);
    return undefined;
  }
  for (const [i, row] of rows.entries()) {
    // The header stands again where Kea put two files together.
    if (row === "" || row === header) continue;
    const cells = row.split(",");
    const cell = (name: string): string => cells[columns.get(name) ?? -1] ?? "";
    const origin = lineOrigin(i + 2, row);
    const [lifetime, expire] = [cell("valid_lifetime"), cell("expire")].map(Number) as [number, number];
    if (cells.length < NEEDED.length || !Number.isInteger(lifetime) || !Number.isInteger(expire) || expire < 0) {
      problems.tell(origin, "this is no lease", "nothing is to be done, unless the file is damaged");
      continue;
    }
    if (lifetime === 0) {
      table.delete(cell("address"));
      continue;
    }
    const isForever = lifetime === FOREVER_SECONDS;
    const identifier = identifierBytes(cell("client_id"));
    const record = {
      address: cell("address"),
      state: STATES[Number(cell("state") || "0")] ?? ("leased" as const),
      mac: cell("hwaddr"),
      ...(identifier === undefined ? {} : { identifier }),
      hostName: unescape(cell("hostname")),
      startSeconds: isForever
        ? Math.min(expire, FOREVER_SECONDS)
        : Math.min(Math.max(0, expire - lifetime), FOREVER_SECONDS),
      endSeconds: isForever ? FOREVER_SECONDS : Math.min(expire, FOREVER_SECONDS),
    };
    const lease = leaseOf(record, origin, problems);
    if (lease !== undefined) table.set(lease);
  }
  return table.all();
}

/** Kea writes a comma as "&#x2c". */
function unescape(text: string): string {
  return text.replaceAll(/&#x([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
