import { describe, expect, test } from "vitest";
import { parseIp, parseMac } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import {
  array,
  attribute,
  attributeTable,
  decodeAttributes,
  encodeAttributes,
  nested,
  struct,
} from "../../src/netlink/attribute.ts";
import {
  be16,
  be32,
  binary,
  bool8,
  flag,
  ip,
  mac,
  s32,
  sourceOf,
  string,
  text,
  u8,
  u16,
  u32,
  u64,
} from "../../src/netlink/codec.ts";
import { encodeBody } from "../../src/netlink/message.ts";
import { LITTLE_ENDIAN } from "../../src/netlink/writer.ts";

const table = attributeTable({
  index: attribute("T_INDEX", 3, u32),
  name: attribute("T_NAME", 1, string),
  inner: attribute("T_INNER", 2, nested(attributeTable({ on: attribute("I_ON", 1, bool8) })), { nestedFlag: true }),
  names: attribute("T_NAMES", 4, array(attribute("T_ONE", 9, string))),
  pair: attribute("T_PAIR", 5, struct({ low: be16, high: be16 })),
  marked: attribute("T_MARKED", 6, flag),
  level: attribute("T_LEVEL", 7, u8),
});

const encode = (values: Parameters<typeof encodeAttributes<typeof table.rows>>[2]): string =>
  toHex(encodeBody((writer) => encodeAttributes(writer, table, values)));
function decode(hex: string) {
  const bytes = fromHex(hex);
  return decodeAttributes(table, sourceOf(bytes), 0, bytes.length);
}

describe("a table of attributes", () => {
  test("the bytes below are those of a little-endian machine", () => {
    expect(LITTLE_ENDIAN).toBe(true);
  });

  test("encodes in its own order, padded to four bytes", () => {
    expect(encode({ level: 7, name: "br0", index: 1 })).toBe(
      "08000300 01000000 08000100 62723000 05000700 07000000".replaceAll(" ", ""),
    );
  });

  test("an undefined field is left out", () => {
    expect(encode({ name: undefined, index: 1 })).toBe("0800030001000000");
  });

  test("lists inside, structures and flags", () => {
    const values = { inner: { on: true }, names: ["a", "bc"], pair: { low: 1, high: 2 }, marked: true } as const;
    const hex = encode(values);
    expect(hex).toBe(
      "0c000280 05000100 01000000 14000400 06000900 61000000 07000900 62630000 08000500 00010002 04000600".replaceAll(
        " ",
        "",
      ),
    );
    expect(decode(hex)).toEqual(values);
  });

  test("decoding passes over attributes that the table does not know", () => {
    expect(decode("08006300 ffffffff 08000300 01000000")).toEqual({ index: 1 });
  });

  test("the flag bits of a type do not hide its number", () => {
    expect(decode("0c000280 05000140 01000000")).toEqual({ inner: { on: true } });
  });

  test("an attribute that reaches past the end ends the list, what came before stays", () => {
    expect(decode("08000300 01000000 ff000100 6272")).toEqual({ index: 1 });
  });

  test("a length below the header's ends the list", () => {
    expect(decode("08000300 01000000 03000100 08000700")).toEqual({ index: 1 });
  });

  test("a payload too short for its type leaves the field out", () => {
    expect(decode("06000300 01000000 05000700 09000000")).toEqual({ level: 9 });
  });

  test("the last attribute may lack its padding", () => {
    expect(decode("08000300 01000000 05000700 09")).toEqual({ index: 1, level: 9 });
  });

  test("text ends at its zero byte, or at the end of the payload", () => {
    expect(decode("0a000100 62720030 3100")).toEqual({ name: "br" });
    expect(decode("06000100 6272")).toEqual({ name: "br" });
  });
});

describe("types of payloads", () => {
  const one = (codec: unknown, value: unknown): [string, unknown] => {
    const rows = attributeTable({ value: attribute("T", 1, codec as typeof binary) });
    const body = encodeBody((writer) => encodeAttributes(writer, rows, { value: value as Uint8Array }));
    return [toHex(body.subarray(4)), decodeAttributes(rows, sourceOf(body), 0, body.length).value];
  };

  test.each([
    ["u16", u16, 0x1234, "34120000"],
    ["u32", u32, 0xffff_fffe, "feffffff"],
    ["s32", s32, -2, "feffffff"],
    ["u64", u64, 0x1_0000_0002n, "0200000001000000"],
    ["be16", be16, 0x1234, "12340000"],
    ["be32", be32, 0x12345678, "12345678"],
    ["mac", mac, parseMac("02:00:00:00:00:0a"), "02000000000a0000"],
    ["IPv4", ip, parseIp("192.0.2.1"), "c0000201"],
    ["IPv6", ip, parseIp("2001:db8::1"), "20010db8000000000000000000000001"],
    ["text beyond ASCII", string, "brücke", "6272c3bc636b6500"],
    ["text without its zero", text, "lan", "6c616e00"],
    ["bytes", binary, Uint8Array.of(1, 2), "01020000"],
  ])("%s", (_, codec, value, hex) => {
    expect(one(codec, value)).toEqual([hex, value]);
  });

  test.each([
    ["a negative number", u32, -1],
    ["a fraction", u16, 1.5],
    ["a number too large", u8, 256],
    ["a 64-bit number too large", u64, 1n << 64n],
    ["text with a zero byte", string, "a\0b"],
  ])("%s is refused", (_, codec, value) => {
    expect(() => one(codec, value)).toThrow(expect.objectContaining({ code: "bad-value" }));
  });

  test("an attribute longer than 65535 bytes is refused, one that fills several chunks is not", () => {
    expect(() => one(binary, new Uint8Array(65_532))).toThrow(expect.objectContaining({ code: "bad-value" }));
    expect(one(binary, new Uint8Array(65_531).fill(7))[1]).toEqual(new Uint8Array(65_531).fill(7));
  });
});

test("bytes of earlier requests stay as they were", () => {
  const bodies = Array.from({ length: 5000 }, (_, index) =>
    encodeBody((writer) => encodeAttributes(writer, table, { index, name: `link${index}` })),
  );
  const decoded = bodies.map((body) => decodeAttributes(table, sourceOf(body), 0, body.length).index);
  expect(decoded).toEqual(bodies.map((_, index) => index));
});
