import { describe, expect, test } from "vitest";
import { IPV4_ANY, type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../src/base/address.ts";
import { compileLease, compileUnleased, type LeasedInterface } from "../../src/compile/dhcp-lease.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../../src/protocol/dhcp4/client/lease.ts";

const target: LeasedInterface = {
  unit: "dhcp-eth0",
  name: "eth0",
  index: 2,
  macAddress: parseMac("52:54:00:00:00:17"),
  mtuBytes: 1500,
  metric: 1024,
};
const gateway = parseIpv4("192.0.2.1");
const lease: Dhcp4Lease = {
  address: parseIpv4("192.0.2.17"),
  prefixLength: 24,
  routers: [gateway],
  routes: [{ destination: parsePrefix("0.0.0.0/0") as Ipv4Prefix, gateway }],
  nameServers: [],
  searchDomains: [],
  ntpServers: [],
  server: gateway,
  serverMac: parseMac("02:00:00:00:00:fe"),
  leaseSeconds: 3600,
  renewalSeconds: 1800,
  rebindingSeconds: 3150,
  options: new Map(),
};

function compiled(changes: Partial<Dhcp4Lease>, validSeconds = 3599) {
  const { objects, absent } = compileLease(target, { ...lease, ...changes }, validSeconds);
  expect(absent).toEqual([]);
  expect(new Set(objects.map(({ key }) => key)).size).toBe(objects.length);
  return {
    link: objects.find((object) => object.kind === "link"),
    address: objects.find((object) => object.kind === "address"),
    routes: objects.filter((object) => object.kind === "route"),
  };
}

describe("what a lease makes of an interface", () => {
  test("the address for as long as it lasts, the route with the metric and the address as its source", () => {
    const { address, routes } = compiled({});
    expect(address).toMatchObject({
      address: "192.0.2.17",
      prefixLength: 24,
      broadcast: "192.0.2.255",
      validSeconds: 3599,
    });
    expect(routes).toMatchObject([
      { destination: { length: 0 }, nextHops: [{ gateway }], metric: 1024, protocol: 16, source: "192.0.2.17" },
    ]);
    expect(routes[0]?.nextHops[0]).not.toHaveProperty("onlink");
  });

  test("a lease for ever sets the kernel no time", () => {
    expect(compiled({ leaseSeconds: INFINITE_LEASE_SECONDS }, Infinity).address).not.toHaveProperty("validSeconds");
  });

  test("a /32 has no broadcast address", () => {
    expect(compiled({ prefixLength: 32 }).address).not.toHaveProperty("broadcast");
  });

  test.each([
    ["smaller", 1400, 1400],
    ["larger: the device may not take it", 9000, 1500],
    ["none", undefined, 1500],
  ])("an MTU that is %s", (_, told, expected) => {
    expect(compiled(told === undefined ? {} : { mtuBytes: told }).link).toMatchObject({ mtuBytes: expected, up: true });
  });

  test("a gateway off the subnet that no route puts on the link is taken to be there", () => {
    const far = parseIpv4("169.254.1.1");
    const routes = [{ destination: parsePrefix("0.0.0.0/0") as Ipv4Prefix, gateway: far }];
    expect(compiled({ prefixLength: 32, routes }).routes[0]?.nextHops).toMatchObject([{ gateway: far, onlink: true }]);
  });

  test("routes onto the link come first, and the gateways behind them need no more", () => {
    const far = parseIpv4("169.254.1.1");
    const routes = [
      { destination: parsePrefix("0.0.0.0/0") as Ipv4Prefix, gateway: far },
      { destination: parsePrefix("169.254.1.1/32") as Ipv4Prefix, gateway: IPV4_ANY },
    ];
    const [first, second] = compiled({ prefixLength: 32, routes }).routes;
    expect(first).toMatchObject({ destination: { address: "169.254.1.1" }, scope: 253 });
    expect(first?.nextHops[0]).not.toHaveProperty("gateway");
    expect(second?.nextHops).toEqual([{ linkKey: "dhcp-eth0/link", gateway: far }]);
  });

  test("without a lease only the link is up, with the MTU that it had", () => {
    expect(compileUnleased(target).objects).toMatchObject([{ kind: "link", name: "eth0", up: true, mtuBytes: 1500 }]);
  });
});
