import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8Encode } from "../../src/base/bytes.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from "../../src/wire/tftp.ts";

const text = (words: string): Uint8Array => utf8Encode(words);

describe("packets as RFC 1350 and RFC 2347 draw them", () => {
  const options = new Map([
    ["blksize", "1468"],
    ["tsize", "0"],
  ]);
  const cases: readonly [string, TftpPacket, string][] = [
    ["RRQ", { kind: "read", file: "pxelinux.0", mode: "octet", options: new Map() }, "\0\x01pxelinux.0\0octet\0"],
    ["WRQ", { kind: "write", file: "a/b", mode: "netascii", options: new Map() }, "\0\x02a/b\0netascii\0"],
    [
      "RRQ with options",
      { kind: "read", file: "x", mode: "octet", options },
      "\0\x01x\0octet\0blksize\x001468\0tsize\x000\0",
    ],
    ["DATA", { kind: "data", block: 0x0102, data: text("abc") }, "\0\x03\x01\x02abc"],
    ["DATA without bytes", { kind: "data", block: 7, data: new Uint8Array() }, "\0\x03\0\x07"],
    ["ACK", { kind: "acknowledge", block: 0x0102 }, "\0\x04\x01\x02"],
    ["ERROR", { kind: "error", code: TFTP_ERROR.notFound, message: "no" }, "\0\x05\0\x01no\0"],
    ["OACK", { kind: "option-acknowledge", options }, "\0\x06blksize\x001468\0tsize\x000\0"],
  ];
  test.each(cases)("%s", (_, packet, bytes) => {
    expect(toHex(encodeTftp(packet))).toBe(toHex(text(bytes)));
    expect(decodeTftp(text(bytes))).toEqual(packet);
  });

  test("names of options in any case, the first of two counts, padding of zero bytes ends them", () => {
    const packet = decodeTftp(text("\0\x01x\0OCTET\0BlkSize\x00512\0blksize\x00600\0\0\0\0"));
    expect(packet).toEqual({ kind: "read", file: "x", mode: "octet", options: new Map([["blksize", "512"]]) });
  });

  test("an error's text without its end is read as far as it goes", () => {
    expect(decodeTftp(text("\0\x05\0\0stop"))).toEqual({ kind: "error", code: 0, message: "stop" });
  });

  test("characters beyond a byte are not sent as something else", () => {
    expect(toHex(encodeTftp({ kind: "error", code: 0, message: "ä€\0b" }))).toBe("00050000e43f6200");
  });

  test.each([
    ["nothing", ""],
    ["too short", "000401"],
    ["an unknown opcode", "00070000"],
    ["opcode 0", "00000000"],
    ["a name without an end", "000161626364"],
    ["no name", "0001006f6374657400"],
    ["a mode without an end", "000161006f63746574"],
    ["an option without a value", "000161006f6374657400626c6b73697a6500"],
    ["an acknowledgement of no options", "00060000"],
    ["an option without an end", "000161006f6374657400626c6b73697a650031"],
  ])("refused: %s", (_, hex) => {
    expect(decodeTftp(fromHex(hex))).toBeInstanceOf(Malformed);
  });

  test("a request of 2000 bytes, or with 33 options, is refused", () => {
    expect(decodeTftp(text(`\0\x01${"a".repeat(2000)}\0octet\0`))).toBeInstanceOf(Malformed);
    const many = Array.from({ length: 33 }, (_, i) => `o${i}\x001\0`).join("");
    expect(decodeTftp(text(`\0\x01x\0octet\0${many}`))).toBeInstanceOf(Malformed);
  });
});
