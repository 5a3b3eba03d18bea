/**
 * The last DHCP lease of an interface, so that a client that is started again asks for the same address at once:
 * STATE/dhcp-client/IF.json, written atomically.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Ipv4Address, type MacAddress, parseIp, parseIpv4, parseMac } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import { readTextIfExists, removeDurably, writeAtomic } from "./atomic-file.ts";

export interface StoredLease {
  readonly address: Ipv4Address;
  /** Of the interface: with another one it is another client. */
  readonly macAddress: MacAddress;
  /** Milliseconds since 1970; absent: never. */
  readonly endMilliseconds?: number;
  /** Who gave it, and where the answer came from. */
  readonly from?: { readonly server: Ipv4Address; readonly serverMac: MacAddress };
  /** What it said about names. */
  readonly resolver?: ResolverConfiguration;
}

function pathOf(stateFolder: string, interfaceName: string): string {
  return join(stateFolder, "dhcp-client", `${interfaceName}.json`);
}

/** Undefined: none, or one that cannot be read; the server is asked as if there were none. */
export function readStoredLease(stateFolder: string, interfaceName: string): StoredLease | undefined {
  const text = readTextIfExists(pathOf(stateFolder, interfaceName));
  if (text === undefined) return undefined;
  try {
    const { version, address, macAddress, endMilliseconds, from, resolver } = JSON.parse(
      text,
    ) as Partial<StoredLease> & {
      version?: unknown;
    };
    if (version !== 1 || address === undefined || macAddress === undefined) return undefined;
    return {
      address: parseIpv4(address),
      macAddress,
      ...(endMilliseconds === undefined ? {} : { endMilliseconds }),
      ...(from === undefined ? {} : { from: { server: parseIpv4(from.server), serverMac: parseMac(from.serverMac) } }),
      ...(resolver === undefined
        ? {}
        : { resolver: { servers: resolver.servers.map(parseIp), search: resolver.search.map(String) } }),
    };
  } catch {
    // Whatever is wrong with it: it only saves a question.
    return undefined;
  }
}

/** @throws NetloomError write-failed */
export function writeStoredLease(stateFolder: string, interfaceName: string, lease: StoredLease): void {
  const path = pathOf(stateFolder, interfaceName);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeAtomic(path, JSON.stringify({ version: 1, ...lease }));
}

/** It is not ours any more. */
export function removeStoredLease(stateFolder: string, interfaceName: string): void {
  if (readTextIfExists(pathOf(stateFolder, interfaceName)) !== undefined)
    removeDurably(pathOf(stateFolder, interfaceName));
}
