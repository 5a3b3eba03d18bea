import { describe, expect, test } from "vitest";
import type { DnsMessage } from "../../../../src/wire/dns/message.ts";
import { DNS_TYPE } from "../../../../src/wire/dns/types.ts";
import {
  type Answerer,
  DnsWorld,
  record,
  type Reply,
  reply,
  resolverOf,
  upstream,
} from "../../../support/dns-world.ts";

const A = "198.51.100.1";
const WWW = "www.example.org 300 A 192.0.2.80";
const LIE = record("www.example.org 300 A 203.0.113.66");
const config = { upstreams: [upstream(A)] };
const honest = resolverOf([WWW], { after: 0.1 });

/** Somebody is quicker than the server, over UDP. */
function forged(...lies: readonly ((query: DnsMessage) => DnsMessage | Uint8Array)[]): Answerer {
  return (query, sent) => {
    const forgeries: Reply[] = lies.map((lie, i) => ({ after: 0.001 * (i + 1), message: lie(query) }));
    return [...(sent.transport === "udp" ? forgeries : []), ...honest(query, sent)];
  };
}
const lying = (query: DnsMessage, parts: Partial<DnsMessage> = {}): DnsMessage =>
  reply(query, { answers: [LIE], ...parts });

describe("answers that do not match are dropped and counted", () => {
  test.each<[string, "id" | "question" | "malformed", (query: DnsMessage) => DnsMessage | Uint8Array]>([
    ["another id", "id", (query) => lying(query, { id: query.id ^ 1 })],
    ["another name", "question", (query) => lying(query, { question: { ...query.question, name: "w.example.org" } })],
    ["another type", "question", (query) => lying(query, { question: { ...query.question, type: DNS_TYPE.AAAA } })],
    ["another class", "question", (query) => lying(query, { question: { ...query.question, class: 3 } })],
    ["a query", "malformed", (query) => lying(query, { response: false })],
    ["another opcode", "malformed", (query) => lying(query, { opcode: 5 })],
    ["three bytes", "malformed", () => Uint8Array.of(1, 2, 3)],
    ["a header that promises more", "malformed", (query) => header(query, [0x80, 0, 0, 1, 0, 1])],
  ])("%s", (_, reason, lie) => {
    const world = new DnsWorld(config, { [A]: forged(lie) });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.resolver.stats().badAnswers[reason]).toBe(1);
    expect(world.now - 1000).toBeCloseTo(0.1, 5);
  });

  test("a server's answer to a question that is over is nobody's", () => {
    const world = new DnsWorld(config, { [A]: honest });
    world.ask("www.example.org");
    const before = world.resolver.stats();
    const query = world.sent[0]!.query.query;
    world.take(world.resolver.handle({ query, kind: "answer", message: Uint8Array.of(1) }, world.now));
    expect(world.resolver.stats()).toEqual(before);
  });

  test("many of them: the question goes over TCP", () => {
    const guesses = [1, 2, 3, 4, 5].map((bits) => (query: DnsMessage) => lying(query, { id: query.id ^ bits }));
    const world = new DnsWorld(config, { [A]: forged(...guesses) });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.log.map((line) => line.split(" ")[1])).toEqual(["udp", "tcp"]);
    expect(world.resolver.stats().badAnswers.id).toBe(3);
  });
});

describe("letters in mixed case (0x20)", () => {
  const mixed = { ...config, mixedCase: true };

  test("go out at random and are not told to clients", () => {
    const world = new DnsWorld(mixed, { [A]: honest });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    const asked = world.sent[0]!.message.question.name;
    expect(asked).not.toBe("www.example.org");
    expect(asked.toLowerCase()).toBe("www.example.org");
    expect(world.answers.get(1)?.message.question.name).toBe("www.example.org");
  });

  test("have to come back: otherwise the answer is asked for over TCP", () => {
    const lower = (query: DnsMessage): DnsMessage =>
      lying(query, { question: { ...query.question, name: query.question.name.toLowerCase() } });
    const world = new DnsWorld(mixed, { [A]: forged(lower) });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.log.map((line) => line.split(" ")[1])).toEqual(["udp", "tcp"]);
    expect(world.resolver.stats().badAnswers.case).toBe(1);
  });

  test("are nothing that a server is asked for again when it never keeps them", () => {
    const answer = resolverOf([WWW, "mail.example.org 300 A 192.0.2.25"]);
    const folding: Answerer = (query, sent) =>
      answer({ ...query, question: { ...query.question, name: query.question.name.toLowerCase() } }, sent);
    const world = new DnsWorld(mixed, { [A]: folding });
    world.ask("www.example.org");
    world.ask("mail.example.org");
    expect(world.log.map((line) => line.split(" ")[1])).toEqual(["udp", "tcp", "udp"]);
  });
});

test("ids are spread over all 16 bits, and one question is asked once at a time", () => {
  const world = new DnsWorld(config, { [A]: resolverOf([WWW]) });
  for (let i = 0; i < 300; i++) world.begin(`${i}.example.org`);
  const ids = new Set(world.sent.map(({ message }) => message.id));
  expect(ids.size).toBeGreaterThan(290);
  expect(Math.max(...ids)).toBeGreaterThan(60_000);
  for (let i = 0; i < 300; i++) world.begin("7.example.org");
  expect(world.sent).toHaveLength(300);
});

function header(query: DnsMessage, rest: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set([query.id >> 8, query.id & 255, ...rest]);
  return bytes;
}
