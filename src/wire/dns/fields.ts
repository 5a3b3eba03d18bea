/** What the data of a record consists of, by its type: for names that may be compressed and for the form as text. */
import { decodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { DNS_TYPE } from "./types.ts";

/**
 * - u8, u16, u32: numbers; type: a type's number; time: seconds since 1970 (RFC 4034 §3.2)
 * - ipv4, ipv6, name
 * - string: a length byte and up to 255 bytes; tag: the same, never quoted; salt, hash: the same, in hexadecimal and
 *   base32hex (RFC 5155 §3.3)
 * - to the end of the data: strings, hex, base64, text (one quoted string, no length byte), types (bitmaps of RFC 4034
 *   §4.1.2), parameters (RFC 9460 §2.2)
 */
export type DataField =
  | "u8"
  | "u16"
  | "u32"
  | "type"
  | "time"
  | "ipv4"
  | "ipv6"
  | "name"
  | "string"
  | "tag"
  | "salt"
  | "hash"
  | "strings"
  | "hex"
  | "base64"
  | "text"
  | "types"
  | "parameters";

const NAME: readonly DataField[] = ["name"];
const KEY: readonly DataField[] = ["u16", "u8", "u8", "base64"];
const DIGEST: readonly DataField[] = ["u16", "u8", "u8", "hex"];
const SIGNATURE: readonly DataField[] = ["type", "u8", "u8", "u32", "time", "time", "u16", "name", "base64"];
const CERTIFICATE: readonly DataField[] = ["u8", "u8", "u8", "hex"];
const SERVICE: readonly DataField[] = ["u16", "name", "parameters"];

const T = DNS_TYPE;
const FIELDS: ReadonlyMap<number, readonly DataField[]> = new Map<number, readonly DataField[]>([
  [T.A, ["ipv4"]],
  [T.NS, NAME],
  [T.MD, NAME],
  [T.MF, NAME],
  [T.CNAME, NAME],
  [T.SOA, ["name", "name", "u32", "u32", "u32", "u32", "u32"]],
  [T.MB, NAME],
  [T.MG, NAME],
  [T.MR, NAME],
  [T.PTR, NAME],
  [T.HINFO, ["string", "string"]],
  [T.MINFO, ["name", "name"]],
  [T.MX, ["u16", "name"]],
  [T.TXT, ["strings"]],
  [T.RP, ["name", "name"]],
  [T.AFSDB, ["u16", "name"]],
  [T.RT, ["u16", "name"]],
  [T.SIG, SIGNATURE],
  [T.KEY, KEY],
  [T.PX, ["u16", "name", "name"]],
  [T.AAAA, ["ipv6"]],
  [T.SRV, ["u16", "u16", "u16", "name"]],
  [T.NAPTR, ["u16", "u16", "string", "string", "string", "name"]],
  [T.KX, ["u16", "name"]],
  [T.CERT, ["u16", "u16", "u8", "base64"]],
  [T.DNAME, NAME],
  [T.DS, DIGEST],
  [T.SSHFP, ["u8", "u8", "hex"]],
  [T.RRSIG, SIGNATURE],
  [T.NSEC, ["name", "types"]],
  [T.DNSKEY, KEY],
  [T.DHCID, ["base64"]],
  [T.NSEC3, ["u8", "u8", "u16", "salt", "hash", "types"]],
  [T.NSEC3PARAM, ["u8", "u8", "u16", "salt"]],
  [T.TLSA, CERTIFICATE],
  [T.SMIMEA, CERTIFICATE],
  [T.CDS, DIGEST],
  [T.CDNSKEY, KEY],
  [T.OPENPGPKEY, ["base64"]],
  [T.CSYNC, ["u32", "u16", "types"]],
  [T.ZONEMD, ["u32", "u8", "u8", "hex"]],
  [T.SVCB, SERVICE],
  [T.HTTPS, SERVICE],
  [T.SPF, ["strings"]],
  [T.URI, ["u16", "u16", "text"]],
  [T.CAA, ["u8", "tag", "text"]],
]);

/** Undefined: a type whose data is only bytes (RFC 3597). */
export function fieldsOf(type: number): readonly DataField[] | undefined {
  return FIELDS.get(type);
}

/** Their names are written compressed: only the types of RFC 1035 (RFC 3597 §4). */
export const COMPRESSED_TYPES: ReadonlySet<number> = new Set([
  T.NS,
  T.MD,
  T.MF,
  T.CNAME,
  T.SOA,
  T.MB,
  T.MG,
  T.MR,
  T.PTR,
  T.MINFO,
  T.MX,
]);

/** Their names may come compressed (RFC 3597 §4). */
export const EXPANDED_TYPES: ReadonlySet<number> = new Set([
  ...COMPRESSED_TYPES,
  T.RP,
  T.AFSDB,
  T.RT,
  T.SIG,
  T.PX,
  T.SRV,
  T.NAPTR,
  T.KX,
  T.DNAME,
]);

const FIXED_BYTES: Readonly<Partial<Record<DataField, number>>> = {
  u8: 1,
  u16: 2,
  type: 2,
  u32: 4,
  time: 4,
  ipv4: 4,
  ipv6: 16,
};
const COUNTED: ReadonlySet<DataField> = new Set<DataField>(["string", "tag", "salt", "hash"]);

export interface FieldRange {
  readonly kind: DataField;
  readonly start: number;
  readonly end: number;
  /** Of kind name. */
  readonly name?: string;
}

/** Where the fields of data stand that lies from `start` to `end` of `bytes`; names may point before it. */
export function splitFields(
  fields: readonly DataField[],
  bytes: Uint8Array,
  start: number,
  end: number,
): FieldRange[] | Malformed {
  const ranges: FieldRange[] = [];
  let position = start;
  for (const kind of fields) {
    let next = end;
    if (kind === "name") {
      const decoded = decodeDomainName(bytes, position);
      if (decoded instanceof Malformed) return decoded;
      next = decoded.next;
      ranges.push({ kind, start: position, end: next, name: decoded.name });
    } else {
      const fixed = FIXED_BYTES[kind];
      if (fixed !== undefined) next = position + fixed;
      else if (COUNTED.has(kind)) next = position + 1 + (bytes[position] ?? end);
      ranges.push({ kind, start: position, end: next });
    }
    if (next > end) return new Malformed("record: its data is too short");
    position = next;
  }
  return position === end ? ranges : new Malformed("record: its data is too long");
}
