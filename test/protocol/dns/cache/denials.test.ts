/** That a name does not exist answers every type of it. */
import { describe, expect, test } from "vitest";
import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import { UDP_REPLY_BYTES } from "../../../../src/protocol/dns/cache/extension.ts";
import { address, authority, query, response, type TestRecord } from "./responses.ts";

const [A, AAAA, TXT, MX] = [1, 28, 16, 15];
const NAME = "gone.example.org";
const PLAIN = { dnssecOk: false, checkingDisabled: false };
const NAME_ERROR = 3;

function world(staleSeconds = 0) {
  const limits = { minimumTtlSeconds: 0, maximumTtlSeconds: 86_400, maximumNegativeSeconds: 3600, staleSeconds };
  const cache = new AnswerCache({ ...limits, bytes: 1_000_000 }, [1, 2]);
  const store = (type: number, now: number, parts: Partial<Parameters<typeof response>[0]>): void =>
    cache.store({ name: NAME, type, class: 1 }, PLAIN, response({ name: NAME, type, ...parts }), now);
  return {
    cache,
    deny: (type: number, now = 0, ttl = 60, answers: readonly TestRecord[] = []): void =>
      store(type, now, { responseCode: NAME_ERROR, answers, authorities: [authority(ttl, ttl)] }),
    tell: (now: number, type = A, answers: readonly TestRecord[] = [{ ...address(30), type }]): void =>
      store(type, now, answers.length > 0 ? { answers } : { authorities: [authority(60, 60)] }),
    /** Over UDP: the reply. */
    reply: (type: number, now = 1, name = NAME): Uint8Array | undefined => {
      const out = new Uint8Array(UDP_REPLY_BYTES);
      const asked = query({ name, type, flags: 0 });
      const length = cache.answer(asked, 0, asked.length, out, 0, now);
      return length === 0 ? undefined : out.slice(0, length);
    },
    /** The response code on the long way. */
    code: (type: number, now = 1): number | undefined => {
      const found = cache.find({ name: NAME, type, class: 1 }, PLAIN, now);
      return found === undefined ? undefined : found.message[3]! & 15;
    },
  };
}

describe("a name that does not exist", () => {
  test("does so for every type, with the question as it was asked", () => {
    const { cache, deny, reply } = world();
    deny(A);
    for (const type of [A, AAAA, TXT, 65, 255, 257, 65_280]) {
      const expected = response({ name: NAME, type, responseCode: NAME_ERROR, authorities: [authority(59, 60)] });
      expected.set([0x12, 0x34]);
      expect(reply(type)).toEqual(expected);
      expect(cache.find({ name: "GONE.example.org", type, class: 1 }, PLAIN, 1)).toMatchObject({
        stale: false,
        remainingSeconds: 59,
        message: response({ name: NAME, type, responseCode: NAME_ERROR, authorities: [authority(59, 60)] }),
      });
    }
    expect(cache.stats()).toMatchObject({ entries: 1 });
  });

  test("does so until it is over, for what was asked for alone with these flags, and no other name", () => {
    const { cache, deny, reply } = world();
    deny(TXT);
    expect(reply(A, 59)).toBeDefined();
    expect(reply(A, 60)).toBeUndefined();
    expect(reply(A, 1, "below.gone.example.org")).toBeUndefined();
    expect(reply(A, 1, "example.org")).toBeUndefined();
    expect(cache.find({ name: NAME, type: A, class: 1 }, { ...PLAIN, dnssecOk: true }, 1)).toBeUndefined();
    expect(cache.find({ name: NAME, type: A, class: 3 }, PLAIN, 1)).toBeUndefined();
  });

  test.each([41, 128, 249, 252, 254])("says nothing to type %i, which no record has", (type) => {
    const { deny, code } = world();
    deny(A);
    expect(code(type)).toBeUndefined();
  });

  test("is one entry, whatever is asked of it, and shown as the question that it came with", () => {
    const { cache, deny } = world();
    for (const type of [A, AAAA, MX]) deny(type);
    expect(cache.stats().entries).toBe(1);
    expect([...cache.entries(1)]).toMatchObject([
      { question: { name: NAME, type: MX, class: 1 }, responseCode: NAME_ERROR },
    ]);
    cache.remove(NAME);
    expect(cache.stats().entries).toBe(0);
  });

  test("is asked for again as it was at first when it is popular", () => {
    const { cache, deny, reply } = world();
    deny(MX);
    for (const now of [55, 56, 57]) reply(A, now);
    expect(cache.takePopular()).toEqual([{ question: { name: NAME, type: MX, class: 1 }, flags: PLAIN }]);
  });
});

describe("what does not deny the name that is asked for", () => {
  test("an alias to a name that does not exist", () => {
    const { deny, reply } = world();
    deny(A, 0, 60, [{ type: 5, ttlSeconds: 60, data: [0] }]);
    expect(reply(A)).toBeDefined();
    expect(reply(AAAA)).toBeUndefined();
  });

  test("no such record", () => {
    const { tell, reply } = world();
    tell(0, A, []);
    expect(reply(A)).toBeDefined();
    expect(reply(AAAA)).toBeUndefined();
  });
});

describe("a name that comes or goes", () => {
  test("is there as soon as one of its types is", () => {
    const { deny, tell, reply, code } = world(1000);
    deny(A, 0);
    tell(10, AAAA);
    expect(reply(AAAA, 11)).toBeDefined();
    expect(reply(A, 11)).toBeUndefined();
    expect(code(A, 11)).toBeUndefined();
  });

  test("is there also when nobody may keep what is told of it", () => {
    const { deny, tell, reply, code } = world(1000);
    deny(AAAA, 0);
    tell(1, A, [address(0)]);
    for (const type of [A, AAAA]) expect([reply(type, 1), code(type, 1)]).toEqual([undefined, undefined]);
  });

  test("is gone for what has run out, and for the type that it was asked for", () => {
    const { deny, tell, reply, code } = world(1000);
    tell(0, A);
    tell(0, MX);
    deny(AAAA, 40);
    for (const type of [A, MX]) expect(reply(type, 41)?.at(3)).toBe(0x80 | NAME_ERROR);
    expect(code(A, 41)).toBe(NAME_ERROR);
    // Both have run out: the later word counts.
    expect(code(A, 120)).toBe(NAME_ERROR);
    tell(130, A);
    expect(code(A, 300)).toBe(0);
  });

  test("a server that denies a name for one type and has an address for another is believed for each", () => {
    const { deny, tell, reply } = world();
    tell(0, A);
    deny(AAAA, 1);
    expect(reply(AAAA, 2)?.at(3)).toBe(0x80 | NAME_ERROR);
    expect(reply(A, 2)?.at(3)).toBe(0x80);
    expect(reply(MX, 2)).toBeUndefined();
    // Its address has run out: it is asked for anew.
    expect(reply(A, 31)).toBeUndefined();
  });
});
