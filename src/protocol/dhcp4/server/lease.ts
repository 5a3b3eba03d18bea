/** What a DHCPv4 server has to know of a client again after a restart. */
import type { Ipv4Address } from "../../../base/address.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";

/** Whose a lease is: one character for each byte, so that it can be a key. {@link clientKeyOf} says what it holds. */
export type ClientKey = string;

export type LeaseState = "leased" | "released" | "declined";

export interface Lease {
  readonly address: Ipv4Address;
  /** `declined`: somebody else uses the address, nobody gets it before `endSeconds`. */
  readonly state: LeaseState;
  /** Empty for a declined address. */
  readonly client: ClientKey;
  /** The client's hardware type and address as of its last ACK, one character for each byte. */
  readonly hardware: string;
  /** What the client calls itself; "" when it does not say. */
  readonly hostName: string;
  /** Seconds since 1970: of the first ACK in a row, and when it ends; FOREVER_SECONDS never does. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

const BY_IDENTIFIER = 1;
const BY_HARDWARE = 0;
const MAC_BYTES = 6;
/** The value of one option 61 that is not split. */
const IDENTIFIER_LIMIT_BYTES = 255;

/**
 * The client identifier where there is one, else hardware type and address (RFC 2131 §4.2, RFC 4361 §6.1: the
 * identifier is compared as it is, and the hardware address does not count beside it). Undefined for a client that has
 * neither, or an identifier that no one option holds.
 */
export function clientKeyOf(message: Dhcp4Message): ClientKey | undefined {
  const identifier = message.options.get(DHCP4_OPTION.clientIdentifier.code);
  // RFC 2132 §9.14: at least two bytes. Some send one or none; then the hardware address must do.
  if (identifier !== undefined && identifier.length >= 2)
    return identifier.length > IDENTIFIER_LIMIT_BYTES ? undefined : identifierKeyOf(identifier);
  return message.hardwareAddress.length === 0 ? undefined : hardwareKeyOf(message);
}

export function identifierKeyOf(identifier: Uint8Array): ClientKey {
  return charactersOf(BY_IDENTIFIER, identifier);
}

type Hardware = Pick<Dhcp4Message, "hardwareType" | "hardwareAddress">;

export function hardwareKeyOf({ hardwareType, hardwareAddress }: Hardware): ClientKey {
  return String.fromCharCode(BY_HARDWARE) + charactersOf(hardwareType, hardwareAddress);
}

export function hardwareOf({ hardwareType, hardwareAddress }: Hardware): string {
  return charactersOf(hardwareType, hardwareAddress);
}

function charactersOf(first: number, bytes: Uint8Array): string {
  if (bytes.length !== MAC_BYTES) return String.fromCharCode(first, ...bytes);
  // Nearly every client's, which spreading would make five times as dear.
  return String.fromCharCode(first, bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!, bytes[4]!, bytes[5]!);
}

/** The client identifier as "01:52:54:…"; undefined for a client that has none. */
export function formatIdentifier({ client }: Lease): string | undefined {
  return client.charCodeAt(0) === BY_IDENTIFIER ? formatBytes(client.slice(1)) : undefined;
}

/** "52:54:00:12:34:56"; "" when the client told none. */
export function formatHardware({ hardware }: Lease): string {
  return formatBytes(hardware.slice(1));
}

function formatBytes(bytes: string): string {
  return Array.from(bytes, (character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join(":");
}
