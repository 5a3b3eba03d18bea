import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mixCase } from "../../../../src/protocol/dns/resolver/random.ts";
import { Timers } from "../../../../src/protocol/dns/resolver/timers.ts";
import type { DnsMessage, DnsRecord } from "../../../../src/wire/dns/message.ts";
import { RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import { type Answerer, authorityOf, DnsWorld, record, reply, upstream } from "../../../support/dns-world.ts";

const ROOT = "192.0.2.1";
const VICTIM = "192.0.2.2";
const EVIL = "192.0.2.66";
const LIE = "203.0.113.66";
const SOA = "300 SOA a.root. b.root. 1 2 3 4 60";

const honest: Record<string, Answerer> = {
  [ROOT]: authorityOf("", [
    `. ${SOA}`,
    "test 300 NS ns.test.",
    `ns.test 300 A ${VICTIM}`,
    "evil 300 NS ns.evil.",
    `ns.evil 300 A ${EVIL}`,
  ]),
  [VICTIM]: authorityOf("test", [
    `test ${SOA}`,
    "bank.test 300 A 192.0.2.80",
    "www.bank.test 300 CNAME bank.test.",
    `ns.test 300 A ${VICTIM}`,
  ]),
};

const OWNERS = ["", "test", "bank.test", "www.bank.test", "ns.test", "evil", "a.evil", "b.a.evil", "ns.evil"];
const hostileRecord: fc.Arbitrary<DnsRecord> = fc
  .tuple(
    fc.constantFrom(...OWNERS.map((owner) => (owner === "" ? "." : owner))),
    fc.constantFrom(
      `A ${LIE}`,
      "NS ns.evil.",
      "NS a.evil.",
      "NS ns.test.",
      "CNAME bank.test.",
      "CNAME www.bank.test.",
      "CNAME a.evil.",
      "CNAME b.a.evil.",
      "DNAME test.",
      "DNAME a.evil.",
      "SOA ns.evil. ns.evil. 1 2 3 4 60",
    ),
  )
  .map(([owner, data]) => record(`${owner} 600 ${data}`));
const section = fc.array(hostileRecord, { maxLength: 5 });
const hostileReply: fc.Arbitrary<Partial<DnsMessage>> = fc.record({
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  responseCode: fc.constantFrom(0, 0, 0, 3, 2, 1),
  answers: section,
  authorities: section,
  additionals: section,
});

describe("whatever the servers of one zone say", () => {
  test("names of other zones keep their addresses, and every question ends", () => {
    fc.assert(
      fc.property(
        fc.array(hostileReply, { minLength: 1, maxLength: 12 }),
        fc.array(fc.constantFrom("evil", "a.evil", "b.a.evil", "c.b.a.evil"), { minLength: 1, maxLength: 4 }),
        (replies, names) => {
          let next = 0;
          const hostile: Answerer = (query) => [{ message: reply(query, replies[next++ % replies.length] ?? {}) }];
          const world = new DnsWorld(
            { mode: "recursive", rootServers: [upstream(ROOT)] },
            { ...honest, [EVIL]: hostile, [LIE]: hostile },
          );
          const lies = names.flatMap((name) => world.lookup(name)).filter((line) => line.endsWith(LIE));
          expect(lies.filter((line) => /^(\S+\.)?test /.test(line))).toEqual([]);
          expect(world.log.length).toBeLessThan(names.length * 62);
          const withoutTtl = world.lookup("www.bank.test").map((line) => line.replace(/ \d+ /, " "));
          expect(withoutTtl).toEqual(["www.bank.test CNAME bank.test", "bank.test A 192.0.2.80"]);
          expect(world.lookup("ns.test").at(-1)).toContain(` A ${VICTIM}`);
          world.pass(60);
          expect(world.open.size).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("whatever is lost and however late the rest comes", () => {
  test("a question is answered rightly unless all was lost, once, and within seconds", () => {
    const forwarders = ["198.51.100.1", "198.51.100.2"];
    const fate = fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined, freq: 2 });
    fc.assert(
      fc.property(fc.array(fate, { minLength: 8, maxLength: 8 }), fc.boolean(), (fates, mixedCase) => {
        let next = 0;
        const lossy: Answerer = (query) => {
          const milliseconds = fates[next++ % fates.length];
          if (milliseconds === undefined) return [];
          const answers = [record("www.example 60 A 192.0.2.80")];
          return [{ after: milliseconds / 1000, message: reply(query, { recursionAvailable: true, answers }) }];
        };
        const servers = Object.fromEntries(forwarders.map((address) => [address, lossy]));
        const world = new DnsWorld({ upstreams: forwarders.map(upstream), mixedCase }, servers);
        const { message, at } = world.ask("www.example");
        expect(at - 1000).toBeLessThanOrEqual(12);
        const firstTwo = fates.slice(0, 2);
        if (firstTwo.some((each) => each !== undefined && each < 400)) expect(message.answers).toHaveLength(1);
        if (fates.every((each) => each === undefined)) expect(message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
        world.pass(30);
        expect(world.open.size).toBe(0);
        expect(world.log.length).toBeLessThanOrEqual(7);
      }),
      { numRuns: 200 },
    );
  });
});

test("letters in mixed case are the same name, each both ways about as often", () => {
  let upper = 0;
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,60}$/), fc.infiniteStream(fc.nat(0xffff_ffff)), (name, stream) => {
      const mixed = mixCase(name, (bits) => (stream.next().value ?? 0) % 2 ** bits);
      expect(mixed.toLowerCase()).toBe(name);
      upper += mixed === name ? 0 : 1;
    }),
  );
  expect(upper).toBeGreaterThan(10);
});

test("timers are due in their order, those that were cancelled never", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.boolean()), { maxLength: 300 }), (wishes) => {
      const timers = new Timers();
      const ran: number[] = [];
      const set = wishes.map(([at, cancelled]) => ({ timer: timers.set(at, () => ran.push(at)), cancelled }));
      for (const { timer, cancelled } of set) if (cancelled) timers.cancel(timer);
      const kept = wishes.flatMap(([at, cancelled]) => (cancelled ? [] : [at])).toSorted((a, b) => a - b);
      expect(timers.next()).toBe(kept[0]);
      for (let run = timers.takeDue(500); run !== undefined; run = timers.takeDue(500)) run(500);
      expect(ran).toEqual(kept.filter((at) => at <= 500));
      expect(timers.next()).toBe(kept.find((at) => at > 500));
    }),
  );
});
