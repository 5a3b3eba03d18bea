/** The lease of a DHCPv6 client as it is kept for a restart: by the time of day, not by the clock of a process. */
import { formatPrefix, type MacAddress } from "../base/address.ts";
import type { Dhcp6Lease } from "../protocol/dhcp6/client/lease.ts";
import { steadySeconds } from "../services/clock.ts";
import type { StoredLease6, StoredPart6 } from "../store/client-lease6.ts";

const FORMER_MILLISECONDS = 7_200_000;
/** Who gives another prefix every minute fills nothing. */
const FORMER_LIMIT = 8;

/** Milliseconds since 1970 of a time by the clock of clients. */
export function wallMilliseconds(clock: number): number {
  return Math.round(Date.now() + (clock - steadySeconds()) * 1000);
}

function clockSeconds(milliseconds: number | undefined): number {
  return milliseconds === undefined ? Number.POSITIVE_INFINITY : steadySeconds() + (milliseconds - Date.now()) / 1000;
}

function at<K extends string>(name: K, clock: number): { readonly [P in K]?: number } {
  return clock === Number.POSITIVE_INFINITY
    ? {}
    : ({ [name]: wallMilliseconds(clock) } as { readonly [P in K]?: number });
}

/** Prefixes of earlier leases that hosts may still use, for two hours at most (RFC 9096 §3.4). */
export function formerPrefixesOf(
  before: StoredLease6 | undefined,
  { prefixes }: Pick<Dhcp6Lease, "prefixes">,
): readonly StoredPart6[] {
  const now = Date.now();
  const isHeld = (part: StoredPart6): boolean => prefixes.some((held) => formatPrefix(held) === formatPrefix(part));
  return [...(before?.prefixes ?? []), ...(before?.formerPrefixes ?? [])]
    .filter((part) => !isHeld(part) && (part.endMilliseconds ?? Infinity) > now)
    .slice(0, FORMER_LIMIT)
    .map((part) => ({
      ...part,
      endMilliseconds: Math.min(part.endMilliseconds ?? Infinity, now + FORMER_MILLISECONDS),
    }));
}

export function toStored(lease: Dhcp6Lease, macAddress: MacAddress): Omit<StoredLease6, "formerPrefixes"> {
  const { addresses, prefixes, renewAt, rebindAt, ...told } = lease;
  const part = ({ address, length, preferredUntil, validUntil }: Dhcp6Lease["addresses"][number]): StoredPart6 => ({
    address,
    length,
    ...at("preferredMilliseconds", preferredUntil),
    ...at("endMilliseconds", validUntil),
  });
  return {
    ...told,
    macAddress,
    addresses: addresses.map(part),
    prefixes: prefixes.map(part),
    ...at("renewMilliseconds", renewAt),
    ...at("rebindMilliseconds", rebindAt),
  };
}

export function fromStored(stored: StoredLease6): Dhcp6Lease {
  const part = ({ address, length, preferredMilliseconds, endMilliseconds }: StoredPart6) => ({
    address,
    length,
    preferredUntil: clockSeconds(preferredMilliseconds),
    validUntil: clockSeconds(endMilliseconds),
  });
  const { serverDuid, serverAddress, nameServers, searchDomains, ntpServers } = stored;
  return {
    serverDuid,
    serverAddress,
    nameServers,
    searchDomains,
    ntpServers,
    addresses: stored.addresses.map(part),
    prefixes: stored.prefixes.map(part),
    renewAt: clockSeconds(stored.renewMilliseconds),
    rebindAt: clockSeconds(stored.rebindMilliseconds),
  };
}

/** It is wished for the next time. */
export function endedNow(stored: StoredLease6): StoredLease6 {
  const end = (part: StoredPart6): StoredPart6 => ({ ...part, endMilliseconds: Date.now() });
  return { ...stored, addresses: stored.addresses.map(end), prefixes: stored.prefixes.map(end) };
}
