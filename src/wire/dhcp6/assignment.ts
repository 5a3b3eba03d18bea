/** What a DHCPv6 server assigns, as a client reads it: associations with their leases, durations and status codes. */
import { type Ipv6Address, ipFromBytes } from "../../base/address.ts";
import { utf8Decode } from "../../base/bytes.ts";
import { Malformed } from "../malformed.ts";
import type { AssociationKind } from "./association.ts";
import { decodeDhcp6Options, type Dhcp6Option } from "./message.ts";
import { DHCP6_OPTION, DHCP6_STATUS, type Dhcp6Status, optionsOf } from "./options.ts";

/** RFC 8415 §21.13 */
export interface StatusCode {
  /** Undefined: one that is not known. */
  readonly status: Dhcp6Status | undefined;
  readonly code: number;
  /** For a person; as the server wrote it. */
  readonly message: string;
}

/** An address, of length 128, or a prefix, with host bits as they came. Durations in seconds, 0xffffffff is for ever. */
export interface AssignedLease {
  readonly address: Ipv6Address;
  readonly length: number;
  readonly preferredSeconds: number;
  readonly validSeconds: number;
}

export interface Assignment {
  readonly kind: Exclude<AssociationKind, "temporary">;
  readonly identifier: number;
  /** T1 and T2; 0: left to the client. */
  readonly renewSeconds: number;
  readonly rebindSeconds: number;
  /** Those whose own status is a success. */
  readonly leases: readonly AssignedLease[];
  readonly status: StatusCode;
}

const SUCCESS: StatusCode = { status: "success", code: 0, message: "" };
const STATUS_NAMES: ReadonlyMap<number, Dhcp6Status> = new Map(
  Object.entries(DHCP6_STATUS).map(([name, code]) => [code, name as Dhcp6Status]),
);
const HEAD_BYTES = 12;
const ADDRESS_BYTES = 24;
const PREFIX_BYTES = 25;

/** The status of a message or of what is inside an option; without one it is a success. */
export function statusOf(options: readonly Dhcp6Option[]): StatusCode | Malformed {
  const [data] = optionsOf(options, DHCP6_OPTION.status);
  if (data === undefined) return SUCCESS;
  if (data.length < 2) return new Malformed("DHCPv6 option STATUS_CODE: shorter than 2 bytes");
  const code = (data[0]! << 8) | data[1]!;
  return { status: STATUS_NAMES.get(code), code, message: utf8Decode(data.subarray(2)) };
}

/** IA_NA and IA_PD of a server's message, in its order. */
export function decodeAssignments(options: readonly Dhcp6Option[]): readonly Assignment[] | Malformed {
  const found: Assignment[] = [];
  for (const { code, data } of options) {
    if (code !== DHCP6_OPTION.nonTemporaryAddresses && code !== DHCP6_OPTION.prefixDelegation) continue;
    const assignment = decodeAssignment(code === DHCP6_OPTION.prefixDelegation ? "prefix" : "address", data);
    if (assignment instanceof Malformed) return assignment;
    found.push(assignment);
  }
  return found;
}

function decodeAssignment(kind: Assignment["kind"], data: Uint8Array): Assignment | Malformed {
  if (data.length < HEAD_BYTES) return new Malformed(`DHCPv6 identity association: shorter than ${HEAD_BYTES} bytes`);
  const options = decodeDhcp6Options(data.subarray(HEAD_BYTES));
  if (options instanceof Malformed) return options;
  const status = statusOf(options);
  if (status instanceof Malformed) return status;
  const leases: AssignedLease[] = [];
  for (const option of options) {
    if (option.code !== (kind === "prefix" ? DHCP6_OPTION.prefix : DHCP6_OPTION.address)) continue;
    const lease = kind === "prefix" ? decodePrefix(option.data) : decodeAddress(option.data);
    if (lease instanceof Malformed) return lease;
    if (lease !== undefined) leases.push(lease);
  }
  const view = new DataView(data.buffer, data.byteOffset);
  return {
    kind,
    identifier: view.getUint32(0),
    renewSeconds: view.getUint32(4),
    rebindSeconds: view.getUint32(8),
    leases,
    status,
  };
}

function decodeAddress(data: Uint8Array): AssignedLease | Malformed | undefined {
  if (data.length < ADDRESS_BYTES) return new Malformed("DHCPv6 option IAADDR: shorter than 24 bytes");
  const fault = insideFault(data.subarray(ADDRESS_BYTES));
  if (fault !== "none") return fault;
  const view = new DataView(data.buffer, data.byteOffset);
  return {
    address: ipFromBytes(data.subarray(0, 16)) as Ipv6Address,
    length: 128,
    preferredSeconds: view.getUint32(16),
    validSeconds: view.getUint32(20),
  };
}

function decodePrefix(data: Uint8Array): AssignedLease | Malformed | undefined {
  if (data.length < PREFIX_BYTES) return new Malformed("DHCPv6 option IAPREFIX: shorter than 25 bytes");
  const length = data[8]!;
  if (length > 128) return new Malformed("DHCPv6 option IAPREFIX: longer than 128 bits");
  const fault = insideFault(data.subarray(PREFIX_BYTES));
  if (fault !== "none") return fault;
  const view = new DataView(data.buffer, data.byteOffset);
  return {
    address: ipFromBytes(data.subarray(9, PREFIX_BYTES)) as Ipv6Address,
    length,
    preferredSeconds: view.getUint32(0),
    validSeconds: view.getUint32(4),
  };
}

/** Undefined: this one lease was refused (RFC 8415 §21.13). */
function insideFault(inside: Uint8Array): "none" | Malformed | undefined {
  const options = decodeDhcp6Options(inside);
  if (options instanceof Malformed) return options;
  const status = statusOf(options);
  if (status instanceof Malformed) return status;
  return status.status === "success" ? "none" : undefined;
}
