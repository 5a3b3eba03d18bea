import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeRefusal } from "../../../src/services/dns/refusal.ts";
import { query } from "../../protocol/dns/cache/responses.ts";

function refusal(bytes: Uint8Array): number[] {
  const out = new Uint8Array(2000).fill(0x55);
  return [...out.subarray(10, 10 + writeRefusal(bytes, 0, bytes.length, out, 10))];
}

describe("a refusal", () => {
  test("repeats id, RD, CD and the question as it was spelled", () => {
    const asked = query({ name: "WWW.example.ORG", type: 28, id: 0xbeef, flags: 0x0130, extension: { bytes: 1232 } });
    const expected = query({ name: "WWW.example.ORG", type: 28, id: 0xbeef, flags: 0x8115 });
    expect(refusal(asked)).toEqual([...expected]);
  });

  test("of something odd is a header alone, and a response has none", () => {
    const update = query({ name: "", flags: 0x2800 });
    expect(refusal(update).slice(0, 4)).toEqual([0x12, 0x34, 0xa8, 0x05]);
    const compressed = query({ name: "x" }).with(12, 0xc0);
    expect(refusal(compressed)).toEqual([0x12, 0x34, 0x81, 0x05, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(refusal(query({ name: "x", flags: 0x8180 }))).toEqual([]);
    expect(refusal(query({ name: "x" }).subarray(0, 11))).toEqual([]);
  });

  test("is never longer than what it refuses", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(40), (tail, kept) => {
        const bytes = Uint8Array.from([...query({ name: "www.example.org" }).subarray(0, kept), ...tail]);
        expect(refusal(bytes).length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
