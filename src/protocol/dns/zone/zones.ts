/** All that a server knows by itself: its zones, those that every server has, and hosts that come and go. */
import { familyOf, type IpAddress } from "../../../base/address.ts";
import { equalValues } from "../../../base/equal.ts";
import { readName } from "../../../wire/dns/data.ts";
import type { DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import type { DnsServerConfig, DnsZoneConfig } from "../config.ts";
import { parentOf } from "../resolver/names.ts";
import { reverseZonesOf } from "../reverse-zones.ts";
import { builtInZones } from "./built-in.ts";
import { Zone, type ZoneFinding } from "./zone.ts";

/** CNAMEs that are followed for one question. */
const MOST_ALIASES = 8;

export interface ZoneAnswer {
  readonly responseCode: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** The answers end with an alias of this name, which is not ours to answer. */
  readonly outside?: string;
  /** It depends on the records of this one name only, and there are not endlessly many like it. */
  readonly lasting: boolean;
}

/** How a question came to a zone. */
interface Way {
  readonly zone: Zone;
  readonly question: DnsQuestion;
  readonly aliases: readonly DnsRecord[];
}

/** There may be a hundred thousand of them. */
interface LoneName {
  readonly addresses: readonly IpAddress[];
  /** What an address is called. */
  readonly pointer: string | undefined;
}

type Conclusion = Exclude<ZoneFinding, { readonly kind: "alias" }>;

export class Zones {
  /** Those of which nobody has asked are not made yet: every server has a hundred of them. */
  readonly #zones = new Map<string, Zone | DnsZoneConfig>();
  /** Names in no zone that hosts brought: each is a zone of its own, without names below it, made when somebody asks. */
  readonly #lone = new Map<string, LoneName>();
  readonly #domains: ReadonlySet<string>;
  #given: readonly DnsZoneConfig[] = [];
  readonly #hosts = new Map<string, readonly IpAddress[]>();
  /** Who has an address, the first of them in front. */
  readonly #names = new Map<IpAddress, Set<string>>();

  constructor(config: Pick<DnsServerConfig, "zones" | "domains">) {
    const domains = config.domains.map(({ domain }) => domain.toLowerCase());
    this.#domains = new Set(domains);
    this.#give(config.zones);
  }

  #give(zones: readonly DnsZoneConfig[]): void {
    this.#given = zones;
    this.#zones.clear();
    for (const zone of [...builtInZones([...this.#domains]), ...zones]) this.#zones.set(zone.name.toLowerCase(), zone);
  }

  /**
   * Other zones in place of those that were given before; hosts stay.
   * @returns names of the zones that come, go or have other records
   */
  setZones(zones: readonly DnsZoneConfig[]): readonly string[] {
    const [before, after] = [this.#given, zones].map(
      (all) => new Map(all.map((zone) => [zone.name.toLowerCase(), zone])),
    );
    const names = new Set([...before!.keys(), ...after!.keys()]);
    const changed = [...names].filter((name) => !equalValues(before!.get(name), after!.get(name)));
    if (changed.length === 0) return [];
    this.#give(zones);
    this.#lone.clear();
    for (const [host, addresses] of this.#hosts) this.#putAddresses(host, addresses);
    for (const [address, [first]] of this.#names) this.#putPointer(pointerName(address), first);
    return changed;
  }

  /** @param name in lower case */
  has(name: string): boolean {
    return this.#zoneOf(name) !== undefined;
  }

  /** Whether a zone is about the name, whatever hosts there are. */
  isWithinZone(name: string): boolean {
    return this.#sharedZoneOf(name.toLowerCase()) !== undefined;
  }

  /** @returns undefined: no zone is about that name. The question's name is in lower case. */
  answer(question: DnsQuestion): ZoneAnswer | undefined {
    const zone = this.#zoneOf(question.name);
    return zone === undefined ? undefined : this.#follow(zone, question);
  }

  /** The zone with the longest name, unless somebody is asked for a longer one. */
  #zoneOf(name: string): Zone | undefined {
    const lone = this.#lone.get(name);
    return lone === undefined ? this.#sharedZoneOf(name) : zoneOfLone(name, lone);
  }

  #sharedZoneOf(name: string): Zone | undefined {
    for (let domain: string | undefined = name; domain !== undefined; domain = parentOf(domain)) {
      const zone = this.#zones.get(domain);
      if (zone !== undefined) return zone instanceof Zone ? zone : this.#make(zone);
      if (this.#domains.has(domain)) return undefined;
    }
    return undefined;
  }

  #make({ name, records }: DnsZoneConfig): Zone {
    const zone = new Zone(name, records);
    this.#zones.set(zone.name, zone);
    return zone;
  }

  #follow(first: Zone, question: DnsQuestion): ZoneAnswer {
    const aliases: DnsRecord[] = [];
    const seen = new Set<string>();
    let [zone, name]: [Zone, string] = [first, question.name];
    for (;;) {
      const found = zone.find(name, question.type);
      if (found.kind !== "alias") return this.#conclude(found, { zone, question, aliases });
      aliases.push(found.record);
      seen.add(name);
      name = found.target;
      const next = this.#zoneOf(name);
      const looped = seen.has(name) || seen.size >= MOST_ALIASES;
      if (next === undefined || looped) return this.#leave(aliases, looped ? undefined : name);
      zone = next;
    }
  }

  #leave(answers: readonly DnsRecord[], outside: string | undefined): ZoneAnswer {
    const common = { authoritative: true, answers, authorities: [], additionals: [], lasting: false };
    if (outside === undefined) return { ...common, responseCode: RESPONSE_CODE.SERVFAIL };
    return { ...common, responseCode: RESPONSE_CODE.NOERROR, outside };
  }

  #conclude(found: Conclusion, { zone, question, aliases }: Way): ZoneAnswer {
    const direct = aliases.length === 0;
    const common = { responseCode: RESPONSE_CODE.NOERROR as number, authoritative: true, answers: aliases };
    switch (found.kind) {
      case "records": {
        const additionals = found.records.flatMap((record) => this.#addressesFor(record));
        const lasting = direct && !found.wildcard && additionals.length === 0;
        return { ...common, answers: [...aliases, ...found.records], authorities: [], additionals, lasting };
      }
      case "no-records":
      case "no-name": {
        const denial = { ...common, authorities: [zone.denial], additionals: [] };
        if (found.kind === "no-name") return { ...denial, responseCode: RESPONSE_CODE.NXDOMAIN, lasting: false };
        return { ...denial, lasting: direct && !found.wildcard && COMMON_TYPES.has(question.type) };
      }
      case "delegation": {
        const glue = found.servers.flatMap((server) => this.#addressesFor(server));
        return { ...common, authoritative: !direct, authorities: found.servers, additionals: glue, lasting: false };
      }
    }
  }

  /** Of the host that a record sends one to, where it is in a zone (RFC 2782, RFC 1035 §3.3.9). */
  #addressesFor(record: DnsRecord): readonly DnsRecord[] {
    const target = GOES_TO_HOST.has(record.type) ? readName(record)?.toLowerCase() : undefined;
    const zone = target === undefined ? undefined : this.#zoneOf(target);
    if (zone === undefined || target === undefined) return [];
    return [DNS_TYPE.A, DNS_TYPE.AAAA].flatMap((type) => zone.recordsOf(target, type));
  }

  /**
   * A host's addresses, in place of those that it had, and their names.
   * @param name in full; without addresses the host is forgotten
   * @returns the names whose records are others now
   */
  setHost(name: string, addresses: readonly IpAddress[]): readonly string[] {
    const host = name.toLowerCase();
    const before = this.#hosts.get(host) ?? [];
    if (before.length === addresses.length && before.every((address, i) => address === addresses[i])) return [];
    if (addresses.length === 0) this.#hosts.delete(host);
    else this.#hosts.set(host, [...addresses]);
    this.#putAddresses(host, addresses);
    const gone = before.filter((address) => !addresses.includes(address));
    const come = addresses.filter((address) => !before.includes(address));
    const pointers = [
      ...gone.flatMap((address) => this.#setName(address, host, false)),
      ...come.flatMap((address) => this.#setName(address, host, true)),
    ];
    return [host, ...pointers].flatMap((changed) => this.#withAncestors(changed));
  }

  /** @returns where the address's name stands, if it has another one now */
  #setName(address: IpAddress, host: string, has: boolean): readonly string[] {
    if (UNSPECIFIED.has(address)) return [];
    const names = this.#names.get(address) ?? new Set();
    const [before] = names;
    if (has) names.add(host);
    else names.delete(host);
    if (names.size === 0) this.#names.delete(address);
    else this.#names.set(address, names);
    const [first] = names;
    if (first === before) return [];
    const pointer = pointerName(address);
    this.#putPointer(pointer, first);
    return [pointer];
  }

  #putAddresses(host: string, addresses: readonly IpAddress[]): void {
    const zone = this.#sharedZoneOf(host);
    if (zone !== undefined) zone.setAddresses(host, addresses);
    else this.#setLone(host, { addresses: [...addresses], pointer: this.#lone.get(host)?.pointer });
  }

  #putPointer(pointer: string, target: string | undefined): void {
    const zone = this.#sharedZoneOf(pointer);
    if (zone !== undefined) zone.setPointer(pointer, target);
    else this.#setLone(pointer, { addresses: this.#lone.get(pointer)?.addresses ?? [], pointer: target });
  }

  #setLone(name: string, lone: LoneName): void {
    if (lone.addresses.length === 0 && lone.pointer === undefined) this.#lone.delete(name);
    else this.#lone.set(name, lone);
  }

  /** Names above it in its zone exist through it, or do so no more. */
  #withAncestors(name: string): readonly string[] {
    const apex = this.#sharedZoneOf(name)?.name;
    if (apex === undefined) return [name];
    const names: string[] = [];
    for (let current: string | undefined = name; current !== undefined && current !== apex; current = parentOf(current))
      names.push(current);
    return [...names, apex];
  }
}

function zoneOfLone(name: string, { addresses, pointer }: LoneName): Zone {
  const zone = new Zone(name, []);
  zone.setAddresses(name, addresses);
  zone.setPointer(name, pointer);
  return zone;
}

/** Where names lead that shall lead nowhere; they have none. */
const UNSPECIFIED: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
/** What programs ask of every name. */
const COMMON_TYPES: ReadonlySet<number> = new Set([DNS_TYPE.A, DNS_TYPE.AAAA, DNS_TYPE.HTTPS, DNS_TYPE.PTR]);
const GOES_TO_HOST: ReadonlySet<number> = new Set([DNS_TYPE.NS, DNS_TYPE.MX, DNS_TYPE.SRV]);

/** Where the name of an address stands: "1.2.0.192.in-addr.arpa". */
function pointerName(address: IpAddress): string {
  return reverseZonesOf({ address, length: familyOf(address) === 4 ? 32 : 128 })[0]!;
}
