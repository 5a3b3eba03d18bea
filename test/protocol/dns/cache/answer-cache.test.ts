import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import { UDP_REPLY_BYTES } from "../../../../src/protocol/dns/cache/extension.ts";
import type { DnsCacheLimits } from "../../../../src/protocol/dns/config.ts";
import { address, authority, query, response } from "./responses.ts";

const LIMITS: DnsCacheLimits = {
  bytes: 1_000_000,
  minimumTtlSeconds: 0,
  maximumTtlSeconds: 86_400,
  maximumNegativeSeconds: 3600,
  staleSeconds: 0,
};
const PLAIN = { dnssecOk: false, checkingDisabled: false };
const ofName = (name: string, type = 1) => ({ name, type, class: 1 });
const NAME = "www.example.org";

function cacheOf(limits: Partial<DnsCacheLimits> = {}, key: readonly [number, number] = [1, 2]): AnswerCache {
  return new AnswerCache({ ...LIMITS, ...limits }, key);
}

/** The reply to a query that stands somewhere in a buffer, into the middle of another. */
function answer(cache: AnswerCache, asked: Uint8Array, nowSeconds: number): Uint8Array | undefined {
  const place = 7;
  const buffer = new Uint8Array(asked.length + 20).fill(0xaa);
  buffer.set(asked, place);
  const out = new Uint8Array(UDP_REPLY_BYTES + 100).fill(0x55);
  const length = cache.answer(buffer, place, asked.length, out, 50, nowSeconds);
  expect(out.subarray(0, 50).every((byte) => byte === 0x55)).toBe(true);
  return length === 0 ? undefined : out.slice(50, 50 + length);
}

describe("a query that the cache answers", () => {
  test("has its own id and spelling, and TTLs that have run down", () => {
    const cache = cacheOf();
    cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(300), address(600)] }), 1000);
    const asked = query({ name: "wWw.ExAmPlE.oRg", id: 0xbeef });
    const expected = response({ name: "wWw.ExAmPlE.oRg", flags: 0x8180, answers: [address(240), address(540)] });
    expected.set([0xbe, 0xef]);
    expect(answer(cache, asked, 1060.9)).toEqual(expected);
    expect(answer(cache, asked, 1299.9)?.subarray(39, 43)).toEqual(Uint8Array.of(0, 0, 0, 1));
    expect(answer(cache, asked, 1300)).toBeUndefined();
    expect(cache.stats()).toMatchObject({ entries: 1, stored: 1 });
  });

  test("keeps the TTLs of a zone of our own, as long as they live", () => {
    const cache = cacheOf();
    const own = response({ name: NAME, flags: 0x8580, answers: [address(300), address(600)] });
    cache.store(ofName(NAME), PLAIN, own, 1000);
    expect(answer(cache, query({ name: NAME }), 1299)?.subarray(2)).toEqual(own.subarray(2));
    expect(answer(cache, query({ name: NAME }), 1300)).toBeUndefined();
  });

  test("repeats RD and CD, and AD only where it was stored and is wished for", () => {
    const cache = cacheOf();
    const flagsOf = (flags: number, dnssecOk?: boolean): number => {
      const extension = dnssecOk === undefined ? {} : { extension: { bytes: 1232, dnssecOk } };
      const reply = answer(cache, query({ name: NAME, flags, ...extension }), 1)!;
      return (reply[2]! << 8) | reply[3]!;
    };
    for (const dnssecOk of [false, true])
      for (const checkingDisabled of [false, true])
        cache.store(
          ofName(NAME),
          { dnssecOk, checkingDisabled },
          response({ name: NAME, flags: 0x85b0, answers: [address(9)] }),
          0,
        );
    expect(flagsOf(0x0000)).toBe(0x8480);
    expect(flagsOf(0x0100)).toBe(0x8580);
    expect(flagsOf(0x0120)).toBe(0x85a0);
    expect(flagsOf(0x0100, true)).toBe(0x85a0);
    expect(flagsOf(0x0110, false)).toBe(0x8590);
    const plain = response({ name: NAME, answers: [address(9)] });
    cache.store(ofName(NAME), PLAIN, plain, 0);
    expect(flagsOf(0x0120)).toBe(0x8180);
  });

  test("gets an OPT record when it has one, DO as asked, and its options are passed over", () => {
    const cache = cacheOf();
    cache.store(
      ofName(NAME),
      { dnssecOk: true, checkingDisabled: false },
      response({ name: NAME, answers: [address(9)] }),
      0,
    );
    cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(9), address(9, 2)] }), 0);
    const opt = (dnssecOk: boolean): number[] => [0, 0, 41, 0x04, 0xd0, 0, 0, dnssecOk ? 0x80 : 0, 0, 0, 0];
    for (const dnssecOk of [false, true]) {
      const extension = { bytes: 4096, dnssecOk, options: [0, 10, 0, 2, 1, 2] };
      const reply = answer(cache, query({ name: NAME, extension }), 0)!;
      expect([...reply.subarray(-11)]).toEqual(opt(dnssecOk));
      expect(reply[7]).toBe(dnssecOk ? 1 : 2);
      expect(reply[11]).toBe(1);
    }
  });

  test("is answered by question, type and class, DO and CD as it was asked", () => {
    const cache = cacheOf();
    // Types 65 and 97 differ by what differs between cases of a letter.
    cache.store(ofName(NAME, 65), PLAIN, response({ name: NAME, type: 65, answers: [{ ...address(9), type: 65 }] }), 0);
    expect(answer(cache, query({ name: NAME, type: 65 }), 0)).toBeDefined();
    expect(answer(cache, query({ name: NAME, type: 97 }), 0)).toBeUndefined();
    expect(answer(cache, query({ name: NAME, type: 65, flags: 0x0110 }), 0)).toBeUndefined();
    const extension = { bytes: 1232, dnssecOk: true };
    expect(answer(cache, query({ name: NAME, type: 65, extension }), 0)).toBeUndefined();
    expect(answer(cache, query({ name: "example.org", type: 65 }), 0)).toBeUndefined();
    expect(answer(cache, query({ name: "wwww.example.org", type: 65 }), 0)).toBeUndefined();
  });

  test("fits into what the asker takes, else it goes the long way", () => {
    const cache = cacheOf();
    const text = (bytes: number) => ({ type: 16, ttlSeconds: 9, data: new Array<number>(bytes).fill(1) });
    const store = (bytes: number): void => {
      const empty = response({ name: NAME, type: 16, answers: [text(0)] }).length;
      cache.store(ofName(NAME, 16), PLAIN, response({ name: NAME, type: 16, answers: [text(bytes - empty)] }), 0);
    };
    const lengthFor = (bytes?: number): number | undefined =>
      answer(cache, query({ name: NAME, type: 16, ...(bytes === undefined ? {} : { extension: { bytes } }) }), 0)
        ?.length;
    store(512);
    expect(lengthFor()).toBe(512);
    expect(lengthFor(100)).toBeUndefined();
    expect(lengthFor(523)).toBe(523);
    store(513);
    expect(lengthFor()).toBeUndefined();
    store(1221);
    expect(lengthFor(1231)).toBeUndefined();
    expect(lengthFor(1232)).toBe(1232);
    store(1222);
    expect(lengthFor(4096)).toBeUndefined();
  });
});

describe("queries of another kind go the long way", () => {
  const good = [...query({ name: NAME, extension: { bytes: 1232, options: [0, 10, 0, 0] } })];
  const changed = (place: number, byte: number): number[] => good.with(place, byte);
  const opt = good.length - 15;
  test.each([
    ["a response", changed(2, 0x81)],
    ["NOTIFY", changed(2, 0x20)],
    ["a truncated one", changed(2, 0x03)],
    ["one with Z", changed(3, 0x40)],
    ["one with a response code", changed(3, 0x01)],
    ["no question", changed(5, 0)],
    ["two questions", changed(5, 2)],
    ["an answer", changed(7, 1)],
    ["an authority", changed(9, 1)],
    ["two additional records", changed(11, 2)],
    ["more than 255 additional records", changed(10, 1)],
    ["an OPT record of version 1", changed(opt + 6, 1)],
    ["an OPT record with a name", changed(opt, 1)],
    ["another additional record", changed(opt + 2, 1)],
    ["options over the end", changed(opt + 10, 5)],
    ["bytes behind the end", [...good, 0]],
    ["no OPT record where one is announced", good.slice(0, opt)],
    ["an OPT record that is not announced", changed(11, 0)],
    ["a compressed name", changed(12, 0xc0)],
    ["a header alone", good.slice(0, 12)],
    ["nothing", []],
  ])("%s", (_, bytes) => {
    const cache = cacheOf();
    cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(9)] }), 0);
    expect(answer(cache, Uint8Array.from(good), 0)).toBeDefined();
    expect(answer(cache, Uint8Array.from(bytes), 0)).toBeUndefined();
  });

  test("whatever the bytes are, nothing is read or written outside", () => {
    const cache = cacheOf();
    cache.store(ofName(""), PLAIN, response({ name: "", answers: [address(9)] }), 0);
    const start = fc.constantFrom(query({ name: "" }), query({ name: NAME, extension: { bytes: 1232 } }));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), fc.nat(30), (head, tail, kept) => {
        answer(cache, Uint8Array.from([...head.subarray(0, kept), ...tail]), 0);
      }),
    );
  });
});

describe("how long a response lives", () => {
  const lifeOf = (message: Uint8Array, limits: Partial<DnsCacheLimits> = {}): number | undefined => {
    const cache = cacheOf(limits);
    cache.store(ofName(NAME), PLAIN, message, 100);
    return cache.find(ofName(NAME), PLAIN, 100)?.remainingSeconds;
  };

  test("the least TTL of its records, within the limits", () => {
    const answers = [address(900), address(300)];
    expect(lifeOf(response({ name: NAME, answers }))).toBe(300);
    expect(lifeOf(response({ name: NAME, answers, authorities: [{ ...address(200), type: 2 }] }))).toBe(200);
    expect(lifeOf(response({ name: NAME, answers }), { maximumTtlSeconds: 60 })).toBe(60);
    expect(lifeOf(response({ name: NAME, answers }), { minimumTtlSeconds: 400 })).toBe(400);
    expect(lifeOf(response({ name: NAME, answers: [address(0)] }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, answers: [address(0x8000_0001)] }))).toBeUndefined();
  });

  test("a denial lives as its SOA record says (RFC 2308 §5)", () => {
    const denied = (ttl: number, minimum: number, responseCode = 3): Uint8Array =>
      response({ name: NAME, responseCode, authorities: [authority(ttl, minimum)] });
    expect(lifeOf(denied(900, 60))).toBe(60);
    expect(lifeOf(denied(50, 60))).toBe(50);
    expect(lifeOf(denied(900, 60, 0))).toBe(60);
    expect(lifeOf(denied(9000, 9000), { maximumNegativeSeconds: 10 })).toBe(10);
    expect(lifeOf(denied(900, 60), { minimumTtlSeconds: 400 })).toBe(60);
    const alias = { type: 5, ttlSeconds: 20, data: [0] };
    expect(lifeOf(response({ name: NAME, answers: [alias], authorities: [authority(900, 60)] }))).toBe(20);
    expect(lifeOf(response({ name: NAME, answers: [alias] }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, responseCode: 3 }))).toBeUndefined();
  });

  test("what is no final word is not kept", () => {
    const answers = [address(300)];
    expect(lifeOf(response({ name: NAME, answers, responseCode: 2 }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, answers, flags: 0x8280 }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, answers, flags: 0x0100 }))).toBeUndefined();
    expect(lifeOf(response({ name: "other.example.org", answers }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, type: 28, answers }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, answers: [...answers, { ...address(0), type: 41 }] }))).toBeUndefined();
    expect(lifeOf(response({ name: NAME, answers }).slice(0, -1))).toBeUndefined();
    expect(lifeOf(Uint8Array.from([...response({ name: NAME, answers }), 0]))).toBeUndefined();
  });

  test("afterwards it is told as stale for a while, by find alone (RFC 8767)", () => {
    const cache = cacheOf({ staleSeconds: 50 });
    cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(300)] }), 100);
    expect(cache.find(ofName("WWW.example.org"), PLAIN, 110)).toEqual({
      message: response({ name: NAME, answers: [address(290)] }),
      stale: false,
      remainingSeconds: 290,
    });
    expect(cache.find(ofName(NAME), PLAIN, 420)).toEqual({
      message: response({ name: NAME, answers: [address(30)] }),
      stale: true,
      remainingSeconds: 0,
    });
    expect(answer(cache, query({ name: NAME }), 420)).toBeUndefined();
    expect(cache.find(ofName(NAME), PLAIN, 450)).toBeUndefined();
  });
});

test("what is popular and near its end is told once, but not what a zone of our own said", () => {
  const cache = cacheOf();
  cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(100)] }), 0);
  cache.store(
    ofName("own.example"),
    PLAIN,
    response({ name: "own.example", flags: 0x8480, answers: [address(100)] }),
    0,
  );
  const ask = (now: number): void => {
    answer(cache, query({ name: "WWW.example.org" }), now);
    answer(cache, query({ name: "own.example" }), now);
  };
  for (const now of [1, 50, 89]) ask(now);
  expect(cache.takePopular()).toEqual([]);
  for (const now of [91, 92, 93]) ask(now);
  expect(cache.takePopular()).toEqual([{ question: ofName(NAME), flags: PLAIN }]);
  ask(94);
  expect(cache.takePopular()).toEqual([]);
  cache.store(ofName(NAME), PLAIN, response({ name: NAME, answers: [address(100)] }), 95);
  ask(194);
  expect(cache.takePopular()).toEqual([]);
});

test("types that nobody has given are not kept by the thousand: each name that is forgotten would take its time", () => {
  const cache = cacheOf();
  const store = (type: number): void => {
    const answers = [{ type, ttlSeconds: 300, data: [1] }];
    cache.store(ofName(NAME, type), PLAIN, response({ name: NAME, type, answers }), 0);
  };
  for (let type = 1000; type < 2000; type++) store(type);
  expect(cache.stats().entries).toBe(64);
  store(1000);
  store(16);
  expect(cache.stats().entries).toBe(65);
  cache.remove(NAME);
  expect(cache.stats().entries).toBe(0);
});

test("a name is forgotten with all its types, others stay", () => {
  for (const types of [3, 60]) {
    const cache = cacheOf();
    for (const name of [NAME, "example.org"])
      for (let type = 1000; type < 1000 + types; type++)
        cache.store(ofName(name, type), PLAIN, response({ name, type, answers: [{ ...address(9), type }] }), 0);
    cache.store(
      ofName(NAME),
      { dnssecOk: true, checkingDisabled: true },
      response({ name: NAME, answers: [address(9)] }),
      0,
    );
    cache.remove("WWW.Example.ORG");
    expect(new Set([...cache.entries(0)].map(({ question }) => question.name))).toEqual(new Set(["example.org"]));
    expect(cache.stats().entries).toBe(types);
    cache.clear();
    expect(answer(cache, query({ name: "example.org" }), 0)).toBeUndefined();
    expect(cache.stats()).toMatchObject({ entries: 0, usedBytes: 0 });
  }
});

describe("beside a plain model", () => {
  const nameOf = (number: number): string => `host${number}.example`;
  const operation = fc.record({
    kind: fc.constantFrom("store", "store", "store", "ask", "remove"),
    number: fc.nat(400),
    records: fc.integer({ min: 1, max: 20 }),
    ttl: fc.integer({ min: 1, max: 60 }),
    pause: fc.nat(3),
  });

  test.each([
    ["with room for all", 1_000_000, true],
    ["with little room", 16_384, false],
    ["with a small table", 4096, false],
  ])("%s: nothing false is told, nothing lost without need, and no limit is passed", (_, bytes, isComplete) => {
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 50, maxLength: 800 }),
        fc.tuple(fc.integer(), fc.integer()),
        (operations, key) => {
          const cache = cacheOf({ bytes }, key);
          const model = new Map<string, { expires: number; records: number; stored: number; ttl: number }>();
          let now = 1000;
          for (const { kind, number, records, ttl, pause } of operations) {
            const name = nameOf(number);
            now += pause;
            if (kind === "store") {
              const answers = Array.from({ length: records }, (_item, index) => address(ttl, (number + index) & 255));
              cache.store(ofName(name), PLAIN, response({ name, answers }), now);
              model.set(name, { expires: now + ttl, records, stored: now, ttl });
              expect(cache.find(ofName(name), PLAIN, now)).toBeDefined();
            } else if (kind === "remove") {
              cache.remove(name);
              model.delete(name);
            }
            const known = model.get(name);
            const isLiving = known !== undefined && now < known.expires;
            const found = answer(cache, query({ name }), now);
            if (isLiving && isComplete) expect(found).toBeDefined();
            if (found === undefined) continue;
            expect(isLiving).toBe(true);
            const { records: stored, ttl: life, stored: at } = known!;
            const answers = Array.from({ length: stored }, (_item, index) =>
              address(life - (now - at), (number + index) & 255),
            );
            const expected = response({ name, flags: 0x8180, answers });
            expected.set([0x12, 0x34]);
            expect(found).toEqual(expected);
            expect(cache.stats().capacityBytes).toBeLessThanOrEqual(bytes);
          }
          expect([...cache.entries(0)].length).toBe(cache.stats().entries);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("what is asked for stays when there is no room for all", () => {
    const cache = cacheOf({ bytes: 100_000 });
    const store = (number: number): void =>
      cache.store(ofName(nameOf(number)), PLAIN, response({ name: nameOf(number), answers: [address(3600)] }), 0);
    for (let number = 0; number < 100; number++) store(number);
    for (let number = 100; number < 6000; number++) {
      store(number);
      answer(cache, query({ name: nameOf(number % 100) }), 1);
    }
    const kept = Array.from({ length: 100 }, (_, number) => answer(cache, query({ name: nameOf(number) }), 1));
    expect(kept.filter((reply) => reply === undefined)).toEqual([]);
    expect(cache.stats().evicted).toBeGreaterThan(4000);
  });
});

test("of many the few that are asked for most are told in order, the ones with most time left first", () => {
  const cache = cacheOf({ staleSeconds: 10 });
  const nameOf = (i: number): string => `host${i}.example.org`;
  for (let i = 0; i < 4000; i++)
    cache.store(ofName(nameOf(i)), PLAIN, response({ name: nameOf(i), answers: [address(300 + (i % 1000))] }), 0);
  for (const [i, times] of [
    [17, 3],
    [3999, 2],
    [2000, 1],
  ] as const)
    for (let time = 0; time < times; time++) answer(cache, query({ name: nameOf(i) }), 1);
  const names = (most: number, now = 1): string[] =>
    Array.from(cache.entries(now, most), ({ question }) => question.name);
  expect(names(3)).toEqual([17, 3999, 2000].map(nameOf));
  expect(new Set(names(6))).toEqual(new Set([17, 3999, 2000, 2999, 1999, 999].map(nameOf)));
  expect(names(4000)).toHaveLength(4000);
  expect(names(4000, 300 + 10 + 500)).toHaveLength(4 * 499);
});
