/** Numbers of DNS and their names (IANA "Domain Name System Parameters"). */

/** Record types that somebody here speaks of, and those that are shown by name. */
export const DNS_TYPE = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

export const DNS_CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const DNS_OPCODE = { QUERY: 0, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const;

/** RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9. */
export const RESPONSE_CODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

function namesOf(table: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([name, value]) => [value, name]));
}

const TYPE_NAMES = namesOf(DNS_TYPE);
const CLASS_NAMES = namesOf(DNS_CLASS);
const CODE_NAMES = namesOf(RESPONSE_CODE);
const TYPES: ReadonlyMap<string, number> = new Map(Object.entries(DNS_TYPE));
const CLASSES: ReadonlyMap<string, number> = new Map(Object.entries(DNS_CLASS));

/** "AAAA", or "TYPE65280" (RFC 3597 §5). */
export function formatDnsType(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}

/** Undefined for what is no type; in any case, TYPE65280 too. */
export function parseDnsType(text: string): number | undefined {
  return numberOf(text, TYPES, "TYPE");
}

/** "IN", or "CLASS7" (RFC 3597 §5). */
export function formatDnsClass(dnsClass: number): string {
  return CLASS_NAMES.get(dnsClass) ?? `CLASS${dnsClass}`;
}

/** Undefined for what is no class. */
export function parseDnsClass(text: string): number | undefined {
  return numberOf(text, CLASSES, "CLASS");
}

/** "NXDOMAIN", or "CODE11". */
export function formatResponseCode(code: number): string {
  return CODE_NAMES.get(code) ?? `CODE${code}`;
}

function numberOf(text: string, known: ReadonlyMap<string, number>, prefix: string): number | undefined {
  const name = text.toUpperCase();
  const found = known.get(name);
  if (found !== undefined) return found;
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 0xffff ? Number(digits) : undefined;
}
