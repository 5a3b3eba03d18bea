import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { observe } from "../../../src/kernel/observe.ts";
import type { ObservedNamespace, Snapshot } from "../../../src/state/snapshot.ts";
import { openDescriptors, run } from "../native/support.ts";

const SETUP = `
ip netns add nl-pod
ip netns add nl-other
touch /run/netns/nl-broken
ip link add nl-br type bridge forward_delay 0
ip link add nl-v type veth peer name eth0 netns nl-pod
ip link set nl-v alias netloom:pod1 group 5 master nl-br up
bridge link set dev nl-v learning off
ip tuntap add nl-tap mode tap user 0
ip -n nl-pod link set lo up
ip -n nl-pod link set eth0 up mtu 1400 addrgenmode none
ip -n nl-pod address add 192.0.2.5/24 broadcast 192.0.2.255 dev eth0
ip -n nl-pod address add 2001:db8::5/64 nodad dev eth0
ip -n nl-pod route add default via 192.0.2.1 mtu 1300
ip -n nl-pod route add 198.51.100.0/24 dev eth0 table 1000 metric 5
ip -n nl-pod -6 route add default via 2001:db8::1 metric 20
ip -n nl-pod neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0
ip -n nl-pod neighbour add 192.0.2.10 lladdr 02:00:00:00:00:0a dev eth0 nud noarp
ip netns exec nl-pod sysctl -qw net.ipv4.ip_forward=1
ip netns exec nl-pod nft 'add table ip netloom { comment "netloom:abc123"; chain c { } ; }'
ip netns exec nl-pod nft 'add table inet theirs'
ip netns exec nl-pod iptables-nft -A FORWARD -m comment --comment netloom:net/lan -j ACCEPT
ip netns exec nl-pod iptables-nft -A FORWARD -m comment --comment theirs -j ACCEPT
ip netns exec nl-pod iptables-legacy -A FORWARD -m comment --comment "netloom:legacy one" -j ACCEPT`;

const folder = mkdtempSync(join(tmpdir(), "netloom-observe-"));
let before: readonly string[];
let snapshot: Snapshot;
let pod: ObservedNamespace;

beforeAll(async () => {
  run("bash", "-ec", SETUP);
  writeFileSync(join(folder, "there"), "one\ntwo\n", { mode: 0o640 });
  await observe({ namespaces: [{ name: "" }], files: [] });
  before = openDescriptors();
  snapshot = await observe({
    namespaces: [
      { name: "", sysctls: ["net/ipv4/ip_forward"] },
      {
        name: "nl-pod",
        sysctls: ["net/ipv4/ip_forward", "net/ipv4/no_such_thing"],
        nft: [
          { family: "ip", name: "netloom" },
          { family: "inet", name: "netloom" },
        ],
        foreignAccepts: true,
      },
      { name: "/run/netns/nl-other", nft: [{ family: "ip", name: "netloom" }], foreignAccepts: true },
      { name: "nl-broken" },
      { name: "nl-missing", nft: [{ family: "ip", name: "netloom" }] },
    ],
    files: [join(folder, "there"), join(folder, "missing")],
  });
  pod = snapshot.namespaces["nl-pod"]!;
});

afterAll(() => {
  run("bash", "-ec", "ip link delete nl-v; ip link delete nl-br; ip link delete nl-tap; rm /run/netns/nl-broken");
  run("bash", "-ec", "ip netns delete nl-pod; ip netns delete nl-other");
  rmSync(folder, { recursive: true });
});

test("a namespace that does not exist, or whose file is none, is null", () => {
  expect(snapshot.namespaces["nl-missing"]).toBeNull();
  expect(snapshot.namespaces["nl-broken"]).toBeNull();
});

describe("links", () => {
  const own = (name: string) => snapshot.namespaces[""]!.links.find((link) => link.name === name)!;

  test("a bridge", () => {
    expect(own("nl-br")).toMatchObject({
      kind: "bridge",
      forwardDelayCentiseconds: 0,
      stp: false,
      up: false,
      group: 0,
    });
  });

  test("a port with alias, group, master and learning", () => {
    expect(own("nl-v")).toMatchObject({
      kind: "veth",
      alias: "netloom:pod1",
      group: 5,
      up: true,
      masterIndex: own("nl-br").index,
      learning: false,
      linkIndex: pod.links.find((link) => link.name === "eth0")!.index,
    });
  });

  test("a tap", () => {
    expect(own("nl-tap")).toMatchObject({ kind: "tun", ownerUid: 0, persistent: true });
  });

  test("in another namespace", () => {
    expect(pod.links).toMatchObject([
      { name: "lo", index: 1, mtuBytes: 65536, up: true },
      { name: "eth0", kind: "veth", mtuBytes: 1400, up: true, ipv6AddressGeneration: 1 },
    ]);
    expect(pod.links[0]!.kind).toBeUndefined();
  });
});

test("addresses of both families", () => {
  const linkIndex = pod.links[1]!.index;
  expect(pod.addresses.filter((address) => address.linkIndex === linkIndex)).toEqual([
    {
      linkIndex,
      address: "192.0.2.5",
      prefixLength: 24,
      broadcast: "192.0.2.255",
      scope: 0,
      flags: 0x80,
      label: "eth0",
    },
    { linkIndex, address: "2001:db8::5", prefixLength: 64, scope: 0, flags: 0x82 },
  ]);
});

test("routes of all tables with the kernel's own, without those it derives for the local table", () => {
  const linkIndex = pod.links[1]!.index;
  const common = { type: 1, table: 254, tos: 0, scope: 0 };
  const onEth0 = pod.routes.filter(({ nextHops }) => nextHops[0]?.linkIndex === linkIndex);
  expect(onEth0).toHaveLength(5);
  expect(onEth0).toEqual(
    expect.arrayContaining([
      {
        ...common,
        destination: { address: "0.0.0.0", length: 0 },
        nextHops: [{ linkIndex, gateway: "192.0.2.1" }],
        protocol: 3,
        mtuBytes: 1300,
      },
      {
        ...common,
        destination: { address: "192.0.2.0", length: 24 },
        nextHops: [{ linkIndex }],
        protocol: 2,
        scope: 253,
        source: "192.0.2.5",
      },
      {
        ...common,
        destination: { address: "198.51.100.0", length: 24 },
        nextHops: [{ linkIndex }],
        protocol: 3,
        scope: 253,
        table: 1000,
        metric: 5,
      },
      {
        ...common,
        destination: { address: "2001:db8::", length: 64 },
        nextHops: [{ linkIndex }],
        protocol: 2,
        metric: 256,
      },
      {
        ...common,
        destination: { address: "::", length: 0 },
        nextHops: [{ linkIndex, gateway: "2001:db8::1" }],
        protocol: 3,
        metric: 20,
      },
    ]),
  );
  expect(pod.routes.filter(({ table }) => table === 255)).toEqual([]);
});

test("permanent neighbours only", () => {
  expect(pod.neighbours).toEqual([
    { linkIndex: pod.links[1]!.index, address: "192.0.2.9", macAddress: "02:00:00:00:00:09", state: 0x80 },
  ]);
});

test("sysctls as each namespace has them", () => {
  expect(pod.sysctls).toEqual({ "net/ipv4/ip_forward": "1", "net/ipv4/no_such_thing": null });
  const own = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim();
  expect(snapshot.namespaces[""]!.sysctls).toEqual({ "net/ipv4/ip_forward": own });
});

test("nft tables that were asked for and exist", () => {
  expect(pod.nftTables).toEqual([
    {
      family: "ip",
      name: "netloom",
      comment: "netloom:abc123",
      listing: 'table ip netloom {\n\tcomment "netloom:abc123"\n\tchain c {\n\t}\n}\n',
    },
  ]);
  expect(snapshot.namespaces["/run/netns/nl-other"]!.nftTables).toEqual([]);
});

test("accept rules of ours among those of others, and no table of iptables comes from looking", () => {
  expect(pod.foreignAccepts).toEqual(["netloom:net/lan", "netloom:legacy one"]);
  expect(snapshot.namespaces["/run/netns/nl-other"]!.foreignAccepts).toEqual([]);
  expect(run("ip", "netns", "exec", "nl-other", "nft", "list", "tables")).toBe("");
});

test("files with their permissions", () => {
  expect(snapshot.files).toEqual({
    [join(folder, "there")]: { content: "one\ntwo\n", mode: 0o640 },
    [join(folder, "missing")]: null,
  });
});

test("no descriptor stays open", () => {
  expect(openDescriptors()).toEqual(before);
});
