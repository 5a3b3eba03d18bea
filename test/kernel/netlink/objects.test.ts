import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { familyOf, formatPrefix, type Prefix } from "../../../src/base/address.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { decodeAddress, dumpAddresses, type InterfaceAddress } from "../../../src/netlink/route/address.ts";
import { decodeForwarding, dumpForwarding, type ForwardingEntry } from "../../../src/netlink/route/forwarding.ts";
import { decodeLink, dumpLinks } from "../../../src/netlink/route/link.ts";
import { decodeNeighbour, dumpNeighbours, type Neighbour } from "../../../src/netlink/route/neighbour.ts";
import type { RouteNextHop } from "../../../src/netlink/route/next-hop.ts";
import { decodeRoute, dumpRoutes, type Route } from "../../../src/netlink/route/route.ts";
import { decodeRule, dumpRules, type Rule } from "../../../src/netlink/route/rule.ts";
import { ip, run } from "../native/support.ts";
import { type Json, jsonOf, present } from "./ip-json.ts";

// Link-local addresses and learned entries would come while we look.
const SETUP = `
sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
ip link add br0 type bridge
ip link add v0 type veth peer name v1
ip link set v0 master br0
bridge link set dev v0 learning off
ip link set v0 up
ip link set v1 up
ip link set br0 up
ip link add vx0 type vxlan id 7 dev br0 local 192.0.2.1 dstport 4789
ip address add 192.0.2.1/24 brd + dev br0
ip address add 192.0.2.7 peer 192.0.2.8/32 dev v1 label v1:x
ip address add 198.51.100.9/28 dev v1 metric 50 noprefixroute scope link
ip address add 2001:db8::1/64 dev br0 nodad valid_lft 100000 preferred_lft 50000
ip address add 2001:db8:7::1 peer 2001:db8:7::2/128 dev v1 nodad
ip route add 198.51.100.0/24 via 192.0.2.254 mtu 1400 advmss 1360 metric 10
ip route add 198.51.101.0/24 nexthop via 192.0.2.253 dev br0 weight 2 nexthop via 192.0.2.254 dev br0 onlink
ip route add 198.51.102.0/24 via inet6 fe80::1 dev br0 src 192.0.2.1 table 1000 proto static
ip route add blackhole 198.51.103.0/24 tos 0x10
ip route add local 198.51.104.0/24 dev lo table 100
ip route add default via 192.0.2.254 proto dhcp
ip route add 198.51.105.1 dev br0 scope host
ip -6 route add 2001:db8:1::/48 via 2001:db8::fe metric 5 mtu lock 1300
ip -6 route add 2001:db8:2::/48 nexthop via 2001:db8::fd dev br0 weight 3 nexthop via 2001:db8::fe dev br0
ip -6 route add unreachable 2001:db8:3::/48
ip -6 route add default via fe80::1 dev br0 pref low
ip rule add priority 500 from 192.0.2.0/24 to 198.51.100.0/24 iif br0 fwmark 0x10/0xf0 table 1000
ip rule add priority 501 not from 192.0.2.1 tos 0x10 ipproto tcp dport 80-90 sport 7 table 77
ip rule add priority 502 oif v1 goto 600
ip rule add priority 503 uidrange 0-0 table 78
ip rule add priority 504 table main suppress_prefixlength 0
ip rule add priority 600 blackhole
ip -6 rule add priority 503 from 2001:db8::/32 table 100 protocol static
ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev br0
ip neighbour add 192.0.2.10 lladdr 02:00:00:00:00:0a dev br0 nud noarp
ip neighbour add 2001:db8::9 lladdr 02:00:00:00:00:09 dev br0 router
bridge fdb add 02:00:00:00:00:0b dev v0 master static
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.50 vni 77 port 4790 via br0
bridge fdb append 02:00:00:00:00:0d dev vx0 dst 192.0.2.51 self permanent
bridge fdb add 02:00:00:00:00:0e dev v0 self permanent`;

let netlink: RouteNetlink;
const names = new Map<number, string>();

beforeAll(async () => {
  run("bash", "-ec", SETUP);
  netlink = RouteNetlink.open();
  for (const link of await netlink.dump(dumpLinks(), decodeLink)) names.set(link.index, link.name!);
});

afterAll(() => {
  netlink.close();
  run("sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=0");
  for (const link of ["vx0", "v0", "br0"]) ip("link", "delete", link);
  for (const priority of ["500", "501", "502", "503", "504", "600"]) ip("rule", "delete", "priority", priority);
  ip("-6", "rule", "delete", "priority", "503");
  ip("route", "flush", "table", "100");
  ip("route", "delete", "blackhole", "198.51.103.0/24", "tos", "0x10");
  ip("-6", "route", "delete", "unreachable", "2001:db8:3::/48");
});

/** Both lists in the same order, so that they can be compared. */
function sorted(list: readonly Json[]): Json[] {
  return [...list].sort((a, b) =>
    JSON.stringify(a, Object.keys(a).sort()) < JSON.stringify(b, Object.keys(b).sort()) ? -1 : 1,
  );
}

function without(value: Json, ...fields: string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field)));
}

const SCOPES: Readonly<Record<number, string>> = { 0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere" };
const FOREVER = 0xffff_ffff;

describe("addresses are decoded as ip -json -details shows them", () => {
  function shown(address: InterfaceAddress): Json {
    const flags = address.flags ?? 0;
    const flag = (bit: number): true | undefined => ((flags & bit) === 0 ? undefined : true);
    return present({
      ifname: names.get(address.linkIndex),
      family: familyOf(address.address) === 4 ? "inet" : "inet6",
      local: address.address,
      address: address.peer,
      prefixlen: address.prefixLength,
      metric: address.metric,
      broadcast: address.broadcast,
      scope: SCOPES[address.scope ?? 0],
      label: address.label,
      nodad: flag(0x02),
      noprefixroute: flag(0x200),
      dynamic: flag(0x80) === undefined ? true : undefined,
      limited: address.validSeconds !== undefined,
    });
  }

  test("of both families, with peers, labels, metrics and flags", async () => {
    const ours = await netlink.dump(dumpAddresses(), decodeAddress);
    const theirs = jsonOf("ip", "-json", "-details", "address").flatMap((link) =>
      (link["addr_info"] as Json[]).map((address) => ({
        ifname: link["ifname"],
        ...without(address, "valid_life_time", "preferred_life_time", "tentative", "protocol"),
        limited: address["valid_life_time"] !== FOREVER,
      })),
    );
    expect(sorted(ours.map(shown))).toEqual(sorted(theirs));
  });

  test("lifetimes in seconds", async () => {
    const ours = await netlink.dump(dumpAddresses(), decodeAddress);
    const limited = ours.find(({ address }) => address === "2001:db8::1")!;
    expect(limited.validSeconds).toBeGreaterThan(99_900);
    expect(limited.validSeconds).toBeLessThanOrEqual(100_000);
    expect(limited.preferredSeconds! + 50_000).toBe(limited.validSeconds);
  });

  test("those of one link, by the kernel's filter", async () => {
    const linkIndex = [...names].find(([, name]) => name === "br0")![0];
    const ours = await netlink.dump(dumpAddresses({ linkIndex }), decodeAddress);
    expect(ours.map(({ address }) => address)).toEqual(expect.arrayContaining(["192.0.2.1", "2001:db8::1"]));
    expect(new Set(ours.map((address) => address.linkIndex))).toEqual(new Set([linkIndex]));
  });
});

describe("routes are decoded as ip -json -details shows them", () => {
  const TYPES: Readonly<Record<number, string>> = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
  };
  const TABLES: Readonly<Record<number, string>> = { 253: "default", 254: "main", 255: "local" };
  const PROTOCOLS: Readonly<Record<number, string>> = { 2: "kernel", 3: "boot", 4: "static", 16: "dhcp" };
  const PREFERENCES: Readonly<Record<number, string>> = { 0: "medium", 1: "high", 3: "low" };

  function destination(prefix: Prefix): string {
    if (prefix.length === 0) return "default";
    return prefix.length === (familyOf(prefix.address) === 4 ? 32 : 128) ? prefix.address : formatPrefix(prefix);
  }

  function hop({ linkIndex, gateway, weight }: RouteNextHop, family: 4 | 6): Json {
    const own = gateway !== undefined && familyOf(gateway) === family;
    return present({
      gateway: own ? gateway : undefined,
      via:
        gateway === undefined || own
          ? undefined
          : { family: familyOf(gateway) === 6 ? "inet6" : "inet", host: gateway },
      dev: linkIndex === undefined ? undefined : names.get(linkIndex),
      weight,
    });
  }

  function shown(route: Route): Json {
    const family = familyOf(route.destination.address);
    const { mtuBytes, advertisedSegmentBytes } = route.metrics ?? {};
    const single = route.nextHops.length === 1 ? hop(route.nextHops[0]!, family) : {};
    return present({
      type: TYPES[route.type!],
      dst: destination(route.destination),
      ...single,
      tos: route.tos === 0 ? undefined : `0x${route.tos!.toString(16)}`,
      table: TABLES[route.table!] ?? String(route.table),
      protocol: PROTOCOLS[route.protocol!],
      scope: SCOPES[route.scope!],
      prefsrc: route.source,
      metric: route.metric,
      metrics: route.metrics && [present({ mtu: mtuBytes, advmss: advertisedSegmentBytes })],
      pref: route.preference === undefined ? undefined : PREFERENCES[route.preference],
      nexthops: route.nextHops.length > 1 ? route.nextHops.map((each) => hop(each, family)) : undefined,
    });
  }

  test("of both families and all tables", async () => {
    const ours = await netlink.dump(dumpRoutes(), decodeRoute);
    const theirs = jsonOf("ip", "-json", "-details", "route", "show", "table", "all").map((route) => ({
      ...without(route, "flags", "expires", "nexthops"),
      ...(route["nexthops"] === undefined
        ? {}
        : { nexthops: (route["nexthops"] as Json[]).map((each) => without(each, "flags")) }),
    }));
    expect(theirs.length).toBeGreaterThan(20);
    expect(sorted(ours.map(shown))).toEqual(sorted(theirs));
  });

  test("onlink and the lock of a metric, which ip's JSON does not tell apart", async () => {
    const ours = await netlink.dump(dumpRoutes(), decodeRoute);
    const find = (address: string) => ours.find((route) => route.destination.address === address)!;
    expect(find("198.51.101.0").nextHops.map(({ onlink }) => onlink)).toEqual([undefined, true]);
    expect(find("2001:db8:1::").metrics?.lock).toBe(1 << 2);
    expect(find("198.51.100.0").metrics?.lock).toBeUndefined();
  });

  test("those of one table, by the kernel's filter", async () => {
    const ours = await netlink.dump(dumpRoutes({ family: 4, table: 1000 }), decodeRoute);
    expect(ours.map((route) => route.destination.address)).toEqual(["198.51.102.0"]);
  });
});

test("rules are decoded as ip -json shows them", async () => {
  const TABLES: Readonly<Record<number, string>> = { 253: "default", 254: "main", 255: "local" };
  const PROTOCOLS: Readonly<Record<number, string>> = { 0: "unspec", 2: "kernel", 4: "static" };
  const prefixOf = (name: string, prefix: Prefix | undefined, full: number): Json =>
    prefix === undefined
      ? {}
      : { [name]: prefix.address, ...(prefix.length === full ? {} : { [`${name}len`]: prefix.length }) };
  const shown = (rule: Rule): Json => {
    const full = rule.family === 4 ? 32 : 128;
    return present({
      priority: rule.priority,
      not: rule.invert === true ? null : undefined,
      src: "all",
      ...prefixOf("src", rule.source, full),
      ...prefixOf("dst", rule.destination, full),
      tos: rule.tos === undefined ? undefined : `0x${rule.tos.toString(16)}`,
      fwmark: rule.mark === undefined ? undefined : `0x${rule.mark.toString(16)}`,
      fwmask: rule.mark === undefined ? undefined : `0x${rule.markMask!.toString(16)}`,
      iif: rule.inputInterface,
      oif: rule.outputInterface,
      uid_start: rule.users?.first,
      uid_end: rule.users?.last,
      ipproto: rule.transport === 6 ? "tcp" : undefined,
      sport: rule.sourcePorts?.first,
      dport_start: rule.destinationPorts?.first,
      dport_end: rule.destinationPorts?.last,
      table: rule.action === 1 ? (TABLES[rule.table!] ?? String(rule.table)) : undefined,
      suppress_prefixlen: rule.suppressPrefixLength,
      goto: rule.gotoPriority,
      action: rule.action === 6 ? "blackhole" : undefined,
      protocol: PROTOCOLS[rule.protocol!],
    });
  };
  const ours = (await netlink.dump(dumpRules(), decodeRule)).map(shown);
  const theirs = [...jsonOf("ip", "-json", "-details", "rule"), ...jsonOf("ip", "-json", "-details", "-6", "rule")];
  expect(sorted(ours)).toEqual(sorted(theirs));
});

test("neighbours are decoded as ip -json shows them", async () => {
  const STATES: Readonly<Record<number, string>> = { 0x40: "NOARP", 0x80: "PERMANENT" };
  const shown = ({ linkIndex, address, macAddress, state, flags }: Neighbour): Json =>
    present({
      dst: address,
      dev: names.get(linkIndex),
      lladdr: macAddress,
      router: flags === 0x80 ? null : undefined,
      state: [STATES[state!]],
    });
  const ours = (await netlink.dump(dumpNeighbours(), decodeNeighbour)).map(shown);
  const theirs = jsonOf("ip", "-json", "neighbour", "show", "nud", "all");
  // The kernel makes entries of its own for multicast as it goes along.
  const made = (list: readonly Json[]): Json[] => list.filter(({ lladdr }) => String(lladdr).startsWith("02:"));
  expect(made(theirs)).toHaveLength(3);
  expect(sorted(made(ours))).toEqual(sorted(made(theirs)));
});

test("forwarding entries are decoded as bridge -json shows them", async () => {
  const shown = (entry: ForwardingEntry): Json =>
    present({
      mac: entry.macAddress,
      ifname: names.get(entry.linkIndex),
      vlan: entry.vlan,
      dst: entry.remote,
      port: entry.port,
      vni: entry.vni,
      viaIf: entry.outputIndex === undefined ? undefined : names.get(entry.outputIndex),
      flags: (entry.flags! & 2) === 0 ? [] : ["self"],
      master: entry.masterIndex === undefined ? undefined : names.get(entry.masterIndex),
      state: (entry.state! & 0x80) === 0 ? ((entry.state! & 0x40) === 0 ? undefined : "static") : "permanent",
    });
  const ours = (await netlink.dump(dumpForwarding(), decodeForwarding)).map(shown);
  const theirs = jsonOf("bridge", "-json", "-details", "fdb", "show");
  expect(theirs.length).toBeGreaterThan(6);
  expect(sorted(ours)).toEqual(sorted(theirs));
});

test("forwarding entries of one bridge, by the kernel's filter", async () => {
  const masterIndex = [...names].find(([, name]) => name === "br0")![0];
  const ours = await netlink.dump(dumpForwarding({ masterIndex }), decodeForwarding);
  expect(ours.some(({ macAddress }) => macAddress === "02:00:00:00:00:0b")).toBe(true);
  expect(ours.some(({ linkIndex }) => names.get(linkIndex) === "vx0")).toBe(false);
});
