/**
 * Neighbour discovery as a router takes part in it (RFC 4861): solicitations are decoded, advertisements encoded.
 * Options: prefixes and MTU (RFC 4861 §4.6), routes (RFC 4191 §2.3), name servers and search list (RFC 8106 §5).
 */
import {
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  ipFromBytes,
  ipToBytes,
  macFromBytes,
  macToBytes,
} from "../base/address.ts";
import { concatBytes } from "../base/bytes.ts";
import { encodeDomainName } from "./domain-name.ts";
import type { Icmpv6Message } from "./icmpv6.ts";
import { Malformed } from "./malformed.ts";

const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
/** What every message of neighbour discovery is sent with: a smaller one has crossed a router (RFC 4861 §6.1.1). */
export const NDP_HOP_LIMIT = 255;

const OPTION_SOURCE_LINK_ADDRESS = 1;
const OPTION_TARGET_LINK_ADDRESS = 2;
const OPTION_PREFIX = 3;
const OPTION_MTU = 5;
const OPTION_ROUTE = 24;
const OPTION_NAME_SERVERS = 25;
const OPTION_SEARCH_LIST = 31;
/** The length byte counts units of eight bytes. */
const UNIT_BYTES = 8;
const LONGEST_OPTION_BYTES = 255 * UNIT_BYTES;

type Solicitation =
  | { readonly kind: "router"; readonly sourceMac?: MacAddress }
  | { readonly kind: "neighbour"; readonly target: Ipv6Address; readonly sourceMac?: MacAddress };

/** Undefined: another message than a solicitation. */
export function decodeSolicitation({ type, code, body }: Icmpv6Message): Solicitation | Malformed | undefined {
  if (type !== ROUTER_SOLICITATION && type !== NEIGHBOUR_SOLICITATION) return undefined;
  const fixed = type === ROUTER_SOLICITATION ? 4 : 20;
  if (code !== 0) return new Malformed("solicitation: code is not 0");
  if (body.length < fixed) return new Malformed("solicitation: too short");
  const sourceMac = findSourceMac(body.subarray(fixed));
  if (sourceMac instanceof Malformed) return sourceMac;
  const told = sourceMac === undefined ? {} : { sourceMac };
  if (type === ROUTER_SOLICITATION) return { kind: "router", ...told };
  const target = ipFromBytes(body.subarray(4, 20)) as Ipv6Address;
  if (body[4] === 0xff) return new Malformed("neighbour solicitation: for a multicast address");
  return { kind: "neighbour", target, ...told };
}

function findSourceMac(options: Uint8Array): MacAddress | Malformed | undefined {
  let found: MacAddress | undefined;
  for (let i = 0; i < options.length; ) {
    const bytes = (options[i + 1] ?? 0) * UNIT_BYTES;
    if (bytes === 0) return new Malformed("solicitation: an option of length 0");
    if (i + bytes > options.length) return new Malformed("solicitation: an option runs over the end");
    if (options[i] === OPTION_SOURCE_LINK_ADDRESS) found = macFromBytes(options.subarray(i + 2, i + 8));
    i += bytes;
  }
  return found;
}

/** RFC 4191 §2.1: among several routers, or routes of one length, the higher one is taken. */
type RoutePreference = "high" | "medium" | "low";
const PREFERENCE_BITS: Readonly<Record<RoutePreference, number>> = { high: 0x08, medium: 0, low: 0x18 };

/** All durations in seconds, 0xffffffff is forever. */
export interface RouterAdvertisement {
  /** 0 to 255; 0: not said. */
  readonly hopLimit: number;
  /** Addresses are to be had by DHCPv6. */
  readonly managed: boolean;
  /** Other configuration is to be had by DHCPv6. */
  readonly other: boolean;
  /** 0 to 9000; 0: not a default router. */
  readonly lifetimeSeconds: number;
  /** As default router; default medium. */
  readonly preference?: RoutePreference;
  readonly sourceMac?: MacAddress;
  readonly mtuBytes?: number;
  readonly prefixes: readonly {
    readonly prefix: Ipv6Prefix;
    readonly onLink: boolean;
    readonly autonomous: boolean;
    readonly validSeconds: number;
    readonly preferredSeconds: number;
  }[];
  readonly routes: readonly {
    readonly destination: Ipv6Prefix;
    readonly lifetimeSeconds: number;
    /** Default medium. */
    readonly preference?: RoutePreference;
  }[];
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  /** Of name servers and search domains. */
  readonly dnsLifetimeSeconds: number;
}

/** @throws NetloomError bad-domain-name */
export function encodeRouterAdvertisement(told: RouterAdvertisement): Icmpv6Message {
  const fixed = new Uint8Array(12);
  const view = new DataView(fixed.buffer);
  fixed[0] = told.hopLimit;
  fixed[1] = (told.managed ? 0x80 : 0) | (told.other ? 0x40 : 0);
  // Who is no default router has no preference as one (RFC 4191 §2.2).
  if (told.lifetimeSeconds > 0) fixed[1] |= PREFERENCE_BITS[told.preference ?? "medium"];
  view.setUint16(2, told.lifetimeSeconds);
  const parts: Uint8Array[] = [fixed];
  if (told.sourceMac !== undefined) parts.push(linkAddress(OPTION_SOURCE_LINK_ADDRESS, told.sourceMac));
  if (told.mtuBytes !== undefined) parts.push(option(OPTION_MTU, 6, (data) => data.setUint32(2, told.mtuBytes!)));
  for (const { prefix, onLink, autonomous, validSeconds, preferredSeconds } of told.prefixes) {
    parts.push(
      option(OPTION_PREFIX, 30, (data, bytes) => {
        data.setUint8(0, prefix.length);
        data.setUint8(1, (onLink ? 0x80 : 0) | (autonomous ? 0x40 : 0));
        data.setUint32(2, validSeconds);
        data.setUint32(6, preferredSeconds);
        bytes.set(ipToBytes(prefix.address), 14);
      }),
    );
  }
  for (const { destination, lifetimeSeconds, preference = "medium" } of told.routes) {
    parts.push(
      option(OPTION_ROUTE, 22, (data, bytes) => {
        data.setUint8(0, destination.length);
        data.setUint8(1, PREFERENCE_BITS[preference]);
        data.setUint32(2, lifetimeSeconds);
        bytes.set(ipToBytes(destination.address), 6);
      }),
    );
  }
  if (told.nameServers.length > 0) {
    parts.push(
      option(OPTION_NAME_SERVERS, 6 + 16 * told.nameServers.length, (data, bytes) => {
        data.setUint32(2, told.dnsLifetimeSeconds);
        for (const [i, server] of told.nameServers.entries()) bytes.set(ipToBytes(server), 6 + 16 * i);
      }),
    );
  }
  if (told.searchDomains.length > 0) {
    const names = concatBytes(told.searchDomains.map(encodeDomainName));
    parts.push(
      option(OPTION_SEARCH_LIST, 6 + names.length, (data, bytes) => {
        data.setUint32(2, told.dnsLifetimeSeconds);
        bytes.set(names, 6);
      }),
    );
  }
  return { type: ROUTER_ADVERTISEMENT, code: 0, body: concatBytes(parts) };
}

interface NeighbourAdvertisement {
  readonly target: Ipv6Address;
  readonly targetMac: MacAddress;
  readonly router: boolean;
  /** The answer to a solicitation of one host; false when that host has no address yet. */
  readonly solicited: boolean;
}

export function encodeNeighbourAdvertisement(told: NeighbourAdvertisement): Icmpv6Message {
  const fixed = new Uint8Array(20);
  // Override: what the host knew of the address is replaced.
  fixed[0] = (told.router ? 0x80 : 0) | (told.solicited ? 0x40 : 0) | 0x20;
  fixed.set(ipToBytes(told.target), 4);
  const body = concatBytes([fixed, linkAddress(OPTION_TARGET_LINK_ADDRESS, told.targetMac)]);
  return { type: NEIGHBOUR_ADVERTISEMENT, code: 0, body };
}

function linkAddress(type: number, mac: MacAddress): Uint8Array {
  return option(type, 6, (_, bytes) => bytes.set(macToBytes(mac), 0));
}

/** @param length of what follows the option's type and length; padded with zeros */
function option(type: number, length: number, fill: (data: DataView, bytes: Uint8Array) => void): Uint8Array {
  const total = Math.ceil((length + 2) / UNIT_BYTES) * UNIT_BYTES;
  const bytes = new Uint8Array(total);
  // What does not fit an option is left out whole: half of a name would be another name.
  if (total > LONGEST_OPTION_BYTES) return new Uint8Array(0);
  bytes[0] = type;
  bytes[1] = total / UNIT_BYTES;
  fill(new DataView(bytes.buffer, 2), bytes.subarray(2));
  return bytes;
}
