import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIp, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { observe } from "../../../src/kernel/observe.ts";
import { Transitions } from "../../../src/kernel/transition/transitions.ts";
import type { Desired } from "../../../src/state/desired.ts";
import type { StateObject } from "../../../src/state/object.ts";
import type { LinkObject } from "../../../src/state/object/kernel.ts";
import { EMPTY } from "../../../src/state/desired.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { carryOut, planNow } from "./carry-out.ts";
import { json, shell } from "../../support/network.ts";

const COMMON = { origin: "test", namespace: "" } as const;
const BRIDGE: LinkObject = {
  ...COMMON,
  kind: "link",
  key: "lan",
  name: "lan",
  link: { type: "bridge", forwardDelayCentiseconds: 0, stp: false },
  macAddress: parseMac("02:00:00:00:00:01"),
  mtuBytes: 1400,
  up: true,
};
const HOST_END: LinkObject = {
  ...COMMON,
  kind: "link",
  key: "port",
  name: "port",
  link: { type: "veth", peerKey: "pod-port" },
  mtuBytes: 1400,
  up: true,
  masterKey: "lan",
  learning: false,
};
const POD_END: LinkObject = {
  kind: "link",
  key: "pod-port",
  origin: "test",
  namespace: "pod1",
  name: "eth0",
  link: { type: "veth-peer", peerKey: "port" },
  macAddress: parseMac("02:00:00:00:00:02"),
  mtuBytes: 1400,
  up: true,
};
const TAP: LinkObject = {
  ...COMMON,
  kind: "link",
  key: "tap",
  name: "tap7",
  link: { type: "tap", ownerUid: 0 },
  mtuBytes: 1400,
  up: true,
  masterKey: "lan",
};

function everyKind(): StateObject[] {
  return [
    { kind: "namespace", key: "pod1", origin: "test", name: "pod1" },
    BRIDGE,
    HOST_END,
    POD_END,
    TAP,
    {
      ...COMMON,
      kind: "address",
      key: "gateway",
      linkKey: "lan",
      address: parseIpv4("192.0.2.1"),
      prefixLength: 24,
      broadcast: parseIpv4("192.0.2.255"),
    },
    {
      ...COMMON,
      kind: "address",
      key: "gateway6",
      linkKey: "lan",
      address: parseIp("2001:db8::1"),
      prefixLength: 64,
      flags: 0x02,
    },
    {
      kind: "address",
      key: "pod4",
      origin: "test",
      namespace: "pod1",
      linkKey: "pod-port",
      address: parseIpv4("192.0.2.5"),
      prefixLength: 24,
    },
    {
      kind: "route",
      key: "default",
      origin: "test",
      namespace: "pod1",
      destination: parsePrefix("0.0.0.0/0"),
      nextHops: [{ linkKey: "pod-port", gateway: parseIpv4("192.0.2.1") }],
      protocol: 4,
      mtuBytes: 1300,
    },
    {
      ...COMMON,
      kind: "neighbour",
      key: "neighbour",
      linkKey: "lan",
      address: parseIpv4("192.0.2.7"),
      macAddress: parseMac("02:00:00:00:00:07"),
    },
    { ...COMMON, kind: "sysctl", key: "forwarding", path: "net/ipv4/conf/lan/forwarding", value: "1" },
    { kind: "sysctl", key: "ttl", origin: "test", namespace: "pod1", path: "net/ipv4/ip_default_ttl", value: "77" },
    {
      ...COMMON,
      kind: "nft-table",
      key: "nft",
      family: "inet",
      name: "netloom_test",
      rules: "chain out { type filter hook output priority 0; policy accept; ip daddr 203.0.113.9 drop; }",
    },
    {
      ...COMMON,
      kind: "foreign-accept",
      key: "accept",
      backend: "nft",
      chain: "FORWARD",
      inInterface: "lan",
      establishedOnly: true,
    },
    {
      kind: "file",
      key: "file",
      origin: "test",
      path: "/run/netloom-test/pod1/resolv.conf",
      content: "nameserver 192.0.2.1\n",
      mode: 0o644,
    },
  ];
}

const FOLDERS = ["/run/netloom-test"];
const WHOLE: Desired = { objects: everyKind(), absent: [] };
let before: string[];

beforeEach(() => {
  // The chain of somebody else that accept rules go into.
  shell("iptables-nft -P FORWARD DROP");
  before = hostSnapshot(FOLDERS);
});
afterEach(() => {
  // Also after a failure: the next test begins on clean ground.
  shell(`nft flush ruleset; iptables-nft -P FORWARD ACCEPT; nft delete table ip filter
    ip netns | while read -r name _; do ip netns delete "$name"; done
    for name in $(ls /sys/class/net); do [ "$name" = lo ] || ip link delete "$name" 2>/dev/null || true; done
    rm -rf /run/netloom-test`);
});

describe.each([true, false])("every kind of object, one step at a time: %s", (oneByOne) => {
  test("is there as declared, and gone without a trace", async () => {
    const { record } = await carryOut(WHOLE, undefined, { oneByOne });
    const plan = await planNow(WHOLE, record);
    expect(plan.steps.map((step) => step.summary)).toEqual([]);

    const links = json("ip -d -j link");
    expect(links.find((link) => link["ifname"] === "lan")).toMatchObject({
      mtu: 1400,
      address: "02:00:00:00:00:01",
      ifalias: "netloom:lan",
      linkinfo: { info_kind: "bridge", info_data: { forward_delay: 0, stp_state: 0 } },
    });
    expect(links.find((link) => link["ifname"] === "port")).toMatchObject({
      mtu: 1400,
      master: "lan",
      ifalias: "netloom:port",
    });
    expect(links.find((link) => link["ifname"] === "tap7")).toMatchObject({
      mtu: 1400,
      master: "lan",
      linkinfo: { info_kind: "tun", info_data: { type: "tap", persist: true, user: "root" } },
    });
    const [podEnd] = json("ip -n pod1 -j link show dev eth0");
    expect(podEnd).toMatchObject({
      address: "02:00:00:00:00:02",
      mtu: 1400,
      ifalias: "netloom:pod-port",
      flags: expect.arrayContaining(["UP"]),
    });
    expect(json("ip -n pod1 -d -j route show default")).toMatchObject([
      { dst: "default", gateway: "192.0.2.1", dev: "eth0", protocol: "static", metrics: [{ mtu: 1300 }] },
    ]);
    expect(json("ip -j neighbour show dev lan")).toContainEqual({
      dst: "192.0.2.7",
      lladdr: "02:00:00:00:00:07",
      state: ["PERMANENT"],
    });
    expect(json("bridge -d -j link").find((port) => port["ifname"] === "port")).toMatchObject({ learning: false });
    expect(readFileSync("/proc/sys/net/ipv4/conf/lan/forwarding", "utf8")).toBe("1\n");
    expect(shell("nsenter --net=/run/netns/pod1 cat /proc/sys/net/ipv4/ip_default_ttl")).toBe("77\n");
    expect(shell("cat /proc/sys/net/ipv4/ip_default_ttl")).not.toBe("77\n");
    expect(shell("nft list table inet netloom_test")).toContain("203.0.113.9 drop");
    expect(shell("iptables-nft -S FORWARD")).toMatch(/-i lan .*RELATED,ESTABLISHED .*netloom:accept.* -j ACCEPT/);
    expect(statSync("/run/netloom-test/pod1/resolv.conf").mode & 0o777).toBe(0o644);
    expect(shell("ip -n pod1 link show dev lo up")).toContain("lo");
    shell("nsenter --net=/run/netns/pod1 ping -c 1 -W 1 192.0.2.1");

    await carryOut(EMPTY, record, { oneByOne });
    expect(hostSnapshot(FOLDERS)).toEqual(before);
  });
});

describe("changes in place", () => {
  const small: Desired = { objects: [BRIDGE, { ...TAP, masterKey: null }], absent: [] };

  test.each<[string, Partial<LinkObject>, Record<string, unknown>]>([
    ["name", { name: "lan2" }, { ifname: "lan2", flags: expect.arrayContaining(["UP"]) }],
    ["MTU", { mtuBytes: 1300 }, { mtu: 1300 }],
    ["MAC address", { macAddress: parseMac("02:00:00:00:00:09") }, { address: "02:00:00:00:00:09" }],
    ["down", { up: false }, { flags: ["BROADCAST", "MULTICAST"] }],
    [
      "bridge parameters",
      { link: { type: "bridge", forwardDelayCentiseconds: 400, stp: true } },
      {
        linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ forward_delay: 400, stp_state: 1 }) }),
      },
    ],
  ])("%s", async (_, change, expected) => {
    const first = await carryOut(small);
    const { record } = await carryOut(
      {
        ...small,
        objects: [
          { ...BRIDGE, ...change },
          { ...TAP, masterKey: null },
        ],
      },
      first.record,
    );
    expect(json("ip -d -j link").find((link) => link["ifalias"] === "netloom:lan")).toMatchObject(expected);
    await carryOut(EMPTY, record);
    expect(hostSnapshot(FOLDERS)).toEqual(before);
  });

  test("a port joins and leaves", async () => {
    const first = await carryOut(small);
    const second = await carryOut({ objects: [BRIDGE, TAP], absent: [] }, first.record);
    expect(json("ip -j link show dev tap7")).toMatchObject([{ master: "lan" }]);
    const third = await carryOut(small, second.record);
    expect(json("ip -j link show dev tap7")[0]).not.toHaveProperty("master");
    await carryOut(EMPTY, third.record);
  });
});

describe("what is not as the plan saw it", () => {
  const NOTHING = { namespaces: {}, files: {} };

  test("creating what exists is an error that names the step, and does not touch what is there", async () => {
    shell("ip link add lan type bridge; ip tuntap add tap7 mode tap");
    const shown = shell("ip -d link");
    try {
      await using transitions = new Transitions({
        snapshot: await observe({ namespaces: [{ name: "" }], files: [] }),
        objects: [],
      });
      for (const after of [BRIDGE, { ...TAP, masterKey: null }]) {
        const step = { key: after.key, after, summary: `create ${after.name}`, commands: [] };
        const message = expect.stringContaining(`create ${after.name}: `);
        await expect(transitions.transition(step)).rejects.toMatchObject({ code: "step-failed", message });
      }
      expect(shell("ip -d link")).toBe(shown);
    } finally {
      shell("ip link delete lan; ip link delete tap7");
    }
  });

  test("a table of our name that somebody else made is not replaced by a creation", async () => {
    shell("nft add table inet netloom_test '{ comment \"mine\"; }'");
    const after = everyKind().find((object) => object.kind === "nft-table")!;
    await using transitions = new Transitions({ snapshot: NOTHING, objects: [] });
    await expect(transitions.transition({ key: "nft", after, summary: "load", commands: [] })).rejects.toThrow(
      "exists",
    );
    expect(shell("nft list table inet netloom_test")).toContain("mine");
    shell("nft delete table inet netloom_test");
  });

  test("deleting what is gone is done, for every kind", async () => {
    await using transitions = new Transitions({
      snapshot: await observe({ namespaces: [{ name: "" }], files: [] }),
      objects: [],
    });
    shell("ip netns add pod1");
    for (const object of everyKind().toReversed()) {
      if (object.kind === "namespace") shell("ip netns delete pod1");
      await transitions.transition({ key: object.key, before: object, summary: `delete ${object.key}`, commands: [] });
    }
    expect(hostSnapshot(FOLDERS)).toEqual(before);
  });

  test("a parameter that the kernel does not have is named", async () => {
    const after: StateObject = { ...COMMON, kind: "sysctl", key: "x", path: "net/ipv4/no_such_thing", value: "1" };
    await using transitions = new Transitions({ snapshot: NOTHING, objects: [] });
    const message = expect.stringContaining("net.ipv4.no_such_thing");
    await expect(transitions.transition({ key: "x", after, summary: "set it", commands: [] })).rejects.toMatchObject({
      message,
    });
  });

  test("a namespace whose creation was cut off is made anew", async () => {
    shell("ip netns add other; touch /run/netns/pod1");
    const after: StateObject = { kind: "namespace", key: "pod1", origin: "test", name: "pod1" };
    await using transitions = new Transitions({ snapshot: NOTHING, objects: [] });
    await transitions.transition({ key: "pod1", after, summary: "create", commands: [] });
    expect(shell("ip -n pod1 -br link show up")).toContain("lo");
    shell("ip netns delete pod1; ip netns delete other");
  });
});

describe("many links", () => {
  test("are deleted together, nothing else goes with them", async () => {
    shell("ip link add foreign type bridge; ip link set foreign group 7");
    const shown = hostSnapshot(FOLDERS);
    const objects: StateObject[] = [BRIDGE];
    for (let i = 0; i < 20; i++) {
      objects.push({ ...HOST_END, key: `port${i}`, name: `port${i}`, link: { type: "veth", peerKey: `peer${i}` } });
      objects.push({
        ...POD_END,
        key: `peer${i}`,
        name: `peer${i}`,
        namespace: "",
        link: { type: "veth-peer", peerKey: `port${i}` },
      });
    }
    objects.forEach((object, i) => "macAddress" in object && i > 0 && Reflect.deleteProperty(object, "macAddress"));
    const { record } = await carryOut({ objects, absent: [] });
    expect(json("ip -j link show master lan")).toHaveLength(20);
    await carryOut(EMPTY, record);
    expect(hostSnapshot(FOLDERS)).toEqual(shown);
    shell("ip link delete foreign");
  });

  test("a bridge goes together with its tap, and lets go of somebody else's link, which is given back then", async () => {
    shell("ip link add foreign type veth peer name other; ip link set foreign up");
    const shown = hostSnapshot(FOLDERS);
    const adoptedIndex = Number(shell("cat /sys/class/net/foreign/ifindex"));
    const port: LinkObject = {
      ...COMMON,
      kind: "link",
      key: "foreign",
      name: "foreign",
      link: { type: "adopted", adoptedIndex },
      macAddress: parseMac("02:00:00:00:00:09"),
      up: true,
      masterKey: "lan",
    };
    const { record } = await carryOut({ objects: [BRIDGE, TAP, port], absent: [] });
    const { steps } = await planNow(EMPTY, record);
    expect(steps.map((step) => step.key)).toEqual(["tap", "foreign", "lan"]);
    const objects = Object.values(record.owned).flatMap(({ object }) => (object === undefined ? [] : [object]));
    await using transitions = new Transitions({
      snapshot: await observe({ namespaces: [{ name: "" }], files: [] }),
      objects,
    });
    const order: string[] = [];
    await transitions.transitionAll(steps, ({ key }) => order.push(key));
    expect(order).toEqual(["tap", "lan", "foreign"]);
    expect(hostSnapshot(FOLDERS)).toEqual(shown);
    shell("ip link delete foreign");
  });
});

describe("files", () => {
  const file = everyKind().find((object) => object.kind === "file")!;
  const create = { key: "file", after: file, summary: "write", commands: [] };
  const remove = { key: "file", before: file, summary: "remove", commands: [] };

  test("folders that had to be made go too, one that was there stays", async () => {
    await using transitions = new Transitions({ snapshot: { namespaces: {}, files: {} }, objects: [] });
    await transitions.transition(create);
    await transitions.transition(remove);
    expect(existsSync("/run/netloom-test")).toBe(false);
    mkdirSync("/run/netloom-test");
    await transitions.transition(create);
    await transitions.transition(remove);
    expect(existsSync("/run/netloom-test")).toBe(true);
    rmdirSync("/run/netloom-test");
  });
});
