/** DHCPv4 messages: the fixed header of BOOTP (RFC 951), the magic cookie and the options (RFC 2131 §2). */
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber } from "../../base/address.ts";
import { utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { Malformed } from "../malformed.ts";
import {
  type Dhcp4Options,
  decodeOptions,
  encodeOptions,
  FILE_BYTES,
  optionBytes,
  SERVER_NAME_BYTES,
  writeOptions,
} from "./options.ts";

export const DHCP4_SERVER_PORT = 67;
export const DHCP4_CLIENT_PORT = 68;
export const HARDWARE_ETHERNET = 1;
/** What every client takes in: the message inside an IP datagram of 576 bytes (RFC 2131 §2). */
const DHCP4_DEFAULT_MESSAGE_BYTES = 576 - 28;

/** A BOOTP receiver may expect a vendor area of 64 bytes, so no message is shorter (RFC 1542 §2.1). */
const MINIMUM_MESSAGE_BYTES = 300;
const OPTIONS_OFFSET = 240;
const SERVER_NAME_OFFSET = 44;
const FILE_OFFSET = 108;
const MAGIC_OFFSET = 236;
/** 99.130.83.99 (RFC 2132 §2). */
const MAGIC = 0x6382_5363;
const SLAB_BYTES = 64 * 1024;
/** A BOOTP client that has nothing to say there (RFC 951 §3). */
const NO_MAGIC = 0;
const BROADCAST_FLAG = 0x8000;

export interface Dhcp4Message {
  readonly operation: "request" | "reply";
  /** ARP hardware type; HARDWARE_ETHERNET is 1. */
  readonly hardwareType: number;
  /** `chaddr`, 0 to 16 bytes (`hlen`). */
  readonly hardwareAddress: Uint8Array;
  readonly hops: number;
  /** `xid`, unsigned 32 bits. */
  readonly transactionId: number;
  /** `secs`, 0 to 65535. */
  readonly elapsedSeconds: number;
  /** The client cannot take unicast before it has its address. */
  readonly broadcast: boolean;
  /** `ciaddr` */
  readonly clientAddress: Ipv4Address;
  /** `yiaddr` */
  readonly yourAddress: Ipv4Address;
  /** `siaddr`, the next server of a boot. */
  readonly nextServerAddress: Ipv4Address;
  /** `giaddr` */
  readonly relayAddress: Ipv4Address;
  /** `sname`, at most 63 bytes; "" when unused or filled with options. */
  readonly serverName: string;
  /** `file`, at most 127 bytes; "" when unused or filled with options. */
  readonly bootFile: string;
  readonly options: Dhcp4Options;
}

/** Byte values in the result are views into `bytes` where possible. Where zeros stand for the cookie there are no options. */
export function decodeDhcp4(bytes: Uint8Array): Dhcp4Message | Malformed {
  if (bytes.length < OPTIONS_OFFSET) return new Malformed("DHCP message: shorter than 240 bytes");
  if (bytes[0] !== 1 && bytes[0] !== 2) return new Malformed("DHCP message: neither request nor reply");
  if (bytes[2]! > 16) return new Malformed("DHCP message: hardware address of more than 16 bytes");
  const magic = readU32(bytes, MAGIC_OFFSET);
  if (magic !== MAGIC && magic !== NO_MAGIC) return new Malformed("DHCP message: no magic cookie");
  const serverName = bytes.subarray(SERVER_NAME_OFFSET, SERVER_NAME_OFFSET + SERVER_NAME_BYTES);
  const file = bytes.subarray(FILE_OFFSET, FILE_OFFSET + FILE_BYTES);
  const decoded = decodeOptions(bytes.subarray(magic === MAGIC ? OPTIONS_OFFSET : bytes.length), file, serverName);
  if (decoded instanceof Malformed) return decoded;
  return {
    operation: bytes[0] === 1 ? "request" : "reply",
    hardwareType: bytes[1]!,
    hardwareAddress: bytes.subarray(28, 28 + bytes[2]!),
    hops: bytes[3]!,
    transactionId: readU32(bytes, 4),
    elapsedSeconds: readU16(bytes, 8),
    broadcast: (readU16(bytes, 10) & BROADCAST_FLAG) !== 0,
    clientAddress: addressAt(bytes, 12),
    yourAddress: addressAt(bytes, 16),
    nextServerAddress: addressAt(bytes, 20),
    relayAddress: addressAt(bytes, 24),
    serverName: decoded.serverNameOverloaded ? "" : textUpToNul(serverName),
    bootFile: decoded.fileOverloaded ? "" : textUpToNul(file),
    options: decoded.options,
  };
}

function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

function readU32(bytes: Uint8Array, offset: number): number {
  return ((readU16(bytes, offset) << 16) | readU16(bytes, offset + 2)) >>> 0;
}

function addressAt(bytes: Uint8Array, offset: number): Ipv4Address {
  return ipv4FromNumber(readU32(bytes, offset));
}

function textUpToNul(field: Uint8Array): string {
  if (field[0] === 0) return "";
  const end = field.indexOf(0);
  return utf8Decode(end < 0 ? field : field.subarray(0, end));
}

/**
 * Encode into at most `maximumBytes` (at least 300, without IP and UDP headers). Options that find no room,
 * also not in unused `file` and `sname`, are left out from the end of the order on, and their codes reported.
 * @param headroomBytes free bytes before the message in `bytes`, for the headers of the frame
 * @throws NetloomError bad-packet when a fixed field cannot hold its value
 */
export function encodeDhcp4(
  message: Dhcp4Message,
  maximumBytes = DHCP4_DEFAULT_MESSAGE_BYTES,
  headroomBytes = 0,
): { readonly bytes: Uint8Array; readonly omittedOptions: readonly number[] } {
  if (message.hardwareAddress.length > 16) throw tooLong("hardware address", 16);
  const room = Math.max(maximumBytes, MINIMUM_MESSAGE_BYTES) - OPTIONS_OFFSET;
  const needed = optionBytes(message.options);
  if (needed <= room) {
    const bytes = encodeFields(message, needed, headroomBytes);
    writeOptions(bytes, headroomBytes + OPTIONS_OFFSET, message.options);
    return { bytes, omittedOptions: [] };
  }
  const options = encodeOptions(message.options, room, {
    file: message.bootFile === "",
    serverName: message.serverName === "",
  });
  const bytes = encodeFields(message, options.main.length, headroomBytes);
  if (options.serverName !== undefined) bytes.set(options.serverName, headroomBytes + SERVER_NAME_OFFSET);
  if (options.file !== undefined) bytes.set(options.file, headroomBytes + FILE_OFFSET);
  bytes.set(options.main, headroomBytes + OPTIONS_OFFSET);
  return { bytes, omittedOptions: options.omitted };
}

/** All but the options. */
function encodeFields(message: Dhcp4Message, optionsLength: number, start: number): Uint8Array {
  const bytes = allocate(start + Math.max(MINIMUM_MESSAGE_BYTES, OPTIONS_OFFSET + optionsLength));
  const { hardwareAddress } = message;
  bytes[start] = message.operation === "request" ? 1 : 2;
  bytes[start + 1] = message.hardwareType;
  bytes[start + 2] = hardwareAddress.length;
  bytes[start + 3] = message.hops;
  writeU32(bytes, start + 4, message.transactionId);
  writeU16(bytes, start + 8, message.elapsedSeconds);
  writeU16(bytes, start + 10, message.broadcast ? BROADCAST_FLAG : 0);
  writeU32(bytes, start + 12, ipv4ToNumber(message.clientAddress));
  writeU32(bytes, start + 16, ipv4ToNumber(message.yourAddress));
  writeU32(bytes, start + 20, ipv4ToNumber(message.nextServerAddress));
  writeU32(bytes, start + 24, ipv4ToNumber(message.relayAddress));
  for (let i = 0; i < hardwareAddress.length; i++) bytes[start + 28 + i] = hardwareAddress[i]!;
  writeU32(bytes, start + MAGIC_OFFSET, MAGIC);
  const { serverName, bootFile } = message;
  if (serverName !== "") bytes.set(fieldText("server name", serverName, SERVER_NAME_BYTES), start + SERVER_NAME_OFFSET);
  if (bootFile !== "") bytes.set(fieldText("boot file", bootFile, FILE_BYTES), start + FILE_OFFSET);
  return bytes;
}

let slab = new ArrayBuffer(0);
let slabUsed = 0;

/** Zeros. Messages share pieces of memory: one for each alone would cost more than all that is written into it. */
function allocate(bytes: number): Uint8Array {
  if (slabUsed + bytes > slab.byteLength) {
    slab = new ArrayBuffer(Math.max(SLAB_BYTES, bytes));
    slabUsed = 0;
  }
  const start = slabUsed;
  // Even, so that a checksum can be taken in words.
  slabUsed += (bytes + 1) & ~1;
  return new Uint8Array(slab, start, bytes);
}

function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  writeU16(bytes, offset, value >>> 16);
  writeU16(bytes, offset + 2, value);
}

function fieldText(what: string, value: string, fieldBytes: number): Uint8Array {
  const bytes = utf8Encode(value);
  if (bytes.length >= fieldBytes) throw tooLong(what, fieldBytes - 1);
  return bytes;
}

function tooLong(what: string, limit: number): NetloomError {
  return new NetloomError("bad-packet", `encode DHCP message: ${what} of more than ${limit} bytes`);
}
