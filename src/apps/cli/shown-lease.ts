/** A lease as it is shown: in a table, as data, as one line. */
import { formatTime, type Server } from "../../import/leases/portable.ts";
import { formatHardware, formatIdentifier, type Lease } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import { printable } from "../../services/vm/printable.ts";
import { nameOfServer } from "./lease-files.ts";
import { formatTable } from "./output.ts";

export interface ShownLease extends Server {
  readonly address: string;
  readonly state: "leased" | "ended" | "released" | "declined";
  readonly mac: string;
  readonly clientId?: string;
  readonly hostName?: string;
  readonly start: string;
  /** Absent: never. */
  readonly end?: string;
}

export function showLease(server: Server, lease: Lease, nowSeconds: number): ShownLease {
  const { address, state, hostName, startSeconds, endSeconds } = lease;
  const clientId = formatIdentifier(lease);
  return {
    ...server,
    address,
    state: state === "leased" && endSeconds <= nowSeconds ? "ended" : state,
    mac: formatHardware(lease),
    ...(clientId === undefined ? {} : { clientId }),
    ...(hostName === "" ? {} : { hostName }),
    start: formatTime(startSeconds),
    ...(endSeconds === FOREVER_SECONDS ? {} : { end: formatTime(endSeconds) }),
  };
}

export function formatLeaseTable(leases: readonly ShownLease[]): string {
  if (leases.length === 0) return "No leases.";
  return formatTable([["ADDRESS", "MAC", "HOST NAME", "STATE", "ENDS", "NETWORK"], ...leases.map(cellsOf)]);
}

function cellsOf(lease: ShownLease): string[] {
  const { address, mac, state, end } = lease;
  return [address, mac, cleanName(lease) ?? "-", state, end ?? "never", nameOfServer(lease)];
}

/** What a client calls itself goes to a terminal, into one cell. */
export function cleanName({ hostName }: ShownLease): string | undefined {
  return hostName === undefined ? undefined : printable(hostName).replaceAll(/\s/g, " ");
}
