import { describe, expect, test } from "vitest";
import { formatPrefix, parseIp } from "../../../src/base/address.ts";
import { compileLease } from "../../../src/compile/binding/lease.ts";
import { type PodText, pod } from "./pod.ts";

function told(text: PodText): { router: string | undefined; routes: string[] } | undefined {
  const compiled = compileLease(pod(text), {});
  if (compiled === undefined) return undefined;
  const { router, routes } = compiled.lease;
  return {
    router,
    routes: routes.map(({ destination, gateway }) => `${formatPrefix(destination)} via ${gateway}`),
  };
}

describe("routes that the guest is told", () => {
  test.each<[string, PodText, string | undefined, string[]]>([
    [
      "exactly one route",
      { addresses: ["192.0.2.5/24"], routes: ["default via 192.0.2.1"], withoutPrefixRoutes: true },
      "192.0.2.1",
      ["0.0.0.0/0 via 192.0.2.1"],
    ],
    ["none", { addresses: ["192.0.2.5/24"] }, undefined, []],
    [
      "the default first in the kernel's list, and last in the lease",
      {
        addresses: ["192.0.2.5/24"],
        routes: ["default via 192.0.2.1", "198.51.100.0/24 via 192.0.2.9", "203.0.113.0/24"],
      },
      "192.0.2.1",
      ["203.0.113.0/24 via 0.0.0.0", "198.51.100.0/24 via 192.0.2.9", "0.0.0.0/0 via 192.0.2.1"],
    ],
    [
      "the default last in the kernel's list",
      { addresses: ["192.0.2.5/24"], routes: ["198.51.100.0/24 via 192.0.2.9", "default via 192.0.2.1"] },
      "192.0.2.1",
      ["198.51.100.0/24 via 192.0.2.9", "0.0.0.0/0 via 192.0.2.1"],
    ],
    [
      "the lowest metric of several defaults",
      { addresses: ["192.0.2.5/24"], routes: ["default via 192.0.2.2 metric 200", "default via 192.0.2.1 metric 100"] },
      "192.0.2.1",
      ["0.0.0.0/0 via 192.0.2.1"],
    ],
    [
      "a /32 with its gateway outside, on the link",
      { addresses: ["192.0.2.5/32"], routes: ["default via 169.254.1.1", "169.254.1.1/32"] },
      "169.254.1.1",
      ["169.254.1.1/32 via 0.0.0.0", "0.0.0.0/0 via 169.254.1.1"],
    ],
    [
      "a /32 with `onlink` in place of a route to the gateway",
      { addresses: ["192.0.2.5/32"], routes: ["default via 169.254.1.1 onlink"] },
      "169.254.1.1",
      ["169.254.1.1/32 via 0.0.0.0", "0.0.0.0/0 via 169.254.1.1"],
    ],
    [
      "the CNI plugin ptp",
      {
        addresses: ["192.0.2.5/24"],
        routes: ["default via 192.0.2.1", "192.0.2.0/24 via 192.0.2.1", "192.0.2.1/32"],
        withoutPrefixRoutes: true,
      },
      "192.0.2.1",
      ["192.0.2.1/32 via 0.0.0.0", "192.0.2.0/24 via 192.0.2.1", "0.0.0.0/0 via 192.0.2.1"],
    ],
    [
      "a default without a gateway",
      { addresses: ["192.0.2.5/32"], routes: ["default"] },
      undefined,
      ["0.0.0.0/0 via 0.0.0.0"],
    ],
    [
      "a default of another interface is not the guest's",
      { addresses: ["192.0.2.5/24"], routes: ["default via 198.51.100.1 dev 9"] },
      undefined,
      [],
    ],
  ])("%s", (_, text, router, routes) => {
    expect(told(text)).toEqual({ router, routes });
  });

  test("what DHCP cannot tell is noted", () => {
    const routes = ["203.0.113.0/24 via 192.0.2.1 table 77", "198.51.100.0/24 via 2001:db8::1"];
    const compiled = compileLease(pod({ addresses: ["192.0.2.5/24", "2001:db8::5/64"], routes }), {});
    expect(compiled?.lease.routes).toEqual([]);
    expect(compiled?.notes.join("\n")).toMatch(/203\.0\.113\.0\/24[\s\S]*198\.51\.100\.0\/24.*IPv6/);
  });
});

describe("address, MTU and names", () => {
  test("no IPv4 address: no lease", () => {
    expect(compileLease(pod({}), {})).toBeUndefined();
    expect(compileLease(pod({ addresses: ["2001:db8::5/64"] }), {})).toBeUndefined();
  });

  test("of several addresses the first, the others are noted", () => {
    const compiled = compileLease(pod({ addresses: ["192.0.2.5/24", "192.0.2.6/24", "2001:db8::5/64"] }), {});
    expect(compiled?.lease).toMatchObject({
      address: "192.0.2.5",
      prefixLength: 24,
      mtuBytes: 1450,
      hostName: "web-0",
    });
    expect(compiled?.notes.join()).toContain("192.0.2.6/24; the guest");
  });

  test("999 times 24 hours, unless another time is wanted", () => {
    expect(compileLease(pod({ addresses: ["192.0.2.5/24"] }), {})?.lease.leaseSeconds).toBe(86_313_600);
    expect(compileLease(pod({ addresses: ["192.0.2.5/24"] }), { leaseSeconds: 20 })?.lease.leaseSeconds).toBe(20);
  });

  test.each([
    [
      "the pod's",
      ["192.0.2.53"],
      ["a.example.org", "example.org"],
      ["192.0.2.53"],
      ["a.example.org", "example.org"],
      "a.example.org",
    ],
    ["nothing: the documented fallback", [], [], ["8.8.8.8"], ["cluster.local"], "cluster.local"],
    ["servers only: no search domain is made up", ["192.0.2.53"], [], ["192.0.2.53"], [], undefined],
    ["IPv6 servers only", ["2001:db8::53"], ["example.org"], ["8.8.8.8"], ["example.org"], "example.org"],
    [
      "the longest search domain names the domain",
      ["192.0.2.53"],
      ["b.org", "long.example.org"],
      ["192.0.2.53"],
      ["b.org", "long.example.org"],
      "long.example.org",
    ],
  ])("name servers: %s", (_, servers, search, nameServers, searchDomains, domainName) => {
    const text = { addresses: ["192.0.2.5/24"] };
    const lease = compileLease(pod(text, { servers: servers.map(parseIp), search }), {})?.lease;
    expect(lease).toMatchObject({ nameServers, searchDomains });
    expect(lease?.domainName).toBe(domainName);
  });
});
