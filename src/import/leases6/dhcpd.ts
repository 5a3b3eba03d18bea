/**
 * ISC dhcpd's file of DHCPv6 leases (dhcpd6.leases): a journal of associations, `ia-na "IAID DUID" { iaaddr … }`, of
 * which the last one of each client says all that it has.
 */
import type { Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import type { AssociationKind } from "../../wire/dhcp6/association.ts";
import { ASSOCIATIONS, endOf, readTime, readUid, stateOf, valuesOf } from "../leases/dhcpd.ts";
import { LeaseTable } from "../leases/records.ts";
import { parseStatements, type Statement } from "../dhcpd/statements.ts";
import type { Problems } from "../problem.ts";
import { lease6Of } from "./records.ts";

const IDENTIFIER_BYTES = 4;
/** What stands in an association; of a prefix its length stands behind it. */
const LEASES: ReadonlySet<string> = new Set(["iaaddr", "iaprefix"]);

interface Association {
  readonly kind: AssociationKind;
  readonly identifier: number;
  readonly duid: Uint8Array;
  readonly block: readonly Statement[];
}

export function readDhcpdLeases6(text: string, nowSeconds: number, problems: Problems): Lease6[] {
  const table = new LeaseTable<Lease6>();
  const statements = parseStatements(text, problems);
  const order = statements.find(({ tokens: [first] }) => first?.text === "authoring-byte-order");
  // dhcpd writes numbers as its machine keeps them; without a word about it they are taken for a PC's.
  const isLittle = order?.tokens[1]?.text !== "big-endian";
  const held = new Map<string, readonly Lease6[]>();
  for (const statement of statements) {
    const [first] = statement.tokens;
    if (first?.text === "lease")
      problems.tell(statement.origin, "it is a lease of IPv4", "import it with netloom dhcp leases import");
    const association = readAssociation(statement, isLittle, problems);
    if (association === undefined) continue;
    const leases = readBlock(association, nowSeconds, problems);
    const key = statement.tokens.map((token) => token.text).join(" ");
    for (const lease of held.get(key) ?? []) if (table.get(lease.address) === lease) table.delete(lease.address);
    for (const lease of leases) table.set(lease);
    held.set(key, leases);
  }
  return table.all();
}

function readAssociation({ tokens, origin, block }: Statement, isLittle: boolean, problems: Problems) {
  const [first, second] = tokens;
  const kind = ASSOCIATIONS.get(first?.text ?? "");
  if (kind === undefined || second === undefined || block === undefined) return undefined;
  const bytes = readUid(second) ?? new Uint8Array();
  if (bytes.length <= IDENTIFIER_BYTES) {
    problems.tell(origin, "nothing tells whose lease it is", "nothing is to be done, unless the file is damaged");
    return undefined;
  }
  const identifier = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, isLittle);
  return { kind, identifier, duid: bytes.subarray(IDENTIFIER_BYTES), block } satisfies Association;
}

function readBlock({ kind, identifier, duid, block }: Association, nowSeconds: number, problems: Problems): Lease6[] {
  const lastSeconds = readTime(valuesOf(block).get("cltt")) ?? Math.floor(nowSeconds);
  return block.flatMap(({ tokens: [word, place], origin, block: inner }) => {
    if (!LEASES.has(word?.text ?? "") || place === undefined || inner === undefined) return [];
    const values = valuesOf(inner);
    const state = stateOf(values);
    const end = readTime(values.get("ends")) ?? lastSeconds;
    const startSeconds = Math.min(lastSeconds, end);
    const [address = "", length = "128"] = place.text.split("/");
    const lease = lease6Of(
      {
        kind,
        address,
        length: Number(length),
        state,
        duid,
        identifier,
        mac: "",
        hostName: "",
        startSeconds,
        endSeconds: endOf(state, startSeconds, end),
      },
      origin,
      problems,
    );
    return lease === undefined ? [] : [lease];
  });
}
