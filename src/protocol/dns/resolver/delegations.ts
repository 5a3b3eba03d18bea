/**
 * Which servers a zone has, as its parent zone says. What the zone says of itself is not taken: a zone that was taken
 * away would otherwise go on for ever ("ghost domains"), as it would through ever new zones below it ("phoenix domains").
 * Bounded: what was not used for long is forgotten.
 */
import { familyOf, type IpAddress, isLinkLocal6 } from "../../../base/address.ts";
import type { DnsUpstream } from "../config.ts";
import { selfAndAncestors } from "./names.ts";
import { serverKey } from "./servers.ts";

const MOST_DELEGATIONS = 10_000;
/** Of all names and addresses, roughly: those who make up zones make up long names for their servers. */
const MOST_BYTES = 16 * 1024 * 1024;
const LONGEST_SECONDS = 86_400;
/** Answers without a life are still used for the question at hand. */
const SHORTEST_SECONDS = 5;
/** Of one zone. */
export const MOST_NAME_SERVERS = 16;
const MOST_ADDRESSES = 8;
const ADDRESS_BYTES = 48;
/** Of one zone: more than it has servers at a time. */
const MOST_LAME = 256;
const LAME_SECONDS = 300;
const DNS_PORT = 53;

interface NameServer {
  readonly name: string;
  addresses: readonly IpAddress[];
  /** Of addresses that were looked for; glue lives as long as the delegation. */
  addressesEndAt: number;
}

/** One zone's servers. */
export class Delegation {
  /** In lower case. */
  readonly zone: string;
  readonly learnedAt: number;
  readonly endsAt: number;
  /** What it may take, with all addresses that its servers may turn out to have. */
  readonly bytes: number;
  readonly #nameServers: readonly NameServer[];
  /** Servers with a given address: those of the root. */
  readonly #given: readonly DnsUpstream[];
  /** Servers that do not know the zone, by their keys, and until when that is believed. */
  readonly #lame = new Map<string, number>();

  constructor(zone: string, nameServers: readonly NameServer[], given: readonly DnsUpstream[], life: [number, number]) {
    this.zone = zone;
    this.#nameServers = nameServers;
    this.#given = given;
    [this.learnedAt, this.endsAt] = life;
    this.bytes = nameServers.reduce((sum, { name }) => sum + name.length + MOST_ADDRESSES * ADDRESS_BYTES, 0);
  }

  /** Those whose addresses are known; the ones that do not know the zone only where there are no others. */
  servers(now: number): DnsUpstream[] {
    const named = this.#nameServers.flatMap(({ addresses, addressesEndAt }) => (addressesEndAt > now ? addresses : []));
    const servers = [...this.#given, ...named.map((address) => ({ address, port: DNS_PORT }))];
    const found = new Map(servers.map((server) => [serverKey(server), server]));
    const useful = Array.from(found).flatMap(([key, server]) => ((this.#lame.get(key) ?? now) > now ? [] : [server]));
    return useful.length > 0 ? useful : Array.from(found.values());
  }

  /** Names of servers whose addresses are not known. */
  namesToFind(now: number): string[] {
    return this.#nameServers
      .filter(({ addresses, addressesEndAt }) => addresses.length === 0 || addressesEndAt <= now)
      .map(({ name }) => name);
  }

  learn(name: string, addresses: readonly IpAddress[], endsAt: number): void {
    const nameServer = this.#nameServers.find((each) => each.name === name);
    if (nameServer === undefined) return;
    nameServer.addresses = addresses.filter(isServerAddress).slice(0, MOST_ADDRESSES);
    nameServer.addressesEndAt = endsAt;
  }

  noteLame(server: DnsUpstream, now: number): void {
    const key = serverKey(server);
    this.#lame.delete(key);
    this.#lame.set(key, now + LAME_SECONDS);
    if (this.#lame.size > MOST_LAME) this.#lame.delete(this.#lame.keys().next().value!);
  }
}

/** What a parent zone says of a zone below it. */
export interface Referral {
  readonly zone: string;
  readonly nameServers: readonly { readonly name: string; readonly glue: readonly IpAddress[] }[];
  readonly ttlSeconds: number;
}

export class Delegations {
  readonly #root: Delegation;
  /** In the order of their last use. */
  readonly #zones = new Map<string, Delegation>();
  #bytes = 0;

  constructor(rootServers: readonly DnsUpstream[]) {
    this.#root = new Delegation("", [], rootServers, [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  }

  /** The one of the zone that the name is in, as far down as is known. */
  closest(name: string, now: number): Delegation {
    for (const zone of selfAndAncestors(name)) {
      const found = this.#zones.get(zone);
      if (found === undefined) continue;
      this.forget(zone);
      if (found.endsAt <= now) continue;
      this.#add(found);
      return found;
    }
    return this.#root;
  }

  /** @param parentEndsAt when its parent zone is asked for anew itself: a zone that is taken away there takes all below it along */
  store(referral: Referral, now: number, parentEndsAt = Number.POSITIVE_INFINITY): Delegation {
    const seconds = Math.max(SHORTEST_SECONDS, Math.min(LONGEST_SECONDS, referral.ttlSeconds));
    const nameServers = referral.nameServers.slice(0, MOST_NAME_SERVERS).map(({ name, glue }) => ({
      name,
      addresses: glue.filter(isServerAddress).slice(0, MOST_ADDRESSES),
      addressesEndAt: Number.POSITIVE_INFINITY,
    }));
    const endsAt = Math.min(now + seconds, parentEndsAt);
    const delegation = new Delegation(referral.zone, nameServers, [], [now, endsAt]);
    this.forget(referral.zone);
    this.#add(delegation);
    while (this.#zones.size > MOST_DELEGATIONS || this.#bytes > MOST_BYTES)
      this.forget(this.#zones.keys().next().value!);
    return delegation;
  }

  #add(delegation: Delegation): void {
    this.#zones.set(delegation.zone, delegation);
    this.#bytes += delegation.bytes;
  }

  /** Its servers are of no use: the parent zone is asked again next time. */
  remove(delegation: Delegation): void {
    if (this.#zones.get(delegation.zone) === delegation) this.forget(delegation.zone);
  }

  forget(zone: string): void {
    this.#bytes -= this.#zones.get(zone)?.bytes ?? 0;
    this.#zones.delete(zone);
  }

  clear(): void {
    this.#zones.clear();
    this.#bytes = 0;
  }

  get count(): number {
    return this.#zones.size;
  }
}

/** Whether a zone may send us there: not to this host itself, not to everybody, not onto the link. */
function isServerAddress(address: IpAddress): boolean {
  if (familyOf(address) === 6)
    return !(address === "::" || address === "::1" || /^(?:ff|::ffff:)/.test(address) || isLinkLocal6(address));
  return !/^(?:0|127|169\.254|22[4-9]|2[345]\d)\./.test(address);
}
