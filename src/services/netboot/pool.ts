/** Addresses for boot clients where nobody else gives any: a part of the interface's own subnet. */
import {
  broadcastOf,
  type Ipv4Address,
  ipv4FromNumber,
  type Ipv4Prefix,
  ipv4ToNumber,
  networkOf,
} from "../../base/address.ts";
import type { AddressRange } from "../../protocol/dhcp4/server/config.ts";

/** As many machines as are set up at one time. */
const MOST_ADDRESSES = 200;

/**
 * The upper half of the subnet, at most 200 addresses of it: people write addresses by hand from the lower end on. Who
 * has one all the same is found by the probe before an offer.
 * @param taken nobody gets these: ours, the router's
 * @returns none where the subnet has no room
 */
export function derivePool(own: Ipv4Prefix, taken: readonly (Ipv4Address | undefined)[]): AddressRange[] {
  const subnet = networkOf(own);
  const first = ipv4ToNumber(subnet.address) + 1;
  const last = ipv4ToNumber(broadcastOf(subnet)) - 1;
  const excluded = new Set([own.address, ...taken].filter((each) => each !== undefined).map(ipv4ToNumber));
  const wanted = Math.min(MOST_ADDRESSES, Math.max(1, Math.floor((last - first + 1) / 2)));
  const ranges: { first: number; last: number }[] = [];
  let found = 0;
  for (let address = last; address >= first && found < wanted; address--) {
    if (excluded.has(address)) continue;
    found++;
    const current = ranges.at(-1);
    if (current?.first === address + 1) current.first = address;
    else ranges.push({ first: address, last: address });
  }
  return ranges.toReversed().map((range) => ({ first: ipv4FromNumber(range.first), last: ipv4FromNumber(range.last) }));
}
