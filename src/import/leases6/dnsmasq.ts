/**
 * The leases of IPv6 in dnsmasq's file: below the line `duid SERVER` stand `END IAID ADDRESS NAME DUID`, one a line, the
 * end in seconds since 1970 and 0 for never, a star for what is not known, "T" in front of the IAID of a temporary
 * address.
 */
import type { Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import { identifierBytes, LeaseTable, lineOrigin } from "../leases/records.ts";
import type { Problems } from "../problem.ts";
import { lease6Of } from "./records.ts";

const LINE = /^(\d{1,10}) (T?)(\d{1,10}) (\S+) (\S+) (\S+)$/;

/** @param nowSeconds the file does not tell when a lease began */
export function readDnsmasqLeases6(text: string, nowSeconds: number, problems: Problems): Lease6[] {
  const table = new LeaseTable<Lease6>();
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("duid "));
  if (start < 0) {
    const remedy = "for those of IPv4 there is netloom dhcp leases import";
    problems.tell(lineOrigin(1, lines[0] ?? ""), "no leases of IPv6 are in the file", remedy);
    return [];
  }
  for (const [i, line] of lines.slice(start + 1).entries()) {
    if (line.trim() === "") continue;
    const origin = lineOrigin(start + 2 + i, line);
    const [, end, mark, identifier, address = "", hostName = "", duidText = ""] = LINE.exec(line.trim()) ?? [];
    const duid = identifierBytes(duidText);
    if (end === undefined || duid === undefined) {
      problems.tell(origin, "this is no lease", "nothing is to be done, unless the file is damaged");
      continue;
    }
    const endSeconds = end === "0" ? FOREVER_SECONDS : Math.min(Number(end), FOREVER_SECONDS);
    const record = {
      kind: mark === "T" ? ("temporary" as const) : ("address" as const),
      address,
      length: 128,
      state: "leased" as const,
      duid,
      identifier: Number(identifier),
      mac: "",
      hostName: hostName === "*" ? "" : hostName,
      startSeconds: Math.min(Math.floor(nowSeconds), endSeconds),
      endSeconds,
    };
    const lease = lease6Of(record, origin, problems);
    if (lease !== undefined) table.set(lease);
  }
  return table.all();
}
