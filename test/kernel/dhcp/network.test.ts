/**
 * DHCP on the bridges of networks: two that have the same subnet, each in a namespace of its own; on the first, machines
 * that are known by their MAC addresses and one that is not.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ipv4Prefix, type MacAddress, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import type { Lease } from "../../../src/protocol/dhcp4/server/lease.ts";
import { createService, serviceMakers } from "../../../src/services/keeper/create-service.ts";
import type { Service } from "../../../src/services/service.ts";
import type { DhcpKnownHost, NetworkDhcpObject } from "../../../src/state/object/network-dhcp.ts";
import { DHCP4_LEASES } from "../../../src/store/lease-log/dhcp4.ts";
import { encodeGroup } from "../../../src/store/lease-log/format.ts";
import { Capture } from "../../support/capture.ts";
import { Folder, Running, shell, until } from "../../support/network.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";

const BRIDGE_MAC = "02:00:00:00:00:fe";
const MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"].map(parseMac) as [
  MacAddress,
  MacAddress,
  MacAddress,
];

function host(mac: MacAddress, address: string): DhcpKnownHost {
  return { mac, address: parseIpv4(address), options: [] };
}

const machines: NetworkDhcpObject = {
  kind: "dhcp-network",
  key: "office/dhcp/lan",
  origin: "network lan",
  namespace: "lan",
  linkKey: "office/link/lan",
  interfaceName: "br0",
  network: "office/lan",
  serverAddress: parseIpv4("192.0.2.1"),
  prefixLength: 24,
  mtuBytes: 1500,
  ranges: [],
  leaseSeconds: { default: 3600, minimum: 3600, maximum: 3600 },
  authoritative: false,
  rapidCommit: false,
  knownOnly: true,
  ignore: [],
  options: [{ code: 3, hex: "c0000201" }],
  hosts: [host(MACS[0], "192.0.2.11"), host(MACS[1], "192.0.2.12")],
  classes: [],
};
const everybody: NetworkDhcpObject = {
  ...machines,
  key: "guests/dhcp/lan",
  namespace: "lan2",
  network: "guests/lan",
  ranges: [{ first: parseIpv4("192.0.2.11"), last: parseIpv4("192.0.2.13") }],
  authoritative: true,
  knownOnly: false,
  hosts: [],
};

const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
event=\${1:-$reason}
case $event in
deconfig) ip address flush dev eth0 ;;
bound | renew) ip address replace "$ip/$mask" dev eth0 ;;
BOUND) ip address replace "$new_ip_address/24" dev eth0 ;;
esac
echo "EVENT $event $ip$new_ip_address router $router$new_routers" >&2
`;

let folder: Folder;
let script: string;
let make: (object: NetworkDhcpObject) => Service;
let service: Service;
let other: Service;

/** A keeper's way to make the services of a state folder. */
function maker(state: string, log = SILENT): (object: NetworkDhcpObject) => Service {
  const makers = serviceMakers(folder.join(state), () => expect.unreachable(), log);
  return (object) => createService(object, folder.join(state), makers, log);
}

function inHost(number: number, words: readonly string[]): Running {
  return new Running(["nsenter", `--net=/run/netns/h${number}`, "--", ...words]);
}

function udhcpc(number: number): Running {
  return inHost(number, ["busybox", "udhcpc", "-f", "-n", "-t", "2", "-T", "1", "-i", "eth0", "-s", script]);
}

/** Counters of messages, "received" or "sent". */
function count(which: string, message: string): number {
  const counters = service.report().details[which] as Readonly<Record<string, number>>;
  return counters[message] ?? 0;
}

beforeAll(async () => {
  folder = new Folder();
  script = folder.write("script", SCRIPT);
  shell(`chmod +x ${script}
    for name in lan lan2 h1 h2 h3 h4 h5; do
      ip netns add $name
      nsenter --net=/run/netns/$name sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    done
    for name in lan lan2; do
      ip -n $name link add br0 address ${BRIDGE_MAC} type bridge forward_delay 0 mcast_snooping 0
      ip -n $name address add 192.0.2.1/24 dev br0
      ip -n $name link set br0 up
    done
    for n in 1 2 3 4 5; do
      lan=lan; [ $n -ge 4 ] && lan=lan2
      ip -n h$n link add eth0 address 52:54:00:00:00:0$n type veth peer name port$n netns $lan
      ip -n $lan link set port$n master br0 up
      ip -n h$n link set eth0 up
    done
    ip -n h5 address add 192.0.2.12/24 dev eth0`);
  make = maker("state");
  service = make(machines);
  other = make(everybody);
  await service.start();
  await other.start();
});

afterAll(async () => {
  await service.stop();
  await other.stop();
  shell("for name in lan lan2 h1 h2 h3 h4 h5; do ip netns delete $name; done");
  folder[Symbol.dispose]();
});

test("networks of one subnet in two namespaces give the same address, each to its own client", async () => {
  const [here, there] = [udhcpc(1), udhcpc(4)];
  for (const client of [here, there])
    await until("it is bound", () => client.stderr.includes("EVENT bound") || !client.running);
  expect(here.stderr).toContain("EVENT bound 192.0.2.11 router 192.0.2.1");
  expect(there.stderr).toContain("EVENT bound 192.0.2.11 router 192.0.2.1");
  expect(other.report().details).toMatchObject({ addresses: 3, given: 1, declined: 0, free: 2, sent: { ACK: 1 } });
  expect(service.report().details).toMatchObject({ addresses: 0, given: 0, sent: { ACK: 1 } });
  await here.stop();
  await there.stop();
});

/** What the client of the second network is told. */
async function told(): Promise<string | undefined> {
  const client = udhcpc(4);
  await until("it is bound", () => client.stderr.includes("EVENT bound") || !client.running);
  await client.stop();
  return /EVENT bound .*/.exec(client.stderr)?.[0];
}

test("an address that somebody has taken by himself is not offered", async () => {
  shell("ip -n h4 link set eth0 address 52:54:00:00:00:06");
  expect(await told()).toBe("EVENT bound 192.0.2.13 router 192.0.2.1");
  expect(other.report().details).toMatchObject({ conflicts: 1, given: 2, declined: 1, free: 0 });
  shell("ip -n h4 link set eth0 address 52:54:00:00:00:04");
});

test("what is attached joins the network's server, with what it is told otherwise, and leaves it", async () => {
  const guest = { ...host(parseMac("52:54:00:00:00:04"), "192.0.2.44"), options: [{ code: 3, hex: "" }] };
  const attached = make({ ...everybody, key: "attach-x/dhcp/lan", joins: true, ranges: [], hosts: [guest] });
  await attached.start();
  expect(await told()).toBe("EVENT bound 192.0.2.44 router ");
  expect(other.report()).toMatchObject({ state: "running", details: { addresses: 3 } });
  await attached.stop();
  expect(await told()).toBe("EVENT bound 192.0.2.11 router 192.0.2.1");
});

describe("on one bridge", () => {
  test("two machines get their own addresses, a third silence; a renewal is not refused by the kernel", async () => {
    const before = count("sent", "ACK");
    using onBridge = await Capture.open("lan", "br0");
    const first = udhcpc(1);
    const files = ["-lf", folder.join("leases"), "-pf", folder.join("pid"), "-sf", script, "-cf", "/dev/null"];
    const second = inHost(2, ["dhclient", "-4", "-d", "-1", ...files, "eth0"]);
    const third = udhcpc(3);
    await until("the first is bound", () => first.stderr.includes("EVENT bound") || !first.running);
    await until("the second is bound", () => second.stderr.includes("EVENT BOUND") || !second.running);
    expect(first.stderr).toContain("EVENT bound 192.0.2.11 router 192.0.2.1");
    expect(second.stderr).toContain("EVENT BOUND 192.0.2.12 router 192.0.2.1");
    expect((await third.ended()).code).toBe(1);

    // The renewal goes by unicast to the bridge's own address, where the kernel's stack sees it as well.
    first.child.kill("SIGUSR1");
    await until("the renewal is answered", () => first.stderr.includes("EVENT renew"));
    await first.stop();
    await second.stop();
    expect(count("sent", "ACK")).toBe(before + 3);
    const frames = onBridge.frames();
    expect(tsharkFields(frames, ["frame.number"], "icmp.type == 3")).toEqual([]);
    expect(tsharkFields(frames, ["frame.number"], `dhcp && eth.dst == ${MACS[2]}`)).toEqual([]);
    // A DISCOVER and a REQUEST of each of two, and the renewal.
    const ours = `dhcp && eth.src == ${BRIDGE_MAC}`;
    expect(tsharkFields(frames, ["frame.number"], ours)).toHaveLength(5);
    expect(tsharkFindings(frames, ours)).toEqual([]);
  });

  test("an ended service is silent", async () => {
    await service.stop();
    const client = udhcpc(1);
    expect((await client.ended()).code).toBe(1);
    expect(service.report().state).toBe("failed");
    await service.start();
  });
});

/** As a server has left it. @returns the path */
function writeLease(state: string, network: string, address: string): string {
  const path = folder.join(`${state}/dhcp/${network}.leases`);
  mkdirSync(dirname(path), { recursive: true });
  const lease: Lease = {
    address: parseIpv4(address),
    state: "leased",
    client: "h\x01\x52\x54\x00\x00\x00\x09",
    hardware: "\x01\x52\x54\x00\x00\x00\x09",
    hostName: "",
    startSeconds: 1_700_000_000,
    endSeconds: 0xffff_ffff,
  };
  writeFileSync(path, Buffer.concat([DHCP4_LEASES.header, encodeGroup(DHCP4_LEASES, [lease])]));
  return path;
}

test("of a network without a lease nothing stays", async () => {
  const served = maker("unused")(everybody);
  await served.start();
  expect(existsSync(folder.join("unused/dhcp/guests/lan.leases"))).toBe(true);
  await served.stop();
  expect(existsSync(folder.join("unused/dhcp"))).toBe(false);
});

test("leases of all outlive what is attached, which goes last", async () => {
  const leases = writeLease("attached", "guests/lan", "192.0.2.12");
  const guest = host(parseMac("52:54:00:00:00:04"), "192.0.2.44");
  const makeHere = maker("attached");
  const base = makeHere(everybody);
  const attached = makeHere({ ...everybody, key: "attach-x/dhcp/lan", joins: true, ranges: [], hosts: [guest] });
  for (const each of [base, attached]) await each.start();
  for (const each of [base, attached]) await each.stop();
  expect(existsSync(leases)).toBe(true);
});

test("leases outlive a change where a further subnet alone has a range, and go where none has", async () => {
  const further = { subnet: parsePrefix("198.51.100.0/24") as Ipv4Prefix, options: [], relayed: true } as const;
  const ranges = [{ first: parseIpv4("198.51.100.10"), last: parseIpv4("198.51.100.20") }];
  const makeHere = maker("changes");
  for (const [given, isKept] of [
    [[], false],
    [ranges, true],
  ] as const) {
    const leases = writeLease("changes", "office/lan", "198.51.100.12");
    const changed = makeHere({ ...machines, furtherSubnets: [{ ...further, ranges: given }] });
    await changed.start();
    await changed.stop();
    expect(existsSync(leases)).toBe(isKept);
  }
});

test("where another server holds the port already, that is told", async () => {
  const warnings: string[] = [];
  const beside = maker("beside", { ...SILENT, warn: (message) => void warnings.push(message) })(machines);
  await beside.start();
  expect(warnings).toEqual(["another DHCP server holds port 67 of this address"]);
  expect(beside.report().state).toBe("running");
  await beside.stop();
});
