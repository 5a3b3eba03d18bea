/** A lease as it is shown: in a table, as data, as one line. */
import { formatTime, type Server } from "../../import/leases/portable.ts";
import { formatHardware, formatIdentifier, type Lease } from "../../protocol/dhcp4/server/lease.ts";
import { formatDuid, formatLease6, type Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import { printable } from "../../services/vm/printable.ts";
import { nameOfServer } from "./lease-files.ts";
import { formatTable } from "./output.ts";

interface ShownAlike extends Server {
  readonly state: "leased" | "ended" | "released" | "declined";
  readonly hostName?: string;
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

export interface ShownLease4 extends ShownAlike {
  readonly address: string;
  readonly mac: string;
  readonly clientId?: string;
}

export interface ShownLease6 extends ShownAlike {
  /** "2001:db8::5", "2001:db8:100::/56". */
  readonly lease: string;
  readonly kind: Lease6["kind"];
  readonly duid: string;
  /** Absent: nothing tells it. */
  readonly mac?: string;
}

export type ShownLease = ShownLease4 | ShownLease6;

export function showLease(server: Server, lease: Lease, nowSeconds: number): ShownLease4 {
  const clientId = formatIdentifier(lease);
  return {
    ...server,
    address: lease.address,
    state: stateOf(lease, nowSeconds),
    mac: formatHardware(lease),
    ...(clientId === undefined ? {} : { clientId }),
    ...nameAndTimes(lease),
  };
}

export function showLease6(server: Server, lease: Lease6, nowSeconds: number): ShownLease6 {
  return {
    ...server,
    lease: formatLease6(lease),
    kind: lease.kind,
    state: stateOf(lease, nowSeconds),
    duid: formatDuid(lease),
    ...(lease.mac === "" ? {} : { mac: lease.mac }),
    ...nameAndTimes(lease),
  };
}

function stateOf({ state, endSeconds }: Lease | Lease6, nowSeconds: number): ShownLease["state"] {
  return state === "leased" && endSeconds <= nowSeconds ? "ended" : state;
}

function nameAndTimes({ hostName, startSeconds, endSeconds }: Lease | Lease6) {
  return {
    ...(hostName === "" ? {} : { hostName }),
    start: formatTime(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: formatTime(endSeconds) }),
  };
}

/** What is given. */
export function placeOf(lease: ShownLease): string {
  return "lease" in lease ? lease.lease : lease.address;
}

/** Who has it, wherever two clients differ. */
export function identityOf(lease: ShownLease): string {
  return "lease" in lease ? lease.duid : `${lease.mac} ${lease.clientId ?? ""}`;
}

/** All of one protocol. */
export function formatLeaseTable(leases: readonly ShownLease[]): string {
  const [first] = leases;
  if (first === undefined) return "No leases.";
  const [place, more] = "lease" in first ? ["LEASE", ["DUID"]] : ["ADDRESS", []];
  return formatTable([[place, "MAC", "HOST NAME", "STATE", "ENDS", "NETWORK", ...more], ...leases.map(cellsOf)]);
}

function cellsOf(lease: ShownLease): string[] {
  const { mac = "-", state, end } = lease;
  const cells = [placeOf(lease), mac, cleanName(lease) ?? "-", state, end ?? "never", nameOfServer(lease)];
  return "lease" in lease ? [...cells, lease.duid] : cells;
}

/** What a client calls itself goes to a terminal, into one cell. */
export function cleanName({ hostName }: ShownLease): string | undefined {
  return hostName === undefined ? undefined : printable(hostName).replaceAll(/\s/g, " ");
}
