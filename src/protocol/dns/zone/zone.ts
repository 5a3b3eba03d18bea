/**
 * One zone and what it says about a name (RFC 1034 §4.3.2, wildcards by RFC 4592): its own records, and those of hosts
 * that come and go. Names are in lower case.
 */
import type { IpAddress } from "../../../base/address.ts";
import { addressData, nameData, readName, soaOf, zoneStartData } from "../../../wire/dns/data.ts";
import type { DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_CLASS, DNS_TYPE } from "../../../wire/dns/types.ts";
import { familyOf } from "../../../base/address.ts";
import { isWithin, parentOf } from "../resolver/names.ts";

/** Of what comes and goes, and of denials where a zone does not say another. */
const SHORT_TTL_SECONDS = 60;
const SOA_TTL_SECONDS = 10_800;

export type ZoneFinding =
  | { readonly kind: "records"; readonly records: readonly DnsRecord[]; readonly wildcard: boolean }
  | { readonly kind: "alias"; readonly record: DnsRecord; readonly target: string }
  /** The name exists, or a wildcard that stands for it. */
  | { readonly kind: "no-records"; readonly wildcard: boolean }
  | { readonly kind: "no-name" }
  /** It is another's, whose servers these are. */
  | { readonly kind: "delegation"; readonly servers: readonly DnsRecord[] };

interface Node {
  readonly own: Map<number, DnsRecord[]>;
  /** Records of hosts, by type. */
  readonly hosts: Map<number, DnsRecord[]>;
  /** Names right below it that exist: it exists for their sake. */
  children: number;
}

export class Zone {
  readonly name: string;
  /** Names with their final parts; the apex is always there. */
  readonly #nodes = new Map<string, Node>();
  /** For a negative answer: its TTL is how long that holds (RFC 2308 §3). */
  readonly denial: DnsRecord;
  /** No delegations, no wildcards: most zones. */
  #simple = true;

  /** @param records those at names outside the zone are left out; SOA and NS are made where there are none */
  constructor(name: string, records: readonly DnsRecord[]) {
    this.name = name.toLowerCase();
    this.#node(this.name);
    for (const record of records) this.#add(record);
    const soa = this.#madeSoa();
    const minimum = soaOf(soa)?.minimumSeconds ?? SHORT_TTL_SECONDS;
    this.denial = { ...soa, ttlSeconds: Math.min(soa.ttlSeconds, minimum) };
  }

  #madeSoa(): DnsRecord {
    const apex = this.#node(this.name).own;
    const given = apex.get(DNS_TYPE.SOA)?.[0];
    const servers = apex.get(DNS_TYPE.NS);
    const server = (servers?.[0] && readName(servers[0])) ?? this.name;
    const common = { name: this.name, class: DNS_CLASS.IN, ttlSeconds: SOA_TTL_SECONDS };
    // The form of RFC 6303 §3.
    const start = { server, mailbox: "nobody.invalid", serial: 1, refreshSeconds: 3600, retrySeconds: 1200 };
    const timers = { expireSeconds: 604_800, minimumSeconds: SHORT_TTL_SECONDS };
    const soa = given ?? { ...common, type: DNS_TYPE.SOA, data: zoneStartData({ ...start, ...timers }) };
    apex.set(DNS_TYPE.SOA, [soa]);
    if (servers === undefined) apex.set(DNS_TYPE.NS, [{ ...common, type: DNS_TYPE.NS, data: nameData(server) }]);
    return soa;
  }

  #add(record: DnsRecord): void {
    const name = record.name.toLowerCase();
    if (!isWithin(name, this.name)) return;
    const { own } = this.#node(name);
    const set = own.get(record.type) ?? [];
    const twin = set.some(
      ({ data }) => data.length === record.data.length && data.every((b, i) => b === record.data[i]),
    );
    // The records of a set have one TTL (RFC 2181 §5.2).
    if (!twin) own.set(record.type, [...set, { ...record, ttlSeconds: set[0]?.ttlSeconds ?? record.ttlSeconds }]);
    if (name.startsWith("*") || (record.type === DNS_TYPE.NS && name !== this.name)) this.#simple = false;
  }

  /** Makes the name and those above it exist. */
  #node(name: string): Node {
    const found = this.#nodes.get(name);
    if (found !== undefined) return found;
    const node: Node = { own: new Map(), hosts: new Map(), children: 0 };
    this.#nodes.set(name, node);
    if (name !== this.name) this.#node(parentOf(name) ?? "").children++;
    return node;
  }

  /** The addresses of a host, in place of those that it had. */
  setAddresses(name: string, addresses: readonly IpAddress[]): void {
    this.#setHostRecords(name, [DNS_TYPE.A, DNS_TYPE.AAAA], (type) =>
      addresses
        .filter((address) => (familyOf(address) === 4) === (type === DNS_TYPE.A))
        .map((address) => addressData(address)),
    );
  }

  /** The name that an address has; undefined: none any more. */
  setPointer(name: string, target: string | undefined): void {
    this.#setHostRecords(name, [DNS_TYPE.PTR], () => (target === undefined ? [] : [nameData(target)]));
  }

  #setHostRecords(name: string, types: readonly number[], dataOf: (type: number) => readonly Uint8Array[]): void {
    const { hosts } = this.#node(name);
    for (const type of types) {
      const records = dataOf(type).map((data) => ({
        name,
        type,
        class: DNS_CLASS.IN,
        ttlSeconds: SHORT_TTL_SECONDS,
        data,
      }));
      if (records.length > 0) hosts.set(type, records);
      else hosts.delete(type);
    }
    this.#prune(name);
  }

  #prune(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined || name === this.name || node.children > 0 || node.own.size > 0 || node.hosts.size > 0)
      return;
    this.#nodes.delete(name);
    const parent = parentOf(name) ?? "";
    this.#node(parent).children--;
    this.#prune(parent);
  }

  /** @param name in lower case, in the zone */
  find(name: string, type: number): ZoneFinding {
    const delegation = this.#simple ? undefined : this.#delegationOf(name, type);
    if (delegation !== undefined) return { kind: "delegation", servers: delegation };
    const node = this.#nodes.get(name);
    if (node !== undefined) return this.#findIn(node, name, type, false);
    const wildcard = this.#simple ? undefined : this.#wildcardOf(name);
    return wildcard === undefined ? { kind: "no-name" } : this.#findIn(wildcard, name, type, true);
  }

  /** All records of a type at a name, without wildcards. */
  recordsOf(name: string, type: number): readonly DnsRecord[] {
    const node = this.#nodes.get(name);
    return node === undefined ? [] : recordsIn(node, type);
  }

  #findIn(node: Node, name: string, type: number, wildcard: boolean): ZoneFinding {
    const renamed = (records: readonly DnsRecord[]): readonly DnsRecord[] =>
      wildcard ? records.map((record) => ({ ...record, name })) : records;
    if (type === DNS_TYPE.ANY)
      return isEmpty(node)
        ? { kind: "no-records", wildcard }
        : { kind: "records", records: [minimalAnswer(name)], wildcard };
    const records = recordsIn(node, type);
    if (records.length > 0) return { kind: "records", records: renamed(records), wildcard };
    const alias = renamed(recordsIn(node, DNS_TYPE.CNAME))[0];
    const target = alias === undefined ? undefined : readName(alias);
    if (alias === undefined || target === undefined) return { kind: "no-records", wildcard };
    return { kind: "alias", record: alias, target: target.toLowerCase() };
  }

  /** The NS records nearest to the apex, above or at the name. */
  #delegationOf(name: string, type: number): readonly DnsRecord[] | undefined {
    let found: readonly DnsRecord[] | undefined;
    for (let current = name; current !== this.name; current = parentOf(current) ?? this.name) {
      const servers = this.#nodes.get(current)?.own.get(DNS_TYPE.NS);
      // DS is the parent's to answer (RFC 4035 §3.1.4.1).
      if (servers !== undefined && !(current === name && type === DNS_TYPE.DS)) found = servers;
    }
    return found;
  }

  /** The wildcard right below the closest name that exists. */
  #wildcardOf(name: string): Node | undefined {
    let encloser = parentOf(name) ?? "";
    while (!this.#nodes.has(encloser)) encloser = parentOf(encloser) ?? "";
    return this.#nodes.get(encloser === "" ? "*" : `*.${encloser}`);
  }
}

/** What the zone says itself comes before what hosts add: nobody takes a name of the file by asking for a lease. */
function recordsIn(node: Node, type: number): readonly DnsRecord[] {
  const own = node.own.get(type);
  if (own !== undefined) return own;
  const hosts = node.hosts.get(type);
  if (hosts === undefined) return [];
  const { own: all } = node;
  const taken = all.has(DNS_TYPE.CNAME) || (type !== DNS_TYPE.PTR && (all.has(DNS_TYPE.A) || all.has(DNS_TYPE.AAAA)));
  return taken ? [] : hosts;
}

const isEmpty = (node: Node): boolean => node.own.size === 0 && node.hosts.size === 0;

/** To a question for all types (RFC 8482 §4.2). */
export function minimalAnswer(name: string): DnsRecord {
  // HINFO "RFC8482" ""
  const data = Uint8Array.of(7, 0x52, 0x46, 0x43, 0x38, 0x34, 0x38, 0x32, 0);
  return { name, type: DNS_TYPE.HINFO, class: DNS_CLASS.IN, ttlSeconds: 3600, data };
}
