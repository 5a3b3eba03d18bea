/** What a DHCPv6 client holds, and what a server's reply makes of it (RFC 8415 §18.2.10.1). Times by the client's clock. */
import {
  contains,
  formatPrefix,
  type Ipv6Address,
  type Ipv6Prefix,
  networkOf,
  overlaps,
  parsePrefix,
} from "../../../base/address.ts";
import type { Assignment, AssignedLease } from "../../../wire/dhcp6/assignment.ts";
import type { Dhcp6Option } from "../../../wire/dhcp6/message.ts";
import { DHCP6_OPTION } from "../../../wire/dhcp6/options.ts";
import { readAddresses, readNtpServers, readSearchList } from "../../../wire/dhcp6/settings.ts";
import { FOREVER_SECONDS } from "../../leases/time.ts";

/** An address, of length 128, or a prefix without host bits. */
export interface Leased6 extends Ipv6Prefix {
  /** Not for anything new from then on; infinite: never. */
  readonly preferredUntil: number;
  /** Not to be used at all from then on. */
  readonly validUntil: number;
}

/** What is told beside leases. */
export interface Dhcp6Settings {
  readonly nameServers: readonly Ipv6Address[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly Ipv6Address[];
}

export interface Dhcp6Lease extends Dhcp6Settings {
  readonly addresses: readonly Leased6[];
  readonly prefixes: readonly Leased6[];
  /** The server's identifier, as it came. */
  readonly serverDuid: Uint8Array;
  /** Link-local: where the answer came from, a server or a relay. */
  readonly serverAddress: Ipv6Address;
  /** T1 and T2; infinite: never. */
  readonly renewAt: number;
  readonly rebindAt: number;
}

/** More than any server gives; bounds what a hostile one makes us keep. */
const LEASE_LIMIT = 16;
const LIST_LIMIT = 64;
/** Who delegates more than a registry gives to a provider wants to harm. */
const SHORTEST_PREFIX = 16;
/** T1 and T2 of a server that leaves them to the client (RFC 8415 §21.4). */
const RENEW_PART = 0.5;
const REBIND_PART = 0.8;
/** A server that says less would be asked without a pause. */
const SHORTEST_RENEWAL_SECONDS = 1;
/** Unspecified, loopback and IPv4 in IPv6; link-local; multicast. */
const UNUSABLE = ["::/8", "fe80::/10", "ff00::/8"].map(parsePrefix);

export function settingsOf(options: readonly Dhcp6Option[]): Dhcp6Settings {
  const servers = (code: number): readonly Ipv6Address[] => usable(readAddresses(options, code));
  const ntp = usable(readNtpServers(options));
  return {
    nameServers: servers(DHCP6_OPTION.nameServers),
    searchDomains: [...new Set(readSearchList(options).filter(isName))].slice(0, LIST_LIMIT),
    ntpServers: ntp.length > 0 ? ntp : servers(DHCP6_OPTION.sntpServers),
  };
}

/** A server on the link may be told by its link-local address, which is of use only with the link. */
function usable(addresses: readonly Ipv6Address[]): readonly Ipv6Address[] {
  const found = addresses.filter((address) => !UNUSABLE.some((prefix) => contains(prefix, address)));
  return [...new Set(found)].slice(0, LIST_LIMIT);
}

/** What may stand in a resolv.conf and on a terminal. */
function isName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(text);
}

/** Whether it can be used at all, were it told with a duration. */
function isAcceptable(kind: Assignment["kind"], { address, length, preferredSeconds, validSeconds }: AssignedLease) {
  if (preferredSeconds > validSeconds) return false;
  if (kind === "prefix" && length < SHORTEST_PREFIX) return false;
  return !UNUSABLE.some((prefix) => overlaps(prefix, { address, length }));
}

/** Those of the assignment that a host can use, without host bits; a duration of 0 takes one back. */
export function acceptableLeases({ kind, leases, renewSeconds, rebindSeconds }: Assignment): readonly AssignedLease[] {
  // RFC 8415 §21.4: an association whose T1 is behind its T2 is as if it were not there.
  if (renewSeconds > rebindSeconds && rebindSeconds > 0) return [];
  return leases
    .filter((lease) => isAcceptable(kind, lease))
    .slice(0, LEASE_LIMIT)
    .map((lease) => ({ ...lease, ...networkOf(lease) }));
}

/** Whether anything of it lasts. */
export function givesSomething(assignment: Assignment): boolean {
  return acceptableLeases(assignment).some(({ validSeconds }) => validSeconds > 0);
}

/** What is held after the assignment: told ones for as long as told, others as they were. */
export function merge(held: readonly Leased6[], told: readonly AssignedLease[], now: number): readonly Leased6[] {
  const byPrefix = new Map(held.map((lease) => [formatPrefix(lease), lease]));
  for (const { address, length, preferredSeconds, validSeconds } of told) {
    const preferredUntil = after(now, preferredSeconds);
    byPrefix.set(formatPrefix({ address, length }), {
      address,
      length,
      preferredUntil,
      validUntil: after(now, validSeconds),
    });
  }
  // The newest are kept: what a server gave up is not spoken of any more.
  return [...byPrefix.values()].filter(({ validUntil }) => validUntil > now).slice(-LEASE_LIMIT);
}

function after(now: number, seconds: number): number {
  return seconds === FOREVER_SECONDS ? Number.POSITIVE_INFINITY : now + seconds;
}

/** All associations are extended together: at the earliest T1 and T2 (RFC 8415 §18.2.4). */
export function timesOf(
  assignments: readonly Assignment[],
  leases: readonly Leased6[],
  now: number,
): Pick<Dhcp6Lease, "renewAt" | "rebindAt"> {
  const shortest = Math.min(
    ...leases.map(({ preferredUntil, validUntil }) => lifetime(preferredUntil, validUntil, now)),
  );
  const told = (pick: (assignment: Assignment) => number): number[] => assignments.map(pick).filter((t) => t > 0);
  const longest = Math.max(...leases.map(({ validUntil }) => validUntil)) - now;
  const at = (seconds: readonly number[], part: number): number => {
    const wait = seconds.length > 0 ? Math.min(...seconds) : shortest * part;
    return wait === FOREVER_SECONDS ? Number.POSITIVE_INFINITY : now + Math.max(SHORTEST_RENEWAL_SECONDS, wait);
  };
  const rebindAt = Math.min(
    at(
      told(({ rebindSeconds }) => rebindSeconds),
      REBIND_PART,
    ),
    now + longest,
  );
  return {
    renewAt: Math.min(
      at(
        told(({ renewSeconds }) => renewSeconds),
        RENEW_PART,
      ),
      rebindAt,
    ),
    rebindAt,
  };
}

function lifetime(preferredUntil: number, validUntil: number, now: number): number {
  return (preferredUntil > now ? preferredUntil : validUntil) - now;
}

/** The last moment at which anything of it may be used. */
export function endOfLease({ addresses, prefixes }: Pick<Dhcp6Lease, "addresses" | "prefixes">): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...[...addresses, ...prefixes].map(({ validUntil }) => validUntil));
}

/** When the first part of it ends. */
export function firstEnd({ addresses, prefixes }: Pick<Dhcp6Lease, "addresses" | "prefixes">): number {
  return Math.min(Number.POSITIVE_INFINITY, ...[...addresses, ...prefixes].map(({ validUntil }) => validUntil));
}

export function withoutEnded(lease: Dhcp6Lease, now: number): Dhcp6Lease {
  const lasting = ({ validUntil }: Leased6): boolean => validUntil > now;
  return { ...lease, addresses: lease.addresses.filter(lasting), prefixes: lease.prefixes.filter(lasting) };
}
