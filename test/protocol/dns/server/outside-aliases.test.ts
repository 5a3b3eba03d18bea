/** Server and resolver together: what others say of names that are ours. */
import { describe, expect, test } from "vitest";
import { parseIp } from "../../../../src/base/address.ts";
import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import type { DnsServerConfig } from "../../../../src/protocol/dns/config.ts";
import { DnsResolver } from "../../../../src/protocol/dns/resolver/resolver.ts";
import { DnsServer } from "../../../../src/protocol/dns/server/server.ts";
import { encodeDnsMessage } from "../../../../src/wire/dns/codec.ts";
import { randomNumbers } from "../../../support/random.ts";
import { config, decoded, described, query, records, zone } from "../records.ts";

const CLIENT = { address: parseIp("192.0.2.10"), transport: "udp" } as const;

function start(changes: Partial<DnsServerConfig> = {}) {
  const settings = config({ zones: [zone("lan.example", "www 300 A 10.0.0.1")], ...changes });
  const cache = new AnswerCache(settings.cache);
  const random = randomNumbers(1);
  const server = new DnsServer(settings, {
    cache,
    resolver: new DnsResolver(settings, cache, (bits) => random(2 ** bits)),
  });
  const asked: string[] = [];
  return {
    server,
    cache,
    asked,
    /** The reply, when the upstream answers every question with these records. */
    ask: (text: string, answers: string): string[] => {
      let output = server.handle(query(text), CLIENT, 1, 100);
      for (let round = 0; output.replies.length === 0 && round < 10; round++) {
        const { query: number, message } = output.queries[0]!;
        const sent = decoded(message);
        asked.push(sent.question.name);
        const reply = { ...sent, response: true, recursionAvailable: true, answers: records(answers) };
        output = server.handleUpstream({ query: number, kind: "answer", message: encodeDnsMessage(reply) }, 100);
      }
      return described(decoded(output.replies[0]?.message));
    },
  };
}

describe("an alias from outside to a name of ours", () => {
  const LIE = "www.example.org 60 CNAME www.lan.example.\nwww.lan.example. 60 A 198.51.100.66";
  const EMPTY = ["NOERROR rd ra"];

  test("ends with what we say of it, whatever the other server says", () => {
    const { ask, asked, server } = start();
    expect(ask("www.example.org", LIE)).toEqual([
      "NOERROR rd ra",
      "www.example.org. 60 CNAME www.lan.example.",
      "www.lan.example. 300 A 10.0.0.1",
    ]);
    expect(ask("www.lan.example", "")).toEqual(["NOERROR aa rd ra", "www.lan.example. 300 A 10.0.0.1"]);
    expect(asked).toEqual(["www.example.org"]);
    server.setHost("pc.lan.example", [parseIp("10.0.0.2")]);
    expect(ask("pc.example.org", "pc.example.org 60 CNAME pc.lan.example.").at(-1)).toBe(
      "pc.lan.example. 60 A 10.0.0.2",
    );
  });

  test.each([
    ["has another address", "pc.lan.example", ["pc.lan.example. 60 A 10.0.0.3"]],
    ["is gone", "gone.lan.example", []],
  ])("is found anew when the name %s", (_, target, expected) => {
    const { ask, asked, server } = start();
    const alias = (): string[] => ask("pc.example.org", `pc.example.org 3600 CNAME ${target}.`);
    server.setHost(target, [parseIp("10.0.0.2")]);
    ask("other.example.org", "other.example.org 3600 CNAME cdn.example.net.\ncdn.example.net. 3600 A 192.0.2.9");
    expect(alias().slice(2)).toEqual([`${target}. 60 A 10.0.0.2`]);
    alias();
    expect(asked).toEqual(["other.example.org", "pc.example.org"]);
    server.setHost(target, expected.length === 0 ? [] : [parseIp("10.0.0.3")]);
    expect(alias().filter((line) => line.startsWith(target))).toEqual(expected);
    // What does not lead here is kept.
    ask("other.example.org", "");
    expect(asked).toEqual(["other.example.org", "pc.example.org", "pc.example.org"]);
  });

  test("leads nowhere where that is not allowed", () => {
    expect(start({ rebindingAllowed: [] }).ask("www.example.org", LIE)).toEqual(EMPTY);
  });

  test("is not believed of built-in names either", () => {
    const { ask } = start();
    expect(ask("l.example.org", "l.example.org 60 CNAME localhost.\nlocalhost. 60 A 198.51.100.66").at(-1)).toBe(
      "localhost. 10800 A 127.0.0.1",
    );
  });
});

test("a name that becomes ours while others are asked for it is answered here, and so from then on", () => {
  const { server, cache, ask } = start();
  const output = server.handle(query("printer.example.org"), CLIENT, 7, 100);
  server.setHost("printer.example.org", [parseIp("10.0.0.9")]);
  const { query: number, message } = output.queries[0]!;
  const late = { ...decoded(message), response: true, answers: records("printer.example.org 3600 A 198.51.100.66") };
  const { replies } = server.handleUpstream({ query: number, kind: "answer", message: encodeDnsMessage(late) }, 101);
  const ours = ["NOERROR aa rd ra", "printer.example.org. 60 A 10.0.0.9"];
  expect(described(decoded(replies[0]?.message))).toEqual(ours);
  expect(cache.stats().entries).toBe(0);
  expect(ask("printer.example.org", "")).toEqual(ours);
});

test("a name that becomes ours while an alias is followed to it is not kept as others have it", () => {
  const { server, cache, ask } = start();
  const first = server.handle(query("www.example.org"), CLIENT, 7, 100).queries[0]!;
  const answer = (asked: typeof first, text: string): ReturnType<typeof server.handleUpstream> => {
    const sent = decoded(asked.message);
    const reply = { ...sent, response: true, recursionAvailable: true, answers: records(text) };
    return server.handleUpstream({ query: asked.query, kind: "answer", message: encodeDnsMessage(reply) }, 101);
  };
  const [second] = answer(first, "www.example.org 3600 CNAME host.example.net.").queries;
  expect(decoded(second?.message).question.name).toBe("host.example.net");
  server.setHost("host.example.net", [parseIp("10.0.0.9")]);
  const [told] = answer(second!, "host.example.net 3600 A 198.51.100.66").replies;
  expect(described(decoded(told?.message)).at(-1)).toBe("host.example.net. 60 A 10.0.0.9");
  expect([...cache.entries(101)].map(({ question }) => question.name)).toEqual([]);
  const ours = "host.example.net. 60 A 10.0.0.9";
  expect(ask("www.example.org", "www.example.org 3600 CNAME host.example.net.").at(-1)).toBe(ours);
  expect(ask("www.example.org", "").at(-1)).toBe(ours);
});

test("aliases that lead to a name which becomes ours, or is ours no more, are followed anew, others are kept", () => {
  const { server, ask, asked } = start();
  const through = "www.example.org 3600 CNAME host.example.net.\nhost.example.net. 3600 A 192.0.2.9";
  const beside = "ftp.example.org 3600 CNAME ghost.example.net.\nghost.example.net. 3600 A 192.0.2.9";
  const both = (): string[] =>
    [ask("www.example.org", through), ask("ftp.example.org", beside)].map((told) => told[2]!);
  const [outside, other] = ["host.example.net. 3600 A 192.0.2.9", "ghost.example.net. 3600 A 192.0.2.9"];
  expect(both()).toEqual([outside, other]);
  server.setHosts([["Host.example.net", [parseIp("10.0.0.9")]]]);
  expect(both()).toEqual(["host.example.net. 60 A 10.0.0.9", other]);
  server.setHosts([
    ["host.example.net", []],
    ["new.example.net", [parseIp("10.0.0.9")]],
  ]);
  expect(both()).toEqual([outside, other]);
  expect(asked).toEqual(["www", "ftp", "www", "www"].map((label) => `${label}.example.org`));
});

describe("zones that have other records", () => {
  test("are told as they are now, hosts stay, and the cache keeps what has nothing to do with them", () => {
    const { server, ask, asked } = start();
    server.setHost("pc.lan.example", [parseIp("10.0.0.2")]);
    server.setHost("printer.example.net", [parseIp("10.0.0.3")]);
    const outside: readonly [string, string][] = [
      ["a.example.org", "a.example.org 3600 A 192.0.2.1"],
      ["new.example.org", "new.example.org 3600 A 192.0.2.2"],
      ["alias.example.org", "alias.example.org 3600 CNAME new.example.org.\nnew.example.org. 3600 A 192.0.2.2"],
    ];
    const all = (): string[] => [
      ...["www.lan.example", "pc.lan.example", "gone.lan.example", "printer.example.net"].map(
        (name) => ask(name, "")[1]!,
      ),
      ...outside.map(([name, records]) => ask(name, records).at(-1)!),
    ];
    const hosts = ["pc.lan.example. 60 A 10.0.0.2", "printer.example.net. 60 A 10.0.0.3"];
    const before = all();
    expect(before.slice(0, 2)).toEqual(["www.lan.example. 300 A 10.0.0.1", hosts[0]]);
    expect(all()).toEqual(before);
    asked.length = 0;
    server.setZones([
      zone("lan.example", "www 300 A 10.0.0.7\ngone 300 A 10.0.0.8"),
      zone("new.example.org", "@ 300 A 10.0.0.9"),
    ]);
    expect(all()).toEqual([
      "www.lan.example. 300 A 10.0.0.7",
      hosts[0],
      "gone.lan.example. 300 A 10.0.0.8",
      hosts[1],
      "a.example.org. 3600 A 192.0.2.1",
      "new.example.org. 300 A 10.0.0.9",
      "new.example.org. 300 A 10.0.0.9",
    ]);
    expect(asked).toEqual(["alias.example.org"]);
    server.setZones([zone("lan.example", "www 300 A 10.0.0.1")]);
    expect(all()).toEqual(before);
    expect(asked.slice(1)).toEqual(["new.example.org", "alias.example.org"]);
  });

  test("a host that shares its address with another keeps the name of that address", () => {
    const { server, ask } = start();
    const pointer = (): string => ask("9.2.0.192.in-addr.arpa PTR", "").at(-1)!;
    for (const [name, last] of [
      ["b", 8],
      ["a", 9],
      ["b", 9],
    ] as const)
      server.setHost(`${name}.lan.example`, [parseIp(`192.0.2.${last}`)]);
    expect(pointer()).toContain("a.lan.example.");
    server.setZones([zone("lan.example", "x 300 A 10.0.0.1")]);
    expect(pointer()).toContain("a.lan.example.");
    server.removeHost("a.lan.example");
    expect(pointer()).toContain("b.lan.example.");
  });

  test("the same ones again change nothing", () => {
    const { server, cache, ask } = start();
    ask("www.lan.example", "");
    server.setZones([zone("lan.example", "www 300 A 10.0.0.1")]);
    expect(cache.stats().entries).toBe(1);
  });
});
