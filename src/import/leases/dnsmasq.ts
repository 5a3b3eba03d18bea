/**
 * dnsmasq's file of leases: `END MAC ADDRESS NAME IDENTIFIER`, one a line, the end in seconds since 1970 and 0 for
 * never, a star for what is not known, another hardware type in front of the MAC address ("20-…"). Leases of IPv6 follow
 * a line that begins with "duid".
 */
import type { Lease } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { Problems } from "../problem.ts";
import { identifierBytes, leaseOf, LeaseTable, lineOrigin } from "./records.ts";

const LINE = /^(\d{1,10}) (?:([0-9a-f]{2})-)?([0-9a-f]{2}(?::[0-9a-f]{2})*|\*) (\S+) (\S+)(?: (\S+))?$/i;

export function looksLikeDnsmasq(text: string): boolean {
  return /^(?:duid |\d{1,10} (?:[0-9a-f]{2}-)?[0-9a-f]{2}:)/i.test(text);
}

/** @param nowSeconds the file does not tell when a lease began */
export function readDnsmasqLeases(text: string, nowSeconds: number, problems: Problems): Lease[] {
  const table = new LeaseTable<Lease>();
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    const origin = lineOrigin(i + 1, line);
    if (line.trim() === "") continue;
    if (line.startsWith("duid ")) {
      const count = lines.slice(i + 1).filter((other) => other.trim() !== "").length;
      const remedy = "import them with netloom dhcp6 leases import";
      if (count > 0) problems.tell(origin, `${count} leases of IPv6 follow`, remedy);
      break;
    }
    const [, end, type, mac = "", address = "", hostName = "", identifier = "*"] = LINE.exec(line.trim()) ?? [];
    if (end === undefined) {
      problems.tell(origin, "this is no lease", "nothing is to be done, unless the file is damaged");
      continue;
    }
    const endSeconds = end === "0" ? FOREVER_SECONDS : Math.min(Number(end), FOREVER_SECONDS);
    const bytes = identifierBytes(identifier);
    const record = {
      address,
      state: "leased" as const,
      mac: mac === "*" ? "" : mac,
      ...(type === undefined ? {} : { hardwareType: Number.parseInt(type, 16) }),
      ...(bytes === undefined ? {} : { identifier: bytes }),
      hostName: hostName === "*" ? "" : hostName,
      startSeconds: Math.min(Math.floor(nowSeconds), endSeconds),
      endSeconds,
    };
    const lease = leaseOf(record, origin, problems);
    if (lease !== undefined) table.set(lease);
  }
  return table.all();
}
