import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  contains,
  formatPrefix,
  type Ipv4Prefix,
  ipv4FromNumber,
  networkOf,
  parseIpv4,
  parsePrefix,
} from "../../../src/base/address.ts";
import { leaseOptions, type OfferedLease, selectOptions } from "../../../src/protocol/dhcp4/lease-options.ts";
import { DHCP4_OPTION, readOption } from "../../../src/wire/dhcp4/option-table.ts";

const lease: OfferedLease = {
  address: parseIpv4("192.0.2.17"),
  prefixLength: 24,
  routes: [],
  nameServers: [],
  searchDomains: [],
  leaseSeconds: 3600,
};

const route = (text: string) => {
  const [prefix, gateway] = text.split(" via ");
  return { destination: parsePrefix(prefix!) as Ipv4Prefix, gateway: parseIpv4(gateway!) };
};

function routesOf(changes: Partial<OfferedLease>): string[] | undefined {
  const routes = readOption(leaseOptions({ ...lease, ...changes }), DHCP4_OPTION.classlessRoutes);
  return routes?.map(({ destination, gateway }) => `${formatPrefix(destination)} via ${gateway}`);
}

describe("classless routes (RFC 3442)", () => {
  test("a router on the link needs none: option 3 says it", () => {
    const options = leaseOptions({ ...lease, router: parseIpv4("192.0.2.1") });
    expect(options.has(121)).toBe(false);
    expect(readOption(options, DHCP4_OPTION.routers)).toEqual(["192.0.2.1"]);
  });

  test("no router and no routes: neither option", () => {
    const options = leaseOptions(lease);
    expect([options.has(3), options.has(121)]).toEqual([false, false]);
  });

  test("routes as given, the default route last", () => {
    const given = ["198.51.100.0/24 via 192.0.2.9", "203.0.113.0/25 via 192.0.2.8"];
    expect(routesOf({ router: parseIpv4("192.0.2.1"), routes: given.map(route) })).toEqual([
      ...given,
      "0.0.0.0/0 via 192.0.2.1",
    ]);
  });

  test("exactly one route that is not the default", () => {
    expect(routesOf({ routes: [route("198.51.100.0/24 via 192.0.2.9")] })).toEqual(["198.51.100.0/24 via 192.0.2.9"]);
  });

  test("a default among the routes moves to the end and is not doubled", () => {
    const routes = ["0.0.0.0/0 via 192.0.2.2", "198.51.100.0/24 via 192.0.2.9"].map(route);
    expect(routesOf({ router: parseIpv4("192.0.2.1"), routes })).toEqual([
      "198.51.100.0/24 via 192.0.2.9",
      "0.0.0.0/0 via 192.0.2.2",
    ]);
  });

  test("/32 with a gateway off the link: the on-link route comes first", () => {
    expect(routesOf({ prefixLength: 32, router: parseIpv4("169.254.1.1") })).toEqual([
      "169.254.1.1/32 via 0.0.0.0",
      "0.0.0.0/0 via 169.254.1.1",
    ]);
  });

  test("an on-link route that is given is not doubled", () => {
    const routes = [route("169.254.1.1/32 via 0.0.0.0"), route("198.51.100.0/24 via 169.254.1.1")];
    expect(routesOf({ prefixLength: 32, router: parseIpv4("169.254.1.1"), routes })).toEqual([
      "169.254.1.1/32 via 0.0.0.0",
      "198.51.100.0/24 via 169.254.1.1",
      "0.0.0.0/0 via 169.254.1.1",
    ]);
  });

  test("property: every gateway is on the link by the time it is used", () => {
    const ip = fc.integer({ min: 0xc0000200, max: 0xc00002ff }).map(ipv4FromNumber);
    const prefix = fc
      .tuple(ip, fc.integer({ min: 0, max: 32 }))
      .map(([base, length]) => networkOf({ address: base, length }));
    const routes = fc.array(
      fc.record({ destination: prefix, gateway: fc.oneof(ip, fc.constant(parseIpv4("0.0.0.0"))) }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(routes, ip, fc.integer({ min: 24, max: 32 }), (given, router, prefixLength) => {
        const options = leaseOptions({ ...lease, prefixLength, router, routes: given });
        const sent = readOption(options, DHCP4_OPTION.classlessRoutes) ?? [];
        const onLink: Ipv4Prefix[] = [{ address: lease.address, length: prefixLength }];
        for (const { destination, gateway } of sent) {
          if (gateway === "0.0.0.0") onLink.push(destination);
          else expect(onLink.some((reachable) => contains(reachable, gateway))).toBe(true);
        }
        const firstDefault = sent.findIndex(({ destination }) => destination.length === 0);
        const behind =
          firstDefault < 0
            ? []
            : sent
                .slice(firstDefault)
                .filter(({ destination, gateway }) => destination.length > 0 && gateway !== "0.0.0.0");
        expect(behind).toEqual([]);
        for (const wanted of given) expect(sent).toContainEqual(wanted);
      }),
    );
  });
});

describe("what a lease gives", () => {
  test("broadcast address, MTU and custom options only when they are set", () => {
    expect([...leaseOptions(lease).keys()]).toEqual([1, 58, 59]);
    const full = leaseOptions({
      ...lease,
      broadcast: parseIpv4("192.0.2.255"),
      mtuBytes: 1450,
      options: [{ code: 254, hex: "00ff" }],
    });
    expect([...full.keys()]).toEqual([1, 26, 28, 58, 59, 254]);
  });

  test("T1 is half and T2 seven eighths of the lease (RFC 2131 §4.4.5)", () => {
    const options = leaseOptions({ ...lease, leaseSeconds: 20 });
    expect(readOption(options, DHCP4_OPTION.renewalTime)).toBe(10);
    expect(readOption(options, DHCP4_OPTION.rebindingTime)).toBe(17);
  });

  test("a lease for ever has no renewal", () => {
    expect([...leaseOptions({ ...lease, leaseSeconds: 0xffffffff }).keys()]).toEqual([1]);
  });

  test("a custom option takes the place of our own", () => {
    const options = leaseOptions({
      ...lease,
      routes: [route("198.51.100.0/24 via 192.0.2.9")],
      options: [{ code: 249, hex: "00" }],
    });
    expect(options.get(249)).toEqual(Uint8Array.of(0));
  });

  test.each<[string, Partial<OfferedLease>, string]>([
    ["a lease of no time", { leaseSeconds: 0 }, "duration"],
    ["a lease beyond 32 bits", { leaseSeconds: 0x100000000 }, "duration"],
    ["a prefix length of 33", { prefixLength: 33 }, "prefix length"],
    ["an MTU that IPv4 cannot use", { mtuBytes: 67 }, "MTU"],
    ["a custom option that is ours to make", { options: [{ code: 51, hex: "00000001" }] }, "option 51"],
    ["a custom option that ends the list", { options: [{ code: 255, hex: "" }] }, "option 255"],
    ["a search domain with an empty label", { searchDomains: ["a..b"] }, "empty label"],
    ["an empty host name", { hostName: "" }, "empty"],
  ])("refused: %s", (_, changes, reason) => {
    expect(() => leaseOptions({ ...lease, ...changes })).toThrow(reason);
  });
});

describe("selection", () => {
  const offered = new Map([1, 3, 6, 121, 249].map((code) => [code, Uint8Array.of(code)]));

  test("the mask always, then the wishes in their order", () => {
    expect([...selectOptions(offered, [6, 3]).keys()]).toEqual([1, 6, 3]);
    expect([...selectOptions(offered, [249]).keys()]).toEqual([1, 249]);
  });

  test("the mask stands before the router whatever the order of the wishes (RFC 2132 §3.3)", () => {
    expect([...selectOptions(offered, [3, 1]).keys()]).toEqual([1, 3]);
  });

  test("without wishes everything but Microsoft's second number of option 121", () => {
    expect([...selectOptions(offered, undefined).keys()]).toEqual([1, 3, 6, 121]);
  });
});
