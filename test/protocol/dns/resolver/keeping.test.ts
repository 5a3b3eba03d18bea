import { describe, expect, test } from "vitest";
import { RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import {
  type Answerer,
  CONFIG,
  DnsWorld,
  record,
  reply,
  resolverOf,
  texts,
  upstream,
} from "../../../support/dns-world.ts";

const A = "198.51.100.1";
const SOA = "example.org 300 SOA ns.example.org. admin.example.org. 1 2 3 4 60";
const WWW = "www.example.org 300 A 192.0.2.80";
const STALE = "www.example.org 30 A 192.0.2.80";
const NEW = "www.example.org 300 A 192.0.2.81";
const config = { upstreams: [upstream(A)] };
const PLAIN = { dnssecOk: false, checkingDisabled: false };
const silent: Answerer = () => [];

function known(answerer: Answerer): DnsWorld {
  const world = new DnsWorld(config, { [A]: resolverOf([WWW, SOA]) });
  world.ask("www.example.org");
  world.pass(301);
  world.servers.set(A, answerer);
  return world;
}

describe("why there is no new answer (RFC 8914)", () => {
  const told = (answerer: Answerer, name: string): string | undefined => known(answerer).ask(name).error;
  const refused: Answerer = () => [{ failed: "ECONNREFUSED" }];
  const broken: Answerer = (query) => [{ message: reply(query, { responseCode: RESPONSE_CODE.SERVFAIL }) }];

  test.each([
    ["nobody says anything", silent, "No Reachable Authority"],
    ["nobody is there", refused, "Network Error"],
    ["nobody can answer", broken, "Network Error"],
  ])("%s", (_, answerer, error) => {
    expect(told(answerer, "new.example.org")).toBe(error);
    expect(told(answerer, "www.example.org")).toBe("Stale Answer");
  });

  test("it was so a moment ago", () => {
    const world = known(refused);
    world.ask("new.example.org");
    expect(world.ask("new.example.org").error).toBe("Cached Error");
  });

  test("what did not exist is told as such; an answer has no reason", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW, SOA]) });
    expect([world.ask("www.example.org"), world.ask("gone.example.org")].map(({ error }) => error)).toEqual([
      undefined,
      undefined,
    ]);
    world.pass(61);
    world.servers.set(A, refused);
    expect(world.ask("gone.example.org", "MX")).toMatchObject({
      error: "Stale NXDOMAIN Answer",
      message: { responseCode: RESPONSE_CODE.NXDOMAIN },
    });
  });
});

describe("what has run out", () => {
  test.each([
    ["Blocked", 15],
    ["Censored", 16],
    ["Filtered", 17],
  ])("is not told of a name that is %s by now", (reason, code) => {
    const error = { code: 15, data: Uint8Array.of(0, code) };
    const world = known((query) => [
      { message: reply(query, { responseCode: 5, extension: { ...query.extension!, options: [error] } }) },
    ]);
    expect(world.ask("www.example.org")).toMatchObject({ error: reason, message: { answers: [], responseCode: 2 } });
    expect(world.lookup("www.example.org")).toEqual([]);
    world.pass(400);
    expect(world.lookup("www.example.org")).toEqual([]);
  });

  test("is told of a name whose signatures were found wrong: it was right when it came", () => {
    const error = { code: 15, data: Uint8Array.of(0, 6) };
    const world = known((query) => [
      { message: reply(query, { responseCode: 2, extension: { ...query.extension!, options: [error] } }) },
    ]);
    expect(world.lookup("www.example.org")).toEqual([STALE]);
  });

  test("is told after 1.8 seconds of silence, with a TTL of 30, and the question goes on", () => {
    const world = known(resolverOf([NEW], { after: 2.5 }));
    const began = world.now;
    const told = world.ask("www.example.org");
    expect(texts(told.message)).toEqual([STALE]);
    expect(told.at - began).toBeCloseTo(1.8, 5);
    world.pass(1);
    expect(world.lookup("www.example.org")).toEqual([NEW]);
    expect(world.resolver.stats().staleServed).toBe(1);
  });

  test("is told at once to who asks while somebody has waited for too long already", () => {
    const world = known(silent);
    world.ask("www.example.org");
    const { at } = world.ask("www.example.org");
    expect(at).toBe(world.answers.get(2)?.at);
  });

  test("is told to who joins a question that was asked for another reason", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW]) });
    world.ask("www.example.org");
    world.pass(298);
    world.servers.set(A, silent);
    world.take(world.resolver.refresh({ name: "www.example.org", type: 1, class: 1 }, PLAIN, world.now));
    world.pass(2);
    const began = world.now;
    expect(world.lookup("www.example.org")).toEqual([STALE]);
    expect(world.now - began).toBeLessThan(0.1);
  });

  test("is told at once when the question failed lately", () => {
    const world = known(silent);
    world.ask("www.example.org");
    world.pass(60);
    const began = world.now;
    expect(world.lookup("www.example.org")).toEqual([STALE]);
    expect(world.now).toBe(began);
    world.servers.set(A, resolverOf([NEW]));
    world.pass(5);
    expect(world.lookup("www.example.org")[0]).toContain("192.0.2.81");
  });

  test("is told when the upstream fails", () => {
    const world = known((query) => [{ message: reply(query, { responseCode: RESPONSE_CODE.SERVFAIL }) }]);
    expect(world.lookup("www.example.org")).toEqual([STALE]);
  });

  test("is not told when there is something new, were it a denial", () => {
    const world = known(resolverOf([SOA]));
    expect(world.ask("www.example.org").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
  });

  test.each([0, 100])("is not told after %i seconds where that is the limit", (staleSeconds) => {
    const world = new DnsWorld({ ...config, cache: { ...CONFIG.cache, staleSeconds } }, { [A]: resolverOf([WWW]) });
    world.ask("www.example.org");
    world.pass(300 + staleSeconds);
    world.servers.set(A, silent);
    expect(world.ask("www.example.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
  });
});

describe("a question that is asked by many", () => {
  test("goes out once, and all get the answer", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW]) });
    const tokens = Array.from({ length: 50 }, (_, i) =>
      world.begin(i % 2 === 0 ? "www.example.org" : "WWW.Example.ORG"),
    );
    world.pass(1);
    expect(world.log).toHaveLength(1);
    expect(tokens.map((token) => texts(world.answers.get(token)!.message))).toEqual(tokens.map(() => [WWW]));
    expect(world.resolver.stats()).toMatchObject({ questions: 1, coalesced: 49, inWork: 0, openQueries: 0 });
  });

  test("is another one with DO, with CD, and of another type", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW, SOA]) });
    world.begin("www.example.org");
    world.begin("www.example.org", "AAAA");
    world.begin("www.example.org", "A", { dnssecOk: true });
    world.begin("www.example.org", "A", { checkingDisabled: true });
    expect(world.log).toHaveLength(4);
  });

  test("aliases to the same name share the question behind it", () => {
    const org = "192.0.2.1";
    const aliases: Answerer = (query) => [
      {
        message: reply(query, {
          authoritative: true,
          answers: [
            query.question.name === "www.example.net"
              ? record("www.example.net 60 A 192.0.2.80")
              : record(`${query.question.name} 60 CNAME www.example.net.`),
          ],
        }),
      },
    ];
    const domains = ["a", "b"].map((label) => ({ domain: `${label}.example.org`, upstreams: [upstream(org)] }));
    const world = new DnsWorld({ ...config, domains }, { [A]: aliases, [org]: aliases });
    world.begin("x.a.example.org");
    world.begin("x.b.example.org");
    world.pass(1);
    expect(world.log.filter((line) => line.includes("www.example.net"))).toHaveLength(1);
    expect(world.answers.size).toBe(2);
  });
});

describe("too many questions", () => {
  test("new ones are refused at first, then the oldest make room", () => {
    const world = new DnsWorld(config, { [A]: silent });
    for (let i = 0; i < 2500; i++) world.begin(`${i}.example.org`);
    expect(world.resolver.stats()).toMatchObject({ inWork: 2000, overloaded: 500 });
    expect(world.answers.size).toBe(500);
    world.pass(2.1);
    const token = world.begin("new.example.org");
    expect(world.answers.has(token)).toBe(false);
    world.pass(20);
    expect(world.answers.size).toBe(2501);
    expect(world.resolver.stats()).toMatchObject({ inWork: 0, openQueries: 0 });
    expect(world.open.size).toBe(0);
  });
});

describe("prefetch", () => {
  test("asks anew while the old answer is still told, and answers nobody", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW]) });
    world.ask("www.example.org");
    world.pass(290);
    world.servers.set(A, resolverOf([NEW]));
    const question = { name: "www.example.org", type: 1, class: 1 };
    world.take(world.resolver.refresh(question, PLAIN, world.now));
    world.take(world.resolver.refresh(question, PLAIN, world.now));
    expect(world.log).toHaveLength(2);
    expect(world.lookup("www.example.org")).toEqual(["www.example.org 10 A 192.0.2.80"]);
    world.pass(0.5);
    expect(world.lookup("www.example.org")).toEqual([NEW]);
    expect(world.answers.size).toBe(3);
  });

  test("that fails leaves the old answer alone", () => {
    const world = new DnsWorld(config, { [A]: resolverOf([WWW]) });
    world.ask("www.example.org");
    world.pass(250);
    world.servers.set(A, silent);
    world.take(world.resolver.refresh({ name: "www.example.org", type: 1, class: 1 }, PLAIN, world.now));
    world.pass(20);
    expect(world.lookup("www.example.org")).toEqual(["www.example.org 30 A 192.0.2.80"]);
  });
});

test.each([undefined, "WWW.example.org", "www.example.org."])(
  "what failed may be asked for again once %s is forgotten",
  (name) => {
    const world = new DnsWorld(config, { [A]: silent });
    world.ask("www.example.org");
    world.ask("mail.example.org");
    world.servers.set(A, resolverOf([WWW, "mail.example.org 300 A 192.0.2.25"]));
    world.resolver.forget(name);
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.lookup("mail.example.org")).toHaveLength(name === undefined ? 1 : 0);
  },
);

test("limits of TTLs count for the first answer as for the next", () => {
  const cache = { ...CONFIG.cache, minimumTtlSeconds: 60, maximumTtlSeconds: 100 };
  const world = new DnsWorld({ ...config, cache }, { [A]: resolverOf([WWW, "short.example.org 5 A 192.0.2.1"]) });
  expect(world.lookup("www.example.org")).toEqual(["www.example.org 100 A 192.0.2.80"]);
  expect(world.lookup("short.example.org")).toEqual(["short.example.org 60 A 192.0.2.1"]);
});

test.each(["AXFR", "IXFR", "OPT", "TSIG"])("%s is no question for other servers", (type) => {
  const world = new DnsWorld(config, {});
  expect(world.ask("www.example.org", type).message.responseCode).toBe(RESPONSE_CODE.NOTIMP);
  expect(world.log).toEqual([]);
});

test("AD of the upstream is kept", () => {
  const validating: Answerer = (query) => [{ message: reply(query, { authenticData: true, answers: [record(WWW)] }) }];
  const world = new DnsWorld(config, { [A]: validating });
  expect(world.ask("www.example.org").message.authenticData).toBe(true);
  expect(world.ask("www.example.org").message.authenticData).toBe(true);
});
