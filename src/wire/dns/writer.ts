/** Bytes of a message as they are written: names are found again, what does not fit is taken back. */
import { writeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { COMPRESSED_TYPES, fieldsOf, splitFields } from "./fields.ts";
import type { DnsRecord } from "./message.ts";

const FURTHEST_POINTER = 0x3fff;
/** Room for one message at a time: what is written is copied out of it before the next one begins. */
const SCRATCH = new Uint8Array(0x1_0000);
/** Room for one name at a time. */
const NAME = new Uint8Array(255);

export class MessageWriter {
  readonly bytes = SCRATCH;
  position = 0;
  #limitBytes: number;
  /** Set by what goes beyond the limit, which is not written. */
  #full = false;
  /** Most names of a message are the one that was asked for. */
  #first: { readonly name: string; readonly position: number } | undefined;
  /** Where names and their ends stand, by their text in lower case. */
  #written: Map<string, number> | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Writes on at `position`, with another limit, whether or not something did not fit. No names from now on. */
  resume(position: number, limitBytes: number): void {
    this.position = position;
    this.#limitBytes = limitBytes;
    this.#full = false;
  }

  u8(value: number): void {
    if (this.#room(1)) this.bytes[this.position++] = value;
  }

  u16(value: number): void {
    if (!this.#room(2)) return;
    this.bytes[this.position++] = value >>> 8;
    this.bytes[this.position++] = value;
  }

  put(from: Uint8Array, start: number, end: number): void {
    if (!this.#room(end - start)) return;
    for (let i = start; i < end; i++) this.bytes[this.position++] = from[i]!;
  }

  skip(count: number): void {
    if (this.#room(count)) this.position += count;
  }

  /** With a pointer to the longest end of it that was written before. */
  name(name: string): void {
    const first = this.#first;
    if (first === undefined) {
      this.#first = { name, position: this.position };
      this.put(NAME, 0, writeDomainName(name, NAME, 0));
    } else if (first.name === name && name !== "") this.u16(0xc000 | first.position);
    else this.#nextName(name, (this.#written ??= endsOf(first)));
  }

  #nextName(name: string, written: Map<string, number>): void {
    writeDomainName(name, NAME, 0);
    const text = name.toLowerCase();
    let start = 0;
    for (let at = 0; NAME[at] !== 0; at += 1 + NAME[at]!) {
      const end = text.slice(start);
      const earlier = written.get(end);
      if (earlier !== undefined) {
        this.u16(0xc000 | earlier);
        return;
      }
      const labelEnd = at + 1 + NAME[at]!;
      if (!this.#room(labelEnd - at)) return;
      if (this.position <= FURTHEST_POINTER) written.set(end, this.position);
      this.put(NAME, at, labelEnd);
      start = afterDot(text, start);
    }
    this.u8(0);
  }

  /**
   * The records up to the first set that does not fit; nothing when something before did not.
   * @param dividesSets up to the first record that does not fit
   * @returns how many
   */
  section(records: readonly DnsRecord[], dividesSets = false): number {
    let whole = 0;
    for (let i = 0; i < records.length && !this.#full; ) {
      const start = this.position;
      const first = records[i]!;
      do this.#record(records[i++]!);
      while (!dividesSets && i < records.length && isSameSet(first, records[i]!));
      if (this.#full) this.position = start;
      else whole = i;
    }
    return whole;
  }

  #record(record: DnsRecord): void {
    this.name(record.name);
    this.u16(record.type);
    this.u16(record.class);
    this.u16(record.ttlSeconds >>> 16);
    this.u16(record.ttlSeconds);
    const lengthAt = this.position;
    this.skip(2);
    this.#data(record);
    if (this.#full) return;
    const length = this.position - lengthAt - 2;
    this.bytes[lengthAt] = length >>> 8;
    this.bytes[lengthAt + 1] = length;
  }

  #data({ type, data }: DnsRecord): void {
    const fields = COMPRESSED_TYPES.has(type) ? splitFields(fieldsOf(type) ?? [], data, 0, data.length) : undefined;
    if (fields === undefined || fields instanceof Malformed) {
      this.put(data, 0, data.length);
      return;
    }
    for (const { name, start, end } of fields) {
      if (name === undefined) this.put(data, start, end);
      else this.name(name);
    }
  }

  #room(count: number): boolean {
    const end = this.position + count;
    if (this.#full || end > this.#limitBytes) {
      this.#full = true;
      return false;
    }
    return true;
  }
}

/** Where the ends of a name stand that was written in full. */
function endsOf({ name, position }: { readonly name: string; readonly position: number }): Map<string, number> {
  const ends = new Map<string, number>();
  const text = name.toLowerCase();
  const wireBytes = writeDomainName(name, NAME, 0);
  let start = 0;
  for (let at = 0; at < wireBytes - 1; at += 1 + NAME[at]!) {
    ends.set(text.slice(start), position + at);
    start = afterDot(text, start);
  }
  return ends;
}

/** A dot within a label is written \046, so that each dot begins another. */
function afterDot(text: string, start: number): number {
  return text.indexOf(".", start) + 1;
}

function isSameSet(a: DnsRecord, b: DnsRecord): boolean {
  return a.type === b.type && a.class === b.class && a.name.toLowerCase() === b.name.toLowerCase();
}
