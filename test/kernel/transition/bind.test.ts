import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EMPTY } from "../../../src/state/desired.ts";
import { namespaceSnapshot } from "../../support/host-snapshot.ts";
import { carryOut, planNow } from "./carry-out.ts";
import { json, shell } from "../../support/network.ts";
import { bindingOf, makePod, makePodNetwork, removePod } from "./pods.ts";

const DUAL_STACK = [
  "address add 192.0.2.5/24 brd + dev eth0",
  "address add 192.0.2.6/24 dev eth0",
  "address add 198.51.100.5/25 dev eth0 label eth0:1",
  "address add 2001:db8::5/64 dev eth0",
  "address add 2001:db8::6/64 dev eth0",
  "address add 2001:db8:1::6/128 dev eth0 preferred_lft 0",
  "route add default via 192.0.2.2 metric 50",
  "route add default via 192.0.2.1",
  "route add 203.0.113.0/25 via 192.0.2.9 src 192.0.2.6",
  "route add 203.0.113.128/25 dev eth0",
  "route add 203.0.113.0/24 via 192.0.2.1 table 77 mtu 1300 proto static",
  "route add default via 2001:db8::1",
  "route add 2001:db8:7::/48 dev eth0",
  "neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
  "neighbour add 2001:db8::77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
];

const SHAPES: [string, readonly string[]][] = [
  ["a single route", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]],
  [
    "a /32 with its gateway on the link",
    [
      "address add 192.0.2.5/32 dev eth0",
      "route add 169.254.1.1 dev eth0 scope link",
      "route add default via 169.254.1.1",
    ],
  ],
  [
    "a /32 with an onlink gateway",
    ["address add 192.0.2.5/32 dev eth0", "route add default via 169.254.1.1 dev eth0 onlink"],
  ],
  [
    "the CNI plugin ptp, which replaces the connected route",
    [
      "address add 192.0.2.5/24 dev eth0",
      "address add 2001:db8::5/64 dev eth0",
      "route delete 192.0.2.0/24 dev eth0",
      "-6 route delete 2001:db8::/64 dev eth0",
      "route add 192.0.2.1 dev eth0 scope link src 192.0.2.5",
      "route add 192.0.2.0/24 via 192.0.2.1 src 192.0.2.5",
      "route add default via 192.0.2.1",
    ],
  ],
  [
    "noprefixroute",
    ["address add 192.0.2.5/24 dev eth0 noprefixroute", "address add 2001:db8::5/64 dev eth0 noprefixroute"],
  ],
  ["IPv6 only", ["address add 2001:db8::5/64 dev eth0 nodad", "-6 route add default via fe80::1 dev eth0"]],
  ["no address at all", ["link set eth0 addrgenmode none", "address flush dev eth0"]],
  ["an interface that is down", ["link set eth0 down"]],
];

beforeAll(makePodNetwork);
afterAll(() => shell("ip link delete br-pods"));

describe.each(["modern", "legacy"] as const)("%s profile: what was taken over comes back exactly", (profile) => {
  test.each(SHAPES)("%s", async (_, lines) => {
    makePod("pod1", lines);
    try {
      const before = namespaceSnapshot("pod1");
      const { desired } = await bindingOf("pod1", { profile });
      const { record } = await carryOut(desired);
      expect(namespaceSnapshot("pod1")).not.toEqual(before);
      expect((await planNow(desired, record)).steps).toEqual([]);
      await carryOut(EMPTY, record);
      // The kernel adds an IPv6 address first and its local route a little later, with other work in between.
      await expect.poll(() => namespaceSnapshot("pod1")).toEqual(before);
    } finally {
      removePod("pod1");
    }
  });

  test("both families with all that goes with addresses, step by step, and usable at once", async () => {
    makePod("pod1", DUAL_STACK, { detectDuplicates: true });
    try {
      const before = namespaceSnapshot("pod1");
      const { desired } = await bindingOf("pod1", { profile });
      const { record } = await carryOut(desired, undefined, { oneByOne: true });
      await carryOut(EMPTY, record, { oneByOne: true });
      expect(shell("ip -n pod1 -6 address show tentative")).toBe("");
      expect(namespaceSnapshot("pod1")).toEqual(before);
    } finally {
      removePod("pod1");
    }
  });
});

describe("what a bound pod looks like", () => {
  const POD_MAC = "0a:58:c0:00:02:05";

  test("modern: the names of KubeVirt, and the stand-in with the pod's identity", async () => {
    makePod("pod1", DUAL_STACK);
    try {
      const { desired } = await bindingOf("pod1", { profile: "modern", tapOwner: { uid: 0, gid: 0 } });
      await carryOut(desired);
      const [links, addresses] = [json("ip -n pod1 -d -j link"), json("ip -n pod1 -j address")];
      const byName = (name: string) => links.find((link) => link["ifname"] === name);
      const addressesOf = (name: string) => {
        const shown = addresses.find((link) => link["ifname"] === name)?.["addr_info"] ?? [];
        return (shown as { local: string; prefixlen: number }[]).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
      };
      expect(byName("eth0-nic")).toMatchObject({ master: "k6t-eth0", address: byName("k6t-eth0")?.["address"] });
      expect(byName("eth0-nic")).not.toMatchObject({ address: POD_MAC });
      expect(byName("tap0")).toMatchObject({
        master: "k6t-eth0",
        mtu: 1440,
        linkinfo: { info_data: { persist: true, user: "root", group: "root" } },
      });
      expect(byName("eth0")).toMatchObject({ address: POD_MAC, mtu: 1440, flags: ["BROADCAST", "MULTICAST"] });
      expect(addressesOf("k6t-eth0")).toEqual(["169.254.75.10/32"]);
      expect(addressesOf("eth0-nic")).toEqual([]);
      expect(addressesOf("tap0")).toEqual([]);
      expect(addressesOf("eth0").sort()).toEqual([
        "192.0.2.5/24",
        "192.0.2.6/24",
        "198.51.100.5/25",
        "2001:db8:1::6/128",
        "2001:db8::5/64",
        "2001:db8::6/64",
      ]);
      expect(json("bridge -n pod1 -d -j link").find((port) => port["ifname"] === "eth0-nic")).toMatchObject({
        learning: false,
        state: "forwarding",
      });
    } finally {
      removePod("pod1");
    }
  });

  test("legacy: br1 with its address, eth0 without one and with another MAC", async () => {
    makePod("pod1", DUAL_STACK);
    try {
      const { desired } = await bindingOf("pod1", { profile: "legacy" });
      await carryOut(desired);
      const addresses = json("ip -n pod1 -j address");
      const eth0 = addresses.find((link) => link["ifname"] === "eth0");
      expect(eth0).toMatchObject({ master: "br1", addr_info: [] });
      expect(eth0).not.toMatchObject({ address: POD_MAC });
      expect(addresses.find((link) => link["ifname"] === "br1")).toMatchObject({
        addr_info: [{ local: "169.254.75.86", prefixlen: 32 }],
      });
    } finally {
      removePod("pod1");
    }
  });
});
