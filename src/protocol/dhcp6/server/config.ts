/** What a DHCPv6 server for one link is told, and whether that can be. */
import { SMALLEST_IPV6_MTU_BYTES } from "../../../wire/ipv6.ts";
import {
  contains,
  formatPrefix,
  type Ipv6Address,
  type Ipv6Prefix,
  ipFromBigint,
  ipToBigint,
  type MacAddress,
  networkOf,
  overlaps,
  isLinkLocal6,
} from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
import { isDuid } from "../../../wire/dhcp6/options.ts";
import { FOREVER_SECONDS } from "../../leases/time.ts";
import type { PoolRange6 } from "./pool.ts";

/** What is kept for one client; known by one of its identifiers. */
export interface Host6 {
  readonly duid?: Uint8Array;
  readonly mac?: MacAddress;
  /** Of one of the link's prefixes. */
  readonly address?: Ipv6Address;
  readonly prefix?: Ipv6Prefix;
}

export interface Dhcp6ServerConfig {
  /** Told to clients, and by which they address it; the same for ever (RFC 8415 §11). */
  readonly duid: Uint8Array;
  readonly serverMac: MacAddress;
  /** Link-local: source of what clients are told. */
  readonly linkAddress: Ipv6Address;
  /** Of the link, 1280 to 65535, default 1280: what is longer is sent in fragments. */
  readonly mtuBytes?: number;
  /** Further addresses under which relays reach the server. */
  readonly addresses: readonly Ipv6Address[];
  /** What is on the clients' link, at least one prefix unless the server is stateless. */
  readonly prefixes: readonly Ipv6Prefix[];
  /** Absent: no addresses are given. */
  readonly range?: { readonly first: Ipv6Address; readonly last: Ipv6Address };
  /** Prefixes of that length, out of one prefix; absent: none are delegated. */
  readonly delegate?: { readonly from: Ipv6Prefix; readonly length: number };
  /** Seconds, 0xffffffff is for ever: 1 to that, and preferred not beyond valid. */
  readonly preferredSeconds: number;
  readonly validSeconds: number;
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly Ipv6Address[];
  /** No other server gives addresses on this link: clients that this one does not know are answered. */
  readonly authoritative: boolean;
  /** Give addresses at once to clients that wish it; only where there is one server. */
  readonly rapidCommit: boolean;
  readonly hosts: readonly Host6[];
  /** Leases of the range at most, and as many prefixes; default 65536. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 65_536;
const DECLINED_PER_CLIENT = 3;
/** One part of so many of the addresses. */
const DECLINED_SHARE = 4;

/** @throws NetloomError bad-dhcp6-server */
export function checkConfig(config: Dhcp6ServerConfig): void {
  const { range, delegate, prefixes, preferredSeconds, validSeconds, hosts } = config;
  const refuse = (reason: string): NetloomError =>
    new NetloomError("bad-dhcp6-server", `DHCPv6 server of ${prefixes.map(formatPrefix).join(", ")}: ${reason}`);
  if (!isDuid(config.duid)) throw refuse("its identifier is not 3 to 130 bytes");
  if (!isLinkLocal6(config.linkAddress)) throw refuse(`its address ${config.linkAddress} is not link-local`);
  const { mtuBytes = SMALLEST_IPV6_MTU_BYTES } = config;
  if (!Number.isInteger(mtuBytes) || mtuBytes < SMALLEST_IPV6_MTU_BYTES || mtuBytes > 65_535)
    throw refuse(`an MTU of ${mtuBytes} bytes is not 1280 to 65535`);
  if (range !== undefined) {
    const prefix = prefixes.find((candidate) => contains(candidate, range.first));
    if (prefix === undefined) throw refuse(`${range.first} is not of the link`);
    if (!contains(prefix, range.last)) throw refuse(`${range.last} is not of ${formatPrefix(networkOf(prefix))}`);
    if (ipToBigint(range.first) > ipToBigint(range.last))
      throw refuse(`the range ${range.first}-${range.last} begins behind its end`);
  }
  if (delegate !== undefined) {
    const { from, length } = delegate;
    if (!Number.isInteger(length) || length < from.length || length > 64)
      throw refuse(`prefixes of ${length} bits out of ${formatPrefix(from)}: ${from.length} to 64 are possible`);
    const clash = prefixes.find((prefix) => overlaps(prefix, from));
    if (clash !== undefined) throw refuse(`${formatPrefix(from)}, to be delegated, has the link's own prefix in it`);
  }
  for (const seconds of [preferredSeconds, validSeconds])
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > FOREVER_SECONDS)
      throw refuse(`a duration of ${seconds} s is not 1 to ${FOREVER_SECONDS}`);
  if (preferredSeconds > validSeconds) throw refuse("addresses are preferred for longer than they are valid");
  for (const host of hosts) checkHost(host, config, refuse);
}

function checkHost(
  { duid, mac, address, prefix }: Host6,
  { prefixes, delegate, addresses }: Dhcp6ServerConfig,
  refuse: (reason: string) => NetloomError,
): void {
  if (duid === undefined && mac === undefined) throw refuse("a host is known neither by DUID nor by MAC address");
  if (duid !== undefined && !isDuid(duid)) throw refuse("a host's DUID is not 3 to 130 bytes");
  if (address !== undefined) {
    const own = prefixes.find((candidate) => contains(candidate, address));
    if (own === undefined) throw refuse(`a host's ${address} is not of the link`);
    if (addresses.includes(address) || (own.length < 127 && networkOf(own).address === address))
      throw refuse(`${address} is a router's or the server's own, not a host's`);
  }
  if (prefix === undefined) return;
  if (prefixes.some((own) => overlaps(own, prefix)))
    throw refuse(`a host's ${formatPrefix(prefix)} has the link's own prefix in it, or is part of it`);
  const isPart = delegate !== undefined && overlaps(delegate.from, prefix);
  if (isPart && (prefix.length !== delegate.length || networkOf(prefix).address !== prefix.address))
    throw refuse(`a host's ${formatPrefix(prefix)} is not one of those that are delegated`);
}

/** Undefined: no addresses are given. */
export function addressRange({ range, ...config }: Dhcp6ServerConfig): PoolRange6 | undefined {
  const reserved = config.hosts.flatMap(({ address }) => (address === undefined ? [] : [{ address, length: 128 }]));
  if (range === undefined && reserved.length === 0) return undefined;
  // The first address of a prefix is that of all its routers (RFC 4291 §2.6.1).
  const anycast = config.prefixes.map((prefix) => networkOf(prefix).address);
  const excluded = new Set([...anycast, ...config.addresses, ...config.nameServers]);
  const none = { first: reserved[0]?.address ?? config.linkAddress, limit: 0 };
  const { first, last, limit } =
    range === undefined ? { ...none, last: none.first } : { ...range, limit: config.limit ?? DEFAULT_LIMIT };
  return { first, last, length: 128, excluded, reserved, limit };
}

/** Undefined: no prefixes are delegated. */
export function delegatedRange({ delegate, ...config }: Dhcp6ServerConfig): PoolRange6 | undefined {
  const reserved = config.hosts.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix]));
  const from = delegate?.from ?? reserved[0];
  if (from === undefined) return undefined;
  const length = delegate?.length ?? from.length;
  const first = networkOf(from).address;
  const last = ipFromBigint(ipToBigint(first) + (1n << BigInt(128 - from.length)) - (1n << BigInt(128 - length)), 6);
  const limit = delegate === undefined ? 0 : (config.limit ?? DEFAULT_LIMIT);
  return { first, last: last as Ipv6Address, length, excluded: new Set(), reserved, limit };
}

/** How many addresses clients can put into quarantine, together and each. */
export function declineLimits({ range, limit = DEFAULT_LIMIT }: Dhcp6ServerConfig) {
  const addresses = range === undefined ? 0n : ipToBigint(range.last) - ipToBigint(range.first) + 1n;
  const share = Math.floor(Math.min(limit, Number(addresses)) / DECLINED_SHARE);
  return { declined: Math.max(DECLINED_PER_CLIENT, share), declinedPerClient: DECLINED_PER_CLIENT };
}
