/** Leases of other DHCPv6 servers in the form in which ours keeps them. */
import { type MacAddress, parseIpv6, parseMac } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { clientKeyOf, type Lease6, type Lease6State } from "../../protocol/dhcp6/server/lease.ts";
import type { AssociationKind } from "../../wire/dhcp6/association.ts";
import { duidMac, isDuid } from "../../wire/dhcp6/options.ts";
import { badLease, cleanHostName, orTell } from "../leases/records.ts";
import type { Origin, Problems } from "../problem.ts";

const ADDRESS_BITS = 128;
const LARGEST_IDENTIFIER = 0xffff_ffff;

/** What files tell of a lease; all else follows from it. */
export interface Lease6Record {
  readonly kind: AssociationKind;
  readonly address: string;
  /** Bits of a delegated prefix; 128 for an address. */
  readonly length: number;
  readonly state: Lease6State;
  /** Absent: nobody's. */
  readonly duid?: Uint8Array;
  /** Of the client's association (IAID). */
  readonly identifier: number;
  /** "" when it is not known. */
  readonly mac: string;
  readonly hostName: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Undefined, and told why, for one that cannot be kept. */
export function lease6Of(record: Lease6Record, origin: Origin, problems: Problems): Lease6 | undefined {
  return orTell(() => makeLease(record), origin, problems);
}

function makeLease(record: Lease6Record): Lease6 {
  const { kind, length, state, duid, identifier, startSeconds, endSeconds } = record;
  const address = parseIpv6(record.address);
  const isLength = kind === "prefix" ? length >= 1 && length <= ADDRESS_BITS : length === ADDRESS_BITS;
  if (!Number.isInteger(length) || !isLength) throw badLease(`${length} is no length of a prefix`);
  if (!Number.isInteger(identifier) || identifier < 0 || identifier > LARGEST_IDENTIFIER)
    throw badLease(`${identifier} is no identifier of an association`);
  const isNobodys = state === "declined" || duid === undefined;
  if (!isNobodys && !isDuid(duid)) throw badLease("the client's DUID is not 3 to 130 bytes");
  return {
    kind,
    address,
    length,
    state,
    client: isNobodys ? "" : clientKeyOf({ kind, identifier, named: [] }, String.fromCharCode(...duid)),
    mac: isNobodys ? "" : (readMac(record.mac) ?? duidMac(duid) ?? ""),
    hostName: isNobodys ? "" : cleanHostName(record.hostName),
    startSeconds,
    endSeconds,
  };
}

/** Undefined for the hardware address of another kind of link: it only helps to know the client. */
function readMac(text: string): MacAddress | undefined {
  try {
    return text === "" ? undefined : parseMac(text);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}
