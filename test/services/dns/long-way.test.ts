import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { type Asker, LongWay } from "../../../src/services/dns/long-way.ts";

const QUERY = new Uint8Array(12);
const open: LongWay[] = [];

function waysOf(now: () => number = () => 0) {
  const tokens: number[] = [];
  const longWay = new LongWay({
    work: (_query, _asker, token) => void tokens.push(token),
    onTurnEnd: () => undefined,
    now,
  });
  open.push(longWay);
  return { longWay, tokens };
}

function asker(text: string): Asker & { readonly answers: (Uint8Array | undefined)[] } {
  const answers: (Uint8Array | undefined)[] = [];
  return { address: parseIp(text), transport: "udp", answers, answer: (message) => void answers.push(message) };
}

async function settled(tokens: readonly number[], count: number): Promise<void> {
  while (tokens.length < count) await nextTurn();
}

afterEach(() => {
  for (const longWay of open.splice(0)) longWay.close();
});

describe("the long way", () => {
  test("is worked on later, in order, and each is answered once", async () => {
    const { longWay, tokens } = waysOf();
    const one = asker("192.0.2.1");
    longWay.add(QUERY, one);
    longWay.add(QUERY, one);
    expect(tokens).toEqual([]);
    await settled(tokens, 2);
    expect(tokens).toEqual([1, 2]);
    longWay.finish(2, QUERY);
    longWay.finish(2, QUERY);
    longWay.finish(99, QUERY);
    expect(one.answers).toEqual([QUERY]);
    expect(longWay.open).toBe(1);
  });

  test("has an end, of one asker before that of all", async () => {
    const { longWay, tokens } = waysOf();
    const one = asker("192.0.2.1");
    const count = (from: Asker): number => {
      let taken = 0;
      while (longWay.add(QUERY, from)) taken++;
      return taken;
    };
    const share = count(one);
    expect(share).toBe(1024);
    expect(count(asker("192.0.2.2"))).toBe(1024);
    expect(count(asker("192.0.2.3"))).toBe(0);
    expect(longWay.dropped).toBe(3);
    await settled(tokens, 2048);
    expect(count(asker("192.0.2.3"))).toBe(1024);
    longWay.finish(1, QUERY);
    expect(count(one)).toBe(1);
  });

  test("forgets what nobody answered", async () => {
    let now = 0;
    const { longWay, tokens } = waysOf(() => now);
    const one = asker("192.0.2.1");
    longWay.add(QUERY, one);
    await settled(tokens, 1);
    now = 61;
    longWay.add(QUERY, asker("192.0.2.2"));
    await settled(tokens, 2);
    expect(one.answers).toEqual([undefined]);
    expect(longWay.open).toBe(1);
  });
});
