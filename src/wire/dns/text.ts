/** Records as text: the form of zone files (RFC 1035 §5), of the network file and of what `dig` shows. */
import { familyOf, ipFromBytes, ipToBytes, parseIp } from "../../base/address.ts";
import { concatBytes, fromHex, toHex } from "../../base/bytes.ts";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { decodeDomainName, encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { fromBase32Hex, fromBase64, toBase32Hex, toBase64 } from "./base.ts";
import { escapeBytes, unescapeBytes } from "./escape.ts";
import { type DataField, type FieldRange, fieldsOf, splitFields } from "./fields.ts";
import { type Word, readEntries } from "./master.ts";
import type { DnsRecord } from "./message.ts";
import { formatServiceParameters, parseServiceParameters } from "./service-parameters.ts";
import { formatDnsClass, formatDnsType, parseDnsType } from "./types.ts";

/** Two bytes tell how long it is. */
const LONGEST_DATA_BYTES = 0xffff;

/** "www.example.org. 300 IN A 192.0.2.1" */
export function formatRecord(record: DnsRecord): string {
  const { name, ttlSeconds, type, data } = record;
  return `${formatName(name)} ${ttlSeconds} ${formatDnsClass(record.class)} ${formatDnsType(type)} ${formatRecordData(type, data)}`;
}

/** With its final dot; what zone files give a meaning is escaped. */
export function formatName(name: string): string {
  return `${name.replace(/["();@$]/g, "\\$&")}.`;
}

/** Data that is not what its type calls for, and that of other types, as \# LENGTH HEX (RFC 3597 §5). */
export function formatRecordData(type: number, data: Uint8Array): string {
  const fields = splitFields(fieldsOf(type) ?? [], data, 0, data.length);
  const words = fields instanceof Malformed ? [undefined] : fields.map((field) => formatField(field, data));
  if (words.length === 0 || words.includes(undefined))
    return data.length === 0 ? "\\# 0" : `\\# ${data.length} ${toHex(data)}`;
  return words.filter((word) => word !== "").join(" ");
}

/** Undefined: the bytes are no such thing. */
function formatField({ kind, start, end, name }: FieldRange, data: Uint8Array): string | undefined {
  const bytes = data.subarray(start, end);
  switch (kind) {
    case "name":
      // Pointers have no place in data that stands by itself.
      return name === undefined || encodeDomainName(name).length < bytes.length ? undefined : formatName(name);
    case "u8":
    case "u16":
    case "u32":
      return String(numberOf(bytes));
    case "type":
      return formatDnsType(numberOf(bytes));
    case "time":
      return formatTime(numberOf(bytes));
    case "ipv4":
    case "ipv6":
      return ipFromBytes(bytes);
    case "string":
      return quote(bytes.subarray(1));
    case "tag": {
      const tag = bytes.subarray(1);
      return tag.length > 0 && tag.every(isAlphanumeric) ? String.fromCharCode(...tag) : undefined;
    }
    case "salt":
      return bytes.length === 1 ? "-" : toHex(bytes.subarray(1));
    case "hash":
      return bytes.length === 1 ? undefined : toBase32Hex(bytes.subarray(1));
    case "strings":
      return splitStrings(bytes)?.map(quote).join(" ");
    case "hex":
      return bytes.length === 0 ? undefined : toHex(bytes);
    case "base64":
      return bytes.length === 0 ? undefined : toBase64(bytes);
    case "text":
      return quote(bytes);
    case "types":
      return readTypeBitmaps(bytes)?.map(formatDnsType).join(" ");
    case "parameters":
      return formatServiceParameters(bytes)?.join(" ");
  }
}

const numberOf = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0);
const quote = (bytes: Uint8Array): string => `"${escapeBytes(bytes, '"')}"`;
const isAlphanumeric = (byte: number): boolean => /[a-zA-Z0-9]/.test(String.fromCharCode(byte));

/** The strings of TXT data; undefined when it holds none or is cut off. */
function splitStrings(data: Uint8Array): Uint8Array[] | undefined {
  const strings: Uint8Array[] = [];
  for (let position = 0; position < data.length; ) {
    const end = position + 1 + data[position]!;
    if (end > data.length) return undefined;
    strings.push(data.subarray(position + 1, end));
    position = end;
  }
  return strings.length === 0 ? undefined : strings;
}

/** RFC 4034 §4.1.2; undefined when a block is cut off or out of order. */
function readTypeBitmaps(bytes: Uint8Array): number[] | undefined {
  const types: number[] = [];
  let before = -1;
  for (let position = 0; position < bytes.length; ) {
    const block = bytes[position]!;
    const length = bytes[position + 1] ?? 0;
    const end = position + 2 + length;
    if (block <= before || length === 0 || length > 32 || end > bytes.length) return undefined;
    before = block;
    for (let i = 0; i < 8 * length; i++)
      if ((bytes[position + 2 + (i >>> 3)]! & (0x80 >>> (i & 7))) !== 0) types.push(block * 256 + i);
    position = end;
  }
  return types;
}

function typeBitmaps(types: readonly number[]): Uint8Array {
  const blocks = [...new Set(types.map((type) => type >>> 8))].sort((a, b) => a - b);
  return concatBytes(
    blocks.map((block) => {
      const own = types.filter((type) => type >>> 8 === block).map((type) => type & 255);
      const bitmap = new Uint8Array((Math.max(...own) >>> 3) + 1);
      for (const type of own) bitmap[type >>> 3]! |= 0x80 >>> (type & 7);
      return Uint8Array.of(block, bitmap.length, ...bitmap);
    }),
  );
}

/** YYYYMMDDHHmmSS (RFC 4034 §3.2), years 1970 to 2106. */
function formatTime(seconds: number): string {
  return new Date(1000 * seconds).toISOString().replace(/\D/g, "").slice(0, 14);
}

function parseTime(text: string): number {
  if (!/^\d{14}$/.test(text)) return wholeNumber(text, 0xffffffff);
  const iso = text.replace(/^(....)(..)(..)(..)(..)(..)$/, "$1-$2-$3T$4:$5:$6Z");
  const seconds = Date.parse(iso) / 1000;
  if (!(seconds >= 0 && seconds <= 0xffffffff)) throw wrong(text, "a time as YYYYMMDDHHmmSS");
  return seconds;
}

/**
 * The data of a record from its text: "10 mail" of MX; \# LENGTH HEX for any type.
 * @param text one entry of a zone file behind the type, or the words of one
 * @param origin is put behind names without a final dot, and stands for @
 * @throws NetloomError bad-record
 */
export function parseRecordData(type: number, text: string | readonly Word[], origin: string): Uint8Array {
  const words = typeof text === "string" ? wordsOf(text) : text;
  try {
    const data = parseWords(type, words, origin);
    if (data.length > LONGEST_DATA_BYTES) throw new NetloomError("bad-record", "longer than 65535 bytes");
    return data;
  } catch (error) {
    throw new NetloomError("bad-record", `${formatDnsType(type)} record: ${messageOf(error)}`, { cause: error });
  }
}

function wordsOf(text: string): readonly Word[] {
  const entries = [...readEntries(text)];
  if (entries.length > 1) throw new NetloomError("bad-record", "record: more than one line");
  return entries[0]?.words ?? [];
}

function parseWords(type: number, words: readonly Word[], origin: string): Uint8Array {
  if (words[0]?.text === "\\#" && !words[0].quoted) return parseGeneric(type, words.slice(1));
  const fields = fieldsOf(type);
  if (fields === undefined)
    throw new NetloomError("bad-record", "its data is not known here; write \\# LENGTH HEXADECIMAL");
  let next = 0;
  const parts = fields.map((kind): Uint8Array => {
    if (REST.has(kind)) return parseRest(kind, words.slice(next, (next = words.length)));
    const word = words[next++];
    if (word === undefined) throw new NetloomError("bad-record", `its data ends too early: ${shapeOf(fields)}`);
    return parseField(kind, word.text, origin);
  });
  const more = words[next];
  if (more !== undefined) throw wrong(more.text, `too much: ${shapeOf(fields)}`);
  return concatBytes(parts);
}

function parseGeneric(type: number, words: readonly Word[]): Uint8Array {
  const length = wholeNumber(words[0]?.text ?? "", 0xffff);
  const data = fromHex(
    words
      .slice(1)
      .map(({ text }) => text)
      .join(""),
  );
  if (data.length !== length) throw new NetloomError("bad-record", `\\# ${length}: ${data.length} bytes follow`);
  if (fieldsOf(type) !== undefined && splitFields(fieldsOf(type) ?? [], data, 0, length) instanceof Malformed)
    throw new NetloomError("bad-record", "\\#: not what this type consists of");
  return data;
}

/** Takes all words that are left. */
const REST: ReadonlySet<DataField> = new Set<DataField>(["strings", "hex", "base64", "types", "parameters"]);

function parseRest(kind: DataField, words: readonly Word[]): Uint8Array {
  const joined = words.map(({ text }) => text).join("");
  switch (kind) {
    case "strings":
      if (words.length === 0) throw new NetloomError("bad-record", "at least one string is needed");
      return concatBytes(words.map(({ text }) => countedString(unescapeBytes(text), text)));
    case "types":
      return typeBitmaps(
        words.map(({ text }) => {
          const type = parseDnsType(text);
          if (type === undefined) throw wrong(text, "not a type such as A or TYPE65280");
          return type;
        }),
      );
    case "parameters":
      return parseServiceParameters(words.map(({ text }) => text));
    default: {
      if (joined === "") throw new NetloomError("bad-record", `its data ends too early: ${kind} is missing`);
      const bytes = kind === "hex" ? fromHex(joined) : fromBase64(joined);
      if (bytes === undefined) throw wrong(joined, "not base 64");
      return bytes;
    }
  }
}

function parseField(kind: DataField, text: string, origin: string): Uint8Array {
  switch (kind) {
    case "name":
      return encodeDomainName(parseName(text, origin));
    case "u8":
      return bytesOf(wholeNumber(text, 0xff), 1);
    case "u16":
      return bytesOf(wholeNumber(text, 0xffff), 2);
    case "type": {
      const type = parseDnsType(text);
      if (type === undefined) throw wrong(text, "not a type such as A or TYPE65280");
      return bytesOf(type, 2);
    }
    case "time":
      return bytesOf(parseTime(text), 4);
    case "ipv4":
    case "ipv6": {
      const address = parseIp(text);
      if (familyOf(address) !== (kind === "ipv4" ? 4 : 6))
        throw wrong(text, `not an ${kind === "ipv4" ? "IPv4" : "IPv6"} address`);
      return ipToBytes(address);
    }
    case "salt":
      return countedString(text === "-" ? new Uint8Array() : fromHex(text), text);
    case "hash": {
      const bytes = fromBase32Hex(text);
      if (bytes === undefined || bytes.length === 0) throw wrong(text, "not base 32");
      return countedString(bytes, text);
    }
    case "tag":
      if (!/^[a-zA-Z0-9]+$/.test(text)) throw wrong(text, "letters and digits");
      return countedString(unescapeBytes(text), text);
    case "string":
      return countedString(unescapeBytes(text), text);
    case "text":
      return unescapeBytes(text);
    default:
      // u32: of SOA they may be written as times (BIND's 1h30m).
      return bytesOf(parseDuration(text), 4);
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds, or with units: 1h30m, 2w. @throws NetloomError bad-record past 32 bits */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return wholeNumber(text, 0xffffffff);
  if (!/^(\d+[smhdw])+$/i.test(text)) throw wrong(text, "not a number such as 3600, or a time such as 1h30m");
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/gi))
    seconds += Number(count) * (UNIT_SECONDS[unit!.toLowerCase()] ?? 0);
  if (seconds > 0xffffffff) throw wrong(text, "more than 32 bits");
  return seconds;
}

/**
 * A name in the form of messages: without its final dot, @ and relative names completed.
 * @throws NetloomError bad-domain-name
 */
export function parseName(text: string, origin: string): string {
  if (text === "@") return origin;
  if (text === ".") return "";
  // \. is a dot inside a label.
  const escaped = text.replace(/\\(\d{3}|[^])/g, (all, what: string) =>
    what.length === 3 || what.charCodeAt(0) > 127 ? all : `\\${String(what.charCodeAt(0)).padStart(3, "0")}`,
  );
  const whole = escaped.endsWith(".") || origin === "" ? escaped : `${escaped}.${origin}`;
  const decoded = decodeDomainName(encodeDomainName(whole), 0);
  return decoded instanceof Malformed ? "" : decoded.name;
}

function countedString(bytes: Uint8Array, text: string): Uint8Array {
  if (bytes.length > 255) throw wrong(text.slice(0, 20), "longer than 255 bytes: write it as several strings");
  return concatBytes([Uint8Array.of(bytes.length), bytes]);
}

function wholeNumber(text: string, limit: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > limit) throw wrong(text, `not a number from 0 to ${limit}`);
  return Number(text);
}

function bytesOf(value: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => value >>> (8 * (count - 1 - i)));
}

/** What stands where, for a person. */
function shapeOf(fields: readonly DataField[]): string {
  return `it is ${fields.map((kind) => (kind.startsWith("u") ? "number" : kind)).join(" ")}`;
}

function wrong(text: string, reason: string): NetloomError {
  return new NetloomError("bad-record", `${JSON.stringify(text)}: ${reason}`);
}
