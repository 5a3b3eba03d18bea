/** A DNS server on the loopback, asked by the programs that people have: dig, kdig and drill. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { DnsService } from "../../../src/services/dns/server.ts";
import { encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import { decoded, zone } from "../../protocol/dns/records.ts";
import { CONFIG, records, reply } from "../../support/dns-world.ts";
import { Running, shell } from "../../support/network.ts";

const IPV4 = "127.0.0.53";
const IPV6 = "::1";
const UPSTREAM = { address: parseIp("127.0.0.2"), port: 53 };
const MANY = 90;

const LAN = `web 300 A 192.0.2.2
web 300 AAAA 2001:db8::2
www 300 CNAME web
many 300 A ${Array.from({ length: MANY }, (_, i) => `198.51.100.${i + 1}`).join("\nmany 300 A ")}
xn--mnchen-3ya 300 A 192.0.2.7
a\\.b 300 A 192.0.2.8
front\\032door 300 A 192.0.2.9
${"x".repeat(63)} 300 A 192.0.2.10
text 300 TXT "two words" "and \\"quotes\\""
_ipp._tcp 300 SRV 0 0 631 web
@ 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.2
`;
const SIGNED = [
  "www.example.org 300 A 192.0.2.1",
  "www.example.org 300 RRSIG A 13 3 300 20370101000000 20200101000000 1 example.org. AAAA",
];

let upstream: Socket;
let server: DnsService;

/** Knows one signed name, and has checked its signature. */
async function startUpstream(): Promise<void> {
  upstream = createSocket("udp4", (bytes, from) => {
    const query = decoded(bytes);
    const answers = records(query.extension?.dnssecOk === true ? SIGNED : SIGNED.slice(0, 1));
    const told = reply(query, { recursionAvailable: true, authenticData: true, answers });
    upstream.send(encodeDnsMessage(told), from.port, from.address);
  });
  upstream.bind(UPSTREAM.port, UPSTREAM.address);
  await once(upstream, "listening");
}

beforeAll(async () => {
  shell("ip link set lo up");
  await startUpstream();
  const zones = [
    zone("lan.example", LAN),
    zone("2.0.192.in-addr.arpa", "2 300 PTR web.lan.example."),
    zone("8.b.d.0.1.0.0.2.ip6.arpa", `2.${"0.".repeat(22)}0 300 PTR web.lan.example.`),
  ];
  const listen = [IPV4, IPV6].map((address) => ({ address: parseIp(address), port: 53 }));
  server = new DnsService({ listen, config: { ...CONFIG, upstreams: [UPSTREAM], zones }, logger: SILENT });
});

afterAll(async () => {
  await server.close();
  upstream.close();
});

async function run(program: string, words: string): Promise<string> {
  const { stdout, stderr } = await new Running([program, ...words.split(" ")], { LC_ALL: "C.UTF-8" }).ended();
  return stdout + stderr;
}

/** The records that a program shows, without TTLs. */
function shown(output: string): string[] {
  const lines = output.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  return lines.map((line) =>
    line
      .replace(/\s+\d+\s+IN\s+/, " ")
      .replaceAll(/\s+/g, " ")
      .replaceAll('"', "")
      .trim(),
  );
}

/** Flags of the header, and those of EDNS behind "edns". */
function flagsOf(output: string): string | undefined {
  const [, flags = ""] = /flags: ([a-z ]+?) *;/i.exec(output) ?? [];
  const [, extended] = /version:? 0[;,] flags: ?([a-z ]*?) *;/i.exec(output) ?? [];
  return extended === undefined ? flags : `${flags} edns ${extended}`.trimEnd();
}

/** Names and types, and what is known of them. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  "web.lan.example A": ["web.lan.example. A 192.0.2.2"],
  "www.lan.example AAAA": ["www.lan.example. CNAME web.lan.example.", "web.lan.example. AAAA 2001:db8::2"],
  "_ipp._tcp.lan.example SRV": [
    "_ipp._tcp.lan.example. SRV 0 0 631 web.lan.example.",
    "web.lan.example. A 192.0.2.2",
    "web.lan.example. AAAA 2001:db8::2",
  ],
  "www.example.org A": ["www.example.org. A 192.0.2.1"],
  "-x 192.0.2.2": ["2.2.0.192.in-addr.arpa. PTR web.lan.example."],
  "-x 2001:db8::2": [`2.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa. PTR web.lan.example.`],
  [`${"x".repeat(63)}.lan.example A`]: [`${"x".repeat(63)}.lan.example. A 192.0.2.10`],
  "a\\.b.lan.example A": ["a\\.b.lan.example. A 192.0.2.8"],
  "front\\032door.lan.example A": ["front\\032door.lan.example. A 192.0.2.9"],
};

describe.each([
  { program: "dig", udp: "+notcp +noedns", tcp: "+tcp", dnssec: "+dnssec", asksOne: false },
  { program: "kdig", udp: "+notcp", tcp: "+tcp", dnssec: "+dnssec", asksOne: false },
  { program: "drill", udp: "-u", tcp: "-t", dnssec: "-D", asksOne: true },
])("$program", ({ program, udp, tcp, dnssec, asksOne }) => {
  test.each([
    ["UDP", IPV4, udp],
    ["UDP", IPV6, udp],
    ["TCP", IPV4, tcp],
    ["TCP", IPV6, tcp],
  ])("has its answers over %s, of %s", async (_, address, transport) => {
    const questions = Object.keys(QUESTIONS);
    const runs = asksOne ? questions : [questions.join(" ")];
    const told = await Promise.all(runs.map((words) => run(program, `@${address} ${transport} ${words}`)));
    expect(told.flatMap(shown)).toEqual(Object.values(QUESTIONS).flat());
    const unknown = await run(program, `@${address} ${transport} nobody.lan.example`);
    expect(unknown).toMatch(/(status|rcode): NXDOMAIN/);
  });

  test("sees signatures, and that they were checked, if it asks for them", async () => {
    const signed = await run(program, `@${IPV4} ${dnssec} www.example.org`);
    expect(shown(signed)).toEqual([
      "www.example.org. A 192.0.2.1",
      expect.stringMatching(/^www\.example\.org\. RRSIG A 13 3 300 20370101000000 20200101000000 1 example\.org\. /),
    ]);
    expect(flagsOf(signed)).toMatch(/^qr rd ra ad edns do$/);
    const plain = await run(program, `@${IPV4} ${udp} www.example.org`);
    expect(shown(plain)).toEqual(["www.example.org. A 192.0.2.1"]);
    expect(flagsOf(plain)).not.toContain("edns");
  });
});

describe("an answer that is too long for UDP", () => {
  const all = Array.from({ length: MANY }, (_, i) => `many.lan.example. A 198.51.100.${i + 1}`);

  test.each([
    ["dig", "+noedns"],
    ["dig", "+bufsize=4096"],
    ["kdig", "+noedns"],
    ["kdig", "+bufsize=4096"],
    // It asks with EDNS first.
    ["drill", "-a"],
  ])("comes whole to %s %s, over TCP", async (program, words) => {
    const before = server.stats().connections;
    const output = await run(program, `@${IPV4} ${words} many.lan.example`);
    expect(shown(output)).toEqual(all);
    expect(server.stats().connections).toBe(before + 1);
  });

  test.each([
    ["dig", "+ignore +noedns", 29],
    ["dig", "+ignore +bufsize=4096", 74],
    ["kdig", "+ignore", 29],
    ["drill", "-u", 29],
  ])("tells %s %s, which does not ask anew, as much as fits", async (program, words, count) => {
    const output = await run(program, `@${IPV4} ${words} many.lan.example`);
    expect(shown(output)).toEqual(all.slice(0, count));
    expect(flagsOf(output)).toMatch(/^qr (aa )?tc /);
  });
});

describe("EDNS", () => {
  test.each([
    ["dig", "+cookie=0011223344556677"],
    ["dig", "+nsid +expire +padding=128 +subnet=192.0.2.0/24 +ednsopt=65001:abcd"],
    ["dig", "+tcp +keepalive"],
    ["dig", "+ednsflags=0x7fff"],
    ["kdig", "+cookie +badcookie"],
    ["kdig", "+nsid +padding=64 +subnet=2001:db8::/32 +ednsopt=65001:abcd"],
  ])("options of %s %s change nothing, and are not given back", async (program, words) => {
    const output = await run(program, `@${IPV4} ${words} web.lan.example`);
    expect(shown(output)).toEqual(["web.lan.example. A 192.0.2.2"]);
    expect(flagsOf(output)).toMatch(/^qr aa rd ra edns$/);
    expect(output).not.toMatch(/^;+ (cookie|nsid|client.subnet|pad|opt=|option|expire|tcp.keepalive|warning)/im);
  });

  test("of a version that is to come: the programs are told which there is, and dig asks with that one", async () => {
    expect(await run("kdig", `@${IPV4} +edns=1 web.lan.example`)).toMatch(/status: BADVERS[^]*Version: 0/);
    const output = await run("dig", `@${IPV4} +edns=1 web.lan.example`);
    expect(output).toContain("BADVERS, retrying with EDNS version 0");
    expect(shown(output)).toEqual(["web.lan.example. A 192.0.2.2"]);
  });
});

test("names of other scripts, and what is no address, come as they are", async () => {
  const names = "münchen.lan.example text.lan.example TXT lan.example HTTPS";
  expect(shown(await run("kdig", `@${IPV4} ${names}`))).toEqual([
    expect.stringMatching(/^(münchen|xn--mnchen-3ya)\.lan\.example\. A 192\.0\.2\.7$/),
    "text.lan.example. TXT two words and \\quotes\\",
    "lan.example. HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.2",
  ]);
});

test.each([
  ["dig", "+tcp +keepopen"],
  ["kdig", "+tcp +keepopen"],
])("%s %s: many questions on one connection", async (program, words) => {
  const before = server.stats().connections;
  const names = "web.lan.example www.example.org nobody.lan.example many.lan.example www.lan.example";
  const output = await run(program, `@${IPV4} ${words} ${names}`);
  expect(shown(output).filter((line) => line.includes(" A ") && !line.startsWith("many"))).toEqual([
    "web.lan.example. A 192.0.2.2",
    "www.example.org. A 192.0.2.1",
    "web.lan.example. A 192.0.2.2",
  ]);
  expect(shown(output).filter((line) => line.startsWith("many"))).toHaveLength(MANY);
  expect(output).toContain("status: NXDOMAIN");
  expect(server.stats().connections).toBe(before + 1);
});

test("what is not for them is refused in words that they understand", async () => {
  expect(await run("dig", `@${IPV4} lan.example AXFR`)).toContain("Transfer failed");
  expect(await run("kdig", `@${IPV4} lan.example AXFR`)).toContain("'REFUSED'");
  expect(await run("drill", `@${IPV4} version.bind TXT CH`)).toContain("rcode: REFUSED");
  expect(await run("dig", `@${IPV4} +opcode=notify lan.example SOA`)).toContain("status: NOTIMP");
  expect(await run("dig", `@${IPV4} +header-only`)).toContain("status: FORMERR");
  expect(shown(await run("dig", `@${IPV4} lan.example ANY`))).toEqual(["lan.example. HINFO RFC8482"]);
});
