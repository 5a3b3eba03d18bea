/** Names in messages, against a plain model: each is a pointer to the longest end of it that stands further up. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../src/base/bytes.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import { nameData } from "../../../src/wire/dns/data.ts";
import type { DnsMessage, DnsRecord } from "../../../src/wire/dns/message.ts";
import { DNS_CLASS, DNS_TYPE } from "../../../src/wire/dns/types.ts";
import { decodeDomainName, encodeDomainName } from "../../../src/wire/domain-name.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

const FURTHEST_POINTER = 0x3fff;
const LONGEST_NAME_BYTES = 255;
/** Type, class, TTL and length of the data of a record, and the header of a message. */
const [FIXED_BYTES, HEADER_BYTES] = [10, 12];

function message(question: string, answers: readonly DnsRecord[]): DnsMessage {
  return {
    id: 1,
    response: true,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    responseCode: 0,
    question: { name: question, type: DNS_TYPE.A, class: DNS_CLASS.IN },
    answers,
    authorities: [],
    additionals: [],
  };
}

const alias = (name: string, target: string): DnsRecord => ({
  name,
  type: DNS_TYPE.CNAME,
  class: DNS_CLASS.IN,
  ttlSeconds: 300,
  data: nameData(target),
});

const text = (name: string, length: number): DnsRecord => ({
  ...alias(name, ""),
  type: DNS_TYPE.TXT,
  data: new Uint8Array(length),
});

/** Labels in bytes, without a look at how the text is read elsewhere. */
function labelsOf(name: string): number[][] {
  if (name === "") return [];
  return name
    .split(".")
    .map((label) =>
      Array.from(label.matchAll(/\\(\d{3})|([^])/g), ([, digits, character]) =>
        digits === undefined ? character!.charCodeAt(0) : Number(digits),
      ),
    );
}

/** What the model writes: the message from its question on. */
class Model {
  readonly bytes: number[] = Array.from({ length: HEADER_BYTES }, () => 0);
  readonly #written = new Map<string, number>();

  name(name: string): void {
    const labels = labelsOf(name);
    for (let i = 0; i < labels.length; i++) {
      const end = name.split(".").slice(i).join(".").toLowerCase();
      const earlier = this.#written.get(end);
      if (earlier !== undefined) {
        this.bytes.push(0xc0 | (earlier >>> 8), earlier & 0xff);
        return;
      }
      if (this.bytes.length <= FURTHEST_POINTER) this.#written.set(end, this.bytes.length);
      this.bytes.push(labels[i]!.length, ...labels[i]!);
    }
    this.bytes.push(0);
  }

  u16(value: number): void {
    this.bytes.push(value >>> 8, value & 0xff);
  }

  record({ name, type, class: recordClass, ttlSeconds, data }: DnsRecord, target: string | undefined): void {
    this.name(name);
    for (const value of [type, recordClass, ttlSeconds >>> 16, ttlSeconds & 0xffff, 0]) this.u16(value);
    const start = this.bytes.length;
    if (target === undefined) this.bytes.push(...data);
    else this.name(target);
    const length = this.bytes.length - start;
    this.bytes[start - 2] = length >>> 8;
    this.bytes[start - 1] = length & 0xff;
  }
}

type Entry = { readonly name: string; readonly target: string } | { readonly name: string; readonly bytes: number };

function expectAsModel(question: string, entries: readonly Entry[]): void {
  const model = new Model();
  model.name(question);
  model.u16(DNS_TYPE.A);
  model.u16(DNS_CLASS.IN);
  const records = entries.map((entry) =>
    "target" in entry ? alias(entry.name, entry.target) : text(entry.name, entry.bytes),
  );
  entries.forEach((entry, i) => model.record(records[i]!, "target" in entry ? entry.target : undefined));
  const bytes = encodeDnsMessage(message(question, records));
  expect(bytes.subarray(HEADER_BYTES)).toEqual(Uint8Array.from(model.bytes.slice(HEADER_BYTES)));
  const read = decodeDnsMessage(bytes);
  if (read instanceof Malformed) throw new Error(read.reason);
  const lower = (records_: readonly DnsRecord[]): unknown[] =>
    records_.map(({ name, data, ...rest }) => ({ ...rest, name: name.toLowerCase(), bytes: data.length }));
  expect(lower(read.answers)).toEqual(lower(records));
}

const byteText = (byte: number): string =>
  byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c
    ? String.fromCharCode(byte)
    : `\\${String(byte).padStart(3, "0")}`;
const label = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "A", "b", "www", "WWW", "Www", "example", "org", "\\046", "a\\046b") },
  fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => Array.from(bytes, byteText).join("")),
);
const name = fc
  .array(label, { maxLength: 6 })
  .map((labels) => labels.join("."))
  .filter((each) => labelsOf(each).reduce((sum, { length }) => sum + length + 1, 1) <= LONGEST_NAME_BYTES);
/** Names that often have to do with each other. */
const family = fc
  .tuple(fc.array(name, { minLength: 1, maxLength: 5 }), fc.array(label, { minLength: 1, maxLength: 3 }))
  .map(([names, more]) => [
    ...names,
    ...names.flatMap((each) => [
      each.toUpperCase(),
      ...more.map((first) => (each === "" ? first : `${first}.${each}`)),
    ]),
  ])
  .map((names) =>
    names.filter((each) => labelsOf(each).reduce((sum, { length }) => sum + length + 1, 1) <= LONGEST_NAME_BYTES),
  );

describe("names in a message", () => {
  test("property: are written as the model does, whatever they share, and read again", () => {
    const messages = family.chain((names) =>
      fc.tuple(
        fc.constantFrom(...names),
        fc.array(fc.record({ name: fc.constantFrom(...names), target: fc.constantFrom(...names) }), { maxLength: 12 }),
      ),
    );
    fc.assert(
      fc.property(messages, ([question, entries]) => expectAsModel(question, entries)),
      { numRuns: 300 },
    );
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    "beyond the furthest pointer are written in full, %i bytes from it",
    (less) => {
      const filled = FURTHEST_POINTER - (HEADER_BYTES + 1 + 4) - (1 + FIXED_BYTES) - (1 + FIXED_BYTES) - less;
      const [near, far] = ["near.example.net", "far.example.net"];
      expectAsModel("", [
        { name: "", bytes: filled },
        { name: "", target: near },
        { name: far, target: `deep.${near}` },
        { name: far, target: near },
        { name: `x.${far}`, target: "net" },
      ]);
    },
  );

  test("that cannot be sent leave nothing behind for the next message", () => {
    const [good, bad] = ["www.example.org", "a..example.org"];
    const expected = encodeDnsMessage(message(good, [alias(good, "example.org")]));
    expect(() => encodeDnsMessage(message(good, [alias(bad, good)]))).toThrow("empty label");
    expect(() => encodeDnsMessage(message(bad, []))).toThrow("empty label");
    expect(encodeDnsMessage(message(good, [alias(good, "example.org")]))).toEqual(expected);
  });
});

describe("a name on its own", () => {
  const labels = fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 8 })
    .filter((all) => all.reduce((sum, { length }) => sum + length + 1, 1) <= LONGEST_NAME_BYTES);

  test("property: any labels are read as text and written as they were", () => {
    fc.assert(
      fc.property(labels, fc.uint8Array({ maxLength: 3 }), (all, before) => {
        const wire = concatBytes([...all.flatMap((each) => [Uint8Array.of(each.length), each]), Uint8Array.of(0)]);
        const read = decodeDomainName(concatBytes([before, wire]), before.length);
        const expected = all.map((each) => Array.from(each, byteText).join("")).join(".");
        expect(read).toEqual({ name: expected, next: before.length + wire.length });
        expect(encodeDomainName(expected)).toEqual(wire);
        if (expected !== "") expect(encodeDomainName(`${expected}.`)).toEqual(wire);
      }),
      { numRuns: 300 },
    );
  });

  test.each([252, 253])("of %i characters has its place, with and without a final dot", (length) => {
    const longest = `${"a".repeat(63)}.`.repeat(4).slice(0, length);
    const wire = encodeDomainName(longest.replace(/\.$/, ""));
    expect(encodeDomainName(`${longest.replace(/\.$/, "")}.`)).toEqual(wire);
    expect(decodeDomainName(wire, 0)).toEqual({ name: longest.replace(/\.$/, ""), next: wire.length });
    expect(() => encodeDomainName(`${"a".repeat(63)}.`.repeat(4).slice(0, 254))).toThrow("255 bytes");
  });
});
