/** Identity associations: what a client has or wants, and what it is given (RFC 8415 §21.4 to §21.6, §21.21, §21.22). */
import { type Ipv6Address, ipFromBytes, ipToBytes } from "../../base/address.ts";
import { concatBytes } from "../../base/bytes.ts";
import { Malformed } from "../malformed.ts";
import { decodeDhcp6Options, type Dhcp6Option, encodeDhcp6Options } from "./message.ts";
import { DHCP6_OPTION } from "./options.ts";

/** IA_NA, IA_TA, IA_PD. */
export type AssociationKind = "address" | "temporary" | "prefix";

/** An address, or a prefix; of an address the length is 128. */
export interface NamedLease {
  readonly address: Ipv6Address;
  readonly length: number;
}

export interface IdentityAssociation {
  readonly kind: AssociationKind;
  /** Told back as it came. */
  readonly identifier: number;
  /** What the client has or wishes for. A prefix of "::" wishes for its length only. */
  readonly named: readonly NamedLease[];
}

/** Seconds; 0xffffffff is forever. */
interface AssociationTimes {
  readonly renewSeconds: number;
  readonly rebindSeconds: number;
}

/** What a client must not use, and when to come again about what is not there: its own choice. */
export const NO_TIMES: AssociationTimes = { renewSeconds: 0, rebindSeconds: 0 };

interface Form {
  readonly kind: AssociationKind;
  readonly headBytes: number;
}

const FORMS: ReadonlyMap<number, Form> = new Map([
  [DHCP6_OPTION.nonTemporaryAddresses, { kind: "address", headBytes: 12 }],
  [DHCP6_OPTION.temporaryAddresses, { kind: "temporary", headBytes: 4 }],
  [DHCP6_OPTION.prefixDelegation, { kind: "prefix", headBytes: 12 }],
]);
const CODES: Readonly<Record<AssociationKind, number>> = {
  address: DHCP6_OPTION.nonTemporaryAddresses,
  temporary: DHCP6_OPTION.temporaryAddresses,
  prefix: DHCP6_OPTION.prefixDelegation,
};
const ADDRESS_BYTES = 24;
const PREFIX_BYTES = 25;

/** All associations of a message, in its order. */
export function decodeAssociations(options: readonly Dhcp6Option[]): readonly IdentityAssociation[] | Malformed {
  const found: IdentityAssociation[] = [];
  for (const { code, data } of options) {
    const form = FORMS.get(code);
    if (form === undefined) continue;
    const association = decodeAssociation(form, data);
    if (association instanceof Malformed) return association;
    found.push(association);
  }
  return found;
}

function decodeAssociation({ kind, headBytes }: Form, data: Uint8Array): IdentityAssociation | Malformed {
  if (data.length < headBytes) return new Malformed(`DHCPv6 identity association: shorter than ${headBytes} bytes`);
  const options = decodeDhcp6Options(data.subarray(headBytes));
  if (options instanceof Malformed) return options;
  const named: NamedLease[] = [];
  for (const option of options) {
    if (option.code !== (kind === "prefix" ? DHCP6_OPTION.prefix : DHCP6_OPTION.address)) continue;
    const lease = kind === "prefix" ? decodePrefix(option.data) : decodeAddress(option.data);
    if (lease instanceof Malformed) return lease;
    named.push(lease);
  }
  return { kind, identifier: new DataView(data.buffer, data.byteOffset).getUint32(0), named };
}

function decodeAddress(data: Uint8Array): NamedLease | Malformed {
  if (data.length < ADDRESS_BYTES) return new Malformed("DHCPv6 option IAADDR: shorter than 24 bytes");
  return { address: ipFromBytes(data.subarray(0, 16)) as Ipv6Address, length: 128 };
}

function decodePrefix(data: Uint8Array): NamedLease | Malformed {
  if (data.length < PREFIX_BYTES) return new Malformed("DHCPv6 option IAPREFIX: shorter than 25 bytes");
  const length = data[8]!;
  if (length > 128) return new Malformed("DHCPv6 option IAPREFIX: longer than 128 bits");
  return { address: ipFromBytes(data.subarray(9, PREFIX_BYTES)) as Ipv6Address, length };
}

/** @param times an IA_TA has none */
export function encodeAssociation(
  { kind, identifier }: Pick<IdentityAssociation, "kind" | "identifier">,
  { renewSeconds, rebindSeconds }: AssociationTimes,
  inside: readonly Dhcp6Option[],
): Dhcp6Option {
  const head = new DataView(new ArrayBuffer(kind === "temporary" ? 4 : 12));
  head.setUint32(0, identifier);
  if (kind !== "temporary") {
    head.setUint32(4, renewSeconds);
    head.setUint32(8, rebindSeconds);
  }
  return { code: CODES[kind], data: concatBytes([new Uint8Array(head.buffer), encodeDhcp6Options(inside)]) };
}

/** IAADDR; durations in seconds, 0xffffffff is forever. */
export function encodeAddress(address: Ipv6Address, preferredSeconds: number, validSeconds: number): Dhcp6Option {
  const view = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  const data = new Uint8Array(view.buffer);
  data.set(ipToBytes(address), 0);
  view.setUint32(16, preferredSeconds);
  view.setUint32(20, validSeconds);
  return { code: DHCP6_OPTION.address, data };
}

/** IAPREFIX */
export function encodePrefix(
  { address, length }: NamedLease,
  preferredSeconds: number,
  validSeconds: number,
): Dhcp6Option {
  const view = new DataView(new ArrayBuffer(PREFIX_BYTES));
  const data = new Uint8Array(view.buffer);
  view.setUint32(0, preferredSeconds);
  view.setUint32(4, validSeconds);
  data[8] = length;
  data.set(ipToBytes(address), 9);
  return { code: DHCP6_OPTION.prefix, data };
}
