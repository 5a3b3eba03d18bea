/**
 * Which addresses a DHCP server gives out, beside its leases (LEASES.pool), so that whoever shows the leases can tell
 * how many are left. It is written at each start of the server and stays when that ends.
 */
import { broadcastOf, type Ipv4Address, ipv4ToNumber, networkOf, parseIpv4 } from "../base/address.ts";
import type { Dhcp4ServerConfig } from "../protocol/dhcp4/server/config.ts";
import { DHCP4_OPTION } from "../wire/dhcp4/option-table.ts";
import { readTextIfExists, removeDurably, writeAtomic } from "./atomic-file.ts";

interface PoolNote {
  readonly ranges: readonly { readonly first: Ipv4Address; readonly last: Ipv4Address }[];
  /** Addresses of the ranges that nobody gets. */
  readonly excluded: ReadonlySet<Ipv4Address>;
}

interface WrittenNote {
  readonly version: 1;
  readonly ranges: PoolNote["ranges"];
  readonly excluded: readonly string[];
}

function pathOf(leaseFile: string): string {
  return `${leaseFile}.pool`;
}

/** Nothing is written when it stands there already. @throws NetloomError write-failed */
export function writePoolNote(leaseFile: string, config: Dhcp4ServerConfig): PoolNote {
  const { ranges, excluded } = noteOf(config);
  const text = JSON.stringify({ version: 1, ranges, excluded: [...excluded] } satisfies WrittenNote);
  if (readTextIfExists(pathOf(leaseFile)) !== text) writeAtomic(pathOf(leaseFile), text);
  return { ranges, excluded };
}

function noteOf({
  serverAddress,
  subnet,
  ranges,
  options,
  furtherSubnets = [],
  classes = [],
  hosts = [],
}: Dhcp4ServerConfig): PoolNote {
  const all = [
    ...[{ ranges }, ...furtherSubnets].flatMap((each) => each.ranges),
    ...classes.flatMap(({ range }) => (range === undefined ? [] : [range])),
  ];
  const told = [options, ...furtherSubnets.map((each) => each.options)].flatMap((each) => {
    const routers = each?.get(DHCP4_OPTION.routers.code);
    return routers === undefined ? [] : (DHCP4_OPTION.routers.codec.decode(routers) ?? []);
  });
  const own = furtherSubnets.flatMap(({ ownAddress }) => (ownAddress === undefined ? [] : [ownAddress]));
  const ends = [subnet, ...furtherSubnets.map((each) => each.subnet)].flatMap((each) =>
    each.length < 31 ? [networkOf(each).address, broadcastOf(each)] : [],
  );
  const theirs = hosts.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const pool = all.map(({ first, last }) => ({ first, last }));
  const nobodys = [serverAddress, ...own, ...told, ...ends, ...theirs].filter((address) => isInRanges(pool, address));
  return { ranges: pool, excluded: new Set(nobodys) };
}

/** @throws file system errors */
export function removePoolNote(leaseFile: string): void {
  removeDurably(pathOf(leaseFile));
}

/** Undefined: there is none, or none that can be read; then it is not known how many addresses there are. */
export function readPoolNote(leaseFile: string): PoolNote | undefined {
  const text = readTextIfExists(pathOf(leaseFile));
  if (text === undefined) return undefined;
  try {
    const { version, ranges, excluded } = JSON.parse(text) as Partial<WrittenNote>;
    if (version !== 1 || ranges === undefined || excluded === undefined) return undefined;
    for (const { first, last } of ranges) [first, last].forEach(parseIpv4);
    return { ranges, excluded: new Set(excluded.map(parseIpv4)) };
  } catch {
    // Whatever is wrong with it: it only saves counting by hand.
    return undefined;
  }
}

/** Whether the address is one that anybody may get. */
export function isOfPool(note: PoolNote, address: Ipv4Address): boolean {
  return isInRanges(note.ranges, address) && !note.excluded.has(address);
}

function isInRanges(ranges: PoolNote["ranges"], address: Ipv4Address): boolean {
  const number = ipv4ToNumber(address);
  return ranges.some(({ first, last }) => ipv4ToNumber(first) <= number && number <= ipv4ToNumber(last));
}

/** How many addresses can be given out. */
export function poolSize(note: PoolNote): number {
  const all = note.ranges.reduce((sum, { first, last }) => sum + ipv4ToNumber(last) - ipv4ToNumber(first) + 1, 0);
  return all - note.excluded.size;
}
