import { describe, expect, test } from "vitest";
import { parseIp } from "../../../../src/base/address.ts";
import { Zones } from "../../../../src/protocol/dns/zone/zones.ts";
import { formatRecord } from "../../../../src/wire/dns/text.ts";
import { formatResponseCode } from "../../../../src/wire/dns/types.ts";
import { question, UPSTREAM, zone } from "../records.ts";

const EXAMPLE = zone(
  "example.org",
  `
@ 3600 SOA ns hostmaster 7 1 2 3 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.53
mail A 192.0.2.25
mail AAAA 2001:db8::25
www CNAME web
web A 192.0.2.80
web A 192.0.2.81
away CNAME www.example.net.
round CNAME about
about CNAME round
_sip._tcp SRV 0 5 5060 mail
*.wild A 192.0.2.99
*.wild TXT "any"
one.wild TXT "one"
deep.one.wild A 192.0.2.1
a.b.c A 192.0.2.7
sub NS ns.sub
ns.sub A 192.0.2.54
sub DS 1 8 2 abcd
text TXT "hello world"
`,
);
const SOA = "authority example.org. 300 IN SOA ns.example.org. hostmaster.example.org. 7 1 2 3 300";

function ask(zones: Zones, text: string): string[] {
  const answer = zones.answer(question(text));
  if (answer === undefined) return ["not ours"];
  return [
    `${formatResponseCode(answer.responseCode)}${answer.authoritative ? " aa" : ""}`,
    ...answer.answers.map(formatRecord),
    ...answer.authorities.map((record) => `authority ${formatRecord(record)}`),
    ...answer.additionals.map((record) => `additional ${formatRecord(record)}`),
    ...(answer.outside === undefined ? [] : [`then ${answer.outside}`]),
  ].map((line) => line.replace(" 3600 IN", ""));
}

describe("what a zone answers", () => {
  const zones = new Zones({ zones: [EXAMPLE], domains: [] });

  test.each<[string, string[]]>([
    ["web.example.org", ["NOERROR aa", "web.example.org. A 192.0.2.80", "web.example.org. A 192.0.2.81"]],
    ["example.org SOA", ["NOERROR aa", "example.org. SOA ns.example.org. hostmaster.example.org. 7 1 2 3 300"]],
    ["example.org NS", ["NOERROR aa", "example.org. NS ns.example.org.", "additional ns.example.org. A 192.0.2.53"]],
    [
      "example.org MX",
      [
        "NOERROR aa",
        "example.org. MX 10 mail.example.org.",
        "additional mail.example.org. A 192.0.2.25",
        "additional mail.example.org. AAAA 2001:db8::25",
      ],
    ],
    [
      "_sip._tcp.example.org SRV",
      [
        "NOERROR aa",
        "_sip._tcp.example.org. SRV 0 5 5060 mail.example.org.",
        "additional mail.example.org. A 192.0.2.25",
        "additional mail.example.org. AAAA 2001:db8::25",
      ],
    ],
    ["text.example.org TXT", ["NOERROR aa", 'text.example.org. TXT "hello world"']],
    // A name without such records, one that exists for the sake of others, and one that does not.
    ["web.example.org AAAA", ["NOERROR aa", SOA]],
    ["b.c.example.org", ["NOERROR aa", SOA]],
    ["x.b.c.example.org", ["NXDOMAIN aa", SOA]],
    ["nobody.example.org", ["NXDOMAIN aa", SOA]],
    ["x.web.example.org", ["NXDOMAIN aa", SOA]],
    // Aliases.
    [
      "www.example.org",
      [
        "NOERROR aa",
        "www.example.org. CNAME web.example.org.",
        "web.example.org. A 192.0.2.80",
        "web.example.org. A 192.0.2.81",
      ],
    ],
    ["www.example.org MX", ["NOERROR aa", "www.example.org. CNAME web.example.org.", SOA]],
    ["www.example.org CNAME", ["NOERROR aa", "www.example.org. CNAME web.example.org."]],
    ["away.example.org", ["NOERROR aa", "away.example.org. CNAME www.example.net.", "then www.example.net"]],
    // Wildcards (RFC 4592 §2.2.1).
    ["x.wild.example.org", ["NOERROR aa", "x.wild.example.org. A 192.0.2.99"]],
    ["x.y.wild.example.org", ["NOERROR aa", "x.y.wild.example.org. A 192.0.2.99"]],
    ["x.wild.example.org MX", ["NOERROR aa", SOA]],
    ["one.wild.example.org", ["NOERROR aa", SOA]],
    ["x.one.wild.example.org", ["NXDOMAIN aa", SOA]],
    ["*.wild.example.org", ["NOERROR aa", "*.wild.example.org. A 192.0.2.99"]],
    ["wild.example.org", ["NOERROR aa", SOA]],
    // A part that is another's.
    [
      "x.sub.example.org",
      ["NOERROR", "authority sub.example.org. NS ns.sub.example.org.", "additional ns.sub.example.org. A 192.0.2.54"],
    ],
    ["sub.example.org DS", ["NOERROR aa", "sub.example.org. DS 1 8 2 abcd"]],
    // RFC 8482.
    ["web.example.org ANY", ["NOERROR aa", 'web.example.org. HINFO "RFC8482" ""']],
    ["nobody.example.org ANY", ["NXDOMAIN aa", SOA]],
    ["example.net", ["not ours"]],
    ["org", ["not ours"]],
    ["notexample.org", ["not ours"]],
  ])("%s", (text, expected) => {
    expect(ask(zones, text)).toEqual(expected);
  });

  test("aliases in a circle end", () => {
    expect(ask(zones, "round.example.org")).toEqual([
      "SERVFAIL aa",
      "round.example.org. CNAME about.example.org.",
      "about.example.org. CNAME round.example.org.",
    ]);
  });

  test("records in a zone of another name are none", () => {
    const odd = new Zones({ zones: [zone("example.org", "www.example.net. A 192.0.2.1")], domains: [] });
    expect(ask(odd, "www.example.net")).toEqual(["not ours"]);
  });

  test("a zone without SOA and NS gets them", () => {
    const made = new Zones({ zones: [zone("Lan.Example", "www A 192.0.2.1")], domains: [] });
    const soa = "IN SOA lan.example. nobody.invalid. 1 3600 1200 604800 60";
    expect(ask(made, "lan.example SOA")).toEqual(["NOERROR aa", `lan.example. 10800 ${soa}`]);
    expect(ask(made, "lan.example NS")).toEqual(["NOERROR aa", "lan.example. 10800 IN NS lan.example."]);
    expect(ask(made, "x.lan.example")).toEqual(["NXDOMAIN aa", `authority lan.example. 60 ${soa}`]);
  });

  test("of zones in one another the longest answers, and a domain that somebody is asked for ends them", () => {
    const nested = new Zones({
      zones: [zone("example.org", "*.in A 192.0.2.1"), zone("dev.in.example.org", "www A 192.0.2.2")],
      domains: [{ domain: "Far.IN.example.org", upstreams: [UPSTREAM] }],
    });
    expect(ask(nested, "x.in.example.org")[1]).toBe("x.in.example.org. A 192.0.2.1");
    expect(ask(nested, "www.dev.in.example.org")[1]).toBe("www.dev.in.example.org. A 192.0.2.2");
    expect(ask(nested, "x.dev.in.example.org")[0]).toBe("NXDOMAIN aa");
    expect(ask(nested, "x.far.in.example.org")).toEqual(["not ours"]);
  });
});

describe("zones that every server has", () => {
  const zones = new Zones({ zones: [], domains: [{ domain: "10.in-addr.arpa", upstreams: [UPSTREAM] }] });

  test.each([
    ["localhost", "NOERROR aa", "localhost. 10800 IN A 127.0.0.1"],
    ["localhost AAAA", "NOERROR aa", "localhost. 10800 IN AAAA ::1"],
    ["x.localhost", "NOERROR aa", "x.localhost. 10800 IN A 127.0.0.1"],
    ["1.0.0.127.in-addr.arpa PTR", "NOERROR aa", "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost."],
    [`1.${"0.".repeat(31)}ip6.arpa PTR`, "NOERROR aa", `1.${"0.".repeat(31)}ip6.arpa. 10800 IN PTR localhost.`],
    ["1.1.168.192.in-addr.arpa PTR", "NXDOMAIN aa"],
    ["1.0.16.172.in-addr.arpa PTR", "NXDOMAIN aa"],
    ["1.0.32.172.in-addr.arpa PTR", "not ours"],
    ["1.0.128.100.in-addr.arpa PTR", "not ours"],
    ["1.0.64.100.in-addr.arpa PTR", "NXDOMAIN aa"],
    [`${"0.".repeat(16)}8.b.d.0.1.0.0.2.ip6.arpa PTR`, "NXDOMAIN aa"],
    ["x.invalid", "NXDOMAIN aa"],
    ["_dns.resolver.arpa SVCB", "NXDOMAIN aa"],
    ["x.service.arpa", "NXDOMAIN aa"],
    // Somebody is asked for these.
    ["1.0.0.10.in-addr.arpa PTR", "not ours"],
  ])("%s", (text, ...expected) => {
    expect(ask(zones, text).slice(0, expected.length)).toEqual(expected);
  });
});

describe("hosts that come and go", () => {
  const HOST = parseIp("192.0.2.10");
  const HOST6 = parseIp("2001:db8::10");

  test("have addresses, and these have names", () => {
    const zones = new Zones({ zones: [zone("lan.example", "")], domains: [] });
    zones.setHost("PC.lan.example", [HOST, HOST6]);
    expect(ask(zones, "pc.lan.example")).toEqual(["NOERROR aa", "pc.lan.example. 60 IN A 192.0.2.10"]);
    expect(ask(zones, "pc.lan.example AAAA")).toEqual(["NOERROR aa", "pc.lan.example. 60 IN AAAA 2001:db8::10"]);
    expect(ask(zones, "10.2.0.192.in-addr.arpa PTR")[1]).toBe("10.2.0.192.in-addr.arpa. 60 IN PTR pc.lan.example.");
    zones.setHost("pc.lan.example", [HOST6]);
    expect(ask(zones, "pc.lan.example")[0]).toBe("NOERROR aa");
    expect(ask(zones, "10.2.0.192.in-addr.arpa PTR")[0]).toBe("NXDOMAIN aa");
    zones.setHost("pc.lan.example", []);
    expect(ask(zones, "pc.lan.example AAAA")[0]).toBe("NXDOMAIN aa");
  });

  test("tell which names' records are others", () => {
    const zones = new Zones({ zones: [zone("lan.example", "")], domains: [] });
    const reverse = ["10.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"];
    expect(zones.setHost("pc.a.lan.example", [HOST])).toEqual([
      "pc.a.lan.example",
      "a.lan.example",
      "lan.example",
      ...reverse,
    ]);
    expect(zones.setHost("pc.a.lan.example", [HOST])).toEqual([]);
    expect(zones.setHost("pc.a.lan.example", [])).toEqual([
      "pc.a.lan.example",
      "a.lan.example",
      "lan.example",
      ...reverse,
    ]);
    expect(ask(zones, "a.lan.example")[0]).toBe("NXDOMAIN aa");
  });

  test("do not take what the zone says itself", () => {
    const own = "www A 192.0.2.1\nold CNAME www\nnote TXT hi\n";
    const zones = new Zones({ zones: [zone("lan.example", own)], domains: [] });
    for (const name of ["www", "old", "note"]) zones.setHost(`${name}.lan.example`, [HOST, HOST6]);
    expect(ask(zones, "www.lan.example").slice(1)).toEqual(["www.lan.example. A 192.0.2.1"]);
    expect(ask(zones, "www.lan.example AAAA")).toHaveLength(2);
    expect(ask(zones, "old.lan.example")[1]).toBe("old.lan.example. CNAME www.lan.example.");
    expect(ask(zones, "note.lan.example").slice(1)).toEqual(["note.lan.example. 60 IN A 192.0.2.10"]);
    zones.setHost("note.lan.example", []);
    expect(ask(zones, "note.lan.example TXT")[1]).toBe('note.lan.example. TXT "hi"');
  });

  test("an address has the name of the first that has it", () => {
    const zones = new Zones({ zones: [zone("lan.example", "")], domains: [] });
    const pointer = (): string | undefined => ask(zones, "10.2.0.192.in-addr.arpa PTR")[1]?.split(" ").at(-1);
    zones.setHost("b.lan.example", [HOST]);
    zones.setHost("a.lan.example", [HOST]);
    expect(pointer()).toBe("b.lan.example.");
    zones.setHost("b.lan.example", []);
    expect(pointer()).toBe("a.lan.example.");
  });

  test("nowhere is no address that has a name, and one of many names has the first", () => {
    const zones = new Zones({ zones: [], domains: [] });
    expect(zones.setHost("ads.example.org", [parseIp("0.0.0.0"), parseIp("::")])).toEqual(["ads.example.org"]);
    expect(ask(zones, "ads.example.org")).toEqual(["NOERROR aa", "ads.example.org. 60 IN A 0.0.0.0"]);
    expect(ask(zones, "0.0.0.0.in-addr.arpa PTR")[0]).toBe("NXDOMAIN aa");
    expect(zones.setHost("a.example.org", [parseIp("8.8.8.8")])).toEqual(["a.example.org", "8.8.8.8.in-addr.arpa"]);
    expect(zones.setHost("b.example.org", [parseIp("8.8.8.8")])).toEqual(["b.example.org"]);
  });

  test("outside all zones only the very name is ours", () => {
    const zones = new Zones({ zones: [], domains: [] });
    zones.setHost("ads.example.org", [parseIp("198.51.100.1"), parseIp("8.8.8.8")]);
    expect(ask(zones, "ads.example.org")).toContain("ads.example.org. 60 IN A 198.51.100.1");
    expect(ask(zones, "ads.example.org HTTPS")[0]).toBe("NOERROR aa");
    expect(ask(zones, "www.ads.example.org")).toEqual(["not ours"]);
    expect(ask(zones, "example.org")).toEqual(["not ours"]);
    expect(ask(zones, "8.8.8.8.in-addr.arpa PTR")[1]).toBe("8.8.8.8.in-addr.arpa. 60 IN PTR ads.example.org.");
    zones.setHost("ads.example.org", []);
    expect(ask(zones, "ads.example.org")).toEqual(["not ours"]);
    expect(ask(zones, "8.8.8.8.in-addr.arpa PTR")).toEqual(["not ours"]);
  });
});
