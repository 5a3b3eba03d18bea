/** A lease for people and programs: plain JSON, durations in seconds from now. */
import { formatPrefix } from "../../../base/address.ts";
import { toHex } from "../../../base/bytes.ts";
import type { Dhcp6Lease, Leased6 } from "./lease.ts";

interface DescribedPart {
  /** Absent: for ever. */
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
}

export interface DescribedLease6 {
  readonly addresses: readonly ({ readonly address: string } & DescribedPart)[];
  readonly prefixes: readonly ({ readonly prefix: string } & DescribedPart)[];
  /** DUID, hexadecimal. */
  readonly server: string;
  readonly serverAddress: string;
  /** Absent: never. */
  readonly renewalSeconds?: number;
  readonly rebindingSeconds?: number;
  readonly nameServers: readonly string[];
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly string[];
}

/** @param now of the clock that the lease's times are of */
export function describeLease6(lease: Dhcp6Lease, now: number): DescribedLease6 {
  const seconds = <K extends string>(name: K, until: number): { readonly [P in K]?: number } =>
    until === Number.POSITIVE_INFINITY
      ? {}
      : ({ [name]: Math.max(0, Math.round(until - now)) } as { readonly [P in K]?: number });
  const part = ({ preferredUntil, validUntil }: Leased6): DescribedPart => ({
    ...seconds("preferredSeconds", preferredUntil),
    ...seconds("validSeconds", validUntil),
  });
  return {
    addresses: lease.addresses.map((leased) => ({ address: leased.address, ...part(leased) })),
    prefixes: lease.prefixes.map((leased) => ({ prefix: formatPrefix(leased), ...part(leased) })),
    server: toHex(lease.serverDuid),
    serverAddress: lease.serverAddress,
    ...seconds("renewalSeconds", lease.renewAt),
    ...seconds("rebindingSeconds", lease.rebindAt),
    nameServers: lease.nameServers,
    searchDomains: lease.searchDomains,
    ntpServers: lease.ntpServers,
  };
}
