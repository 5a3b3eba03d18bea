import { describe, expect, test } from "vitest";
import { IPV4_ANY, parseIpv4 } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { type Dhcp4Message, decodeDhcp4, encodeDhcp4 } from "../../../src/wire/dhcp4/message.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

const message: Dhcp4Message = {
  operation: "reply",
  hardwareType: 1,
  hardwareAddress: fromHex("525400000010"),
  hops: 2,
  transactionId: 0xdeadbeef,
  elapsedSeconds: 300,
  broadcast: true,
  clientAddress: parseIpv4("192.0.2.2"),
  yourAddress: parseIpv4("192.0.2.3"),
  nextServerAddress: parseIpv4("192.0.2.4"),
  relayAddress: parseIpv4("192.0.2.5"),
  serverName: "boot.example.org",
  bootFile: "pxelinux.0",
  options: new Map([[53, Uint8Array.of(5)]]),
};

describe("DHCP message", () => {
  test("every field has its place (RFC 2131 figure 1)", () => {
    const { bytes } = encodeDhcp4(message);
    expect(toHex(bytes.subarray(0, 12))).toBe("02010602deadbeef012c8000");
    expect(toHex(bytes.subarray(12, 28))).toBe("c0000202c0000203c0000204c0000205");
    expect(toHex(bytes.subarray(28, 44))).toBe("52540000001000000000000000000000");
    expect(new TextDecoder().decode(bytes.subarray(44, 61))).toBe("boot.example.org\0");
    expect(new TextDecoder().decode(bytes.subarray(108, 119))).toBe("pxelinux.0\0");
    expect(toHex(bytes.subarray(236, 244))).toBe("63825363350105ff");
    expect(decodeDhcp4(bytes)).toEqual(message);
  });

  test("padded to 300 bytes (RFC 1542 §2.1), not further", () => {
    expect(encodeDhcp4(message).bytes.length).toBe(300);
    const long = { ...message, options: new Map([[43, new Uint8Array(100)]]) };
    expect(encodeDhcp4(long).bytes.length).toBe(240 + 102 + 1);
  });

  test("never longer than the receiver takes; what is left out is told", () => {
    const options = new Map([
      [53, Uint8Array.of(5)],
      [43, new Uint8Array(400)],
      [12, Uint8Array.of(97)],
    ]);
    const { bytes, omittedOptions } = encodeDhcp4({ ...message, options }, 400);
    expect(bytes.length).toBeLessThanOrEqual(400);
    expect(omittedOptions).toEqual([43]);
    expect(decodeDhcp4(bytes)).toMatchObject({ options: new Map([...options].filter(([code]) => code !== 43)) });
  });

  test("overload fills `sname` and `file` only when they are empty", () => {
    const options = new Map([
      [43, new Uint8Array(200).fill(1)],
      [60, new Uint8Array(100).fill(2)],
      [77, new Uint8Array(50).fill(3)],
    ]);
    const free = { ...message, serverName: "", bootFile: "", options };
    const { bytes } = encodeDhcp4(free, 450);
    expect(decodeDhcp4(bytes)).toEqual(free);
    expect(encodeDhcp4({ ...message, options }, 450).omittedOptions).toEqual([60, 77]);
  });

  test.each([
    ["shorter than the fixed part", encodeDhcp4(message).bytes.subarray(0, 239), "240"],
    ["operation 3", encodeDhcp4(message).bytes.with(0, 3), "neither"],
    ["hardware address of 17 bytes", encodeDhcp4(message).bytes.with(2, 17), "16 bytes"],
    ["another cookie", encodeDhcp4(message).bytes.with(236, 0), "magic"],
    ["an option over the end", encodeDhcp4(message).bytes.subarray(0, 242), "over the end"],
  ])("refused: %s", (_, bytes, reason) => {
    const decoded = decodeDhcp4(bytes);
    expect(decoded instanceof Malformed ? decoded.reason : decoded).toContain(reason);
  });

  test("zeros for a cookie: a BOOTP client's, and nothing behind them is an option (RFC 951 §3)", () => {
    const { bytes } = encodeDhcp4({ ...message, options: new Map([[53, Uint8Array.of(1)]]) });
    expect(decodeDhcp4(bytes.fill(0, 236, 240))).toEqual({ ...message, options: new Map() });
  });

  test("it may lie anywhere in a larger buffer", () => {
    const buffer = new Uint8Array(700);
    const { bytes } = encodeDhcp4(message);
    buffer.set(bytes, 333);
    expect(decodeDhcp4(buffer.subarray(333, 333 + bytes.length))).toEqual(message);
  });

  test("text that a fixed field cannot hold is refused", () => {
    expect(() => encodeDhcp4({ ...message, serverName: "s".repeat(64) })).toThrow("server name of more than 63");
    expect(() => encodeDhcp4({ ...message, bootFile: "f".repeat(128) })).toThrow("boot file of more than 127");
    expect(() => encodeDhcp4({ ...message, hardwareAddress: new Uint8Array(17) })).toThrow("more than 16");
  });

  test("addresses that are not used are 0.0.0.0", () => {
    const { bytes } = encodeDhcp4({ ...message, relayAddress: IPV4_ANY });
    expect(toHex(bytes.subarray(24, 28))).toBe("00000000");
  });
});
