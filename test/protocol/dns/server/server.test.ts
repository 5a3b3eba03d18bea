import { describe, expect, test } from "vitest";
import { parseIp } from "../../../../src/base/address.ts";
import { fromHex, toHex } from "../../../../src/base/bytes.ts";
import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import type { DnsServerConfig } from "../../../../src/protocol/dns/config.ts";
import type { ResolverOutput } from "../../../../src/protocol/dns/exchange.ts";
import { DnsServer, type DnsServerOutput, type QuestionResolver } from "../../../../src/protocol/dns/server/server.ts";
import { encodeDnsMessage } from "../../../../src/wire/dns/codec.ts";
import { decodeExtendedErrors } from "../../../../src/wire/dns/extended-error.ts";
import type { DnsMessage, DnsQuestion } from "../../../../src/wire/dns/message.ts";
import { formatDnsType } from "../../../../src/wire/dns/types.ts";
import { config, decoded, described, query, queryMessage, records, zone } from "../records.ts";

const CLIENT = { address: parseIp("192.0.2.10"), transport: "udp" } as const;
const TCP = { ...CLIENT, transport: "tcp" } as const;
const LAN = zone("lan.example", "www A 192.0.2.1\nalias CNAME www\nfar CNAME www.example.org.\n* TXT wild");
const EXTENSION = { udpPayloadBytes: 4096, version: 0, dnssecOk: false, options: [] };
const NOTHING: ResolverOutput = { queries: [], ended: [], answers: [] };

/** Answers when it is told to. */
class Resolver implements QuestionResolver {
  readonly asked: string[] = [];
  readonly refreshed: string[] = [];
  readonly #tokens: number[] = [];
  #output: ResolverOutput = NOTHING;

  resolve({ name, type }: DnsQuestion, flags: object, token: number): ResolverOutput {
    this.#tokens.push(token);
    const set = Object.entries(flags).filter(([, value]) => value === true);
    this.asked.push([name, formatDnsType(type), ...set.map(([key]) => key)].join(" "));
    return NOTHING;
  }

  refresh({ name }: DnsQuestion): ResolverOutput {
    this.refreshed.push(name);
    return NOTHING;
  }

  /** What comes of the next event. */
  answers(message: DnsMessage, error?: number): void {
    const answer = { tokens: this.#tokens.splice(0), message: encodeDnsMessage(message) };
    this.#output = { ...NOTHING, answers: [error === undefined ? answer : { ...answer, error }] };
  }

  handle(): ResolverOutput {
    return this.#output;
  }

  setLocalNames(): void {}

  forgetLeadingHere(): void {}

  nextDeadline(): number {
    return 7;
  }

  handleDeadline(): ResolverOutput {
    return this.#output;
  }
}

function start(changes: Parameters<typeof config>[0] = {}) {
  const settings: DnsServerConfig = config({ zones: [LAN], ...changes });
  const cache = new AnswerCache(settings.cache);
  const resolver = new Resolver();
  const server = new DnsServer(settings, { cache, resolver });
  const ask = (bytes: Uint8Array, client: Parameters<DnsServer["handle"]>[1] = CLIENT): DnsServerOutput =>
    server.handle(bytes, client, 1, 100);
  return {
    cache,
    resolver,
    server,
    ask,
    /** The reply that comes at once. */
    reply: (text: string, further: Partial<DnsMessage> = {}, client: Parameters<DnsServer["handle"]>[1] = CLIENT) =>
      decoded(ask(query(text, further), client).replies[0]?.message),
    /** What the cache's hot path says. */
    hot: (bytes: Uint8Array): DnsMessage | undefined => {
      const out = new Uint8Array(1232);
      const length = cache.answer(bytes, 0, bytes.length, out, 0, 100);
      return length === 0 ? undefined : decoded(out.slice(0, length));
    },
  };
}

function response(text: string, answers: string, changes: Partial<DnsMessage> = {}): DnsMessage {
  const answered = { response: true, recursionAvailable: true, id: 0, answers: records(answers) };
  return queryMessage(text, { ...answered, ...changes });
}

describe("queries that are no plain questions", () => {
  test.each<[string, Uint8Array, string]>([
    ["notify", query("lan.example SOA", { opcode: 4 }), "4e4ca104"],
    ["update", query("lan.example SOA", { opcode: 5 }), "4e4ca904"],
    ["no question", fromHex("4e4c 0100 0000 0000 0000 0000"), "4e4c8101"],
    ["two questions", fromHex("4e4c 0110 0002 0000 0000 0000 00 0001 0001 00 0001 0001"), "4e4c8111"],
    ["cut off", query("www.lan.example").slice(0, -1), "4e4c8101"],
    [
      "more records than a query has",
      query("www.lan.example", {
        additionals: records("a A 192.0.2.1\nb A 192.0.2.1\nc A 192.0.2.1\nd A 192.0.2.1\ne A 192.0.2.1"),
      }),
      "4e4c8101",
    ],
  ])("%s: a header tells what is wrong", (_, bytes, header) => {
    const { replies } = start().ask(bytes);
    expect(replies.map(({ message }) => toHex(message))).toEqual([`${header}0000000000000000`]);
  });

  const OPT = "00 0029 04d0 0000 0000 0000";
  const OPT_WITH_DO = "00 0029 04d0 0000 8000 0000";
  test.each([
    ["another opcode", query("www.lan.example", { opcode: 4, extension: EXTENSION }), "4e4ca104", false],
    ["no question", fromHex(`4e4c 0100 0000 0000 0000 0001 ${OPT_WITH_DO}`), "4e4c8101", true],
    ["two questions", fromHex(`4e4c 0110 0002 0000 0000 0001 00 0001 0001 00 0001 0001 ${OPT}`), "4e4c8111", false],
    ["OPT twice", fromHex(`4e4c 0100 0001 0000 0000 0002 01 61 00 0001 0001 ${OPT} ${OPT}`), "4e4c8101", false],
    [
      "behind another record",
      fromHex(`4e4c 2800 0001 0001 0000 0001 01 61 00 0006 0001 c00c 0001 0001 00000000 0001 00 ${OPT}`),
      "4e4ca804",
      false,
    ],
  ])("%s: who speaks EDNS is answered with it (RFC 6891 §6.1.1)", (_, bytes, header, dnssecOk) => {
    const [reply] = start().ask(bytes).replies;
    expect(toHex(reply!.message)).toBe(`${header}000000000000000100002904d00000${dnssecOk ? "8000" : "0000"}0000`);
  });

  test.each([
    ["it is cut off", "4e4c 2000 0000 0000 0000 0001 00 0029 04d0 0000 0000 00"],
    ["it stands among the answers", `4e4c 2000 0000 0001 0000 0000 ${OPT}`],
    ["it has a name", `4e4c 2000 0000 0000 0000 0001 01 61 ${OPT}`],
    ["a name before it has no end", `4e4c 2000 0001 0000 0000 0001 3f 61 ${OPT}`],
    ["nothing is there", `4e4c 2000 ffff ffff ffff ffff`],
  ])("OPT that is none: %s", (_, hex) => {
    const [reply] = start().ask(fromHex(hex)).replies;
    expect(toHex(reply!.message)).toBe("4e4ca0040000000000000000");
  });

  test("responses and shreds get no reply", () => {
    const { ask, server } = start();
    expect(ask(query("www.lan.example", { response: true })).replies).toEqual([]);
    expect(ask(query("www.lan.example").slice(0, 11)).replies).toEqual([]);
    expect(server.stats().dropped).toBe(2);
  });

  test.each([
    ["www.lan.example AXFR", "REFUSED rd ra"],
    ["www.lan.example IXFR", "REFUSED rd ra"],
    ["www.lan.example MAILA", "NOTIMP rd ra"],
    ["www.lan.example OPT", "FORMERR rd ra"],
    ["www.lan.example TSIG", "FORMERR rd ra"],
  ])("%s: %s", (text, expected) => {
    expect(described(start().reply(text))).toEqual([expected]);
  });

  test.each([
    ["www.lan.example", [5, 18]],
    ["new.example.org", [2, 22]],
  ])("%s: why there is no answer is told to who speaks EDNS", (name, [code, error]) => {
    const { ask, resolver, server } = start(code === 5 ? { allowed: ["198.51.100.0/24"] } : {});
    for (const further of [{}, { extension: EXTENSION }]) {
      let output = ask(query(name, further));
      if (code === 2) {
        resolver.answers(response(name, "", { responseCode: 2 }), error);
        output = server.handleDeadline(101);
      }
      const message = decoded(output.replies[0]?.message);
      expect(message.responseCode).toBe(code);
      expect(decodeExtendedErrors(message.extension).map((told) => told.code)).toEqual(
        "extension" in further ? [error] : [],
      );
      expect(message.extension === undefined).toBe(!("extension" in further));
    }
  });

  test("a cookie is passed over (RFC 7873), also one of a wrong length", () => {
    for (const bytes of [8, 24, 3, 41]) {
      const options = [{ code: 10, data: new Uint8Array(bytes) }];
      const { reply, hot } = start();
      const asked = { extension: { ...EXTENSION, options } };
      const expected = ["NOERROR aa rd ra", "www.lan.example. 3600 A 192.0.2.1"];
      const replies = [reply("www.lan.example", asked), hot(query("www.lan.example", asked))!];
      expect(replies.map(described)).toEqual([expected, expected]);
      expect(replies.map(({ extension }) => extension?.options)).toEqual([[], []]);
    }
  });

  test("another class is refused", () => {
    const chaos = { question: { name: "version.bind", type: 16, class: 3 } };
    expect(described(start().reply("version.bind TXT", chaos))).toEqual(["REFUSED rd ra"]);
  });

  test("all types of a name: one record that says no more is told (RFC 8482)", () => {
    const { reply, resolver } = start();
    expect(described(reply("www.example.org ANY"))[1]).toContain("HINFO");
    expect(resolver.asked).toEqual([]);
  });
});

describe("EDNS", () => {
  test("is answered where it was asked", () => {
    const { reply } = start();
    expect(reply("www.lan.example").extension).toBeUndefined();
    const option = { code: 10, data: new Uint8Array(8) };
    const asked = { ...EXTENSION, dnssecOk: true, options: [option] };
    expect(reply("www.lan.example", { extension: asked }).extension).toEqual({
      udpPayloadBytes: 1232,
      version: 0,
      dnssecOk: true,
      options: [],
    });
  });

  test("of another version is told which one there is", () => {
    const answer = start().reply("www.lan.example", { extension: { ...EXTENSION, version: 1 } });
    expect(described(answer)).toEqual(["BADVERS rd ra"]);
    expect(answer.extension?.version).toBe(0);
  });

  test.each<[string, Partial<DnsMessage>, number | undefined]>([
    ["none", {}, 512],
    ["less than 512", { extension: { ...EXTENSION, udpPayloadBytes: 100 } }, 512],
    ["800", { extension: { ...EXTENSION, udpPayloadBytes: 800 } }, 800],
    ["more than passes every path", { extension: EXTENSION }, 1232],
  ])("the asker's payload: %s", (_, further, limit) => {
    const many = Array.from({ length: 120 }, (__, i) => `big A 192.0.2.${i}`).join("\n");
    const { ask, reply, server } = start({ zones: [zone("lan.example", many)] });
    const bytes = ask(query("big.lan.example", further)).replies[0]!.message;
    expect(bytes.length).toBeLessThanOrEqual(limit!);
    // One address more, of 16 bytes, would not fit.
    expect(bytes.length).toBeGreaterThan(limit! - 16);
    expect(decoded(bytes).truncated).toBe(true);
    expect(server.stats().truncated).toBe(1);
    const whole = reply("big.lan.example", further, TCP);
    expect([whole.truncated, whole.answers.length]).toEqual([false, 120]);
  });
});

describe("who is answered", () => {
  test.each<[string, Uint8Array, string[]]>([
    ["a question", query("www.lan.example"), ["REFUSED rd"]],
    ["EDNS of version 1", query("a.b", { extension: { ...EXTENSION, version: 1 } }), ["REFUSED rd"]],
  ])("an outsider is refused: %s", (_, bytes, expected) => {
    const { ask, resolver } = start({ allowed: ["198.51.100.0/24", "2001:db8::/32"] });
    expect(described(decoded(ask(bytes).replies[0]?.message))).toEqual(expected);
    expect(resolver.asked).toEqual([]);
  });

  test("an outsider's broken query is refused", () => {
    const { ask } = start({ allowed: ["198.51.100.0/24"] });
    expect(toHex(ask(query("a.b").slice(0, -1)).replies[0]!.message.slice(2, 4))).toBe("8105");
  });

  test("those on the list are answered", () => {
    const { reply } = start({ allowed: ["198.51.100.0/24", "2001:db8::/32"] });
    const inside = { address: parseIp("2001:db8::7"), transport: "udp" } as const;
    expect(described(reply("www.lan.example", {}, inside))[0]).toBe("NOERROR aa rd ra");
  });
});

describe("names of the zones", () => {
  test("are answered in the asker's spelling", () => {
    const answer = start().reply("wWw.LAN.example", { id: 0xbeef, checkingDisabled: true });
    expect([answer.id, answer.question.name]).toEqual([0xbeef, "wWw.LAN.example"]);
    expect(described(answer)).toEqual(["NOERROR aa rd ra cd", "wWw.LAN.example. 3600 A 192.0.2.1"]);
  });

  test("go into the cache, and out of it with the next change", () => {
    const { ask, hot, server } = start();
    const bytes = query("pc.lan.example", { extension: EXTENSION });
    server.setHost("pc.lan.example", [parseIp("192.0.2.10")]);
    ask(bytes);
    ask(query("10.2.0.192.in-addr.arpa PTR"));
    expect(described(hot(bytes)!)).toEqual(["NOERROR aa rd ra", "pc.lan.example. 60 A 192.0.2.10"]);
    expect(hot(query("10.2.0.192.in-addr.arpa PTR"))).toBeDefined();
    server.setHost("pc.lan.example", [parseIp("192.0.2.11")]);
    expect([hot(bytes), hot(query("10.2.0.192.in-addr.arpa PTR"))]).toEqual([undefined, undefined]);
    ask(bytes);
    expect(described(hot(bytes)!)[1]).toBe("pc.lan.example. 60 A 192.0.2.11");
    server.removeHost("pc.lan.example");
    expect(hot(bytes)).toBeUndefined();
  });

  test("that depend on other names, and those without end, do not go into the cache", () => {
    const { ask, cache } = start();
    for (const text of ["alias.lan.example", "any.lan.example TXT", "nobody.lan.example", "www.lan.example LOC"])
      ask(query(text));
    expect(cache.stats().entries).toBe(0);
  });

  test("an alias of a name outside is followed there", () => {
    const { ask, server, resolver } = start();
    expect(ask(query("far.LAN.example", { authenticData: true })).replies).toEqual([]);
    expect(resolver.asked).toEqual(["www.example.org A"]);
    resolver.answers(response("www.example.org", "www.example.org A 198.51.100.1", { authenticData: true }));
    const { replies } = server.handleDeadline(101);
    expect(described(decoded(replies[0]?.message))).toEqual([
      "NOERROR rd ra",
      "far.LAN.example. 3600 CNAME www.example.org.",
      "www.example.org. 3600 A 198.51.100.1",
    ]);
  });

  test("without recursion only the alias is told", () => {
    const { reply, resolver } = start();
    const told = described(reply("far.lan.example", { recursionDesired: false }));
    expect(told).toEqual(["NOERROR aa ra", "far.lan.example. 3600 CNAME www.example.org."]);
    expect(resolver.asked).toEqual([]);
  });
});

describe("other names", () => {
  test("are the resolver's, and every asker gets the answer in his own way", () => {
    const { server, resolver } = start();
    const askers: Partial<DnsMessage>[] = [
      { id: 1 },
      { id: 2, authenticData: true },
      { id: 3, extension: { ...EXTENSION, dnssecOk: true }, checkingDisabled: true },
    ];
    const spelled = ["WWW.example.org", "www.example.org", "www.EXAMPLE.org"];
    for (const [i, further] of askers.entries()) server.handle(query(spelled[i]!, further), CLIENT, 10 + i, 100);
    expect(resolver.asked).toEqual([
      "www.example.org A",
      "www.example.org A",
      "www.example.org A dnssecOk checkingDisabled",
    ]);
    expect(server.stats().waiting).toBe(3);
    const signature = "www.example.org 60 RRSIG A 8 3 60 20260322173103 20260220173103 1 example.org. AAAA";
    const answers = `www.example.org 60 A 198.51.100.1\n${signature}`;
    resolver.answers(response("www.example.org", answers, { authenticData: true }));
    const { replies } = server.handleUpstream({ query: 1, kind: "failed", reason: "" }, 101);
    expect(replies.map(({ token }) => token)).toEqual([10, 11, 12]);
    const messages = replies.map(({ message }) => decoded(message));
    expect(messages.map(({ id, question: { name } }) => [id, name])).toEqual(spelled.map((name, i) => [i + 1, name]));
    expect(messages.map((message) => [described(message)[0], message.answers.length])).toEqual([
      ["NOERROR rd ra", 1],
      ["NOERROR rd ra ad", 1],
      ["NOERROR rd ra ad cd", 2],
    ]);
    expect(server.stats()).toMatchObject({ waiting: 0, resolved: 3, udp: 3, replies: { NOERROR: 3 } });
  });

  test("that the cache knows need no resolver, over TCP and without recursion too", () => {
    const { cache, reply, resolver } = start();
    const known = response("www.example.org", "www.example.org 60 A 198.51.100.1");
    cache.store(known.question, { dnssecOk: false, checkingDisabled: false }, encodeDnsMessage(known), 50);
    const told = described(reply("www.example.org", { recursionDesired: false }, TCP));
    expect(told).toEqual(["NOERROR ra", "www.example.org. 10 A 198.51.100.1"]);
    expect(described(reply("mail.example.org", { recursionDesired: false }))).toEqual(["REFUSED ra"]);
    expect(resolver.asked).toEqual([]);
  });

  test("far longer than the asker takes: over UDP only that it has to come over TCP is told", () => {
    const { ask, cache, reply, server, resolver } = start();
    const answers = Array.from({ length: 400 }, (_, i) => `a.org 60 A 192.0.${i >> 8}.${i & 255}`).join("\n");
    ask(query("a.org", { extension: EXTENSION }));
    resolver.answers(response("a.org", answers));
    const [first] = server.handleUpstream({ query: 1, kind: "failed", reason: "" }, 101).replies;
    const known = response("a.org", answers);
    cache.store(known.question, { dnssecOk: false, checkingDisabled: false }, encodeDnsMessage(known), 50);
    for (const told of [decoded(first?.message), reply("a.org", { extension: EXTENSION })])
      expect([told.truncated, told.answers.length, told.responseCode]).toEqual([true, 0, 0]);
    const whole = reply("a.org", {}, TCP);
    expect([whole.truncated, whole.answers.length]).toEqual([false, 400]);
  });

  test("nobody to ask: refused, save for domains that somebody is asked for", () => {
    const upstreams = config().upstreams;
    const { ask, reply, resolver } = start({ upstreams: [], domains: [{ domain: "corp.example", upstreams }] });
    expect(described(reply("www.example.org"))).toEqual(["REFUSED rd"]);
    ask(query("www.Corp.example"));
    expect(resolver.asked).toEqual(["www.corp.example A"]);
    expect(described(reply("www.lan.example"))[0]).toBe("NOERROR aa rd ra");
  });

  test("a resolver's answer that cannot be read is a failure", () => {
    const { ask, server, resolver } = start();
    ask(query("www.example.org"));
    resolver.answers(response("www.example.org", ""));
    const output = resolver.handle();
    resolver.handle = () => ({ ...output, answers: [{ ...output.answers[0]!, message: new Uint8Array(12) }] });
    const { replies } = server.handleUpstream({ query: 1, kind: "failed", reason: "" }, 101);
    expect(described(decoded(replies[0]?.message))).toEqual(["SERVFAIL rd ra"]);
  });

  test("more than can wait are told that nothing came of it", () => {
    const { server, reply } = start();
    const bytes = query("www.example.org");
    for (let token = 100; token < 20_100; token++) server.handle(bytes, CLIENT, token, 100);
    expect(described(reply("mail.example.org"))).toEqual(["SERVFAIL rd ra"]);
    expect(server.stats().waiting).toBe(20_000);
  });

  test("what is popular is asked again before it ends", () => {
    const { cache, hot, resolver, server } = start();
    const known = response("www.example.org", "www.example.org 60 A 198.51.100.1");
    cache.store(known.question, { dnssecOk: false, checkingDisabled: false }, encodeDnsMessage(known), 45);
    for (let i = 0; i < 8; i++) hot(query("www.example.org"));
    server.refreshPopular(100);
    expect(resolver.refreshed).toEqual(["www.example.org"]);
    expect(server.nextDeadline()).toBe(7);
  });
});
