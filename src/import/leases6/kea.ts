/** Kea's memfile of DHCPv6 (`kea-leases6.csv`), as that of DHCPv4; lease types 0 address, 1 temporary, 2 prefix. */
import type { Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import type { AssociationKind } from "../../wire/dhcp6/association.ts";
import { readKeaRows } from "../leases/kea.ts";
import { identifierBytes, LeaseTable } from "../leases/records.ts";
import type { Problems } from "../problem.ts";
import { lease6Of } from "./records.ts";

const NEEDED = ["address", "duid", "valid_lifetime", "expire", "lease_type", "iaid", "prefix_len"] as const;
const KINDS: readonly AssociationKind[] = ["address", "temporary", "prefix"];

/** Undefined, and told why, when it is of another kind. */
export function readKeaLeases6(text: string, problems: Problems): Lease6[] | undefined {
  const table = new LeaseTable<Lease6>();
  const rows = readKeaRows(text, NEEDED, problems);
  for (const { cell, origin, isDeleted, ...common } of rows ?? []) {
    if (isDeleted) {
      table.delete(cell("address"));
      continue;
    }
    const kind = KINDS[Number(cell("lease_type"))] ?? "address";
    const duid = identifierBytes(cell("duid"));
    const lease = lease6Of(
      {
        ...common,
        kind,
        address: cell("address"),
        length: kind === "prefix" ? Number(cell("prefix_len")) : 128,
        ...(duid === undefined ? {} : { duid }),
        identifier: Number(cell("iaid")),
        mac: cell("hwaddr"),
      },
      origin,
      problems,
    );
    if (lease !== undefined) table.set(lease);
  }
  return rows === undefined ? undefined : table.all();
}
