/** What the commands for leases have to know of DHCPv4 and of DHCPv6; all else they do alike. */
import { ipToBigint, ipv4ToNumber } from "../../base/address.ts";
import { formatPortable, type PlacedLease, type Server } from "../../import/leases/portable.ts";
import { type ReadLeases, readLeases } from "../../import/leases/read.ts";
import { formatPortable6 } from "../../import/leases6/portable.ts";
import { readLeases6 } from "../../import/leases6/read.ts";
import { formatHardware, type Lease } from "../../protocol/dhcp4/server/lease.ts";
import { formatDuid, formatLease6, type Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import { DHCP4_LEASES } from "../../store/lease-log/dhcp4.ts";
import { DHCP6_LEASES } from "../../store/lease-log/dhcp6.ts";
import type { LeaseCodec } from "../../store/lease-log/format.ts";
import { readLeaseLog } from "../../store/lease-log/lease-log.ts";
import { isOfPool, poolSize, readPoolNote } from "../../store/pool-note.ts";
import { isOfPool6, readPoolNote6 } from "../../store/pool-note6.ts";
import { type LeaseFolder, nameOfServer } from "./lease-files.ts";
import { type ShownLease, showLease, showLease6 } from "./shown-lease.ts";

/** What a lease of either has. */
export interface KeptLease {
  readonly address: string;
  readonly state: ShownLease["state"];
  readonly client: string;
  readonly endSeconds: number;
}

/** How much can be given out, and how much of it is. */
interface PoolUse {
  readonly given: number;
  readonly free: number;
  readonly declined: number;
  readonly addresses: number;
}

export interface LeaseFamily<Kept extends KeptLease> {
  readonly name: LeaseFolder;
  readonly codec: LeaseCodec<Kept>;
  /** In the order of the addresses. */
  compare(one: Kept, other: Kept): number;
  show(server: Server, lease: Kept, nowSeconds: number): ShownLease;
  /** What is given: "192.0.2.5", "2001:db8:100::/56". */
  textOf(lease: Kept): string;
  /** To whom; "" when it is not known. */
  holderOf(lease: Kept): string;
  /** Undefined: the server has not told what it gives out. @param leases the last of each address */
  poolUse(path: string, leases: readonly Kept[], nowSeconds: number): PoolUse | undefined;
  /** Of whatever server wrote the text. */
  read(text: string, nowSeconds: number): ReadLeases<Kept>;
  formatPortable(leases: readonly PlacedLease<Kept>[]): unknown;
  /** What can be imported. */
  readonly files: string;
}

export const DHCP4: LeaseFamily<Lease> = {
  name: "dhcp",
  codec: DHCP4_LEASES,
  compare: (one, other) => ipv4ToNumber(one.address) - ipv4ToNumber(other.address),
  show: showLease,
  textOf: ({ address }) => address,
  holderOf: formatHardware,
  poolUse(path, leases, nowSeconds) {
    const note = readPoolNote(path);
    if (note === undefined) return undefined;
    const pooled = leases.filter(({ address }) => isOfPool(note, address));
    return useOf(pooled, poolSize(note), nowSeconds);
  },
  read: readLeases,
  formatPortable,
  files: "dnsmasq.leases, dhcpd.leases, Kea's memfile (kea-leases4.csv)",
};

export const DHCP6: LeaseFamily<Lease6> = {
  name: "dhcp6",
  codec: DHCP6_LEASES,
  compare: (one, other) => (ipToBigint(one.address) < ipToBigint(other.address) ? -1 : 1),
  show: showLease6,
  textOf: formatLease6,
  holderOf: (lease) => lease.mac || formatDuid(lease),
  poolUse(path, leases, nowSeconds) {
    const note = readPoolNote6(path);
    if (note === undefined) return undefined;
    const pooled = leases.filter((lease) => isOfPool6(note, lease));
    return useOf(pooled, note.capacity, nowSeconds);
  },
  read: readLeases6,
  formatPortable: formatPortable6,
  files: "dnsmasq.leases, dhcpd6.leases, Kea's memfile (kea-leases6.csv)",
};

function useOf(leases: readonly KeptLease[], addresses: number, nowSeconds: number): PoolUse {
  const held = leases.filter(({ endSeconds }) => endSeconds > nowSeconds);
  const declined = held.filter(({ state }) => state === "declined").length;
  const given = held.length - declined;
  return { given, free: Math.max(0, addresses - given - declined), declined, addresses };
}

/** "lan0: 12 given, 85 free, 3 declined of 100" */
export function formatPoolUse(server: Server, { given, free, declined, addresses }: PoolUse): string {
  return `${nameOfServer(server)}: ${given} given, ${free} free, ${declined} declined of ${addresses}`;
}

/** The last lease of each address, in the order of the addresses. */
export function readLastLeases<Kept extends KeptLease>({ codec, compare }: LeaseFamily<Kept>, path: string): Kept[] {
  const last = new Map(readLeaseLog(codec, path).leases.map((lease) => [lease.address, lease]));
  return [...last.values()].toSorted(compare);
}
