import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, equalBytes, fromHex, toHex, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";

describe("hexadecimal", () => {
  test("is two lower-case digits a byte", () => {
    expect(toHex(Uint8Array.of(0, 10, 171, 255))).toBe("000aabff");
  });

  test("reads back with blanks, colons and capitals", () => {
    expect(fromHex("00:0A\n ab FF")).toEqual(Uint8Array.of(0, 10, 171, 255));
  });

  test.each(["0", "0g", "123", "0x12"])("refuses %s", (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: "bad-hex" }));
  });

  test("reads back what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe("joining and comparing", () => {
  test("parts stand one after the other", () => {
    expect(concatBytes([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)])).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("equal means same length and same bytes", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false);
  });
});

describe("UTF-8 agrees with the platform's encoder", () => {
  test("any text, lone surrogates included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(utf8Encode(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  test.each(["\ud800", "a\udfffb", "\ud83d\ude00", "ÿ߿ࠀ￿"])("text %j", (text) => {
    expect(utf8Encode(text)).toEqual(new TextEncoder().encode(text));
  });

  test("valid bytes decode to the text they came from", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(utf8Decode(utf8Encode(text))).toBe(text);
      }),
    );
  });

  test.each([
    ["a stray continuation", [0x61, 0x80, 0x62], "a\ufffdb"],
    ["an overlong slash", [0xc0, 0xaf], "\ufffd\ufffd"],
    ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
    ["a cut sequence", [0xe2, 0x82], "\ufffd\ufffd"],
    ["past U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
  ])("%s becomes U+FFFD", (_what, bytes, text) => {
    expect(utf8Decode(Uint8Array.from(bytes))).toBe(text);
  });

  test("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(typeof utf8Decode(bytes)).toBe("string");
      }),
    );
  });
});
