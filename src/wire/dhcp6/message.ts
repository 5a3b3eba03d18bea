/**
 * DHCPv6 messages between client and server (RFC 8415 §8), as bytes and as lists of options. What an option holds is
 * the business of options.ts.
 */
import { Malformed } from "../malformed.ts";

export const DHCP6_CLIENT_PORT = 546;
export const DHCP6_SERVER_PORT = 547;

/** RFC 8415 §7.3 */
const DHCP6_MESSAGE = {
  SOLICIT: 1,
  ADVERTISE: 2,
  REQUEST: 3,
  CONFIRM: 4,
  RENEW: 5,
  REBIND: 6,
  REPLY: 7,
  RELEASE: 8,
  DECLINE: 9,
  RECONFIGURE: 10,
  "INFORMATION-REQUEST": 11,
} as const;
export type Dhcp6MessageType = keyof typeof DHCP6_MESSAGE;

const NAMES: ReadonlyMap<number, Dhcp6MessageType> = new Map(
  Object.entries(DHCP6_MESSAGE).map(([name, number]) => [number, name as Dhcp6MessageType]),
);
const HEADER_BYTES = 4;
const OPTION_HEADER_BYTES = 4;
/** Far more than any client sends: what a hostile one makes us look at. */
const MOST_OPTIONS = 128;

export interface Dhcp6Option {
  /** IANA option code, 0 to 65535. */
  readonly code: number;
  readonly data: Uint8Array;
}

export interface Dhcp6Message {
  readonly type: Dhcp6MessageType;
  /** 24 bits. */
  readonly transactionId: number;
  /** In the order of the message; an option may be there several times. */
  readonly options: readonly Dhcp6Option[];
}

/** The options' data are views into `bytes`. Relay messages are refused. */
export function decodeDhcp6(bytes: Uint8Array): Dhcp6Message | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("DHCPv6 message: shorter than 4 bytes");
  const type = NAMES.get(bytes[0]!);
  if (type === undefined) return new Malformed("DHCPv6 message: of a type that no client sends");
  const options = decodeDhcp6Options(bytes.subarray(HEADER_BYTES));
  if (options instanceof Malformed) return options;
  return { type, transactionId: (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!, options };
}

/** Also of the options inside an option (RFC 8415 §21.1). */
export function decodeDhcp6Options(bytes: Uint8Array): readonly Dhcp6Option[] | Malformed {
  const options: Dhcp6Option[] = [];
  for (let i = 0; i < bytes.length; ) {
    if (i + OPTION_HEADER_BYTES > bytes.length) return new Malformed("DHCPv6 option: header runs over the end");
    const code = (bytes[i]! << 8) | bytes[i + 1]!;
    const end = i + OPTION_HEADER_BYTES + ((bytes[i + 2]! << 8) | bytes[i + 3]!);
    if (end > bytes.length) return new Malformed("DHCPv6 option: runs over the end");
    if (options.length === MOST_OPTIONS) return new Malformed("DHCPv6 message: too many options");
    options.push({ code, data: bytes.subarray(i + OPTION_HEADER_BYTES, end) });
    i = end;
  }
  return options;
}

export function encodeDhcp6({ type, transactionId, options }: Dhcp6Message): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + lengthOf(options));
  bytes[0] = DHCP6_MESSAGE[type];
  bytes[1] = transactionId >>> 16;
  bytes[2] = transactionId >>> 8;
  bytes[3] = transactionId;
  writeOptions(bytes, HEADER_BYTES, options);
  return bytes;
}

export function encodeDhcp6Options(options: readonly Dhcp6Option[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(options));
  writeOptions(bytes, 0, options);
  return bytes;
}

function lengthOf(options: readonly Dhcp6Option[]): number {
  return options.reduce((sum, { data }) => sum + OPTION_HEADER_BYTES + data.length, 0);
}

function writeOptions(bytes: Uint8Array, start: number, options: readonly Dhcp6Option[]): void {
  let offset = start;
  for (const { code, data } of options) {
    bytes[offset] = code >>> 8;
    bytes[offset + 1] = code;
    bytes[offset + 2] = data.length >>> 8;
    bytes[offset + 3] = data.length;
    bytes.set(data, offset + OPTION_HEADER_BYTES);
    offset += OPTION_HEADER_BYTES + data.length;
  }
}
