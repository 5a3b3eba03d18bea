import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REFUSAL_EXTRA_BYTES, writeRefusal } from "../../../src/services/dns/refusal.ts";
import { query } from "../../protocol/dns/cache/responses.ts";

function refusal(bytes: Uint8Array): number[] {
  const out = new Uint8Array(2000).fill(0x55);
  return [...out.subarray(10, 10 + writeRefusal(bytes, 0, bytes.length, out, 10))];
}

describe("a refusal", () => {
  test("repeats id, RD, CD and the question as it was spelled", () => {
    const asked = query({ name: "WWW.example.ORG", type: 28, id: 0xbeef, flags: 0x0130 });
    const expected = query({ name: "WWW.example.ORG", type: 28, id: 0xbeef, flags: 0x8115 });
    expect(refusal(asked)).toEqual([...expected]);
  });

  test("says that it is prohibited to who speaks EDNS (RFC 8914 §4.19), whatever the options", () => {
    const told = { bytes: 1232, dnssecOk: true, options: [0, 15, 0, 2, 0, 18] };
    for (const options of [[], [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]])
      expect(refusal(query({ name: "x.example", extension: { bytes: 4096, dnssecOk: true, options } }))).toEqual([
        ...query({ name: "x.example", flags: 0x8105, extension: told }),
      ]);
    const later = query({ name: "x.example", extension: { bytes: 4096 } });
    later[later.length - 5] = 1;
    expect(refusal(later)).toEqual([...query({ name: "x.example", flags: 0x8105 })]);
  });

  test("of something odd is a header alone, and a response has none", () => {
    const update = query({ name: "", flags: 0x2800 });
    expect(refusal(update).slice(0, 4)).toEqual([0x12, 0x34, 0xa8, 0x05]);
    const compressed = query({ name: "x" }).with(12, 0xc0);
    expect(refusal(compressed)).toEqual([0x12, 0x34, 0x81, 0x05, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(refusal(query({ name: "x", flags: 0x8180 }))).toEqual([]);
    expect(refusal(query({ name: "x" }).subarray(0, 11))).toEqual([]);
  });

  test("of a question whose name is longer than names can be is a header alone", () => {
    const labels = (count: number): number[] => Array.from({ length: count }, () => [1, 0x61]).flat();
    const asked = (count: number): Uint8Array => {
      const plain = query({ name: "", extension: { bytes: 1232 } });
      return Uint8Array.from([...plain.subarray(0, 12), ...labels(count), ...plain.subarray(12)]);
    };
    expect(refusal(asked(127)).length).toBe(asked(127).length + REFUSAL_EXTRA_BYTES);
    expect(refusal(asked(128)).length).toBe(12);
    expect(refusal(asked(600)).length).toBe(12);
  });

  test("is no longer than what it refuses, but for the six bytes of its reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(40), (tail, kept) => {
        const bytes = Uint8Array.from([...query({ name: "www.example.org" }).subarray(0, kept), ...tail]);
        expect(refusal(bytes).length).toBeLessThanOrEqual(bytes.length + REFUSAL_EXTRA_BYTES);
      }),
    );
  });
});
