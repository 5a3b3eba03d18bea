import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIpv4, parseIpv6 } from "../../../src/base/address.ts";
import { fromHex, toHex, utf8Encode } from "../../../src/base/bytes.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import { addressData, nameData, readAddress, readName, soaOf, zoneStartData } from "../../../src/wire/dns/data.ts";
import type { DnsMessage, DnsRecord } from "../../../src/wire/dns/message.ts";
import { DNS_CLASS, DNS_TYPE, RESPONSE_CODE } from "../../../src/wire/dns/types.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

const PLAIN: DnsMessage = {
  id: 0x1234,
  response: true,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: true,
  authenticData: false,
  checkingDisabled: false,
  responseCode: 0,
  question: { name: "www.example.org", type: DNS_TYPE.A, class: DNS_CLASS.IN },
  answers: [],
  authorities: [],
  additionals: [],
};

function record(name: string, type: number, data: Uint8Array, ttlSeconds = 300): DnsRecord {
  return { name, type, class: DNS_CLASS.IN, ttlSeconds, data };
}

function decoded(bytes: Uint8Array): DnsMessage {
  const message = decodeDnsMessage(bytes);
  if (message instanceof Malformed) throw new Error(message.reason);
  return message;
}

/** Lower case: a suffix that was written before lends its case to a name. */
const label = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => {
  const text = Array.from(bytes, (code) => {
    const byte = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c;
    return plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
  });
  return text.join("");
});
const name = fc
  .array(fc.oneof(fc.constantFrom("www", "mail", "example", "org"), label), { maxLength: 6 })
  .map((labels) => labels.join("."));
const u16 = fc.integer({ min: 0, max: 0xffff });
const data = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({ type: DNS_TYPE.A as number, data: bytes })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ type: DNS_TYPE.AAAA as number, data: bytes })),
  fc
    .tuple(fc.constantFrom(DNS_TYPE.NS, DNS_TYPE.CNAME, DNS_TYPE.PTR, DNS_TYPE.DNAME), name)
    .map(([type, target]) => ({ type: type as number, data: nameData(target) })),
  fc.tuple(name, name, u16).map(([server, mailbox, serial]) => ({
    type: DNS_TYPE.SOA as number,
    data: zoneStartData({
      server,
      mailbox,
      serial,
      refreshSeconds: 1,
      retrySeconds: 2,
      expireSeconds: 3,
      minimumSeconds: 4,
    }),
  })),
  fc
    .tuple(fc.constantFrom(16, 46, 48, 65, 65280), fc.uint8Array({ maxLength: 300 }))
    .map(([type, bytes]) => ({ type, data: bytes })),
);
const anyRecord = fc
  .tuple(name, data, u16)
  .map(([owner, rest, ttlSeconds]): DnsRecord => ({ name: owner, class: 1, ttlSeconds, ...rest }));
const records = fc.array(anyRecord, { maxLength: 8 });
const flag = fc.boolean();
const extension = fc.record({
  udpPayloadBytes: u16,
  version: fc.integer({ min: 0, max: 255 }),
  dnssecOk: flag,
  options: fc.array(fc.record({ code: u16, data: fc.uint8Array({ maxLength: 20 }) }), { maxLength: 3 }),
});
const message = fc
  .record({
    id: u16,
    response: flag,
    opcode: fc.integer({ min: 0, max: 15 }),
    authoritative: flag,
    truncated: flag,
    recursionDesired: flag,
    recursionAvailable: flag,
    authenticData: flag,
    checkingDisabled: flag,
    responseCode: fc.integer({ min: 0, max: 15 }),
    question: fc.record({ name, type: u16, class: u16 }),
    answers: records,
    authorities: records,
    additionals: records,
    maybe: fc.option(extension, { nil: undefined }),
  })
  .map(({ maybe, ...rest }): DnsMessage => (maybe === undefined ? rest : { ...rest, extension: maybe }));

describe("DNS messages", () => {
  test("what is encoded is decoded", () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decoded(encodeDnsMessage(value))).toEqual(value);
      }),
      { numRuns: 200 },
    );
  });

  test("over the limit records are left out from the end, in whole sets behind the answer, and TC tells of it", () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 512, max: 1500 }), (value, limit) => {
        const whole = encodeDnsMessage(value);
        const cut = encodeDnsMessage(value, limit);
        expect(cut.length).toBeLessThanOrEqual(limit);
        if (whole.length <= limit) {
          expect(cut).toEqual(whole);
          return;
        }
        const got = decoded(cut);
        const all = (one: DnsMessage): readonly DnsRecord[] => [...one.answers, ...one.authorities, ...one.additionals];
        const [kept, wanted] = [all(got), all(value)];
        expect(got.extension).toEqual(value.extension);
        expect(kept.length).toBeLessThan(wanted.length);
        const onlyAdditionals =
          value.answers.length > 0 && kept.length >= value.answers.length + value.authorities.length;
        expect(got.truncated).toBe(value.truncated || !onlyAdditionals);
        const [last, next] = [kept.at(-1), wanted[kept.length]!];
        const sameSection =
          kept.length > value.answers.length && kept.length !== value.answers.length + value.authorities.length;
        if (last !== undefined && sameSection)
          expect([last.name.toLowerCase(), last.type]).not.toEqual([next.name.toLowerCase(), next.type]);
      }),
      { numRuns: 200 },
    );
  });

  test("any bytes are decoded or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const result = decodeDnsMessage(bytes);
        if (!(result instanceof Malformed)) encodeDnsMessage(result);
      }),
    );
  });

  test("names are pointers where they may be, and stand out in full in data that others must not change", () => {
    const bytes = encodeDnsMessage({
      ...PLAIN,
      answers: [
        record("www.example.org", DNS_TYPE.CNAME, nameData("web.example.org")),
        record("web.example.org", DNS_TYPE.SRV, Uint8Array.of(0, 1, 0, 2, 0, 80, ...nameData("web.example.org"))),
      ],
    });
    const hex = toHex(bytes);
    const text = (value: string): string => toHex(utf8Encode(value));
    expect(hex.split(text("example")).length - 1).toBe(2);
    expect(hex).toContain(`c00c000500010000012c0006${"03"}${text("web")}c010`.replace("00000012c", "0000012c"));
    expect(decoded(bytes).answers.map(readName)).toEqual(["web.example.org", "web.example.org"]);
  });

  test("compressed names in SRV data are written out (RFC 3597 §4)", () => {
    const bytes = fromHex(
      `1234 8180 0001 0001 0000 0000 076578616d706c65036f726700 0021 0001 c00c 0021 0001 00000001 000c 0001 0002 0050 03777777 c00c`,
    );
    expect(decoded(bytes).answers.map(readName)).toEqual(["www.example.org"]);
  });

  test("a TTL with its upper bit set is 0 (RFC 2181 §8)", () => {
    const bytes = encodeDnsMessage({ ...PLAIN, answers: [record("", 16, new Uint8Array(1), 0xffffffff)] });
    expect(decoded(bytes).answers[0]?.ttlSeconds).toBe(0);
  });

  test("twelve bits of response code with EDNS", () => {
    const extended = { udpPayloadBytes: 1232, version: 0, dnssecOk: true, options: [] };
    const bytes = encodeDnsMessage({ ...PLAIN, responseCode: RESPONSE_CODE.BADVERS, extension: extended });
    expect(toHex(bytes.slice(-11))).toBe("0000290 4d0 01 00 8000 0000".replaceAll(" ", ""));
    expect(decoded(bytes)).toMatchObject({ responseCode: 16, extension: extended });
  });

  test.each([
    ["shorter than a header", "1234 0100 0001 0000 0000"],
    ["no question", "1234 0100 0000 0000 0000 0000"],
    ["two questions", "1234 0100 0002 0000 0000 0000 00 0001 0001 00 0001 0001"],
    ["question cut off", "1234 0100 0001 0000 0000 0000 00 0001 00"],
    ["a record that is missing", "1234 8100 0001 0001 0000 0000 00 0001 0001"],
    ["data cut off", "1234 8100 0001 0001 0000 0000 00 0001 0001 00 0001 0001 00000000 0004 c00002"],
    ["an address of 5 bytes", "1234 8100 0001 0001 0000 0000 00 0001 0001 00 0001 0001 00000000 0005 c000020100"],
    ["a name longer than its data", "1234 8100 0001 0001 0000 0000 00 0001 0001 00 0002 0001 00000000 0001 016100"],
    ["data behind a name", "1234 8100 0001 0001 0000 0000 00 0001 0001 00 0002 0001 00000000 0004 01610000"],
    ["two OPT", "1234 0100 0001 0000 0000 0002 00 0001 0001 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000"],
    ["OPT as an answer", "1234 0100 0001 0001 0000 0000 00 0001 0001 00 0029 04d0 00000000 0000"],
    ["OPT with a name", "1234 0100 0001 0000 0000 0001 00 0001 0001 016100 0029 04d0 00000000 0000"],
    ["OPT whose option is cut off", "1234 0100 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00000000 0004 000a0008"],
  ])("refused: %s", (_, hex) => {
    expect(decodeDnsMessage(fromHex(hex))).toBeInstanceOf(Malformed);
  });

  test("a message of pointers to pointers takes no time", () => {
    const bytes = new Uint8Array(0xffff);
    bytes.set(fromHex("1234 8100 0001 ffff 0000 0000 00 0001 0001"));
    for (let offset = 18; offset + 1 < 0x4000; offset += 2) {
      const target = Math.max(offset - 2, 16);
      bytes[offset] = 0xc0 | (target >>> 8);
      bytes[offset + 1] = target;
    }
    expect(decodeDnsMessage(bytes)).toBeInstanceOf(Malformed);
  });
});

/** A question of 126 labels, and as many MINFO records as fit, their three names pointers into it. */
function messageOfPointers(): Uint8Array {
  const question = [...Array.from({ length: 126 }, () => [1, 0x61]).flat(), 0, 0, 1, 0, 1];
  const pointer = [0xc0, 14];
  const record = [...pointer, 0, DNS_TYPE.MINFO, 0, 1, 0, 0, 0, 0, 0, 4, ...pointer, ...pointer];
  const count = Math.floor((0xffff - 12 - question.length) / record.length);
  const header = [0x12, 0x34, 0x81, 0, 0, 1, count >> 8, count & 255, 0, 0, 0, 0];
  return Uint8Array.from([...header, ...question, ...Array.from({ length: count }, () => record).flat()]);
}

describe("names without end", () => {
  test("are refused: pointers of two bytes to names of 250", () => {
    expect(decodeDnsMessage(messageOfPointers())).toEqual(new Malformed("DNS message: names without end"));
  });

  test("are no long list of real ones", () => {
    const answers = Array.from({ length: 1500 }, (_, i) =>
      record("_services.example.org", DNS_TYPE.PTR, nameData(`a-host-with-a-long-name-${i}.example.org`)),
    );
    expect(decoded(encodeDnsMessage({ ...PLAIN, answers })).answers).toEqual(answers);
  });
});

describe("data of records", () => {
  test("addresses", () => {
    const [four, six] = [parseIpv4("192.0.2.1"), parseIpv6("2001:db8::1")];
    expect(readAddress(record("a", DNS_TYPE.A, addressData(four)))).toBe(four);
    expect(readAddress(record("a", DNS_TYPE.AAAA, addressData(six)))).toBe(six);
    expect(readAddress(record("a", DNS_TYPE.A, addressData(six)))).toBeUndefined();
    expect(readAddress(record("a", DNS_TYPE.TXT, addressData(four)))).toBeUndefined();
  });

  test("the start of a zone", () => {
    const start = {
      server: "ns.example.org",
      mailbox: "hostmaster.example.org",
      serial: 4294967295,
      refreshSeconds: 1,
      retrySeconds: 2,
      expireSeconds: 3,
      minimumSeconds: 4,
    };
    const soa = record("example.org", DNS_TYPE.SOA, zoneStartData(start));
    expect(soaOf(soa)).toEqual(start);
    expect(soaOf({ ...soa, data: soa.data.slice(1) })).toBeUndefined();
  });
});
