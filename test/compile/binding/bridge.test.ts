import { describe, expect, test } from "vitest";
import { bindPod } from "../../../src/compile/binding/binding.ts";
import type { PodBinding } from "../../../src/compile/binding/pod-binding.ts";
import { bindingNames } from "../../../src/compile/binding/names.ts";
import type { StateObject } from "../../../src/state/object.ts";
import { POD_MAC, pod } from "./pod.ts";

const PLAIN = {
  addresses: ["192.0.2.5/24", "2001:db8::5/64", "fe80::858:c0ff:fe00:205/64"],
  routes: ["default via 192.0.2.1"],
  neighbours: ["192.0.2.7 02:00:00:00:00:07"],
  link: { ipv6AddressGeneration: 0 },
};

function bind(options: Partial<PodBinding> = {}) {
  const bound = bindPod("bridge", {
    pod: pod(PLAIN),
    profile: "modern",
    features: { dummy: true },
    nicIndex: 0,
    tapName: "tap0",
    ...options,
  });
  return { ...bound, lease: bound.desired.objects.find((object) => object.kind === "dhcp-single") };
}

function linkNamed(objects: readonly StateObject[], name: string) {
  return objects.find((object) => object.kind === "link" && object.name === name);
}

function addressesOn(objects: readonly StateObject[], linkKey: string | undefined): string[] {
  return objects.flatMap((object) =>
    object.kind === "address" && object.linkKey === linkKey ? [`${object.address}/${object.prefixLength}`] : [],
  );
}

describe("modern profile", () => {
  const { desired, lease, tap, guestMac } = bind();
  const { objects } = desired;
  const bridge = linkNamed(objects, "k6t-eth0");

  test("bridge with the server's address, and the pod's interface as its port without learning", () => {
    expect(addressesOn(objects, bridge?.key)).toEqual(["169.254.75.10/32"]);
    expect(linkNamed(objects, "eth0-nic")).toMatchObject({
      key: pod(PLAIN).linkKey,
      link: { type: "adopted", adoptedIndex: 2 },
      masterKey: bridge?.key,
      learning: false,
      up: true,
    });
  });

  test("the guest gets the pod's MAC; bridge and port share another one, the same in every run", () => {
    const port = linkNamed(objects, "eth0-nic");
    expect(guestMac).toBe(POD_MAC);
    expect(port).toHaveProperty("macAddress", bridge?.kind === "link" ? bridge.macAddress : "");
    expect(port).not.toHaveProperty("macAddress", POD_MAC);
    expect(linkNamed(bind().desired.objects, "eth0-nic")).toEqual(port);
  });

  test("tap with the pod's MTU, and an owner when asked for", () => {
    expect(linkNamed(objects, "tap0")).toMatchObject({
      key: tap.key,
      mtuBytes: 1450,
      masterKey: bridge?.key,
      link: { type: "tap" },
    });
    const owned = bind({ tapOwner: { uid: 107, gid: 107 } });
    expect(linkNamed(owned.desired.objects, "tap0")).toMatchObject({ link: { ownerUid: 107, groupGid: 107 } });
  });

  test("a dummy keeps the pod's identity, down; arp_ignore is set before it gets addresses", () => {
    const standIn = linkNamed(objects, "eth0");
    expect(standIn).toMatchObject({ link: { type: "dummy" }, macAddress: POD_MAC, mtuBytes: 1450, up: false });
    expect(addressesOn(objects, standIn?.key)).toEqual(["192.0.2.5/24", "2001:db8::5/64"]);
    const sysctl = objects.findIndex(
      (object) => object.kind === "sysctl" && object.path === "net/ipv4/conf/k6t-eth0/arp_ignore",
    );
    const address = objects.findIndex((object) => object.kind === "address" && object.linkKey === standIn?.key);
    expect(sysctl).toBeGreaterThanOrEqual(0);
    expect(sysctl).toBeLessThan(address);
  });

  test("without dummy links a bridge without ports stands in, and it is said", () => {
    const bound = bind({ features: { dummy: false } });
    expect(linkNamed(bound.desired.objects, "eth0")).toMatchObject({ link: { type: "bridge" }, macAddress: POD_MAC });
    expect(bound.notes.join()).toContain("no dummy");
  });

  test("DHCP from the bridge's address and MAC, on the tap, for the pod's MAC only", () => {
    expect(objects).toContain(lease);
    expect(lease).toMatchObject({
      interfaceName: "tap0",
      linkKey: tap.key,
      clientMac: POD_MAC,
      serverAddress: "169.254.75.10",
      serverMac: bridge?.kind === "link" ? bridge.macAddress : "",
      lease: { address: "192.0.2.5", prefixLength: 24, router: "192.0.2.1" },
    });
  });

  test("taken away and to come back: addresses of both families, routes that the kernel does not derive, neighbours", () => {
    const kinds = desired.absent.map((object) => (object.kind === "route" ? object.destination.address : object.kind));
    expect(kinds).toEqual(["address", "address", "address", "0.0.0.0", "neighbour"]);
  });

  test("a kernel without IPv6 is asked for nothing of it", () => {
    const bound = bind({ pod: pod({ addresses: ["192.0.2.5/24"] }) });
    expect(JSON.stringify(bound.desired)).not.toMatch(/ipv6/);
  });
});

describe("legacy profile", () => {
  const { desired } = bind({ profile: "legacy" });
  const bridge = linkNamed(desired.objects, "br1");

  test("br1 with the address of 0.4.1; eth0 keeps its name, without address and with another MAC; nothing stands in", () => {
    expect(addressesOn(desired.objects, bridge?.key)).toEqual(["169.254.75.86/32"]);
    const links = desired.objects.filter((object) => object.kind === "link");
    expect(links.map(({ name }) => name)).toEqual(["br1", "eth0", "tap0"]);
    expect(links[1]).toMatchObject({ link: { type: "adopted" }, masterKey: bridge?.key });
    expect(links[1]).not.toHaveProperty("macAddress", POD_MAC);
    expect(addressesOn(desired.objects, links[1]?.key)).toEqual([]);
  });
});

describe("both profiles", () => {
  test.each(["modern", "legacy"] as const)("%s: a pod without an address is plain layer 2, without DHCP", (profile) => {
    const bound = bind({ profile, pod: pod({}) });
    expect(bound.lease).toBeUndefined();
    expect(bound.desired.objects.map(({ kind }) => kind)).not.toContain("nft-table");
    expect(bound.guestMac).toBe(POD_MAC);
    expect(bound.notes.join()).toContain("layer 2");
  });

  test.each(["modern", "legacy"] as const)("%s: a declared pod keeps its veth, nothing is taken away", (profile) => {
    const link = { type: "veth-peer", peerKey: "lan-port" } as const;
    const bound = bind({ profile, pod: { ...pod(PLAIN), link, foreign: false, linkKey: "pod-port" } });
    expect(bound.desired.absent).toEqual([]);
    expect(bound.desired.objects.find(({ key }) => key === "pod-port")).toMatchObject({ link, mtuBytes: 1450 });
  });

  test("keys and names are unique", () => {
    const { objects } = bind().desired;
    expect(new Set(objects.map(({ key }) => key)).size).toBe(objects.length);
  });
});

describe("names", () => {
  test.each([
    ["modern", "eth0", 0, { bridge: "k6t-eth0", nic: "eth0-nic", serverAddress: "169.254.75.10" }],
    ["modern", "net1", 1, { bridge: "k6t-net1", nic: "net1-nic", serverAddress: "169.254.75.11" }],
    ["modern", "net12", 12, { bridge: "k6t-net12", nic: "net12-nic", serverAddress: "169.254.75.112" }],
    [
      "modern",
      "pod16477688c0e",
      1,
      { bridge: "k6t-16477688c0e", nic: "16477688c0e-nic", serverAddress: "169.254.75.11" },
    ],
    ["legacy", "eth0", 0, { bridge: "br1", nic: "eth0", serverAddress: "169.254.75.86" }],
    ["legacy", "net1", 1, { bridge: "br2", nic: "net1", serverAddress: "169.254.75.87" }],
  ] as const)("%s %s %i", (profile, name, index, expected) => {
    expect(bindingNames(profile, name, index)).toMatchObject(expected);
  });

  test("names that would exceed 15 bytes are shortened by a hash", () => {
    const { bridge, nic } = bindingNames("modern", "abcdefghijklmno", 0);
    expect(bridge).toMatch(/^k6t-[0-9a-f]{11}$/);
    expect(nic).toMatch(/^[0-9a-f]{11}-nic$/);
  });

  test("a tap name that the kernel does not take is refused", () => {
    expect(() => bind({ tapName: "a-name-of-sixteen" })).toThrowError(expect.objectContaining({ code: "bad-name" }));
  });

  test.each([-1, 1.5, 100])("NIC index %d is refused", (nicIndex) => {
    expect(() => bind({ nicIndex })).toThrowError(expect.objectContaining({ code: "nic-index" }));
  });
});
