/** Records of a network's DNS server in the words of zone files, to data as on the wire. */
import { toHex } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import { encodeDomainName } from "../wire/domain-name.ts";
import { parseRecordData } from "../wire/dns/text.ts";
import { DNS_TYPE } from "../wire/dns/types.ts";
import type { Context } from "./context.ts";
import type { RecordLine } from "./dns-leaf.ts";
import type { Path } from "./mistakes.ts";
import type { NetworkDns } from "./model.ts";

/** Others are made by the server, or mean nothing in a zone that nobody signs and nothing is delegated from. */
const TYPES = [
  "A",
  "AAAA",
  "CNAME",
  "MX",
  "TXT",
  "SRV",
  "PTR",
  "CAA",
  "NAPTR",
  "SSHFP",
  "TLSA",
  "SVCB",
  "HTTPS",
  "URI",
] as const satisfies readonly (keyof typeof DNS_TYPE)[];

interface Place {
  readonly domain: string;
  readonly ttlSeconds: number;
  /** Labels of the domain that have addresses, with what has them. */
  readonly names: ReadonlyMap<string, string>;
  /** Of the section. */
  readonly path: Path;
}

type FileRecord = NetworkDns["records"][number];

export function recordsOf(lines: readonly RecordLine[], place: Place, context: Context): readonly FileRecord[] {
  const records: FileRecord[] = [];
  /** By the name as on the wire, in hexadecimal digits. */
  const byName = new Map<string, FileRecord[]>();
  lines.forEach((line, index) => {
    const path = [...place.path, "records", index];
    const record = recordOf(line, place, (reason, remedy) => context.complain(path, reason, remedy));
    if (record === undefined) return;
    const key = toHex(encodeDomainName(record.name));
    const same = byName.get(key) ?? [];
    byName.set(key, [...same, record]);
    const fault = doubledDomain(line, place) ?? contradiction(record, same, place) ?? circle(record, key, byName);
    if (fault !== undefined) context.complain(path, ...fault);
    records.push(record);
  });
  return records;
}

function recordOf(
  { name: written, ttlSeconds, type: word, data }: RecordLine,
  place: Place,
  complain: (reason: string, remedy: string) => void,
): FileRecord | undefined {
  const known = TYPES.find((candidate) => candidate === word);
  if (known === undefined) {
    complain(`${word} is no type that a network has records of`, `use one of: ${TYPES.join(", ")}`);
    return undefined;
  }
  const { domain } = place;
  const full = written === "@" ? domain : written.endsWith(".") ? written.slice(0, -1) : `${written}.${domain}`;
  const name = full.toLowerCase();
  const type = DNS_TYPE[known];
  try {
    encodeDomainName(name);
    const bytes = parseRecordData(type, data, domain);
    return { name, type, ttlSeconds: ttlSeconds ?? place.ttlSeconds, hex: toHex(bytes) };
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    complain(`cannot be: ${thrown.message}`, `write it as in a zone file, such as ${EXAMPLES[known]}`);
    return undefined;
  }
}

const EXAMPLES: Readonly<Record<(typeof TYPES)[number], string>> = {
  A: "www A 192.0.2.10",
  AAAA: "www AAAA 2001:db8::10",
  CNAME: "www CNAME web",
  MX: "@ MX 10 mail",
  TXT: '@ TXT "v=spf1 -all"',
  SRV: "_sip._tcp SRV 0 5 5060 pbx",
  PTR: "10.2.0.192.in-addr.arpa. PTR www",
  CAA: '@ CAA 0 issue "ca.example.org"',
  NAPTR: '@ NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp',
  SSHFP: "web SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  TLSA: "_443._tcp.web TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  SVCB: "_dns SVCB 1 web alpn=dot",
  HTTPS: "www HTTPS 1 . alpn=h2",
  URI: '_http._tcp URI 10 1 "https://www.example.org/"',
};

/** Types whose data ends with the name of a host. */
const NAMING: ReadonlySet<string> = new Set(["CNAME", "MX", "SRV", "PTR"]);

/** In lan.example mail.lan.example without a final dot means mail.lan.example.lan.example. */
function doubledDomain(
  { type, data }: RecordLine,
  { domain }: Place,
): readonly [reason: string, remedy: string] | undefined {
  const target = NAMING.has(type) ? (data.split(/\s+/).at(-1) ?? "").toLowerCase() : "";
  if (target !== domain && !target.endsWith(`.${domain}`)) return undefined;
  return [`leads to ${target}.${domain}`, `write ${target}. with a final dot, or the name without ${domain}`];
}

/** The record is the last of aliases that lead to each other. */
function circle(
  { type, hex }: FileRecord,
  key: string,
  byName: ReadonlyMap<string, readonly FileRecord[]>,
): readonly [reason: string, remedy: string] | undefined {
  if (type !== DNS_TYPE.CNAME) return undefined;
  const seen = new Set<string>();
  let target = inSmallLetters(hex);
  while (!seen.has(target)) {
    if (target === key) return ["leads back to itself", "let it lead to a name that has addresses"];
    seen.add(target);
    const alias = byName.get(target)?.find((record) => record.type === DNS_TYPE.CNAME);
    if (alias === undefined) return undefined;
    target = inSmallLetters(alias.hex);
  }
  return undefined;
}

/** A name as on the wire, in hexadecimal digits: lengths of labels are below the letters. */
function inSmallLetters(hex: string): string {
  const isCapital = /^(?:4[1-9a-f]|5[0-9a])$/;
  return hex.replaceAll(/../g, (byte) => (isCapital.test(byte) ? (Number(`0x${byte}`) | 0x20).toString(16) : byte));
}

const ADDRESSES: ReadonlySet<number> = new Set([DNS_TYPE.A, DNS_TYPE.AAAA]);

/** Reason and remedy; undefined: it goes with those before it and with the names of the network. */
function contradiction(
  { name, type, hex }: FileRecord,
  same: readonly FileRecord[],
  { domain, names }: Place,
): readonly [reason: string, remedy: string] | undefined {
  if (same.some((other) => other.type === type && other.hex === hex)) return ["stands there already", "remove one"];
  const isAlias = type === DNS_TYPE.CNAME;
  // RFC 1034 §3.6.2
  if (isAlias ? same.length > 0 : same.some((other) => other.type === DNS_TYPE.CNAME))
    return [`${name} is an alias and has other records`, "remove the CNAME, or the others"];
  if (isAlias && name === domain) return ["the domain itself cannot be an alias", "give it addresses: @ A 192.0.2.10"];
  const label = name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : "";
  const owner = names.get(label);
  if (owner === undefined || !(isAlias || ADDRESSES.has(type))) return undefined;
  return [`${label} is ${owner}, whose addresses the server knows`, "remove it, or choose another name"];
}
