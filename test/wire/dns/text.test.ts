import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8Encode } from "../../../src/base/bytes.ts";
import { NetloomError } from "../../../src/base/errors.ts";
import { readEntries } from "../../../src/wire/dns/master.ts";
import { formatRecord, formatRecordData, parseName, parseRecordData } from "../../../src/wire/dns/text.ts";
import { DNS_TYPE, formatDnsType, formatResponseCode, parseDnsType } from "../../../src/wire/dns/types.ts";

const ORIGIN = "example.org";

/** Type, its text, and the text that it is shown as where that differs. */
const RECORDS: readonly (readonly [string, string, string?])[] = [
  ["A", "192.0.2.1"],
  ["AAAA", "2001:db8::1"],
  ["AAAA", "2001:DB8:0:0::1", "2001:db8::1"],
  ["NS", "ns", "ns.example.org."],
  ["CNAME", "@", "example.org."],
  ["PTR", "host.example.net."],
  ["MX", "10 mail", "10 mail.example.org."],
  ["SRV", "0 5 5060 sip.example.net."],
  ["SRV", "0 0 0 ."],
  ["SOA", "ns root 2026112101 3h 15m 3w 1d", "ns.example.org. root.example.org. 2026112101 10800 900 1814400 86400"],
  ["TXT", '"v=spf1 -all"'],
  ["TXT", 'plain "two words" ""', '"plain" "two words" ""'],
  ["TXT", String.raw`"a \"quoted\" \\ and \007 and ü"`, String.raw`"a \"quoted\" \\ and \007 and \195\188"`],
  ["HINFO", '"PC" "Linux"'],
  ["CAA", '0 issue "letsencrypt.org"'],
  ["NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" .'],
  ["SSHFP", "4 2 123456789abcdef0"],
  ["TLSA", "3 1 1 abcd EF01", "3 1 1 abcdef01"],
  ["DS", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"],
  ["DNSKEY", "257 3 13 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8no"],
  [
    "RRSIG",
    "A 5 3 86400 20260322173103 20260220173103 2642 example.org. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6o",
  ],
  ["NSEC", String.raw`host.example.org. A MX RRSIG NSEC TYPE1234`],
  ["NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG"],
  ["NSEC3PARAM", "1 0 0 -"],
  ["HTTPS", '1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQ== ipv6hint=2001:db8::1 key65000="a b"'],
  [
    "SVCB",
    "16 foo.example.org. no-default-alpn mandatory=alpn,port alpn=h2 port=53",
    '16 foo.example.org. mandatory=alpn,port alpn="h2" no-default-alpn port=53',
  ],
  ["HTTPS", "0 web.example.org."],
  ["URI", '10 1 "https://example.org/"'],
  ["TYPE65280", String.raw`\# 3 abcdef`],
  ["TYPE65280", String.raw`\# 0`],
  ["A", String.raw`\# 4 c0 00 02 01`, "192.0.2.1"],
];

describe("data of records as text", () => {
  test.each(RECORDS.map(([typeName, text, shown]) => ({ typeName, text, shown })))("$typeName $text", (record) => {
    const { typeName, text, shown } = record;
    const type = parseDnsType(typeName)!;
    const data = parseRecordData(type, text, ORIGIN);
    expect(formatRecordData(type, data)).toBe(shown ?? text);
    expect(toHex(parseRecordData(type, shown ?? text, ""))).toBe(toHex(data));
  });

  test("bytes of the wire", () => {
    expect(toHex(parseRecordData(DNS_TYPE.SRV, "1 2 80 web", ORIGIN))).toBe(
      `000100020050${"03"}${toHex(utf8Encode("web"))}07${toHex(utf8Encode("example"))}03${toHex(utf8Encode("org"))}00`,
    );
    // RFC 4034 §4.3
    expect(toHex(parseRecordData(DNS_TYPE.NSEC, "host A MX RRSIG NSEC TYPE1234", "example.com"))).toBe(
      `04686f7374076578616d706c6503636f6d000006400100000003041b${"00".repeat(26)}20`,
    );
    // RFC 9460 appendix D.2, figure 9
    expect(
      toHex(
        parseRecordData(
          DNS_TYPE.SVCB,
          "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
          "",
        ),
      ),
    ).toBe("001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201");
  });

  test.each([
    ["A", "192.0.2", "four numbers"],
    ["A", "2001:db8::1", "not an IPv4 address"],
    ["A", "", "ends too early: it is ipv4"],
    ["A", "192.0.2.1 192.0.2.2", "too much"],
    ["MX", "mail", '"mail": not a number from 0 to 65535'],
    ["MX", "70000 mail", "0 to 65535"],
    ["TXT", "", "at least one string"],
    ["TXT", `"${"a".repeat(256)}"`, "longer than 255 bytes"],
    ["TXT", '"open', "not closed"],
    ["CNAME", "a..b", "empty label"],
    ["CNAME", "bücher", "xn--"],
    ["TYPE65280", "abc", "LENGTH HEX"],
    ["TYPE65280", String.raw`\# 4 abcdef`, "3 bytes follow"],
    ["A", String.raw`\# 3 abcdef`, "not what this type consists of"],
    ["HTTPS", "1 . colour=red", "not known"],
    ["SOA", "ns root 1 1x 1 1 1", "1h30m"],
    ["SOA", "ns root 1 (1 1 1 1", "not closed"],
    ["RRSIG", "A 5 3 86400 20261322173103 20260220173103 2642 . AAAA", "YYYYMMDDHHmmSS"],
    ["TXT", `"${"a".repeat(250)}" `.repeat(262), "longer than 65535 bytes"],
  ])("refused: %s %s", (typeName, text, reason) => {
    expect(() => parseRecordData(parseDnsType(typeName)!, text, ORIGIN)).toThrow(reason);
  });

  test("whatever the bytes are, their text means what it says", () => {
    const type = fc.oneof(fc.constantFrom(...Object.values(DNS_TYPE)), fc.integer({ min: 0, max: 0xffff }));
    const field = fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.constantFrom("00", "0161036f726700", "0004c0000201", "c0000201", "0003616263", "000140").map(fromHex),
    );
    fc.assert(
      fc.property(type, fc.array(field, { maxLength: 4 }), (number, parts) => {
        const data = Uint8Array.from(parts.flatMap((part) => [...part]));
        const text = formatRecordData(number, data);
        if (!text.startsWith("\\#")) expect(formatRecordData(number, parseRecordData(number, text, ""))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test("any text is parsed or refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(DNS_TYPE)), fc.string({ maxLength: 40 }), (type, text) => {
        try {
          parseRecordData(type, text, ORIGIN);
        } catch (error) {
          if (!(error instanceof NetloomError)) throw error;
        }
      }),
    );
  });
});

describe("names as text", () => {
  test.each([
    ["www", "www.example.org"],
    ["www.", "www"],
    ["@", "example.org"],
    [".", ""],
    [String.raw`a\.b`, String.raw`a\046b.example.org`],
    [String.raw`\065\@`, "A@.example.org"],
    ["*.dev", "*.dev.example.org"],
  ])("%s", (text, name) => {
    expect(parseName(text, ORIGIN)).toBe(name);
  });

  test("a record on one line", () => {
    const record = { name: "a;b.example.org", type: DNS_TYPE.A, class: 1, ttlSeconds: 60, data: fromHex("c0000201") };
    expect(formatRecord(record)).toBe(String.raw`a\;b.example.org. 60 IN A 192.0.2.1`);
  });

  test("types and response codes", () => {
    expect(parseDnsType("aaaa")).toBe(28);
    expect(parseDnsType("TYPE70000")).toBeUndefined();
    expect(parseDnsType("toString")).toBeUndefined();
    expect(formatDnsType(65280)).toBe("TYPE65280");
    expect(formatResponseCode(3)).toBe("NXDOMAIN");
  });
});

describe("entries of zone files", () => {
  test("comments, parentheses, quotes and indentation", () => {
    const text = `
; a comment
@ IN SOA ns root ( 1 ; serial
    2 3
    4 5 )
  TXT "a ; b" (
    "c" )
www\tA 192.0.2.1; the end`;
    const entries = Array.from(readEntries(text), ({ line, indented, words }) => [
      line,
      indented,
      words.map((word) => word.text).join("|"),
    ]);
    expect(entries).toEqual([
      [3, false, "@|IN|SOA|ns|root|1|2|3|4|5"],
      [6, true, "TXT|a ; b|c"],
      [8, false, "www|A|192.0.2.1"],
    ]);
  });

  test.each([
    ['a "b\nc"', 'line 1: a " that is not closed'],
    ["a (\nb\n", "line 3: a ( that is not closed"],
    ["\na )", "line 2: a ) without a ("],
  ])("refused: %j", (text, reason) => {
    expect(() => [...readEntries(text)]).toThrow(reason);
  });
});
