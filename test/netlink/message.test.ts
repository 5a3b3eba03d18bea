import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { sourceOf } from "../../src/netlink/codec.ts";
import {
  decodeAnswer,
  decodeMessages,
  encodeRequest,
  type NetlinkAnswer,
  type NetlinkMessage,
  requestBytes,
} from "../../src/netlink/message.ts";

function messagesOf(hex: string): { messages: NetlinkMessage[]; whole: boolean } {
  const bytes = fromHex(hex);
  const messages: NetlinkMessage[] = [];
  const whole = decodeMessages(sourceOf(bytes), 0, bytes.length, (message) => messages.push(message));
  return { messages, whole };
}

function answerOf(hex: string): NetlinkAnswer | undefined {
  return decodeAnswer(messagesOf(hex).messages[0]!);
}

describe("requests", () => {
  test("header and body, several one behind the other, padded", () => {
    const first = { type: 16, flags: 0x600, body: Uint8Array.of(1, 2, 3), operation: "a" };
    const second = { type: 17, flags: 0, body: Uint8Array.of(), operation: "b" };
    const target = sourceOf(new Uint8Array(requestBytes(first) + requestBytes(second)).fill(0xee));
    const offset = encodeRequest(target, 0, first, { sequence: 1, flags: 1 });
    expect(encodeRequest(target, offset, second, { sequence: 2, flags: 5 })).toBe(target.bytes.length);
    expect(toHex(target.bytes)).toBe(
      "13000000 10000106 01000000 00000000 01020300 10000000 11000500 02000000 00000000".replaceAll(" ", ""),
    );
  });
});

describe("datagrams", () => {
  test("several messages", () => {
    const { messages, whole } = messagesOf(
      "10000000 10000200 07000000 00000000 14000000 03000200 07000000 05000000 00000000",
    );
    expect(whole).toBe(true);
    expect(
      messages.map(({ type, flags, sequence, port, start, end }) => [type, flags, sequence, port, end - start]),
    ).toEqual([
      [16, 2, 7, 0, 0],
      [3, 2, 7, 5, 4],
    ]);
  });

  test.each([
    ["a message longer than the datagram", "20000000 10000200 07000000 00000000"],
    ["a length below the header's", "0f000000 10000200 07000000 00000000"],
    ["an end inside a header", "10000000 10000200 07000000 00000000 10000000"],
  ])("%s is told", (_, hex) => {
    expect(messagesOf(hex).whole).toBe(false);
  });
});

describe("answers", () => {
  test("an acknowledgement", () => {
    expect(answerOf("24000000 02000001 01000000 00000000 00000000 14000000 10000506 01000000 00000000")).toEqual({
      errno: 0,
    });
  });

  test("an error with the kernel's words and the place, the request cut to its header", () => {
    const words = "55 6e 6b 6e 6f 77 6e 00"; // "Unknown"
    expect(
      answerOf(
        `38000000 02000003 01000000 00000000 a1ffffff 14000000 10000506 01000000 00000000 0c000100 ${words} 08000200 20000000`,
      ),
    ).toEqual({ errno: 95, kernelText: "Unknown", attributeOffset: 32 });
  });

  test("an error that echoes the whole request", () => {
    expect(
      answerOf(
        "30000000 02000002 01000000 00000000 eaffffff 14000000 10000506 01000000 00000000 aabbccdd 08000100 6d747500",
      ),
    ).toEqual({ errno: 22, kernelText: "mtu" });
  });

  test("the end of a dump that failed", () => {
    expect(answerOf("14000000 03000200 01000000 00000000 f5ffffff")).toEqual({ errno: 11 });
  });

  test("an error too short to hold a number is none", () => {
    expect(answerOf("12000000 02000000 01000000 00000000 0000")).toBeUndefined();
  });
});
