/** What a DHCPv6 server has to know of a client again after a restart. */
import type { Ipv6Address } from "../../../base/address.ts";
import type { AssociationKind, IdentityAssociation } from "../../../wire/dhcp6/association.ts";

/**
 * Whose a lease is, one character for each byte, so that it can be a key: the kind of association, its identifier, and
 * the client's DUID (RFC 8415 §12). Each association of a client has one lease.
 */
export type ClientKey6 = string;

export type Lease6State = "leased" | "released" | "declined";

export interface Lease6 {
  readonly kind: AssociationKind;
  /** Of a delegated prefix its first. */
  readonly address: Ipv6Address;
  /** Bits of a delegated prefix; 128 for an address. */
  readonly length: number;
  /** `declined`: somebody else uses the address, nobody gets it before `endSeconds`. */
  readonly state: Lease6State;
  /** Empty for a declined address. */
  readonly client: ClientKey6;
  /** The client's MAC address as of its last REPLY; "" when nothing tells it. */
  readonly mac: string;
  /** What the client calls itself; "" when it does not say. */
  readonly hostName: string;
  /** Seconds since 1970: of the first REPLY in a row, and when it ends; FOREVER_SECONDS never does. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

const KINDS: readonly AssociationKind[] = ["address", "temporary", "prefix"];
const HEAD_CHARACTERS = 5;

export function clientKeyOf({ kind, identifier }: IdentityAssociation, duid: string): ClientKey6 {
  const bytes = [identifier >>> 24, (identifier >>> 16) & 255, (identifier >>> 8) & 255, identifier & 255];
  return String.fromCharCode(KINDS.indexOf(kind), ...bytes) + duid;
}

/** Of the association (IAID); of nobody's 0. */
export function identifierOf(client: ClientKey6): number {
  let identifier = 0;
  for (let i = 1; i < HEAD_CHARACTERS; i++) identifier = identifier * 256 + (client.charCodeAt(i) || 0);
  return identifier;
}

/** One character for each byte. */
export function duidOf(client: ClientKey6): string {
  return client.slice(HEAD_CHARACTERS);
}

/** "2001:db8::5", "2001:db8:100::/56". */
export function formatLease6({ address, length }: Pick<Lease6, "address" | "length">): string {
  return length === 128 ? address : `${address}/${length}`;
}

/** "00:03:00:01:52:54:…"; "" for a declined address, which is nobody's. */
export function formatDuid({ client }: Lease6): string {
  const bytes = Array.from(duidOf(client), (character) => character.charCodeAt(0));
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
