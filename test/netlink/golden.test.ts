import { describe, expect, test } from "vitest";
import { type IpAddress, type MacAddress, parseIp, parseIpv4, parseMac, parsePrefix } from "../../src/base/address.ts";
import type { NetlinkRequest } from "../../src/netlink/message.ts";
import {
  deleteAddress,
  IFA_F_HOMEADDRESS,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  newAddress,
} from "../../src/netlink/route/address.ts";
import { setBridgePort } from "../../src/netlink/route/bridge-port.ts";
import { deleteForwarding, newForwarding } from "../../src/netlink/route/forwarding.ts";
import { deleteLink, IFF_NOARP, IFF_PROMISC, newLink, setLink } from "../../src/netlink/route/link.ts";
import { deleteNeighbour, newNeighbour } from "../../src/netlink/route/neighbour.ts";
import {
  NTF_MASTER,
  NTF_PROXY,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
} from "../../src/netlink/route/neighbour-message.ts";
import { deleteRoute, newRoute, RTN_BLACKHOLE, RTN_LOCAL, RTN_UNREACHABLE } from "../../src/netlink/route/route.ts";
import { deleteRule, newRule } from "../../src/netlink/route/rule.ts";
import { canonical, type Nesting, readGolden } from "./golden-file.ts";

// The links that record.ts makes before each command.
const BR0 = 2;
const V1 = 3;
const V0 = 4;

const mac = (last: number): MacAddress => parseMac(`02:00:00:00:00:0${last}`);
const ip = (text: string): IpAddress => parseIp(text);
const net = parsePrefix("198.51.100.0/24");
const net6 = parsePrefix("2001:db8:1::/48");
const router = { gateway: ip("192.0.2.254") };
const v1Address = { linkIndex: V1, address: ip("192.0.2.7"), prefixLength: 24 };
const v1Address6 = { linkIndex: V1, address: ip("2001:db8::7"), prefixLength: 64 };
const rule = { family: 4, priority: 500 } as const;

type Requests = Readonly<Record<string, NetlinkRequest>>;

const link: Requests = {
  "ip link add br1 type bridge forward_delay 0 stp_state 0 ageing_time 20000 priority 4096 group_fwd_mask 8 mcast_snooping 0 nf_call_iptables 0":
    newLink({
      name: "br1",
      kind: "bridge",
      bridge: {
        forwardDelayCentiseconds: 0,
        stpState: 0,
        ageingTimeCentiseconds: 20000,
        priority: 4096,
        groupForwardMask: 8,
        multicastSnooping: false,
        callIptables: false,
      },
    }),
  "ip link add address 02:00:00:00:00:01 mtu 1400 name br1 type bridge": newLink({
    name: "br1",
    kind: "bridge",
    macAddress: mac(1),
    mtuBytes: 1400,
  }),
  "ip link add v2 type veth peer name v3": newLink({ name: "v2", kind: "veth", veth: { peer: { name: "v3" } } }),
  "ip link add v2 type veth peer address 02:00:00:00:00:02 mtu 9000 name v3": newLink({
    name: "v2",
    kind: "veth",
    veth: { peer: { name: "v3", macAddress: mac(2), mtuBytes: 9000 } },
  }),
  "ip link add index 42 dummy0 type dummy": newLink({ index: 42, name: "dummy0", kind: "dummy" }),
  "ip link add address 02:00:00:00:00:03 mtu 1300 dummy1 type dummy": newLink({
    name: "dummy1",
    kind: "dummy",
    macAddress: mac(3),
    mtuBytes: 1300,
  }),
  "ip link add ifb7 type ifb": newLink({ name: "ifb7", kind: "ifb" }),
  "ip link add link br0 mv0 type macvlan mode bridge": newLink({
    name: "mv0",
    kind: "macvlan",
    linkIndex: BR0,
    macvlan: { mode: 4 },
  }),
  "ip link add link br0 mt0 type macvtap mode private": newLink({
    name: "mt0",
    kind: "macvtap",
    linkIndex: BR0,
    macvtap: { mode: 1 },
  }),
  "ip link add vx0 type vxlan id 7 dev br0 local 192.0.2.1 ttl 16 nolearning dstport 4789": newLink({
    name: "vx0",
    kind: "vxlan",
    vxlan: { id: 7, underlyingIndex: BR0, local: ip("192.0.2.1"), ttl: 16, learning: false, port: 4789 },
  }),
  "ip link add vx1 type vxlan id 8 group 239.1.1.1 dev br0 learning ageing 60 srcport 1000 2000 dstport 8472 udpcsum":
    newLink({
      name: "vx1",
      kind: "vxlan",
      vxlan: {
        id: 8,
        group: ip("239.1.1.1"),
        underlyingIndex: BR0,
        learning: true,
        ageingSeconds: 60,
        sourcePorts: { low: 1000, high: 2000 },
        port: 8472,
        udpChecksum: true,
      },
    }),
  "ip link add vx2 type vxlan id 9 remote 2001:db8::2 dev br0 dstport 4789": newLink({
    name: "vx2",
    kind: "vxlan",
    // `ip` asks for learning though nobody told it to.
    vxlan: { id: 9, group6: ip("2001:db8::2"), underlyingIndex: BR0, learning: true, port: 4789 },
  }),
  "ip link set dev v0 up": setLink({ index: V0, up: true }),
  "ip link set dev v0 down": setLink({ index: V0, up: false }),
  "ip link set dev v0 mtu 1400": setLink({ index: V0, mtuBytes: 1400 }),
  "ip link set dev v0 address 02:00:00:00:00:04": setLink({ index: V0, macAddress: mac(4) }),
  "ip link set dev v0 alias netloom:lan": setLink({ index: V0, alias: "netloom:lan" }),
  'ip link set dev v0 alias ""': setLink({ index: V0, alias: "" }),
  "ip link set dev v1 master br0": setLink({ index: V1, masterIndex: BR0 }),
  "ip link set dev v0 nomaster": setLink({ index: V0, masterIndex: 0 }),
  "ip link set dev v0 group 7": setLink({ index: V0, group: 7 }),
  "ip link set dev v1 netns 1": setLink({ index: V1, namespacePid: 1 }),
  "ip link set dev v0 name w0": setLink({ index: V0, name: "w0" }),
  "ip link set dev v0 addrgenmode none": setLink({ index: V0, ipv6AddressGeneration: 1 }),
  "ip link set dev v0 txqueuelen 500": setLink({ index: V0, transmitQueuePackets: 500 }),
  "ip link set dev v0 promisc on": setLink({ index: V0, flags: IFF_PROMISC, flagsMask: IFF_PROMISC }),
  "ip link set dev v0 arp off": setLink({ index: V0, flags: IFF_NOARP, flagsMask: IFF_NOARP }),
  "ip link set dev br0 type bridge stp_state 1": setLink({ index: BR0, kind: "bridge", bridge: { stpState: 1 } }),
  "ip link delete dev v0": deleteLink({ index: V0 }),
  "ip link delete group 7": deleteLink({ group: 7 }),
};

const bridgePort: Requests = {
  "bridge link set dev v0 learning off": setBridgePort(V0, { learning: false }),
  "bridge link set dev v0 isolated on": setBridgePort(V0, { isolated: true }),
  "bridge link set dev v0 flood off mcast_flood off": setBridgePort(V0, { flood: false, multicastFlood: false }),
};

const address: Requests = {
  "ip address add 192.0.2.7/24 dev v1": newAddress(v1Address),
  "ip address add 192.0.2.7 peer 192.0.2.8/32 dev v1": newAddress({
    ...v1Address,
    prefixLength: 32,
    peer: ip("192.0.2.8"),
  }),
  "ip address add 192.0.2.7/24 broadcast 192.0.2.255 label v1:a scope link dev v1": newAddress({
    ...v1Address,
    broadcast: parseIpv4("192.0.2.255"),
    label: "v1:a",
    scope: 253,
  }),
  "ip address add 192.0.2.7/24 dev v1 noprefixroute": newAddress({ ...v1Address, flags: IFA_F_NOPREFIXROUTE }),
  "ip address add 192.0.2.7/24 dev v1 metric 50": newAddress({ ...v1Address, metric: 50 }),
  "ip address add 2001:db8::7/64 dev v1": newAddress(v1Address6),
  "ip address add 2001:db8::7/64 dev v1 nodad": newAddress({ ...v1Address6, flags: IFA_F_NODAD }),
  "ip address add 2001:db8::7/64 dev v1 nodad home valid_lft 600 preferred_lft 300": newAddress({
    ...v1Address6,
    flags: IFA_F_NODAD | IFA_F_HOMEADDRESS,
    validSeconds: 600,
    preferredSeconds: 300,
  }),
  "ip address add 2001:db8::7 peer 2001:db8::8/128 dev v1": newAddress({
    ...v1Address6,
    prefixLength: 128,
    peer: ip("2001:db8::8"),
  }),
  "ip address replace 192.0.2.7/24 dev v1": newAddress(v1Address, { replace: true }),
  "ip address delete 192.0.2.1/24 dev br0": deleteAddress({
    linkIndex: BR0,
    address: ip("192.0.2.1"),
    prefixLength: 24,
  }),
  "ip address delete 2001:db8::1/64 dev br0": deleteAddress({
    linkIndex: BR0,
    address: ip("2001:db8::1"),
    prefixLength: 64,
  }),
};

const onBridge = { destination: net, nextHops: [{ linkIndex: BR0 }] };
const byRouter = { destination: net, nextHops: [router] };
const route: Requests = {
  "ip route add 198.51.100.0/24 dev br0": newRoute(onBridge),
  "ip route add default via 192.0.2.254": newRoute({ ...byRouter, destination: parsePrefix("0.0.0.0/0") }),
  "ip route add 198.51.100.0/24 via 192.0.2.254 dev br0 onlink": newRoute({
    destination: net,
    nextHops: [{ ...router, linkIndex: BR0, onlink: true }],
  }),
  "ip route add 198.51.100.0/24 dev br0 src 192.0.2.1 metric 100": newRoute({
    ...onBridge,
    source: ip("192.0.2.1"),
    metric: 100,
  }),
  "ip route add 198.51.100.0/24 via 192.0.2.254 table 1000": newRoute({ ...byRouter, table: 1000 }),
  "ip route add 198.51.100.0/24 via 192.0.2.254 table 100 proto static": newRoute({
    ...byRouter,
    table: 100,
    protocol: 4,
  }),
  "ip route add 198.51.100.0/24 via 192.0.2.254 mtu 1400 advmss 1360": newRoute({
    ...byRouter,
    metrics: { mtuBytes: 1400, advertisedSegmentBytes: 1360 },
  }),
  "ip route add 198.51.100.0/24 via 192.0.2.254 mtu lock 1400": newRoute({
    ...byRouter,
    metrics: { mtuBytes: 1400, lock: 1 << 2 },
  }),
  "ip route add 198.51.100.0/24 tos 0x10 via 192.0.2.254": newRoute({ ...byRouter, tos: 0x10 }),
  "ip route add blackhole 198.51.100.0/24": newRoute({ destination: net, nextHops: [], type: RTN_BLACKHOLE }),
  "ip route add unreachable 198.51.100.0/24 metric 5": newRoute({
    destination: net,
    nextHops: [],
    type: RTN_UNREACHABLE,
    metric: 5,
  }),
  "ip route add local 198.51.100.1 dev br0 table 100": newRoute({
    ...onBridge,
    destination: parsePrefix("198.51.100.1"),
    type: RTN_LOCAL,
    table: 100,
  }),
  "ip route add 198.51.100.0/24 via inet6 2001:db8::fe dev br0": newRoute({
    destination: net,
    nextHops: [{ gateway: ip("2001:db8::fe"), linkIndex: BR0 }],
  }),
  "ip route add 198.51.100.0/24 nexthop via 192.0.2.253 dev br0 weight 1 nexthop via 192.0.2.254 weight 3": newRoute({
    destination: net,
    nextHops: [
      { gateway: ip("192.0.2.253"), linkIndex: BR0, weight: 1 },
      { ...router, weight: 3 },
    ],
  }),
  "ip route add 198.51.100.0/24 nexthop via 192.0.2.253 dev br0 onlink nexthop dev br0 weight 256": newRoute({
    destination: net,
    nextHops: [
      { gateway: ip("192.0.2.253"), linkIndex: BR0, onlink: true },
      { linkIndex: BR0, weight: 256 },
    ],
  }),
  "ip route replace 198.51.100.0/24 dev br0": newRoute(onBridge, { replace: true }),
  "ip route append 198.51.100.0/24 dev br0": newRoute(onBridge, { append: true }),
  "ip route delete 198.51.100.0/24": deleteRoute({ destination: net, nextHops: [] }),
  "ip route delete default via 192.0.2.254 dev br0 metric 100": deleteRoute({
    destination: parsePrefix("0.0.0.0/0"),
    nextHops: [{ ...router, linkIndex: BR0 }],
    metric: 100,
  }),
  "ip route delete blackhole 198.51.100.0/24": deleteRoute({ destination: net, nextHops: [], type: RTN_BLACKHOLE }),
  "ip -6 route add 2001:db8:1::/48 via 2001:db8::fe": newRoute({
    destination: net6,
    nextHops: [{ gateway: ip("2001:db8::fe") }],
  }),
  "ip -6 route add default via 2001:db8::fe dev br0 metric 512": newRoute({
    destination: parsePrefix("::/0"),
    nextHops: [{ gateway: ip("2001:db8::fe"), linkIndex: BR0 }],
    metric: 512,
  }),
  "ip -6 route replace 2001:db8:1::/48 via fe80::7 dev br0 proto dhcp metric 2048 expires 3600": newRoute(
    {
      destination: net6,
      nextHops: [{ linkIndex: 2, gateway: ip("fe80::7") }],
      protocol: 16,
      metric: 2048,
      expiresSeconds: 3600,
    },
    { replace: true },
  ),
  "ip -6 route add 2001:db8:1::/48 dev br0 pref high": newRoute({ ...onBridge, destination: net6, preference: 1 }),
  "ip -6 route add 2001:db8:1::/48 from 2001:db8:2::/48 dev br0": newRoute({
    ...onBridge,
    destination: net6,
    from: parsePrefix("2001:db8:2::/48"),
  }),
  "ip -6 route delete 2001:db8:1::/48": deleteRoute({ destination: net6, nextHops: [] }),
};

const rules: Requests = {
  "ip rule add from 192.0.2.0/24 table 100": newRule({ family: 4, source: parsePrefix("192.0.2.0/24"), table: 100 }),
  "ip rule add priority 500 to 198.51.100.0/24 table 1000": newRule({ ...rule, destination: net, table: 1000 }),
  "ip rule add priority 500 fwmark 0x10/0xf0 table 100": newRule({ ...rule, mark: 0x10, markMask: 0xf0, table: 100 }),
  "ip rule add priority 500 iif br0 table 100": newRule({ ...rule, inputInterface: "br0", table: 100 }),
  "ip rule add priority 500 not from 192.0.2.1 table 100": newRule({
    ...rule,
    invert: true,
    source: parsePrefix("192.0.2.1"),
    table: 100,
  }),
  "ip rule add priority 500 table main suppress_prefixlength 0": newRule({ ...rule, suppressPrefixLength: 0 }),
  "ip rule add priority 500 ipproto tcp dport 80-90 table 100": newRule({
    ...rule,
    transport: 6,
    destinationPorts: { first: 80, last: 90 },
    table: 100,
  }),
  "ip rule add priority 500 uidrange 1000-2000 table 100": newRule({
    ...rule,
    users: { first: 1000, last: 2000 },
    table: 100,
  }),
  "ip rule add priority 500 from 192.0.2.0/24 blackhole": newRule({
    ...rule,
    source: parsePrefix("192.0.2.0/24"),
    action: 6,
  }),
  "ip rule add priority 500 from 192.0.2.0/24 goto 600": newRule({
    ...rule,
    source: parsePrefix("192.0.2.0/24"),
    gotoPriority: 600,
  }),
  "ip -6 rule add priority 500 from 2001:db8::/32 table 100": newRule({
    family: 6,
    priority: 500,
    source: parsePrefix("2001:db8::/32"),
    table: 100,
  }),
  "ip rule delete priority 500": deleteRule(rule),
};

const neighbour: Requests = {
  "ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev br0": newNeighbour({
    linkIndex: BR0,
    address: ip("192.0.2.9"),
    macAddress: mac(9),
  }),
  "ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev br0 nud reachable": newNeighbour({
    linkIndex: BR0,
    address: ip("192.0.2.9"),
    macAddress: mac(9),
    state: NUD_REACHABLE,
  }),
  "ip neighbour replace 2001:db8::9 lladdr 02:00:00:00:00:09 dev br0": newNeighbour(
    { linkIndex: BR0, address: ip("2001:db8::9"), macAddress: mac(9) },
    { replace: true },
  ),
  "ip neighbour add proxy 192.0.2.9 dev br0": newNeighbour({
    linkIndex: BR0,
    address: ip("192.0.2.9"),
    flags: NTF_PROXY,
  }),
  "ip neighbour delete 192.0.2.9 dev br0": deleteNeighbour({ linkIndex: BR0, address: ip("192.0.2.9") }),
  "ip neighbour delete proxy 192.0.2.9 dev br0": deleteNeighbour({
    linkIndex: BR0,
    address: ip("192.0.2.9"),
    flags: NTF_PROXY,
  }),
};

const entry = { linkIndex: V0, macAddress: mac(9) };
const remote = { remote: ip("192.0.2.50"), flags: NTF_SELF, state: NUD_NOARP | NUD_PERMANENT };
const forwarding: Requests = {
  "bridge fdb add 02:00:00:00:00:09 dev v0 master static": newForwarding(entry),
  "bridge fdb replace 02:00:00:00:00:09 dev v0 master dynamic": newForwarding(
    { ...entry, state: NUD_REACHABLE, flags: NTF_MASTER },
    { replace: true },
  ),
  "bridge fdb append 00:00:00:00:00:00 dev v0 dst 192.0.2.50 self permanent": newForwarding(
    { ...entry, ...remote, macAddress: parseMac("00:00:00:00:00:00") },
    { append: true },
  ),
  "bridge fdb add 02:00:00:00:00:09 dev v0 dst 192.0.2.50 vni 77 port 4789 self permanent": newForwarding({
    ...entry,
    ...remote,
    vni: 77,
    port: 4789,
  }),
  "bridge fdb delete 02:00:00:00:00:09 dev v0 master": deleteForwarding(entry),
};

/** Requests of a golden file, the bytes of the fixed part, and which attributes are lists. */
const FILES: Readonly<Record<string, readonly [Requests, number, Nesting]>> = {
  link: [link, 16, { 18: { 2: {}, 5: {} }, 26: { 10: {} } }],
  "bridge-port": [bridgePort, 16, { 12: {} }],
  address: [address, 8, {}],
  route: [route, 12, { 8: {} }],
  rule: [rules, 12, {}],
  neighbour: [neighbour, 12, {}],
  forwarding: [forwarding, 12, {}],
};

const NLM_F_REQUEST_AND_ACK = 5;

for (const [name, [requests, headerBytes, nesting]] of Object.entries(FILES)) {
  describe(`${name} requests are what ip and bridge send`, () => {
    const golden = readGolden(name);

    test("every command recorded is tried", () => {
      expect(Object.keys(requests).sort()).toEqual([...golden.keys()].sort());
    });

    test.each(Object.entries(requests))("%s", (command, request) => {
      const recorded = golden.get(command)!;
      expect(request.type).toBe(recorded.type);
      expect(request.flags | NLM_F_REQUEST_AND_ACK).toBe(recorded.flags);
      expect(canonical(request.body, headerBytes, nesting)).toBe(canonical(recorded.body, headerBytes, nesting));
    });
  });
}
