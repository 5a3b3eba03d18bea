/** The data of the records that a server makes or reads by itself. */
import { type IpAddress, ipFromBytes, ipToBytes } from "../../base/address.ts";
import { concatBytes } from "../../base/bytes.ts";
import { decodeDomainName, encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { fieldsOf, splitFields } from "./fields.ts";
import type { DnsRecord } from "./message.ts";
import { DNS_TYPE } from "./types.ts";

/** SOA (RFC 1035 §3.3.13). */
interface ZoneStart {
  /** The zone's first server. */
  readonly server: string;
  /** The person's mailbox as a name: the first dot is an @. */
  readonly mailbox: string;
  readonly serial: number;
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  /** How long "no such name" is kept, together with the SOA's own TTL (RFC 2308 §4). */
  readonly minimumSeconds: number;
}

/** Of A or AAAA, by the address. */
export function addressData(address: IpAddress): Uint8Array {
  return ipToBytes(address);
}

/** Of CNAME, NS, PTR and DNAME. @throws NetloomError bad-domain-name */
export function nameData(name: string): Uint8Array {
  return encodeDomainName(name);
}

/** @throws NetloomError bad-domain-name */
export function zoneStartData(start: ZoneStart): Uint8Array {
  const numbers = [start.serial, start.refreshSeconds, start.retrySeconds, start.expireSeconds, start.minimumSeconds];
  return concatBytes([
    encodeDomainName(start.server),
    encodeDomainName(start.mailbox),
    Uint8Array.from(numbers.flatMap((value) => [value >>> 24, value >>> 16, value >>> 8, value])),
  ]);
}

/** Of an A or AAAA record; undefined for another. */
export function readAddress({ type, data }: DnsRecord): IpAddress | undefined {
  const bytes = type === DNS_TYPE.A ? 4 : type === DNS_TYPE.AAAA ? 16 : 0;
  return bytes > 0 && data.length === bytes ? ipFromBytes(data) : undefined;
}

/** What a CNAME, NS, PTR or DNAME record names, or the target of an MX or SRV; undefined for another. */
export function readName({ type, data }: DnsRecord): string | undefined {
  const start = NAME_AT.get(type);
  if (start === undefined) return undefined;
  const decoded = decodeDomainName(data, start);
  return decoded instanceof Malformed ? undefined : decoded.name;
}

const NAME_AT: ReadonlyMap<number, number> = new Map([
  [DNS_TYPE.CNAME, 0],
  [DNS_TYPE.NS, 0],
  [DNS_TYPE.PTR, 0],
  [DNS_TYPE.DNAME, 0],
  [DNS_TYPE.MX, 2],
  [DNS_TYPE.SRV, 6],
]);

/** Of an SOA record; undefined for another, and for one whose data is broken. */
export function soaOf({ type, data }: DnsRecord): ZoneStart | undefined {
  if (type !== DNS_TYPE.SOA) return undefined;
  const fields = splitFields(fieldsOf(type) ?? [], data, 0, data.length);
  if (fields instanceof Malformed) return undefined;
  const number = (index: number): number => {
    const at = fields[index]!.start;
    return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
  };
  return {
    server: fields[0]!.name ?? "",
    mailbox: fields[1]!.name ?? "",
    serial: number(2),
    refreshSeconds: number(3),
    retrySeconds: number(4),
    expireSeconds: number(5),
    minimumSeconds: number(6),
  };
}
