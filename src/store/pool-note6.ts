/**
 * What a DHCPv6 server gives out, beside its leases (LEASES.pool), so that whoever shows the leases can tell how much is
 * left. It is written at each start of the server and stays when that ends.
 */
import { type Ipv6Address, ipToBigint, parseIpv6 } from "../base/address.ts";
import { addressRange, delegatedRange, type Dhcp6ServerConfig } from "../protocol/dhcp6/server/config.ts";
import type { Lease6 } from "../protocol/dhcp6/server/lease.ts";
import { capacityOf, type PoolRange6 } from "../protocol/dhcp6/server/pool.ts";
import { readTextIfExists, writeAtomic } from "./atomic-file.ts";

interface NotedRange {
  readonly first: Ipv6Address;
  readonly last: Ipv6Address;
  /** Bits of each prefix; 128 for addresses. */
  readonly length: number;
}

interface PoolNote6 {
  readonly ranges: readonly NotedRange[];
  /** Each is one client's. */
  readonly reserved: ReadonlySet<Ipv6Address>;
  /** Leases that there is room for. */
  readonly capacity: number;
}

interface WrittenNote {
  readonly version: 1;
  readonly ranges: readonly NotedRange[];
  readonly reserved: readonly string[];
  readonly capacity: number;
}

function pathOf(leaseFile: string): string {
  return `${leaseFile}.pool`;
}

/** Nothing is written when it stands there already. @throws NetloomError write-failed */
export function writePoolNote6(leaseFile: string, config: Dhcp6ServerConfig): void {
  const all = [addressRange(config), delegatedRange(config)].filter((range) => range !== undefined);
  const ranges = all.filter(({ limit }) => limit > 0).map(({ first, last, length }) => ({ first, last, length }));
  const reserved = all.flatMap((range: PoolRange6) => range.reserved.map(({ address }) => address));
  const capacity = all.reduce((sum, range) => sum + capacityOf(range), 0);
  const text = JSON.stringify({ version: 1, ranges, reserved, capacity } satisfies WrittenNote);
  if (readTextIfExists(pathOf(leaseFile)) !== text) writeAtomic(pathOf(leaseFile), text);
}

/** Undefined: there is none, or none that can be read; then it is not known how much there is. */
export function readPoolNote6(leaseFile: string): PoolNote6 | undefined {
  const text = readTextIfExists(pathOf(leaseFile));
  if (text === undefined) return undefined;
  try {
    const { version, ranges, reserved, capacity } = JSON.parse(text) as Partial<WrittenNote>;
    if (version !== 1 || ranges === undefined || reserved === undefined || typeof capacity !== "number")
      return undefined;
    for (const { first, last } of ranges) [first, last].forEach(parseIpv6);
    return { ranges, reserved: new Set(reserved.map(parseIpv6)), capacity };
  } catch {
    // Whatever is wrong with it: it only saves counting by hand.
    return undefined;
  }
}

/** Whether the lease is of what anybody may get. */
export function isOfPool6(
  { ranges, reserved }: PoolNote6,
  { address, length }: Pick<Lease6, "address" | "length">,
): boolean {
  if (reserved.has(address)) return false;
  const number = ipToBigint(address);
  return ranges.some(
    (range) => range.length === length && ipToBigint(range.first) <= number && number <= ipToBigint(range.last),
  );
}
