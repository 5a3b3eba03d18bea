/**
 * DNS messages to bytes and back (RFC 1035 §4.1, RFC 6891 §6.1).
 *
 * What comes in is bounded by its own length: each name and each record is read once, pointers lead backwards and are
 * counted. Bytes behind the last record are ignored, as other servers do.
 */
import { concatBytes } from "../../base/bytes.ts";
import { decodeDomainName, encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { EXPANDED_TYPES, fieldsOf, splitFields } from "./fields.ts";
import type { DnsExtension, DnsMessage, DnsQuestion, DnsRecord } from "./message.ts";
import { DNS_TYPE } from "./types.ts";
import { MessageWriter } from "./writer.ts";

export const DNS_HEADER_BYTES = 12;
/** What a message may have over TCP. */
export const LONGEST_MESSAGE_BYTES = 0xffff;
/** Name, type, class, TTL and length of the data of the root's record. */
const OPT_BYTES = 11;
const LARGEST_TTL = 0x7fffffff;
/**
 * Characters of all names of a message that are read letter by letter: so many, and so many for each byte. Real messages
 * have fewer; with pointers of two bytes one of 64 KiB could have millions, and take most of a second of the reader's.
 */
const NAME_CHARACTERS = { base: 4096, perByte: 8, most: 0x4_0000 } as const;

const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const AUTHENTIC_DATA = 0x0020;
const CHECKING_DISABLED = 0x0010;
const DNSSEC_OK = 0x8000;

const NO_RECORDS: readonly DnsRecord[] = [];

class Reader {
  readonly bytes: Uint8Array;
  position = DNS_HEADER_BYTES;
  /** Most names of a message are pointers to the question's, or to the same few others. */
  #questionName: string | undefined;
  #names: Map<number, string> | undefined;
  /** Left. */
  #nameCharacters: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const { base, perByte, most } = NAME_CHARACTERS;
    this.#nameCharacters = Math.min(most, base + perByte * bytes.length);
  }

  u16(offset: number): number {
    return (this.bytes[offset]! << 8) | this.bytes[offset + 1]!;
  }

  name(): string | Malformed {
    const start = this.position;
    const first = this.bytes[start] ?? 0;
    if (first >= 0xc0 && start + 1 < this.bytes.length) {
      const target = ((first & 0x3f) << 8) | this.bytes[start + 1]!;
      const known = target === DNS_HEADER_BYTES ? this.#questionName : this.#names?.get(target);
      if (known !== undefined) {
        this.position += 2;
        return known;
      }
    }
    const decoded = decodeDomainName(this.bytes, start);
    if (decoded instanceof Malformed) return decoded;
    this.position = decoded.next;
    if (start === DNS_HEADER_BYTES) this.#questionName = decoded.name;
    else if (decoded.name !== "") (this.#names ??= new Map()).set(start, decoded.name);
    return this.#count(decoded.name) ?? decoded.name;
  }

  /** @returns what is wrong when there were too many */
  #count(name: string): Malformed | undefined {
    this.#nameCharacters -= name.length;
    return this.#nameCharacters < 0 ? new Malformed("DNS message: names without end") : undefined;
  }

  question(): DnsQuestion | Malformed {
    const name = this.name();
    if (name instanceof Malformed) return name;
    const start = this.position;
    this.position += 4;
    if (this.position > this.bytes.length) return new Malformed("DNS question: cut off");
    return { name, type: this.u16(start), class: this.u16(start + 2) };
  }

  record(): DnsRecord | Malformed {
    const name = this.name();
    if (name instanceof Malformed) return name;
    const { bytes, position: start } = this;
    if (start + 10 > bytes.length) return new Malformed("DNS record: cut off");
    const type = this.u16(start);
    const ttl = this.u16(start + 4) * 0x10000 + this.u16(start + 6);
    const end = start + 10 + this.u16(start + 8);
    if (end > bytes.length) return new Malformed("DNS record: its data is cut off");
    const data = this.#data(type, start + 10, end);
    if (data instanceof Malformed) return data;
    this.position = end;
    // RFC 2181 §8: with the upper bit set it counts as 0. In OPT it is no time.
    const ttlSeconds = ttl > LARGEST_TTL && type !== DNS_TYPE.OPT ? 0 : ttl;
    return { name, type, class: this.u16(start + 2), ttlSeconds, data };
  }

  /** Data without compression; that of addresses has their length. */
  #data(type: number, start: number, end: number): Uint8Array | Malformed {
    const { bytes } = this;
    if (type === DNS_TYPE.A && end - start !== 4) return new Malformed("DNS record: A without 4 bytes");
    if (type === DNS_TYPE.AAAA && end - start !== 16) return new Malformed("DNS record: AAAA without 16 bytes");
    if (!EXPANDED_TYPES.has(type)) return bytes.slice(start, end);
    const fields = splitFields(fieldsOf(type) ?? [], bytes, start, end);
    if (fields instanceof Malformed) return fields;
    const parts: Uint8Array[] = [];
    for (const { name, start: from, end: to } of fields) {
      const tooMany = this.#count(name ?? "");
      if (tooMany !== undefined) return tooMany;
      parts.push(name === undefined ? bytes.subarray(from, to) : encodeDomainName(name));
    }
    return concatBytes(parts);
  }

  section(count: number): readonly DnsRecord[] | Malformed {
    if (count === 0) return NO_RECORDS;
    const records: DnsRecord[] = [];
    for (let i = 0; i < count; i++) {
      const record = this.record();
      if (record instanceof Malformed) return record;
      records.push(record);
    }
    return records;
  }
}

/** Never throws, and takes time and memory in proportion to the message's length. */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage | Malformed {
  if (bytes.length < DNS_HEADER_BYTES) return new Malformed("DNS message: shorter than its header");
  if (bytes.length > LONGEST_MESSAGE_BYTES) return new Malformed("DNS message: longer than 65535 bytes");
  const reader = new Reader(bytes);
  if (reader.u16(4) !== 1) return new Malformed("DNS message: not one question");
  const question = reader.question();
  if (question instanceof Malformed) return question;
  const answers = reader.section(reader.u16(6));
  if (answers instanceof Malformed) return answers;
  const authorities = reader.section(reader.u16(8));
  if (authorities instanceof Malformed) return authorities;
  const rest = reader.section(reader.u16(10));
  if (rest instanceof Malformed) return rest;
  if (answers.some(isOption) || authorities.some(isOption)) return new Malformed("DNS message: OPT out of its place");
  const option = rest.find(isOption);
  const additionals = option === undefined ? rest : rest.filter((record) => !isOption(record));
  if (option !== undefined && additionals.length < rest.length - 1)
    return new Malformed("DNS message: two OPT records");
  const extension = option === undefined ? undefined : decodeExtension(option);
  if (extension instanceof Malformed) return extension;
  const flags = reader.u16(2);
  const message = {
    id: reader.u16(0),
    response: (flags & RESPONSE) !== 0,
    opcode: (flags >>> 11) & 15,
    authoritative: (flags & AUTHORITATIVE) !== 0,
    truncated: (flags & TRUNCATED) !== 0,
    recursionDesired: (flags & RECURSION_DESIRED) !== 0,
    recursionAvailable: (flags & RECURSION_AVAILABLE) !== 0,
    authenticData: (flags & AUTHENTIC_DATA) !== 0,
    checkingDisabled: (flags & CHECKING_DISABLED) !== 0,
    responseCode: (flags & 15) | (((option?.ttlSeconds ?? 0) >>> 24) << 4),
    question,
    answers,
    authorities,
    additionals,
  };
  return extension === undefined ? message : { ...message, extension };
}

function isOption({ type }: DnsRecord): boolean {
  return type === DNS_TYPE.OPT;
}

function decodeExtension(record: DnsRecord): DnsExtension | Malformed {
  if (record.name !== "") return new Malformed("OPT record: its name is not the root");
  const { data } = record;
  const options: { code: number; data: Uint8Array }[] = [];
  for (let position = 0; position < data.length; ) {
    const end = position + 4 + (((data[position + 2] ?? 0) << 8) | (data[position + 3] ?? 0));
    if (end > data.length) return new Malformed("OPT record: an option is cut off");
    options.push({ code: (data[position]! << 8) | data[position + 1]!, data: data.slice(position + 4, end) });
    position = end;
  }
  return {
    udpPayloadBytes: record.class,
    version: (record.ttlSeconds >>> 16) & 255,
    dnssecOk: (record.ttlSeconds & DNSSEC_OK) !== 0,
    options,
  };
}

/**
 * Names are compressed where that is allowed. A message over the limit is cut from its end; TC tells of it unless only
 * an answer's additional records are missing (RFC 2181 §9, for referrals RFC 9471). OPT stays. Of the answer's last set
 * there is what fits, for who cannot ask over TCP, as musl's C library could not before 1.2.4; of other sets all or none.
 * @param limitBytes 512 to 65535, what is sent at most
 * @throws NetloomError bad-domain-name for a name that cannot be sent
 */
export function encodeDnsMessage(message: DnsMessage, limitBytes: number = LONGEST_MESSAGE_BYTES): Uint8Array {
  const { extension, question } = message;
  const extensionBytes =
    extension === undefined ? 0 : extension.options.reduce((sum, { data }) => sum + 4 + data.length, OPT_BYTES);
  const writer = new MessageWriter(limitBytes - extensionBytes);
  writer.skip(DNS_HEADER_BYTES);
  writer.name(question.name);
  writer.u16(question.type);
  writer.u16(question.class);
  const answers = writer.section(message.answers, true);
  const authorities = writer.section(message.authorities);
  const additionals = writer.section(message.additionals);
  const cut =
    answers < message.answers.length ||
    authorities < message.authorities.length ||
    (additionals < message.additionals.length && message.answers.length === 0);
  writer.resume(writer.position, limitBytes);
  if (extension !== undefined) writeExtension(writer, extension, message.responseCode);
  const end = writer.position;
  writer.resume(0, limitBytes);
  writer.u16(message.id);
  writer.u16(
    (message.response ? RESPONSE : 0) |
      (message.opcode << 11) |
      (message.authoritative ? AUTHORITATIVE : 0) |
      (message.truncated || cut ? TRUNCATED : 0) |
      (message.recursionDesired ? RECURSION_DESIRED : 0) |
      (message.recursionAvailable ? RECURSION_AVAILABLE : 0) |
      (message.authenticData ? AUTHENTIC_DATA : 0) |
      (message.checkingDisabled ? CHECKING_DISABLED : 0) |
      (message.responseCode & 15),
  );
  writer.u16(1);
  writer.u16(answers);
  writer.u16(authorities);
  writer.u16(additionals + (extension === undefined ? 0 : 1));
  return writer.bytes.slice(0, end);
}

function writeExtension(writer: MessageWriter, extension: DnsExtension, responseCode: number): void {
  writer.u8(0);
  writer.u16(DNS_TYPE.OPT);
  writer.u16(extension.udpPayloadBytes);
  writer.u8(responseCode >>> 4);
  writer.u8(extension.version);
  writer.u16(extension.dnssecOk ? DNSSEC_OK : 0);
  writer.u16(extension.options.reduce((sum, { data }) => sum + 4 + data.length, 0));
  for (const { code, data } of extension.options) {
    writer.u16(code);
    writer.u16(data.length);
    writer.put(data, 0, data.length);
  }
}
