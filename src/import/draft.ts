/** What importers make of a file, before it is written as a network file: each part knows the line that it stems from. */
import { type Ipv4Address, type Ipv4Prefix, ipv4ToNumber } from "../base/address.ts";
import { interfaceNameFault } from "../model/names.ts";
import { type Origin } from "./problem.ts";

export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** What may be said for a network, a class of clients, a host. */
export interface Settings {
  /** By code: the bytes that clients are told. */
  readonly options: Map<number, Located<Uint8Array>>;
  nextServer?: Located<string>;
  serverName?: Located<string>;
  bootFile?: Located<string>;
  leaseDefault?: Located<number>;
  leaseMinimum?: Located<number>;
  leaseMaximum?: Located<number>;
}

/** A client is of the class when all that is said is so. */
export interface Match {
  /** The beginning of option 60. */
  readonly vendor?: string;
  /** Option 77. */
  readonly user?: string;
  /** One of these numbers in option 93. */
  readonly architecture?: readonly number[];
  /** A MAC address, or the beginning of one. */
  readonly mac?: string;
}

export interface DraftClass {
  readonly name: string;
  readonly origin: Origin;
  readonly match: Match;
  readonly ranges: Located<string>[];
  readonly settings: Settings;
}

export interface DraftHost {
  /** What the host is told to be called. */
  readonly name?: string;
  readonly origin: Origin;
  readonly identity: { readonly mac: string } | { readonly clientId: string } | { readonly circuitId: string };
  readonly address?: Ipv4Address;
  readonly settings: Settings;
}

/** Another subnet of a network, on its bridge or behind a relay; what it does not say is the network's. */
export interface DraftSubnet {
  readonly subnet: Located<Ipv4Prefix>;
  /** The host's address there; of a relayed one the router that its clients are told. */
  readonly gateway?: Located<Ipv4Address>;
  readonly ranges: readonly Located<string>[];
  readonly settings: Settings;
}

/** A network's DNS server, each value as the network file writes it. */
export interface DraftDns {
  readonly domain?: Located<string>;
  /** None: as the mode says. */
  readonly forward: readonly Located<string>[];
  readonly mode?: Located<string>;
  readonly allow?: readonly Located<string>[];
  readonly records: readonly Located<string>[];
  readonly domains: readonly Located<{ readonly domain: string; readonly servers: readonly string[] }>[];
  readonly ttl?: Located<string>;
  readonly cache: readonly { readonly key: string; readonly located: Located<string> }[];
}

export interface DraftNetwork {
  name: string;
  readonly subnet: Located<Ipv4Prefix>;
  gateway?: Located<Ipv4Address>;
  readonly also: DraftSubnet[];
  readonly relayed: DraftSubnet[];
  /** A folder that machines boot from, and below it the file of the firmware that it is for. */
  boot?: { readonly root: Located<string>; readonly file?: Located<string> };
  /** For the person who reads the result. */
  comment: string;
  readonly ranges: Located<string>[];
  readonly settings: Settings;
  authoritative: boolean;
  rapidCommit?: Located<true>;
  knownOnly?: Located<true>;
  readonly ignore: Located<string>[];
  readonly hosts: DraftHost[];
  readonly classes: DraftClass[];
  /** What is imported says nothing of addresses. */
  readonly withoutDhcp?: true;
  readonly dns?: DraftDns;
}

/** More than this are no network file of anybody; a file of nothing else must not take for ever. */
export const MOST_NETWORKS = 1000;

/** As many as a network of a file has. */
export const MOST_HOSTS = 10_000;
export const MOST_CLASSES = 256;

export function emptySettings(): Settings {
  return { options: new Map() };
}

/** What `over` says, and what `under` says beside it. */
export function mergeSettings(under: Settings, over: Settings): Settings {
  return { ...under, ...over, options: new Map([...under.options, ...over.options]) };
}

/** Undefined when no client can be of both. */
export function bothMatch(a: Match, b: Match): Match | undefined {
  const vendor = longer(a.vendor, b.vendor);
  const mac = longer(a.mac, b.mac);
  if (vendor === null || mac === null) return undefined;
  if (a.user !== undefined && b.user !== undefined && a.user !== b.user) return undefined;
  const architecture =
    a.architecture === undefined || b.architecture === undefined
      ? (a.architecture ?? b.architecture)
      : a.architecture.filter((number) => b.architecture?.includes(number));
  if (architecture?.length === 0) return undefined;
  const user = a.user ?? b.user;
  return {
    ...(vendor === undefined ? {} : { vendor }),
    ...(user === undefined ? {} : { user }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(mac === undefined ? {} : { mac }),
  };
}

/** Of two beginnings the one that includes the other; null when neither does. */
function longer(a: string | undefined, b: string | undefined): string | undefined | null {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : null;
}

/** How many values of a network file they are; an option is a list and what is in it. None: nothing is said. */
export function valuesOf({ options, ...rest }: Settings): number {
  return 2 * options.size + Math.min(1, options.size) + Object.keys(rest).length;
}

/** Matches of which one must hold, with those that differ by the architecture alone made one. */
export function joinArchitectures(matches: readonly Match[]): Match[] {
  const joined: Match[] = [];
  const places = new Map<string, number>();
  for (const match of matches) {
    const { architecture, ...rest } = match;
    if (architecture === undefined) {
      joined.push(match);
      continue;
    }
    const { vendor, user, mac } = rest;
    const key = JSON.stringify([vendor, user, mac]);
    const place = places.get(key) ?? joined.length;
    places.set(key, place);
    joined[place] = { ...rest, architecture: [...new Set([...(joined[place]?.architecture ?? []), ...architecture])] };
  }
  return joined;
}

/** A word that can be the name of something in a network file. */
export function cleanName(text: string, fallback: string, most = 63): string {
  const name = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, most)
    .replace(/[-.]+$/, "");
  return name === "" ? fallback : name;
}

/** Of a kernel's 15, without those of a number behind it. */
const MOST_BRIDGE_NAME = 11;

/** The name of a network, whose bridge is called so. */
export function networkName(text: string, fallback: string): string {
  const name = cleanName(text, fallback, MOST_BRIDGE_NAME);
  return interfaceNameFault(name) === undefined ? name : fallback;
}

/** The first part of a host's name, which is what the host may be told. */
export function hostName(text: string): string {
  return cleanName(text.replace(/\..*$/s, "").replaceAll("_", "-"), "host");
}

/** Names of things that are each called otherwise. */
export class Names {
  readonly #taken = new Set<string>();
  /** The number behind which the search for a free name goes on. */
  readonly #numbers = new Map<string, number>();

  /** `name`, or with a number behind it when that is taken; it is taken from now on. */
  unused(name: string): string {
    let free = name;
    let number = this.#numbers.get(name) ?? 2;
    for (; this.#taken.has(free); number++) free = `${name}-${number}`;
    this.#numbers.set(name, number);
    this.#taken.add(free);
    return free;
  }
}

export function formatRange(first: Ipv4Address, last: Ipv4Address): string {
  return ipv4ToNumber(first) <= ipv4ToNumber(last) ? `${first}-${last}` : `${last}-${first}`;
}
