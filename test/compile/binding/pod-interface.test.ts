import { describe, expect, test } from "vitest";
import { discoverPodInterface, primaryAddress } from "../../../src/compile/binding/pod-interface.ts";
import { observedPod, POD_MAC, pod, type PodText } from "./pod.ts";

describe("what a binding takes from a pod", () => {
  test("identity, addresses of both families, routes and permanent neighbours", () => {
    const found = pod({
      addresses: ["192.0.2.5/24", "2001:db8::5/64", "fe80::858:c0ff:fe00:205/64"],
      routes: ["default via 192.0.2.1", "203.0.113.0/24", "::/0 via 2001:db8::1 metric 1024"],
      neighbours: ["192.0.2.7 02:00:00:00:00:07", "192.0.2.8 02:00:00:00:00:08 2"],
    });
    expect(found).toMatchObject({
      name: "eth0",
      index: 2,
      foreign: true,
      macAddress: POD_MAC,
      mtuBytes: 1450,
      hostName: "web-0",
    });
    expect(found.link).toEqual({ type: "adopted", adoptedIndex: 2 });
    expect(found.addresses.map(({ address }) => address)).toEqual([
      "192.0.2.5",
      "fe80::858:c0ff:fe00:205",
      "2001:db8::5",
    ]);
    expect(found.neighbours.map(({ address }) => address)).toEqual(["192.0.2.7"]);
  });

  test("routes on the link come before routes that need a gateway, whatever the kernel's order", () => {
    const found = pod({ addresses: ["192.0.2.5/32"], routes: ["default via 169.254.1.1", "169.254.1.1/32"] });
    expect(found.routes.map(({ destination }) => destination.address)).toEqual(["169.254.1.1", "0.0.0.0"]);
  });

  test("a connected route that somebody took away is noticed, of primary addresses only", () => {
    const found = pod({ addresses: ["192.0.2.5/24", "192.0.2.6/24", "198.51.100.5/32"], withoutPrefixRoutes: true });
    expect(found.addresses.map(({ prefixRoute }) => prefixRoute)).toEqual([false, undefined, undefined]);
    expect(pod({ addresses: ["192.0.2.5/24"] }).addresses[0]).not.toHaveProperty("prefixRoute");
  });

  test("routes from router advertisements are left to the kernel, and told", () => {
    const found = pod({ addresses: ["2001:db8::5/64"], routes: ["::/0 via fe80::1 proto 9 metric 1024"] });
    expect(found.routes.map(({ destination }) => destination.length)).toEqual([64]);
    expect(found.notes.join()).toContain("router advertisements");
  });

  test.each<[string, readonly string[], string | undefined]>([
    ["the first", ["192.0.2.5/24", "198.51.100.5/24"], "192.0.2.5"],
    ["IPv4 although IPv6 is there", ["2001:db8::5/64", "192.0.2.5/24"], "192.0.2.5"],
    ["none", ["2001:db8::5/64"], undefined],
  ])("the guest's address: %s", (_, addresses, expected) => {
    expect(primaryAddress(pod({ addresses }))?.address).toBe(expected);
  });
});

describe("what cannot be bound is refused by name", () => {
  const lan = { index: 7, name: "lan", kind: "bridge", macAddress: POD_MAC, mtuBytes: 1500, up: true, group: 0 };
  test.each<[string, PodText, string, string]>([
    ["another bridge's port", { link: { masterIndex: 7 }, links: [lan] }, "interface-busy", "a port of lan"],
    ["a bridge", { link: { kind: "bridge" } }, "interface-unfit", "a bridge"],
    ["a macvlan", { link: { kind: "macvlan" } }, "interface-unfit", "macvlan"],
    ["a down interface", { link: { up: false }, addresses: ["192.0.2.5/24"] }, "interface-down", "down"],
    [
      "a route through two interfaces",
      { addresses: ["192.0.2.5/24"], routes: ["default via 192.0.2.1 dev 2,7"], links: [lan] },
      "multipath",
      "0.0.0.0/0",
    ],
  ])("%s", (_, text, code, words) => {
    expect(() => pod(text)).toThrowError(expect.objectContaining({ code, message: expect.stringContaining(words) }));
  });

  test("a missing interface: those that are there are named", () => {
    const options = { namespace: "pod1", interfaceName: "net1", dns: { servers: [], search: [] } };
    const hint = expect.stringContaining("eth0");
    expect(() => discoverPodInterface(observedPod({}), options)).toThrowError(
      expect.objectContaining({ code: "no-interface", hint }),
    );
  });

  test("the loopback", () => {
    const options = { namespace: "pod1", interfaceName: "lo", dns: { servers: [], search: [] } };
    expect(() => discoverPodInterface(observedPod({}), options)).toThrowError(
      expect.objectContaining({ code: "interface-unfit" }),
    );
  });

  test("an interface that is down and has no address is bound as layer 2", () => {
    expect(pod({ link: { up: false } }).addresses).toEqual([]);
  });
});
