/**
 * TFTP packets: RFC 1350, option extension RFC 2347.
 *
 * Each has a 16-bit opcode first. Names, modes and options are texts that end with a zero byte; a byte of them is a
 * character (ISO 8859-1 as a carrier), because the RFCs say netascii and clients send what their file system has.
 */
import { Malformed } from "./malformed.ts";

export const TFTP_PORT = 69;
/** Opcode and block number before a DATA packet's bytes. */
export const TFTP_HEADER_BYTES = 4;

const OPCODE = { read: 1, write: 2, data: 3, acknowledge: 4, error: 5, optionAcknowledge: 6 } as const;

/** Error codes of RFC 1350 §5 and RFC 2347. */
export const TFTP_ERROR = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransfer: 5,
  exists: 6,
  noSuchUser: 7,
  optionRefused: 8,
} as const;

/** RFC 2347: a request with its options has at most 512 bytes. Longer ones of careless clients are still read. */
const REQUEST_BYTES = 1500;
const MOST_OPTIONS = 32;

/** Names in lower case, in the order in which they were sent; a name's first value counts. */
export type TftpOptions = ReadonlyMap<string, string>;

/** A request to read (RRQ) or write (WRQ) a file. */
export interface TftpRequest {
  readonly kind: "read" | "write";
  /** As it was sent, each byte a character. */
  readonly file: string;
  /** In lower case: "octet", "netascii", or what the client made up. */
  readonly mode: string;
  readonly options: TftpOptions;
}

export type TftpPacket =
  | TftpRequest
  | { readonly kind: "data"; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: "acknowledge"; readonly block: number }
  | { readonly kind: "error"; readonly code: number; readonly message: string }
  | { readonly kind: "option-acknowledge"; readonly options: TftpOptions };

/** `data` is a view of the bytes. Further bytes after an acknowledgement or an error's text are ignored, as all do. */
export function decodeTftp(bytes: Uint8Array): TftpPacket | Malformed {
  if (bytes.length < 4) return new Malformed("TFTP: shorter than 4 bytes");
  const opcode = (bytes[0]! << 8) | bytes[1]!;
  const number = (bytes[2]! << 8) | bytes[3]!;
  switch (opcode) {
    case OPCODE.data:
      return { kind: "data", block: number, data: bytes.subarray(TFTP_HEADER_BYTES) };
    case OPCODE.acknowledge:
      return { kind: "acknowledge", block: number };
    case OPCODE.error:
      return { kind: "error", code: number, message: readText(bytes, 4, true)?.text ?? "" };
    case OPCODE.read:
    case OPCODE.write:
      return decodeRequest(opcode === OPCODE.read ? "read" : "write", bytes);
    case OPCODE.optionAcknowledge: {
      const options = decodeOptions(bytes, 2);
      if (options instanceof Malformed) return options;
      return options.size > 0 ? { kind: "option-acknowledge", options } : new Malformed("TFTP options: none");
    }
    default:
      return new Malformed("TFTP: unknown opcode");
  }
}

function decodeRequest(kind: "read" | "write", bytes: Uint8Array): TftpRequest | Malformed {
  if (bytes.length > REQUEST_BYTES) return new Malformed("TFTP request: longer than 1500 bytes");
  const file = readText(bytes, 2, false);
  if (file === undefined) return new Malformed("TFTP request: the file's name has no end");
  if (file.text === "") return new Malformed("TFTP request: no file's name");
  const mode = readText(bytes, file.end, false);
  if (mode === undefined) return new Malformed("TFTP request: the mode has no end");
  const options = decodeOptions(bytes, mode.end);
  if (options instanceof Malformed) return options;
  return { kind, file: file.text, mode: mode.text.toLowerCase(), options };
}

function decodeOptions(bytes: Uint8Array, start: number): TftpOptions | Malformed {
  const options = new Map<string, string>();
  for (let position = start; position < bytes.length; ) {
    // Some clients fill the packet up with zero bytes.
    if (bytes[position] === 0) return options;
    const name = readText(bytes, position, false);
    const value = name === undefined ? undefined : readText(bytes, name.end, false);
    if (name === undefined || value === undefined) return new Malformed("TFTP options: one has no end");
    const key = name.text.toLowerCase();
    if (!options.has(key)) options.set(key, value.text);
    if (options.size > MOST_OPTIONS) return new Malformed("TFTP options: more than 32");
    position = value.end;
  }
  return options;
}

/** @param isLenient an end of the packet ends the text as well */
function readText(
  bytes: Uint8Array,
  start: number,
  isLenient: boolean,
): { readonly text: string; readonly end: number } | undefined {
  const zero = bytes.indexOf(0, start);
  if (zero < 0 && !isLenient) return undefined;
  const end = Math.min(zero < 0 ? bytes.length : zero, start + REQUEST_BYTES);
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return { text, end: end + 1 };
}

/** Texts keep their characters up to U+00FF; others become "?", zero bytes are left out. */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  switch (packet.kind) {
    case "data": {
      const bytes = new Uint8Array(TFTP_HEADER_BYTES + packet.data.length);
      writeHeader(bytes, 0, OPCODE.data, packet.block);
      bytes.set(packet.data, TFTP_HEADER_BYTES);
      return bytes;
    }
    case "acknowledge":
      return writeHeader(new Uint8Array(TFTP_HEADER_BYTES), 0, OPCODE.acknowledge, packet.block);
    case "error":
      return withTexts([packet.message], 4, OPCODE.error, packet.code);
    case "option-acknowledge":
      return withTexts([...packet.options].flat(), 2, OPCODE.optionAcknowledge, 0);
    case "read":
    case "write":
      return withTexts([packet.file, packet.mode, ...[...packet.options].flat()], 2, OPCODE[packet.kind], 0);
  }
}

/** The four bytes before a block's data, for who lays packets out himself. @param block 0 to 65535 */
export function writeDataHeader(bytes: Uint8Array, offset: number, block: number): void {
  writeHeader(bytes, offset, OPCODE.data, block);
}

function writeHeader(bytes: Uint8Array, offset: number, opcode: number, number: number): Uint8Array {
  bytes[offset] = opcode >> 8;
  bytes[offset + 1] = opcode;
  bytes[offset + 2] = number >> 8;
  bytes[offset + 3] = number;
  return bytes;
}

function withTexts(texts: readonly string[], start: number, opcode: number, number: number): Uint8Array {
  const clean = texts.map((text) => text.replaceAll("\0", ""));
  const bytes = new Uint8Array(clean.reduce((sum, text) => sum + text.length + 1, start));
  bytes[0] = opcode >> 8;
  bytes[1] = opcode;
  if (start === 4) {
    bytes[2] = number >> 8;
    bytes[3] = number;
  }
  let position = start;
  for (const text of clean) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      bytes[position++] = code > 0xff ? 0x3f : code;
    }
    position++;
  }
  return bytes;
}
