/**
 * The last DHCPv6 lease of an interface, so that a client that is started again goes on with it:
 * STATE/dhcp6-client/IF.json, written atomically. Times in milliseconds since 1970; absent: never.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  formatPrefix,
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  parseIpv6,
  parsePrefix,
} from "../base/address.ts";
import { fromHex, toHex } from "../base/bytes.ts";
import { readTextIfExists, writeAtomic } from "./atomic-file.ts";

export interface StoredPart6 extends Ipv6Prefix {
  readonly preferredMilliseconds?: number;
  readonly endMilliseconds?: number;
}

export interface StoredLease6 {
  /** Of the interface: with another one it is another client. */
  readonly macAddress: MacAddress;
  readonly serverDuid: Uint8Array;
  readonly serverAddress: Ipv6Address;
  readonly addresses: readonly StoredPart6[];
  readonly prefixes: readonly StoredPart6[];
  /** Of an earlier lease, and not given up by their own end. */
  readonly formerPrefixes: readonly StoredPart6[];
  readonly renewMilliseconds?: number;
  readonly rebindMilliseconds?: number;
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly Ipv6Address[];
}

interface PartText {
  readonly prefix: string;
  readonly preferred?: number;
  readonly end?: number;
}

interface LeaseText {
  readonly version: 1;
  readonly macAddress: MacAddress;
  readonly serverDuid: string;
  readonly serverAddress: string;
  readonly addresses: readonly PartText[];
  readonly prefixes: readonly PartText[];
  readonly formerPrefixes?: readonly PartText[];
  readonly renew?: number;
  readonly rebind?: number;
  readonly nameServers: readonly string[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly string[];
}

function pathOf(stateFolder: string, interfaceName: string): string {
  return join(stateFolder, "dhcp6-client", `${interfaceName}.json`);
}

function present<K extends string>(key: K, value: unknown): { readonly [P in K]?: number } {
  return typeof value === "number" ? ({ [key]: value } as { readonly [P in K]?: number }) : {};
}

/** Undefined: none, or one that cannot be read; the server is asked as if there were none. */
export function readStoredLease6(stateFolder: string, interfaceName: string): StoredLease6 | undefined {
  const text = readTextIfExists(pathOf(stateFolder, interfaceName));
  if (text === undefined) return undefined;
  try {
    const read = JSON.parse(text) as LeaseText;
    if (read.version !== 1) return undefined;
    return {
      macAddress: read.macAddress,
      serverDuid: fromHex(read.serverDuid),
      serverAddress: parseIpv6(read.serverAddress),
      addresses: read.addresses.map(readPart),
      prefixes: read.prefixes.map(readPart),
      formerPrefixes: (read.formerPrefixes ?? []).map(readPart),
      ...present("renewMilliseconds", read.renew),
      ...present("rebindMilliseconds", read.rebind),
      nameServers: read.nameServers.map(parseIpv6),
      searchDomains: read.searchDomains.map(String),
      ntpServers: read.ntpServers.map(parseIpv6),
    };
  } catch {
    // Whatever is wrong with it: it only saves a question.
    return undefined;
  }
}

function readPart({ prefix, preferred, end }: PartText): StoredPart6 {
  const { address, length } = parsePrefix(prefix);
  return {
    address: parseIpv6(address),
    length,
    ...present("preferredMilliseconds", preferred),
    ...present("endMilliseconds", end),
  };
}

/** @throws NetloomError write-failed */
export function writeStoredLease6(stateFolder: string, interfaceName: string, lease: StoredLease6): void {
  const path = pathOf(stateFolder, interfaceName);
  const text: LeaseText = {
    version: 1,
    macAddress: lease.macAddress,
    serverDuid: toHex(lease.serverDuid),
    serverAddress: lease.serverAddress,
    addresses: lease.addresses.map(partText),
    prefixes: lease.prefixes.map(partText),
    formerPrefixes: lease.formerPrefixes.map(partText),
    ...present("renew", lease.renewMilliseconds),
    ...present("rebind", lease.rebindMilliseconds),
    nameServers: lease.nameServers,
    searchDomains: lease.searchDomains,
    ntpServers: lease.ntpServers,
  };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeAtomic(path, JSON.stringify(text));
}

function partText({ preferredMilliseconds, endMilliseconds, ...prefix }: StoredPart6): PartText {
  return {
    prefix: formatPrefix(prefix),
    ...present("preferred", preferredMilliseconds),
    ...present("end", endMilliseconds),
  };
}
