/** Records of zone files in the words of a network file: names of the domain are short, others complete. */
import { ipFromBytes } from "../../base/address.ts";
import { readName } from "../../wire/dns/data.ts";
import { formatName, formatRecordData } from "../../wire/dns/text.ts";
import { DNS_CLASS, DNS_TYPE, formatDnsType } from "../../wire/dns/types.ts";
import type { DraftDns, Located } from "../draft.ts";
import type { Problems } from "../problem.ts";
import type { NamedZone } from "./configuration.ts";
import type { ZoneFile, ZoneRecord } from "./zone-file.ts";

/** How long a record of a network file may be remembered at most. */
const LONGEST_TTL_SECONDS = 604_800;
/** Without $TTL and a TTL of its own. */
const DEFAULT_TTL_SECONDS = 3600;

const T = DNS_TYPE;
const TAKEN: ReadonlySet<number> = new Set<number>([
  T.A,
  T.AAAA,
  T.CNAME,
  T.MX,
  T.TXT,
  T.SRV,
  T.PTR,
  T.CAA,
  T.NAPTR,
  T.SSHFP,
  T.TLSA,
  T.SVCB,
  T.HTTPS,
  T.URI,
]);
const OF_SIGNED_ZONES: ReadonlySet<number> = new Set<number>([
  T.DNSKEY,
  T.RRSIG,
  T.NSEC,
  T.NSEC3,
  T.NSEC3PARAM,
  T.DS,
  T.CDS,
  T.CDNSKEY,
  T.ZONEMD,
]);
/** Their target is a host, and no alias (RFC 2181 §10.3). */
const TO_HOSTS: ReadonlySet<number> = new Set<number>([T.MX, T.NS, T.SRV]);

export class ZoneRecords {
  readonly lines: Located<string>[] = [];
  /** Parts of zones that other servers have. */
  readonly delegations: DraftDns["domains"][number][] = [];
  /** Of all records that say no other. */
  readonly ttl: string | undefined;
  readonly #ttlSeconds: number;
  readonly #domain: string | undefined;
  readonly #problems: Problems;

  constructor(domain: string | undefined, ttlSeconds: number | undefined, problems: Problems) {
    this.#domain = domain;
    this.#problems = problems;
    const usable = ttlSeconds !== undefined && ttlSeconds > 0 && ttlSeconds <= LONGEST_TTL_SECONDS;
    this.#ttlSeconds = usable ? ttlSeconds : DEFAULT_TTL_SECONDS;
    this.ttl = usable && ttlSeconds !== DEFAULT_TTL_SECONDS ? formatLife(ttlSeconds) : undefined;
  }

  addZone(zone: string, { records }: ZoneFile): void {
    const byName = Map.groupBy(records, ({ name }) => name);
    for (const record of records) {
      this.#checkTarget(record, zone, byName);
      if (record.type === T.NS && record.name !== zone) continue;
      this.#add(record);
    }
    for (const [name, own] of byName) if (name !== zone) this.#addDelegation(name, own, byName);
  }

  #add(record: ZoneRecord): void {
    const { name, type, ttlSeconds = DEFAULT_TTL_SECONDS, data, origin } = record;
    // The server makes its own.
    if (type === T.SOA || type === T.NS) return;
    if (!TAKEN.has(type)) {
      const signed = OF_SIGNED_ZONES.has(type);
      this.#problems.tell(
        origin,
        signed ? "zones are not signed here" : `${formatDnsType(type)} records are not served`,
        signed
          ? "leave a signed zone with named, and have it asked: domains:"
          : "remove it, or have named asked: domains:",
      );
      return;
    }
    const ttl = ttlSeconds === this.#ttlSeconds ? [] : [String(ttlSeconds)];
    const words = [this.#shortName(name), ...ttl, formatDnsType(type), formatRecordData(type, data)];
    this.lines.push({ value: words.join(" "), origin: { ...origin } });
  }

  #shortName(name: string): string {
    if (name === this.#domain) return "@";
    const suffix = `.${this.#domain}`;
    const short = name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
    return short === undefined ? formatName(name) : formatName(short).slice(0, -1);
  }

  #addDelegation(name: string, own: readonly ZoneRecord[], byName: ReadonlyMap<string, readonly ZoneRecord[]>): void {
    const servers = own.filter(({ type }) => type === T.NS);
    const [first] = servers;
    if (first === undefined) return;
    const addresses = servers.flatMap((server) =>
      (byName.get(targetOf(server) ?? "") ?? [])
        .filter(({ type }) => type === T.A || type === T.AAAA)
        .map(({ data }) => ipFromBytes(data)),
    );
    if (addresses.length > 0) {
      this.delegations.push({ value: { domain: name, servers: addresses }, origin: { ...first.origin } });
      return;
    }
    this.#problems.tell(
      first.origin,
      `${name} is another server's, whose address does not stand here`,
      `write domains: { ${name}: [ADDRESS] }`,
    );
  }

  #checkTarget(record: ZoneRecord, zone: string, byName: ReadonlyMap<string, readonly ZoneRecord[]>): void {
    const target = TO_HOSTS.has(record.type) ? targetOf(record) : undefined;
    if (target === undefined || target === "" || !(target === zone || target.endsWith(`.${zone}`))) return;
    const there = byName.get(target) ?? [];
    const what = formatDnsType(record.type);
    if (there.some(({ type }) => type === T.CNAME))
      this.#problems.tell(
        record.origin,
        `${what} leads to ${target}, which is an alias`,
        "write the name that the alias has",
      );
    else if (!there.some(({ type }) => type === T.A || type === T.AAAA) && !byName.has(`*.${zone}`))
      this.#problems.tell(record.origin, `${what} leads to ${target}, which has no address`, "write its A record");
  }
}

function targetOf({ name, type, data }: ZoneRecord): string | undefined {
  return readName({ name, type, class: DNS_CLASS.IN, ttlSeconds: 0, data })?.toLowerCase();
}

/**
 * Of zones beside the domain the names that stand there are answered, and what is below these denied; the zone as a whole
 * is ours if its own name is among them.
 */
export function tellUnserved({ name, origin }: NamedZone, { records }: ZoneFile, problems: Problems): void {
  const isWhole = records.some((record) => record.name === name && TAKEN.has(record.type));
  if (name.endsWith(".arpa") || records.length === 0 || isWhole) return;
  problems.tell(
    origin,
    `a network has one domain; of ${name} the names that stand in its file are answered, others are asked outside`,
    `give ${name} itself a record, such as a TXT, if others shall not exist`,
  );
}

/** A time as a network file has it. */
export function formatLife(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400}d`;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}
