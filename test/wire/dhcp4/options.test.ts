import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { decodeOptions, encodeOptions, FILE_BYTES, SERVER_NAME_BYTES } from "../../../src/wire/dhcp4/options.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

const NONE = new Uint8Array(0);
const BOTH_FREE = { file: true, serverName: true };
const NONE_FREE = { file: false, serverName: false };

function read(main: string, file = "", serverName = ""): Record<number, string> | string {
  const decoded = decodeOptions(fromHex(main), fromHex(file), fromHex(serverName));
  if (decoded instanceof Malformed) return decoded.reason;
  return Object.fromEntries([...decoded.options].map(([code, value]) => [code, toHex(value)]));
}

describe("reading DHCP options", () => {
  test.each([
    ["one option", "35 01 01 ff", { 53: "01" }],
    ["pad bytes between options", "00 35 01 01 00 00 0c 01 61 ff", { 53: "01", 12: "61" }],
    ["an option without value (RFC 4039)", "50 00 ff", { 80: "" }],
    ["bytes behind END are nothing", "35 01 01 ff 0c 01 61", { 53: "01" }],
    ["a missing END is forgiven", "35 01 01", { 53: "01" }],
    [
      "parts of one code are joined in order (RFC 3396 §7)",
      "77 02 0161 35 01 01 77 01 00 ff",
      { 119: "016100", 53: "01" },
    ],
    ["no option at all", "ff", {}],
  ])("%s", (_, hex, expected) => {
    expect(read(hex)).toEqual(expected);
  });

  test.each([
    ["a value cut off", "35 02 01"],
    ["a length cut off", "35"],
  ])("refused: %s", (_, hex) => {
    expect(read(hex)).toBe("DHCP option 53: runs over the end");
  });

  describe("overload (RFC 2132 §9.3)", () => {
    const file = "0c 01 61 ff";
    const serverName = "0f 01 62 ff";
    test.each([
      ["none", "35 01 01 ff", { 53: "01" }],
      ["1: file", "34 01 01 ff", { 12: "61" }],
      ["2: sname", "34 01 02 ff", { 15: "62" }],
      ["3: both", "34 01 03 ff", { 12: "61", 15: "62" }],
      ["a length other than 1 says nothing", "34 02 0303 ff", {}],
    ])("%s", (_, main, expected) => {
      expect(read(main, file, serverName)).toEqual(expected);
    });

    test("option 52 inside `file` does not open `sname`", () => {
      expect(read("34 01 01 ff", "34 01 03 ff", serverName)).toEqual({});
    });

    test("a value in three parts is joined in the order options, file, sname (RFC 3396 §5)", () => {
      expect(read("34 01 03 77 01 0a ff", "77 01 0b ff", "77 01 0c ff")).toEqual({ 119: "0a0b0c" });
    });

    test("an option cut off in `sname` is refused", () => {
      expect(read("34 01 02 ff", "", "0c 09 61")).toBe("DHCP option 12: runs over the end");
    });
  });
});

describe("writing DHCP options", () => {
  const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

  test("the order is the map's", () => {
    const encoded = encodeOptions(
      new Map([
        [53, Uint8Array.of(2)],
        [1, filled(4, 255)],
      ]),
      64,
      BOTH_FREE,
    );
    expect(toHex(encoded.main)).toBe("3501020104ffffffffff");
    expect(encoded).toMatchObject({ omitted: [] });
  });

  test("a value of 255 bytes is one part, of 256 bytes two (RFC 3396)", () => {
    expect(toHex(encodeOptions(new Map([[121, filled(255, 1)]]), 600, NONE_FREE).main.subarray(0, 2))).toBe("79ff");
    const split = encodeOptions(new Map([[121, filled(256, 1)]]), 600, NONE_FREE).main;
    expect(toHex(split.subarray(0, 2))).toBe("79ff");
    expect(toHex(split.subarray(257))).toBe("790101ff");
  });

  test("`file` and `sname` stay untouched as long as the options field suffices", () => {
    const encoded = encodeOptions(new Map([[43, filled(61, 1)]]), 64, BOTH_FREE);
    expect(encoded.main.length).toBe(64);
    expect(encoded.file).toBeUndefined();
    expect(encoded.serverName).toBeUndefined();
  });

  test("what does not fit goes to `file`, then to `sname`, and option 52 says so", () => {
    const options = new Map([
      [53, Uint8Array.of(2)],
      [43, filled(50, 1)],
      [60, filled(125, 2)],
      [12, filled(61, 3)],
    ]);
    const encoded = encodeOptions(options, 64, BOTH_FREE);
    expect(encoded.file?.length).toBe(FILE_BYTES);
    expect(encoded.serverName?.length).toBe(SERVER_NAME_BYTES);
    expect(toHex(encoded.main.slice(-4))).toBe("340103ff");
    expect(encoded.omitted).toEqual([]);
  });

  test("fields that the message needs for text are not used", () => {
    const options = new Map([
      [43, filled(60, 1)],
      [60, filled(60, 2)],
    ]);
    expect(encodeOptions(options, 64, NONE_FREE)).toMatchObject({ omitted: [60] });
    const encoded = encodeOptions(options, 66, { file: false, serverName: true });
    expect(encoded.file).toBeUndefined();
    expect(encoded.serverName?.subarray(0, 2)).toEqual(Uint8Array.of(60, 60));
  });

  test("a value of more than 255 bytes that no area holds whole is spread over them (RFC 3396 §5)", () => {
    const value = Uint8Array.from({ length: 300 }, (_, i) => i);
    const encoded = encodeOptions(new Map([[121, value]]), 200, BOTH_FREE);
    const decoded = decodeOptions(encoded.main, encoded.file ?? NONE, encoded.serverName ?? NONE);
    expect(decoded).toMatchObject({ options: new Map([[121, value]]), fileOverloaded: true });
  });

  test("a shorter value is never taken apart: rather it is left out", () => {
    expect(encodeOptions(new Map([[121, filled(200, 1)]]), 64, BOTH_FREE)).toMatchObject({ omitted: [121] });
  });

  test("small options give way to a large one that fits only into the options field", () => {
    const options = new Map([
      [53, Uint8Array.of(2)],
      [43, filled(100, 1)],
      [54, filled(4, 2)],
      [119, filled(200, 3)],
    ]);
    const encoded = encodeOptions(options, 230, BOTH_FREE);
    expect(encoded.omitted).toEqual([]);
    expect(toHex(encoded.main.subarray(0, 11))).toBe("35010236040202020277c8");
    expect(encoded.file?.subarray(0, 2)).toEqual(Uint8Array.of(43, 100));
  });

  test("property: what is written is read back, or reported as left out; no area overflows", () => {
    const codes = fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52);
    const maps = fc
      .array(fc.tuple(codes, fc.uint8Array({ maxLength: 700 })), { maxLength: 12 })
      .map((entries) => new Map(entries));
    fc.assert(
      fc.property(
        maps,
        fc.integer({ min: 60, max: 1300 }),
        fc.boolean(),
        fc.boolean(),
        (options, mainBytes, file, serverName) => {
          const encoded = encodeOptions(options, mainBytes, { file, serverName });
          expect(encoded.main.length).toBeLessThanOrEqual(mainBytes);
          expect(encoded.file === undefined || (file && encoded.file.length <= FILE_BYTES)).toBe(true);
          expect(
            encoded.serverName === undefined || (serverName && encoded.serverName.length <= SERVER_NAME_BYTES),
          ).toBe(true);
          const decoded = decodeOptions(encoded.main, encoded.file ?? NONE, encoded.serverName ?? NONE);
          if (decoded instanceof Malformed) throw new Error(decoded.reason);
          const expected = [...options].filter(([code]) => !encoded.omitted.includes(code));
          expect(new Map(decoded.options)).toEqual(new Map(expected));
        },
      ),
      { numRuns: 500 },
    );
  });
});
