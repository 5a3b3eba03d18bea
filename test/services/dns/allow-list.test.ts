import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, ipFromBytes, parseIp, parsePrefix, type Prefix } from "../../../src/base/address.ts";
import { AllowList } from "../../../src/services/dns/allow-list.ts";
import { encodeSocketAddress } from "../../../src/kernel/socket-address.ts";

const addresses = fc
  .tuple(fc.constantFrom(4, 16), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(20))
  .map(([length, bytes, kept]) => {
    // Often alike in their first bits, so that they meet.
    const alike = bytes.map((byte, index) => (8 * index < kept ? 0x20 : byte));
    return ipFromBytes(alike.subarray(0, length));
  });
const prefixes = fc
  .tuple(addresses, fc.nat(128))
  .map(([address, length]): Prefix => ({ address, length: address.includes(":") ? length : length % 33 }));

describe("who is answered", () => {
  test("everybody when nothing is said, nobody when nobody is named", () => {
    for (const text of ["192.0.2.1", "2001:db8::1"]) {
      expect(new AllowList(undefined).allowsAddress(parseIp(text))).toBe(true);
      expect(new AllowList([]).allowsAddress(parseIp(text))).toBe(false);
    }
  });

  test("both ends of a prefix, nothing beside it", () => {
    const list = new AllowList(["192.0.2.64/26", "192.0.2.128/32", "2001:db8:0:8000::/49"].map(parsePrefix));
    const allowed = (text: string): boolean => list.allowsAddress(parseIp(text));
    expect(
      ["192.0.2.64", "192.0.2.127", "192.0.2.128", "2001:db8:0:8000::", "2001:db8:0:ffff:ffff::"].map(allowed),
    ).toEqual(Array.from({ length: 5 }, () => true));
    expect(["192.0.2.63", "192.0.2.129", "2001:db8:0:7fff::", "2001:db8:1::", "::"].map(allowed)).toEqual(
      Array.from({ length: 5 }, () => false),
    );
    expect(new AllowList([parsePrefix("0.0.0.0/0")]).allowsAddress(parseIp("255.255.255.255"))).toBe(true);
    expect(new AllowList([parsePrefix("0.0.0.0/0")]).allowsAddress(parseIp("2001:db8::1"))).toBe(false);
  });

  test("as each prefix alone says, wherever the address stands", () => {
    fc.assert(
      fc.property(fc.array(prefixes, { maxLength: 12 }), fc.array(addresses, { maxLength: 8 }), (list, others) => {
        const allow = new AllowList(list);
        for (const address of [...others, ...list.map((prefix) => prefix.address)]) {
          const bytes = new Uint8Array(200);
          bytes.set(encodeSocketAddress({ address, port: 53 }), 128);
          expect(allow.allows(bytes, 128)).toBe(list.some((prefix) => contains(prefix, address)));
        }
      }),
    );
  });
});
