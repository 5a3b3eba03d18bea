/** What one client, or all strangers together, can take of a server in a time. */
import { ipv4ToNumber } from "../../../base/address.ts";
import type { Dhcp4Limits, Dhcp4ServerConfig } from "./config.ts";

/** Strangers that come at once, before they are counted by the second: a power cut ends, and all hosts ask. */
const NEW_CLIENTS_AT_ONCE = 8192;
const NEW_CLIENTS_PER_SECOND = 2000;
/** Of small ranges all addresses may be on offer, of large ones half. */
const OFFERS_OF_SMALL_RANGES = 64;
const DECLINED_PER_CLIENT = 3;
/** One part of so many of the addresses. */
const DECLINED_SHARE = 4;
/** Leases of one place for each address that is still free: one place alone gets eight ninths of all. */
const LEASES_FOR_EACH_FREE = 8;
const NEW_LEASES_PER_SECOND = 1000;

export function limitsOf(config: Dhcp4ServerConfig): Required<Dhcp4Limits> {
  const { limits = {}, furtherSubnets = [], classes = [] } = config;
  const ranges = [
    ...[config, ...furtherSubnets].flatMap((each) => each.ranges),
    ...classes.flatMap(({ range }) => range ?? []),
  ];
  const addresses = ranges.reduce((sum, { first, last }) => sum + ipv4ToNumber(last) - ipv4ToNumber(first) + 1, 0);
  return {
    offers: Math.max(OFFERS_OF_SMALL_RANGES, Math.floor(addresses / 2)),
    newClientsPerSecond: NEW_CLIENTS_PER_SECOND,
    declined: Math.max(DECLINED_PER_CLIENT, Math.floor(addresses / DECLINED_SHARE)),
    declinedPerClient: DECLINED_PER_CLIENT,
    leasesPerPort: Number.POSITIVE_INFINITY,
    leasesForEachFree: LEASES_FOR_EACH_FREE,
    newLeasesPerSecond: Math.max(NEW_LEASES_PER_SECOND, addresses),
    newLeasesPerSecondOfPort: Math.max(NEW_LEASES_PER_SECOND, addresses) / 2,
    ...limits,
  };
}

/** So many in a second, and more at once after a quiet time. Who proves to be in earnest gives back what it took. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #filledSeconds: number;

  constructor(perSecond: number, nowSeconds: number) {
    this.#perSecond = perSecond;
    this.#most = Math.max(perSecond, Math.min(NEW_CLIENTS_AT_ONCE, perSecond * 4));
    this.#left = this.#most;
    this.#filledSeconds = nowSeconds;
  }

  /** @returns false when there were too many */
  has(nowSeconds: number): boolean {
    const passed = Math.max(0, nowSeconds - this.#filledSeconds);
    this.#left = Math.min(this.#most, this.#left + passed * this.#perSecond);
    this.#filledSeconds = nowSeconds;
    return this.#left >= 1;
  }

  /** @returns as {@link has} */
  take(nowSeconds: number): boolean {
    if (!this.has(nowSeconds)) return false;
    this.#left--;
    return true;
  }

  giveBack(): void {
    this.#left = Math.min(this.#most, this.#left + 1);
  }
}
