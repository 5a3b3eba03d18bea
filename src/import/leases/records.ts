/** Leases of other DHCP servers in the form in which ours keeps them. */
import { type Ipv4Address, macToBytes, parseIpv4, parseMac } from "../../base/address.ts";
import { fromHex } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { type Lease, type LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import { brief, type Origin, type Problems } from "../problem.ts";

const BY_HARDWARE = "\u0000";
const BY_IDENTIFIER = "\u0001";
const ETHERNET = 1;
/** Of field chaddr (RFC 2131 §2). */
const MOST_HARDWARE_BYTES = 16;
const MOST_IDENTIFIER_BYTES = 255;
const MOST_NAME_CHARACTERS = 255;

/** What files tell of a lease; all else follows from it. */
export interface LeaseRecord {
  readonly address: string;
  readonly state: LeaseState;
  /** "52:54:00:12:34:56"; "" when it is not known. */
  readonly mac: string;
  /** Default Ethernet. */
  readonly hardwareType?: number;
  /** Bytes of option 61. */
  readonly identifier?: Uint8Array;
  readonly hostName: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Undefined, and told why, for one that cannot be kept. */
export function leaseOf(record: LeaseRecord, origin: Origin, problems: Problems): Lease | undefined {
  return orTell(() => makeLease(record), origin, problems);
}

export function orTell<Made>(make: () => Made, origin: Origin, problems: Problems): Made | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    problems.tell(origin, error.message, "nothing is to be done: the client asks for an address when it comes again");
    return undefined;
  }
}

function makeLease(record: LeaseRecord): Lease {
  const { state, mac, hardwareType = ETHERNET, identifier, startSeconds, endSeconds } = record;
  const address: Ipv4Address = parseIpv4(record.address);
  const bytes = mac === "" ? [] : hardwareType === ETHERNET ? macToBytes(parseMac(mac)) : fromHex(mac);
  if (bytes.length > MOST_HARDWARE_BYTES) throw badLease("the client's hardware address is too long");
  const hardware = mac === "" ? "" : String.fromCharCode(hardwareType, ...bytes);
  // A server that takes no shorter ones knows such a client by its address (RFC 2132 §9.14).
  const hasIdentifier = identifier !== undefined && identifier.length >= 2;
  if (hasIdentifier && identifier.length > MOST_IDENTIFIER_BYTES) throw badLease("the client's identifier is too long");
  const client = hasIdentifier ? BY_IDENTIFIER + String.fromCharCode(...identifier) : BY_HARDWARE + hardware;
  if (state !== "declined" && !hasIdentifier && mac === "") throw badLease("nothing tells whose lease it is");
  return {
    address,
    state,
    client: state === "declined" ? "" : client,
    hardware,
    hostName: cleanHostName(record.hostName),
    startSeconds,
    endSeconds,
  };
}

export function badLease(reason: string): NetloomError {
  return new NetloomError("bad-lease", reason);
}

/** What a client calls itself, without a dot at its end. */
export function cleanHostName(name: string): string {
  return name
    .replaceAll(/\p{Cc}/gu, "")
    .replace(/\.$/, "")
    .slice(0, MOST_NAME_CHARACTERS);
}

/** "01:52:54:…" or "015254…"; undefined: it is something else. */
export function identifierBytes(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(":", "");
  return digits.length > 0 && digits.length % 2 === 0 && /^[0-9a-f]+$/i.test(digits) ? fromHex(digits) : undefined;
}

/** The last lease of each address counts. */
export class LeaseTable<Kept extends { readonly address: string }> {
  readonly #byAddress = new Map<string, Kept>();

  get(address: string): Kept | undefined {
    return this.#byAddress.get(address);
  }

  set(lease: Kept): void {
    // The order is that in which they were last written.
    this.#byAddress.delete(lease.address);
    this.#byAddress.set(lease.address, lease);
  }

  delete(address: string): void {
    this.#byAddress.delete(address);
  }

  all(): Kept[] {
    return [...this.#byAddress.values()];
  }
}

export function lineOrigin(line: number, text: string): Origin {
  return { line, text: brief(text) };
}
