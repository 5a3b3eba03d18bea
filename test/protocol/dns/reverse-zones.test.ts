import { describe, expect, test } from "vitest";
import { parsePrefix } from "../../../src/base/address.ts";
import { reverseZonesOf } from "../../../src/protocol/dns/reverse-zones.ts";

describe("zones of addresses", () => {
  test.each([
    ["192.0.2.0/24", ["2.0.192.in-addr.arpa"]],
    ["10.0.0.0/8", ["10.in-addr.arpa"]],
    [
      "172.16.4.0/22",
      ["4.16.172.in-addr.arpa", "5.16.172.in-addr.arpa", "6.16.172.in-addr.arpa", "7.16.172.in-addr.arpa"],
    ],
    [
      "192.0.2.8/30",
      ["8.2.0.192.in-addr.arpa", "9.2.0.192.in-addr.arpa", "10.2.0.192.in-addr.arpa", "11.2.0.192.in-addr.arpa"],
    ],
    ["2001:db8:0:7::/64", ["7.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"]],
    ["fd00:50::/62", ["0", "1", "2", "3"].map((last) => `${last}.0.0.0.0.0.0.0.0.5.0.0.0.0.d.f.ip6.arpa`)],
  ])("%s", (subnet, zones) => {
    expect(reverseZonesOf(parsePrefix(subnet))).toEqual(zones);
  });

  test("hold the subnet and nothing else: half a /24 has 128 of them", () => {
    const zones = reverseZonesOf(parsePrefix("192.0.2.128/25"));
    expect(zones.length).toBe(128);
    expect(zones[0]).toBe("128.2.0.192.in-addr.arpa");
    expect(zones.at(-1)).toBe("255.2.0.192.in-addr.arpa");
  });
});
