import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ipv6Prefix, parseIpv6, parseMac, parsePrefix } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { decodeDhcp6, encodeDhcp6 } from "../../src/wire/dhcp6/message.ts";
import { decodeAssociations } from "../../src/wire/dhcp6/association.ts";
import { decodeClientName } from "../../src/wire/dhcp6/options.ts";
import { unwrapRelayed, wrapForRelays } from "../../src/wire/dhcp6/relay.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "../../src/wire/icmpv6.ts";
import { decodeIpv6, encodeIpv6 } from "../../src/wire/ipv6.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeSolicitation, encodeRouterAdvertisement, type RouterAdvertisement } from "../../src/wire/ndp.ts";

const source = parseIpv6("fe80::1");
const destination = parseIpv6("ff02::2");
/** An echo request with its checksum: the sum of RFC 8200 §8.1 done by hand is 0xfe80+1+0xff02+2+8+58+0x8000+1. */
const ECHO = "8000 8235 0000 0001";

function reasonOf(result: unknown): string | undefined {
  return result instanceof Malformed ? result.reason : undefined;
}

function advertisement(told: Partial<RouterAdvertisement>): string {
  const whole = {
    hopLimit: 64,
    managed: false,
    other: false,
    lifetimeSeconds: 1800,
    prefixes: [],
    routes: [],
    nameServers: [],
    searchDomains: [],
    dnsLifetimeSeconds: 600,
  };
  return toHex(encodeRouterAdvertisement({ ...whole, ...told }).body);
}

const bytesOf = (text: string): string => toHex(fromHex(text));
const FIXED = bytesOf("40 00 0708 00000000 00000000");
const prefix = (text: string): Ipv6Prefix => parsePrefix(text) as Ipv6Prefix;

describe("IPv6", () => {
  const bytes = fromHex("60000000 0003 11 40 fe800000000000000000000000000001 ff020000000000000000000000000002 010203");

  test("header and payload; what stands behind the payload is not part of it", () => {
    const packet = { source, destination, nextHeader: 17, hopLimit: 64, payload: Uint8Array.of(1, 2, 3) };
    expect(encodeIpv6(packet)).toEqual(bytes);
    expect(decodeIpv6(Uint8Array.of(...bytes, 0, 0))).toEqual(packet);
  });

  test("a packet that was cut, or is of another version, is malformed", () => {
    expect(reasonOf(decodeIpv6(bytes.subarray(0, 42)))).toContain("exceeds");
    expect(reasonOf(decodeIpv6(bytes.subarray(0, 39)))).toContain("shorter");
    expect(reasonOf(decodeIpv6(Uint8Array.of(0x45, ...bytes.subarray(1))))).toContain("version");
  });
});

describe("ICMPv6", () => {
  test("the checksum covers addresses, length and protocol", () => {
    const message = { type: 128, code: 0, body: fromHex("00000001") };
    expect(toHex(encodeIcmpv6(message, { source, destination }))).toBe(bytesOf(ECHO));
    expect(decodeIcmpv6(fromHex(ECHO), { source, destination })).toEqual(message);
    expect(reasonOf(decodeIcmpv6(fromHex(ECHO), { source, destination: source }))).toContain("checksum");
  });
});

describe("router advertisement", () => {
  test("flags and lifetimes (RFC 4861 §4.2)", () => {
    expect(advertisement({})).toBe(FIXED);
    expect(advertisement({ managed: true, other: true, lifetimeSeconds: 0 })).toBe(
      bytesOf("40 c0 0000 00000000 00000000"),
    );
  });

  test.each<[string, Partial<RouterAdvertisement>, string]>([
    ["source link-layer address", { sourceMac: parseMac("02:00:00:00:00:01") }, "01 01 020000000001"],
    ["MTU", { mtuBytes: 1440 }, "05 01 0000 000005a0"],
    [
      "prefix information (RFC 4861 §4.6.2)",
      {
        prefixes: [
          {
            prefix: prefix("2001:db8::/64"),
            onLink: true,
            autonomous: true,
            validSeconds: 7200,
            preferredSeconds: 3600,
          },
        ],
      },
      "03 04 40 c0 00001c20 00000e10 00000000 20010db8000000000000000000000000",
    ],
    [
      "route information (RFC 4191 §2.3)",
      { routes: [{ destination: prefix("2001:db8:1::/48"), lifetimeSeconds: 60 }] },
      "18 03 30 00 0000003c 20010db8000100000000000000000000",
    ],
    [
      "name servers (RFC 8106 §5.1)",
      { nameServers: [parseIpv6("2001:db8::53")] },
      "19 03 0000 00000258 20010db8000000000000000000000053",
    ],
    [
      "search list, padded with zeros (RFC 8106 §5.2)",
      { searchDomains: ["example.org"] },
      "1f 03 0000 00000258 07 6578616d706c65 03 6f7267 00 000000",
    ],
  ])("%s", (_, told, option) => {
    expect(advertisement(told)).toBe(FIXED + bytesOf(option));
  });

  test("a search list of more than one option can hold is left out whole", () => {
    const searchDomains = Array.from({ length: 200 }, (_, i) => `domain-number-${i}.example.org`);
    expect(advertisement({ searchDomains })).toBe(FIXED);
  });
});

describe("solicitation", () => {
  const decode = (type: number, body: string) => decodeSolicitation({ type, code: 0, body: fromHex(body) });

  test("of a router, with the asker's MAC address", () => {
    expect(decode(133, "00000000 0101 525400000010")).toEqual({ kind: "router", sourceMac: "52:54:00:00:00:10" });
  });

  test("of a neighbour", () => {
    expect(decode(135, "00000000 fe800000000000000000000000000001")).toEqual({ kind: "neighbour", target: "fe80::1" });
  });

  test.each([
    [133, "00000000 0100 525400000010", "length 0"],
    [133, "00000000 0102 525400000010", "over the end"],
    [133, "000000", "too short"],
    [135, "00000000 ff020000000000000000000000000001", "multicast"],
  ])("%i with %s: %s", (type, body, reason) => {
    expect(reasonOf(decode(type, body))).toContain(reason);
  });
});

describe("DHCPv6", () => {
  test("SOLICIT with identifier and IA_NA", () => {
    const bytes = fromHex(
      "01 abcdef 0001 000a 00030001525400000010 0003 0028 00000007 00000000 00000000 0005 0018 20010db8000000000000000000000005 00000000 00000000",
    );
    const message = decodeDhcp6(bytes);
    if (message instanceof Malformed) throw new Error(message.reason);
    expect(message).toMatchObject({ type: "SOLICIT", transactionId: 0xabcdef });
    expect(message.options.map(({ code }) => code)).toEqual([1, 3]);
    expect(decodeAssociations(message.options)).toEqual([
      { kind: "address", identifier: 7, named: [{ address: "2001:db8::5", length: 128 }] },
    ]);
    expect(encodeDhcp6(message)).toEqual(bytes);
  });

  test.each([
    ["01 abcd", "shorter"],
    ["0c abcdef", "type"],
    ["01 abcdef 0001", "header runs over"],
    ["01 abcdef 0001 0002 00", "runs over the end"],
    [`01 abcdef ${"0e000000".repeat(129)}`, "too many"],
  ])("%s is malformed", (text, reason) => {
    expect(reasonOf(decodeDhcp6(fromHex(text)))).toContain(reason);
  });

  test("options come back as they were, in their order", () => {
    const option = fc.record({ code: fc.nat(0xffff), data: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.nat(0xffffff), fc.array(option, { maxLength: 20 }), (transactionId, options) => {
        const message = { type: "REPLY", transactionId, options } as const;
        expect(decodeDhcp6(encodeDhcp6(message))).toEqual(message);
      }),
    );
  });
});

test("any bytes at all are decoded or refused, by every decoder", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const type of [133, 135]) decodeSolicitation({ type, code: 0, body: bytes });
      decodeIpv6(bytes);
      decodeIcmpv6(bytes, { source, destination });
      decodeDhcp6(bytes);
      for (const code of [3, 4, 25]) decodeAssociations([{ code, data: bytes }]);
      decodeClientName(bytes);
      const relayed = unwrapRelayed(Uint8Array.from([12, ...bytes]));
      if (!(relayed instanceof Malformed)) wrapForRelays(relayed);
    }),
    { numRuns: 2000 },
  );
});
