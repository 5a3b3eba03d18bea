import fc from "fast-check";
import { isIPv4, isIPv6 } from "node:net";
import { describe, expect, test } from "vitest";
import {
  broadcastOf,
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  ipFromBytes,
  ipToBytes,
  ipv4FromNumber,
  type Ipv4Prefix,
  ipv4ToNumber,
  macFromBytes,
  macToBytes,
  netmaskOf,
  networkOf,
  overlaps,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
  type Prefix,
} from "../../src/base/address.ts";

const badAddress = expect.objectContaining({ code: "bad-address" });

const ipv4 = fc.ipV4().map(parseIpv4);
const ipv6 = fc.ipV6().map(parseIpv6);
const ip: fc.Arbitrary<IpAddress> = fc.oneof(ipv4, ipv6);
const prefix: fc.Arbitrary<Prefix> = fc.oneof(
  fc.record({ address: ipv4, length: fc.integer({ min: 0, max: 32 }) }),
  fc.record({ address: ipv6, length: fc.integer({ min: 0, max: 128 }) }),
);
const ipv4Prefix: fc.Arbitrary<Ipv4Prefix> = fc.record({ address: ipv4, length: fc.integer({ min: 0, max: 32 }) });

describe("IPv4 text", () => {
  test.each(["0.0.0.0", "192.0.2.1", "255.255.255.255"])("%s is itself", (text) => {
    expect(parseIpv4(text)).toBe(text);
  });

  test.each(["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.-4", "0x1.2.3.4", "::1"])(
    "%j is refused",
    (text) => {
      expect(() => parseIpv4(text)).toThrow(badAddress);
    },
  );

  test("agrees with the platform about any text of digits and dots", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("0", "1", "2", "5", "."), maxLength: 15 }), (text) => {
        if (isIPv4(text)) expect(parseIpv4(text)).toBe(text);
        else expect(() => parseIpv4(text)).toThrow(badAddress);
      }),
      { numRuns: 300 },
    );
  });
});

describe("IPv6 text takes the form of RFC 5952", () => {
  test.each([
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1::", "1::"],
    // §4.2.2: one group of zeros is not shortened; §4.2.3: the longest run is, of equals the first.
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"],
  ])("%s is %s", (text, canonical) => {
    expect(parseIpv6(text)).toBe(canonical);
  });

  test.each(["", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::"])(
    "%j is refused",
    (text) => {
      expect(() => parseIpv6(text)).toThrow(badAddress);
    },
  );

  test.each(["::192.0.2", "192.0.2.1::", "::256.0.0.1", "fe80::1%eth0", "1:2:3:4:5:6:7:192.0.2.1", ":1:2:3:4:5:6:7"])(
    "%j is refused as well",
    (text) => {
      expect(() => parseIpv6(text)).toThrow(badAddress);
    },
  );

  test("agrees with the platform about any text of digits, colons and dots", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("0", "1", "f", ":", ":", "."), maxLength: 24 }), (text) => {
        if (isIPv6(text)) expect(ipFromBytes(ipToBytes(parseIpv6(text)))).toBe(parseIpv6(text));
        else expect(() => parseIpv6(text)).toThrow(badAddress);
      }),
      { numRuns: 500 },
    );
  });

  test("canonical text is its own canonical form", () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        expect(parseIpv6(address)).toBe(address);
      }),
    );
  });
});

describe("bytes and numbers", () => {
  test("are in network order", () => {
    expect(ipToBytes(parseIp("192.0.2.1"))).toEqual(Uint8Array.of(192, 0, 2, 1));
    expect(ipToBytes(parseIp("2001:db8::1"))).toEqual(
      Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    );
    expect(ipv4ToNumber(parseIpv4("192.0.2.1"))).toBe(0xc0000201);
  });

  test("read back as the address they came from", () => {
    fc.assert(
      fc.property(ip, (address) => {
        expect(ipFromBytes(ipToBytes(address))).toBe(address);
      }),
    );
    fc.assert(
      fc.property(ipv4, (address) => {
        expect(ipv4FromNumber(ipv4ToNumber(address))).toBe(address);
      }),
    );
  });

  test("of another length are no address", () => {
    expect(() => ipFromBytes(new Uint8Array(5))).toThrow(badAddress);
  });

  test("the family shows in the text", () => {
    expect([familyOf(parseIp("192.0.2.1")), familyOf(parseIp("2001:db8::1"))]).toEqual([4, 6]);
  });
});

describe("MAC addresses", () => {
  test("become lower case with colons", () => {
    expect(parseMac("52-54-00-AB-cd-EF")).toBe("52:54:00:ab:cd:ef");
  });

  test.each(["", "52:54:00:12:34", "52:54:00:12:34:56:78", "52:54:00:12:34:5g", "525400123456"])(
    "%j is refused",
    (text) => {
      expect(() => parseMac(text)).toThrow(badAddress);
    },
  );

  test("read back from their bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        expect(macToBytes(macFromBytes(bytes))).toEqual(bytes);
      }),
    );
    expect(() => macFromBytes(new Uint8Array(8))).toThrow(badAddress);
  });
});

describe("prefixes", () => {
  test("keep their host bits, and a bare address is a host", () => {
    expect(parsePrefix("192.0.2.1/24")).toEqual({ address: "192.0.2.1", length: 24 });
    expect(parsePrefix("192.0.2.1")).toEqual({ address: "192.0.2.1", length: 32 });
    expect(parsePrefix("2001:db8::1")).toEqual({ address: "2001:db8::1", length: 128 });
  });

  test.each(["192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/2 4", "/24", "192.0.2.0/24/1"])(
    "%j is refused",
    (text) => {
      expect(() => parsePrefix(text)).toThrow(badAddress);
    },
  );

  test("read back from their text", () => {
    fc.assert(
      fc.property(prefix, (value) => {
        expect(parsePrefix(formatPrefix(value))).toEqual(value);
      }),
    );
  });

  test("lose their host bits as a network", () => {
    expect(networkOf(parsePrefix("192.0.2.129/25")).address).toBe("192.0.2.128");
    expect(networkOf(parsePrefix("2001:db8:ffff::1/33")).address).toBe("2001:db8:8000::");
    expect(networkOf(parsePrefix("192.0.2.1/0")).address).toBe("0.0.0.0");
  });

  test("contain their own address and network, and their network is a fixed point", () => {
    fc.assert(
      fc.property(prefix, (value) => {
        const network = networkOf(value);
        expect(contains(value, value.address)).toBe(true);
        expect(contains(value, network.address)).toBe(true);
        expect(networkOf(network)).toEqual(network);
      }),
    );
  });

  test("contain exactly the addresses that share their leading bits", () => {
    const bitsOf = (address: IpAddress): string =>
      Array.from(ipToBytes(address), (byte) => byte.toString(2).padStart(8, "0")).join("");
    fc.assert(
      fc.property(prefix, ip, (value, address) => {
        const same =
          familyOf(value.address) === familyOf(address) &&
          bitsOf(address).startsWith(bitsOf(value.address).slice(0, value.length));
        expect(contains(value, address)).toBe(same);
      }),
    );
  });

  test("overlap when one holds the other", () => {
    const inside = (a: string, b: string): boolean => overlaps(parsePrefix(a), parsePrefix(b));
    expect(inside("192.0.2.0/24", "192.0.2.128/25")).toBe(true);
    expect(inside("192.0.2.128/25", "192.0.2.0/24")).toBe(true);
    expect(inside("192.0.2.0/25", "192.0.2.128/25")).toBe(false);
    expect(inside("0.0.0.0/0", "::/0")).toBe(false);
  });

  test("have the netmask and broadcast address that their length says", () => {
    expect([0, 1, 24, 31, 32].map(netmaskOf)).toEqual([
      "0.0.0.0",
      "128.0.0.0",
      "255.255.255.0",
      "255.255.255.254",
      "255.255.255.255",
    ]);
    expect(broadcastOf({ address: parseIpv4("192.0.2.1"), length: 24 })).toBe("192.0.2.255");
    fc.assert(
      fc.property(ipv4Prefix, (value) => {
        const last = broadcastOf(value);
        expect(contains(value, last)).toBe(true);
        expect(ipv4ToNumber(last) - ipv4ToNumber(networkOf(value).address)).toBe(2 ** (32 - value.length) - 1);
      }),
    );
  });
});
