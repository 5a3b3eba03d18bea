import { describe, expect, test } from "vitest";
import { DNS_TYPE, RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import { type Answerer, DnsWorld, record, reply, resolverOf, upstream } from "../../../support/dns-world.ts";

const SOA = "example.org 300 SOA ns.example.org. admin.example.org. 1 2 3 4 60";
const WWW = "www.example.org 300 A 192.0.2.80";
const A = "198.51.100.1";
const B = "198.51.100.2";
const both = [upstream(A), upstream(B)];
const silent: Answerer = () => [];

describe("one upstream", () => {
  test("answers, and the second question is answered from the cache", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: resolverOf([WWW, SOA]) });
    expect(world.lookup("WWW.example.org")).toEqual([WWW]);
    world.pass(100);
    expect(world.lookup("www.example.org")).toEqual(["www.example.org 200 A 192.0.2.80"]);
    expect(world.log).toEqual([`${A} udp www.example.org A`]);
    expect(world.open.size).toBe(0);
  });

  test("is asked with recursion desired and an EDNS size of 1232, with DO and CD as the client had them", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: resolverOf([WWW]) });
    world.lookup("www.example.org", "A", { dnssecOk: true, checkingDisabled: true });
    expect(world.sent[0]?.message).toMatchObject({
      recursionDesired: true,
      checkingDisabled: true,
      extension: { udpPayloadBytes: 1232, dnssecOk: true },
    });
  });

  test("denies: that is kept for as long as its SOA says", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: resolverOf([WWW, SOA]) });
    expect(world.ask("no.example.org").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
    world.pass(59);
    expect(world.ask("no.example.org").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
    expect(world.log).toHaveLength(1);
    world.pass(2);
    world.ask("no.example.org");
    expect(world.log).toHaveLength(2);
  });

  test("sends signatures unasked: they are not kept for who has not asked", () => {
    const signature = "www.example.org 300 RRSIG A 8 3 300 20360322173103 20260220173103 1 example.org. AAAA";
    const answers = [record(WWW), record(signature)];
    const world = new DnsWorld(
      { upstreams: [upstream(A)] },
      { [A]: (query) => [{ message: reply(query, { recursionAvailable: true, answers }) }] },
    );
    expect(world.lookup("www.example.org")).toHaveLength(1);
    expect(world.lookup("www.example.org", "RRSIG")).toHaveLength(1);
    expect(world.lookup("www.example.org", "A", { dnssecOk: true })).toHaveLength(2);
  });

  test("loses a datagram: it is asked again", () => {
    let count = 0;
    const answer = resolverOf([WWW]);
    const world = new DnsWorld(
      { upstreams: [upstream(A)] },
      { [A]: (query, sent) => (count++ === 0 ? [] : answer(query, sent)) },
    );
    const { at } = world.ask("www.example.org");
    expect(at - 1000).toBeCloseTo(0.41, 2);
  });

  test.each([1, 4])("takes %i seconds: its late answer counts", (after) => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: resolverOf([WWW], { after }) });
    expect(world.ask("www.example.org").at).toBeCloseTo(1000 + after, 5);
    expect(world.resolver.stats().upstreams[0]).toMatchObject({ dead: false, answered: 1 });
  });

  test("is dead: SERVFAIL after some seconds, then at once for some seconds", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: silent });
    const first = world.ask("www.example.org");
    expect(first.message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(first.at - 1000).toBeLessThan(5);
    expect(world.resolver.stats().upstreams[0]).toMatchObject({ dead: true, asked: 3, timeouts: 3 });
    world.pass(1);
    const before = world.log.length;
    const second = world.ask("www.example.org");
    expect(second.at).toBe(world.now);
    expect(world.log).toHaveLength(before);
    world.servers.set(A, resolverOf([WWW]));
    world.pass(5);
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.resolver.stats().upstreams[0]?.dead).toBe(false);
  });

  test("cannot be reached: that is known at once", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: () => [{ after: 0.001, failed: "refused" }] });
    expect(world.ask("www.example.org").at - 1000).toBeLessThan(0.01);
  });

  test("truncates: it is asked over TCP", () => {
    const answer = resolverOf([WWW]);
    const truncating: Answerer = (query, sent) =>
      sent.transport === "udp" ? [{ message: reply(query, { truncated: true }) }] : answer(query, sent);
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: truncating });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.log).toEqual([`${A} udp www.example.org A`, `${A} tcp www.example.org A`]);
    expect(world.resolver.stats().truncated).toBe(1);
  });

  test("leads through an alias to more than a message holds: SERVFAIL, and it is not fetched for each who asks", () => {
    const signatures = Array.from({ length: 270 }, (_, i) => ({
      ...record("www.example.org 300 CNAME cdn.example.org."),
      type: DNS_TYPE.RRSIG,
      data: Uint8Array.from([0, DNS_TYPE.CNAME, ...Array.from({ length: 200 }, () => i & 255)]),
    }));
    const alias = [record("www.example.org 300 CNAME cdn.example.org."), ...signatures];
    const texts = Array.from({ length: 280 }, (_, i) => record(`cdn.example.org 300 TXT "${`${i}`.padStart(200)}"`));
    const world = new DnsWorld(
      { upstreams: [upstream(A)] },
      {
        [A]: (query, { transport }) =>
          transport === "udp"
            ? [{ message: reply(query, { recursionAvailable: true, truncated: true }) }]
            : [
                {
                  message: reply(query, {
                    recursionAvailable: true,
                    answers: query.question.name === "www.example.org" ? alias : texts,
                  }),
                },
              ],
      },
    );
    const flags = { dnssecOk: true };
    expect(world.ask("www.example.org", "TXT", flags).message).toMatchObject({ responseCode: 2, truncated: false });
    const asked = world.log.length;
    expect(world.ask("www.example.org", "TXT", flags).message).toMatchObject({ responseCode: 2 });
    expect(world.log).toHaveLength(asked);
    expect(world.lookup("www.example.org", "TXT")).toHaveLength(281);
  });

  test("truncates, and ends the connection: the question is asked once more", () => {
    const answer = resolverOf([WWW]);
    let connections = 0;
    const closing: Answerer = (query, sent) => {
      if (sent.transport === "udp") return [{ message: reply(query, { truncated: true }) }];
      return connections++ === 0 ? [{ failed: "the connection was closed" }] : answer(query, sent);
    };
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: closing });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.log.map((line) => line.split(" ")[1])).toEqual(["udp", "tcp", "udp", "tcp"]);
  });

  test.each([
    ["FORMERR", RESPONSE_CODE.FORMERR, false],
    ["NOTIMP", RESPONSE_CODE.NOTIMP, false],
    ["BADVERS", RESPONSE_CODE.BADVERS, true],
  ])("knows no EDNS and says %s: it is asked without, from then on", (_, responseCode, withExtension) => {
    const answer = resolverOf([WWW, "mail.example.org 300 A 192.0.2.25"]);
    const old: Answerer = (query, sent) => {
      if (query.extension === undefined) return answer(query, sent);
      const { extension, ...rest } = reply(query, { responseCode });
      return [{ message: withExtension && extension !== undefined ? { ...rest, extension } : rest }];
    };
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: old });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    expect(world.log).toHaveLength(2);
    expect(world.lookup("mail.example.org")).toHaveLength(1);
    expect(world.log).toHaveLength(3);
  });

  describe("says FORMERR to one name", () => {
    /** @param always without EDNS, too */
    function oddWorld(always: boolean): { readonly world: DnsWorld; readonly extensions: boolean[] } {
      const answer = resolverOf([WWW, "odd.example.org 300 A 192.0.2.9", "mail.example.org 300 A 192.0.2.25"]);
      const extensions: boolean[] = [];
      const odd: Answerer = (query, sent) => {
        const hasExtension = query.extension !== undefined;
        extensions.push(hasExtension);
        if (query.question.name !== "odd.example.org" || !(hasExtension || always)) return answer(query, sent);
        const { extension: _, ...bare } = reply(query, { responseCode: RESPONSE_CODE.FORMERR });
        return [{ message: bare }];
      };
      return { world: new DnsWorld({ upstreams: [upstream(A)] }, { [A]: odd }), extensions };
    }

    test("with EDNS or without: all others are asked with EDNS", () => {
      const { world, extensions } = oddWorld(true);
      for (const host of ["odd", "www", "mail"]) world.ask(`${host}.example.org`);
      expect(extensions).toEqual([true, false, true, true]);
    });

    test("with EDNS, which it had for others: that name alone is asked without", () => {
      const { world, extensions } = oddWorld(false);
      for (const host of ["www", "odd", "mail"]) expect(world.lookup(`${host}.example.org`)).toHaveLength(1);
      expect(extensions).toEqual([true, true, false, true]);
    });
  });

  test("answers a question that it does not understand with a bare header: it is asked without EDNS", () => {
    const answer = resolverOf([WWW]);
    const bare: Answerer = (query, sent) =>
      query.extension === undefined
        ? answer(query, sent)
        : [{ message: Uint8Array.of(query.id >> 8, query.id, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0) }];
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: bare });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
  });

  test("over TLS is asked there, with the length of the question hidden", () => {
    const server = { ...upstream(`${A}#853`), tlsName: "dns.example.org" };
    const world = new DnsWorld({ upstreams: [server] }, { [`${A}#853`]: resolverOf([WWW, SOA]) });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
    world.ask("a-much-longer-name-than-the-other.example.org");
    expect(world.sent.map(({ query }) => [query.transport, query.server, query.message.length])).toEqual([
      ["tls", server, 128],
      ["tls", server, 128],
    ]);
  });
});

test("a connection that ends takes no question with it, and makes no server dead", () => {
  const server = { ...upstream(`${A}#853`), tlsName: "dns.example.org" };
  const answer = resolverOf(["a.example.org 60 A 192.0.2.1", "b.example.org 60 A 192.0.2.2", SOA]);
  let first = 0;
  const world = new DnsWorld(
    { upstreams: [server] },
    {
      [`${A}#853`]: (query, sent) =>
        first++ < 5 ? [{ after: 0.02, failed: "the connection was closed" }] : answer(query, sent),
    },
  );
  const tokens = Array.from({ length: 5 }, (_, i) => world.begin(`${"abcde"[i]}.example.org`));
  world.pass(1);
  const codes = tokens.map((token) => world.answers.get(token)?.message.responseCode);
  const { NOERROR, NXDOMAIN } = RESPONSE_CODE;
  expect(codes).toEqual([NOERROR, NOERROR, NXDOMAIN, NXDOMAIN, NXDOMAIN]);
  expect(world.resolver.stats().upstreams[0]).toMatchObject({ dead: false, asked: 10 });
});

describe("several upstreams", () => {
  test("one is silent: the other answers, and is preferred", () => {
    const world = new DnsWorld({ upstreams: both }, { [A]: silent, [B]: resolverOf([WWW, SOA]) });
    for (let i = 0; i < 20; i++) {
      const before = world.now;
      world.ask(`${i}.example.org`);
      expect(world.now - before).toBeLessThan(i === 0 ? 0.5 : 0.05);
      world.pass(0.2);
    }
    const [a, b] = world.resolver.stats().upstreams;
    expect(b).toMatchObject({ asked: 20, answered: 20 });
    expect(a?.asked).toBeLessThan(6);
    world.pass(10);
    world.ask("more.example.org");
    world.pass(10);
    world.ask("still-more.example.org");
    world.pass(10);
    expect(world.resolver.stats().upstreams[0]?.dead).toBe(true);
  });

  test("a dead one is asked again after a while, and back in use when it answers", () => {
    const world = new DnsWorld({ upstreams: both }, { [A]: silent, [B]: resolverOf([WWW, SOA], { after: 0.2 }) });
    for (let i = 0; i < 10; i++) {
      world.ask(`${i}.example.org`);
      world.pass(4);
    }
    expect(world.resolver.stats().upstreams[0]?.dead).toBe(true);
    world.servers.set(A, resolverOf([WWW, SOA]));
    for (let i = 0; i < 10; i++) {
      world.ask(`again-${i}.example.org`);
      world.pass(20);
    }
    const [a] = world.resolver.stats().upstreams;
    expect(a).toMatchObject({ dead: false, rttMilliseconds: 10 });
    expect(a?.answered).toBeGreaterThan(4);
  });

  test("the quicker one is preferred, the other measured from time to time", () => {
    const world = new DnsWorld(
      { upstreams: both },
      { [A]: resolverOf([WWW, SOA], { after: 0.1 }), [B]: resolverOf([WWW, SOA], { after: 0.02 }) },
    );
    for (let i = 0; i < 100; i++) {
      world.ask(`${i}.example.org`);
      world.pass(1);
    }
    const [a, b] = world.resolver.stats().upstreams;
    expect(b?.asked).toBeGreaterThan(95);
    expect(a?.asked).toBeGreaterThan(2);
    expect(a?.asked).toBeLessThan(8);
    world.servers.set(B, resolverOf([WWW, SOA], { after: 0.3 }));
    for (let i = 100; i < 140; i++) {
      world.ask(`${i}.example.org`);
      world.pass(1);
    }
    expect(world.resolver.stats().upstreams[0]?.asked).toBeGreaterThan(20);
  });

  test.each(["SERVFAIL", "REFUSED"] as const)("one says %s: the other is asked at once", (code) => {
    const failing: Answerer = (query) => [{ message: reply(query, { responseCode: RESPONSE_CODE[code] }) }];
    const world = new DnsWorld({ upstreams: both }, { [A]: failing, [B]: failing });
    expect(world.ask("www.example.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.now - 1000).toBeLessThan(0.1);
    expect(world.log.toSorted()).toEqual([`${A} udp www.example.org A`, `${B} udp www.example.org A`]);
  });

  test("one does not resolve for us: the other is asked", () => {
    const referring: Answerer = (query) => [
      { message: reply(query, { authorities: [record("org 300 NS a.nic.example.")] }) },
    ];
    const world = new DnsWorld({ upstreams: both }, { [A]: referring, [B]: resolverOf([WWW], { after: 0.1 }) });
    expect(world.lookup("www.example.org")).toEqual([WWW]);
  });
});

test("the same address on the network and elsewhere is two servers", () => {
  const answer = resolverOf([WWW, SOA]);
  const world = new DnsWorld(
    { upstreams: [upstream(A), { ...upstream(A), onNetwork: true }] },
    { [A]: (query, sent) => (sent.server.onNetwork === true ? answer(query, sent) : []) },
  );
  world.ask("no.example.org");
  world.pass(100);
  expect(world.lookup("www.example.org")).toEqual([WWW]);
  expect(world.resolver.stats().upstreams).toMatchObject([
    { server: upstream(A), answered: 0 },
    { server: { onNetwork: true }, timeouts: 0 },
  ]);
});

describe("domains with upstreams of their own", () => {
  const domains = [
    { domain: "corp.example", upstreams: [upstream("192.0.2.1")] },
    { domain: "lab.Corp.example", upstreams: [upstream("192.0.2.2")] },
  ];
  const inner = resolverOf(["a.corp.example 60 A 192.0.2.10", "corp.example 60 A 192.0.2.11"]);
  const lab = resolverOf(["a.lab.corp.example 60 A 192.0.2.12"]);

  test("are asked there: the longest counts, others go the usual way", () => {
    const world = new DnsWorld(
      { upstreams: [upstream(A)], domains },
      { [A]: resolverOf([WWW, "notcorp.example 60 A 192.0.2.13"]), "192.0.2.1": inner, "192.0.2.2": lab },
    );
    expect(world.lookup("a.corp.example")).toHaveLength(1);
    expect(world.lookup("corp.example")).toHaveLength(1);
    expect(world.lookup("a.lab.corp.example")).toHaveLength(1);
    expect(world.lookup("notcorp.example")).toHaveLength(1);
    expect(world.lookup("www.example.org")).toHaveLength(1);
    expect(world.log.map((line) => line.split(" ")[0])).toEqual(["192.0.2.1", "192.0.2.1", "192.0.2.2", A, A]);
  });

  test("an alias from outside into one is followed there, whatever the outside says of it", () => {
    const outside: Answerer = (query) => [
      {
        message: reply(query, {
          recursionAvailable: true,
          answers: [record("www.example.org 60 CNAME a.corp.example."), record("a.corp.example 60 A 203.0.113.66")],
        }),
      },
    ];
    const world = new DnsWorld({ upstreams: [upstream(A)], domains }, { [A]: outside, "192.0.2.1": inner });
    expect(world.lookup("www.example.org")).toEqual([
      "www.example.org 60 CNAME a.corp.example",
      "a.corp.example 60 A 192.0.2.10",
    ]);
    expect(world.resolver.stats().badAnswers.bailiwick).toBe(1);
  });

  test("never leave: they fail with their upstreams", () => {
    const world = new DnsWorld(
      { mode: "recursive", domains, rootServers: [upstream(B)] },
      { [B]: () => expect.unreachable() },
    );
    expect(world.ask("a.corp.example").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
  });
});
