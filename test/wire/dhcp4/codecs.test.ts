import { describe, expect, test } from "vitest";
import { parseIpv4, parsePrefix, type Ipv4Prefix } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { DHCP4_OPTION, type Dhcp4Option, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";

const a = parseIpv4("192.0.2.1");
const b = parseIpv4("198.51.100.9");
const route = (prefix: string, gateway: string) => ({
  destination: parsePrefix(prefix) as Ipv4Prefix,
  gateway: parseIpv4(gateway),
});

function roundTrip<T>(option: Dhcp4Option<T>, value: T, hex: string): void {
  const [code, bytes] = optionEntry(option, value);
  expect(toHex(bytes)).toBe(hex);
  expect(readOption(new Map([[code, fromHex(hex)]]), option)).toEqual(value);
}

describe("option values", () => {
  test("addresses and lists of them", () => {
    roundTrip(DHCP4_OPTION.subnetMask, a, "c0000201");
    roundTrip(DHCP4_OPTION.nameServers, [a, b], "c0000201c6336409");
  });

  test("numbers", () => {
    roundTrip(DHCP4_OPTION.overload, 3, "03");
    roundTrip(DHCP4_OPTION.interfaceMtu, 1450, "05aa");
    roundTrip(DHCP4_OPTION.leaseTime, 0xffffffff, "ffffffff");
    roundTrip(DHCP4_OPTION.leaseTime, 86_313_600, "05250a80");
    roundTrip(DHCP4_OPTION.clientArchitecture, [7, 16], "00070010");
    roundTrip(DHCP4_OPTION.parameterRequestList, [1, 121, 3], "017903");
  });

  test("text, flags, message types", () => {
    roundTrip(DHCP4_OPTION.hostName, "vm1", "766d31");
    roundTrip(DHCP4_OPTION.rapidCommit, true, "");
    roundTrip(DHCP4_OPTION.messageType, "DISCOVER", "01");
    roundTrip(DHCP4_OPTION.messageType, "INFORM", "08");
  });

  test("NUL bytes at the end of text are dropped (RFC 2132 §2)", () => {
    expect(readOption(new Map([[12, fromHex("766d310000")]]), DHCP4_OPTION.hostName)).toBe("vm1");
  });

  test("domain search list (RFC 3397)", () => {
    roundTrip(DHCP4_OPTION.domainSearch, ["a.org", "org"], "0161036f726700c002");
  });

  // The table of RFC 3442, "Classless Route Option Format", each with gateway 192.0.2.1.
  test.each([
    ["0.0.0.0/0", "00"],
    ["10.0.0.0/8", "080a"],
    ["10.0.0.0/24", "180a0000"],
    ["10.17.0.0/16", "100a11"],
    ["10.27.129.0/24", "180a1b81"],
    ["10.229.0.128/25", "190ae50080"],
    ["10.198.122.47/32", "200ac67a2f"],
  ])("classless route to %s", (prefix, hex) => {
    roundTrip(DHCP4_OPTION.classlessRoutes, [route(prefix, "192.0.2.1")], `${hex}c0000201`);
  });

  test("host bits of a classless route are cleared on both sides (RFC 3442)", () => {
    const read = readOption(new Map([[121, fromHex("18c00002 c0000201")]]), DHCP4_OPTION.classlessRoutes);
    expect(read).toEqual([route("192.0.2.0/24", "192.0.2.1")]);
    expect(readOption(new Map([[121, fromHex("17c00003 c0000201")]]), DHCP4_OPTION.classlessRoutes)).toEqual([
      route("192.0.2.0/23", "192.0.2.1"),
    ]);
    expect(toHex(optionEntry(DHCP4_OPTION.classlessRoutes, [route("192.0.3.7/23", "192.0.2.1")])[1])).toBe(
      "17c00002c0000201",
    );
  });

  test.each<[string, Dhcp4Option<unknown>, string]>([
    ["an address of 3 bytes", DHCP4_OPTION.subnetMask, "c00002"],
    ["an address of 5 bytes", DHCP4_OPTION.subnetMask, "c000020101"],
    ["a list of 6 bytes", DHCP4_OPTION.nameServers, "c00002010102"],
    ["an empty list", DHCP4_OPTION.nameServers, ""],
    ["u16 of 1 byte", DHCP4_OPTION.interfaceMtu, "05"],
    ["message type 0", DHCP4_OPTION.messageType, "00"],
    ["message type 9", DHCP4_OPTION.messageType, "09"],
    ["two message types joined", DHCP4_OPTION.messageType, "0101"],
    ["empty text", DHCP4_OPTION.hostName, ""],
    ["text of NUL", DHCP4_OPTION.hostName, "00"],
    ["a flag with a value", DHCP4_OPTION.rapidCommit, "00"],
    ["prefix length 33", DHCP4_OPTION.classlessRoutes, "21c0000201c0000201"],
    ["route cut off", DHCP4_OPTION.classlessRoutes, "18c00002c00002"],
    ["search list whose pointer loops", DHCP4_OPTION.domainSearch, "c000"],
  ])("not a value: %s", (_, option, hex) => {
    expect(readOption(new Map([[option.code, fromHex(hex)]]), option)).toBeUndefined();
  });

  test("values that an option cannot hold are refused", () => {
    expect(() => optionEntry(DHCP4_OPTION.interfaceMtu, 65536)).toThrow("from 0 to 65535");
    expect(() => optionEntry(DHCP4_OPTION.leaseTime, -1)).toThrow("from 0 to");
    expect(() => optionEntry(DHCP4_OPTION.leaseTime, 1.5)).toThrow("whole number");
    expect(() => optionEntry(DHCP4_OPTION.hostName, "")).toThrow("empty");
    expect(() => optionEntry(DHCP4_OPTION.routers, [])).toThrow("at least one");
    expect(() => optionEntry(DHCP4_OPTION.domainSearch, [])).toThrow("at least one");
  });

  test("no code stands twice in the table", () => {
    const codes = Object.values(DHCP4_OPTION).map((option: Dhcp4Option<unknown>) => option.code);
    expect(new Set(codes).size).toBe(codes.length);
  });
});
