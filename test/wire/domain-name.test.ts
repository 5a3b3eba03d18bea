import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8Encode } from "../../src/base/bytes.ts";
import { decodeDomainName, encodeDomainNames } from "../../src/wire/domain-name.ts";
import { Malformed } from "../../src/wire/malformed.ts";

function names(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const name = decodeDomainName(bytes, offset);
    if (name instanceof Malformed) throw new Error(name.reason);
    found.push(name.name);
    offset = name.next;
  }
  return found;
}

describe("domain names", () => {
  test("the example of RFC 3397 §2, with its pointer", () => {
    const bytes = encodeDomainNames(["eng.apple.com.", "marketing.apple.com."]);
    expect(toHex(bytes)).toBe(
      `03${toHex(utf8Encode("eng"))}056170706c6503636f6d0009${toHex(utf8Encode("marketing"))}c004`,
    );
    expect(names(bytes)).toEqual(["eng.apple.com", "marketing.apple.com"]);
  });

  test("a name that is wholly a suffix of an earlier one is only a pointer", () => {
    const bytes = encodeDomainNames(["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
    expect(toHex(bytes.slice(-4))).toBe("c008c00c");
    expect(names(bytes)).toEqual(["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
  });

  test("the root is one zero", () => {
    expect(toHex(encodeDomainNames([""]))).toBe("00");
    expect(names(fromHex("00"))).toEqual([""]);
  });

  test("bytes that text cannot carry are escaped (RFC 1035 §5.1)", () => {
    expect(names(fromHex("04 61 2e 5c 00 00"))).toEqual(["a\\046\\092\\000"]);
    expect(toHex(encodeDomainNames(["a\\046\\092\\000"]))).toBe("04612e5c0000");
  });

  test.each([
    ["no end", "03 616263"],
    ["label cut off", "05 6162"],
    ["pointer to itself", "c000"],
    ["pointer forwards", "c002 00"],
    ["pointer cut off", "c0"],
    ["two pointers at each other", "0161 c004 0162 c000"],
    ["reserved label type", "40 00"],
  ])("refused: %s", (_, hex) => {
    const bytes = fromHex(hex);
    const results = Array.from(bytes, (__, offset) => decodeDomainName(bytes, offset));
    expect(results.some((result) => result instanceof Malformed)).toBe(true);
  });

  test("a pointer may not build a name of more than 255 bytes", () => {
    const label = `3f${"61".repeat(63)}`;
    // 63 + 1 bytes four times over, each name a label and a pointer to the one before.
    const chain = fromHex(`${label}00 ${label}c000 ${label}c041 ${label}c083 ${label}c0c5`);
    expect(decodeDomainName(chain, 0x83)).not.toBeInstanceOf(Malformed);
    expect(decodeDomainName(chain, 0xc5)).toBeInstanceOf(Malformed);
  });

  test.each([
    ["a..b", "empty label"],
    [`${"a".repeat(64)}.org`, "63 bytes"],
    [Array.from({ length: 9 }, () => "a".repeat(30)).join("."), "255 bytes"],
    ["bücher.example.org", "xn--"],
    ["a\\4.org", "three digits"],
  ])("not encodable: %s", (name, reason) => {
    expect(() => encodeDomainNames([name])).toThrow(reason);
  });

  test("property: names come back as they were, whatever they share", () => {
    const label = fc.stringMatching(/^[a-c]{1,3}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), (list) => {
        expect(names(encodeDomainNames(list))).toEqual(list);
      }),
    );
  });
});
