/** DHCP on a network's bridge: machines that are known by their MAC addresses, and one that is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MacAddress, parseIpv4, parseMac } from "../../../src/base/address.ts";
import { createLinkService } from "../../../src/services/keeper/create-service.ts";
import type { LinkService } from "../../../src/services/keeper/link-service.ts";
import type { NetworkDhcpObject } from "../../../src/state/object.ts";
import { Capture } from "../../support/capture.ts";
import { Folder, Running, shell, until } from "../../support/network.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";

const BRIDGE_MAC = "02:00:00:00:00:fe";
const MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"].map(parseMac) as [
  MacAddress,
  MacAddress,
  MacAddress,
];

function host(clientMac: MacAddress, address: string): NetworkDhcpObject["hosts"][number] {
  return {
    clientMac,
    lease: {
      address: parseIpv4(address),
      prefixLength: 24,
      router: parseIpv4("192.0.2.1"),
      routes: [],
      nameServers: [parseIpv4("192.0.2.1")],
      searchDomains: [],
      leaseSeconds: 3600,
    },
  };
}

const object: NetworkDhcpObject = {
  kind: "dhcp-network",
  key: "dhcp/lan",
  origin: "network lan",
  namespace: "lan",
  linkKey: "link/lan",
  interfaceName: "br0",
  serverAddress: parseIpv4("192.0.2.1"),
  hosts: [host(MACS[0], "192.0.2.11"), host(MACS[1], "192.0.2.12")],
};

const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
event=\${1:-$reason}
case $event in
bound | renew) ip address replace "$ip/$mask" dev eth0 ;;
BOUND) ip address replace "$new_ip_address/24" dev eth0 ;;
esac
echo "EVENT $event $ip$new_ip_address router $router$new_routers" >&2
`;

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let folder: Folder;
let script: string;
let service: LinkService;

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
    for name in lan h1 h2 h3; do
      ip netns add $name
      nsenter --net=/run/netns/$name sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    done
    ip -n lan link add br0 address ${BRIDGE_MAC} type bridge forward_delay 0 mcast_snooping 0
    ip -n lan address add 192.0.2.1/24 dev br0
    for n in 1 2 3; do
      ip -n h$n link add eth0 address 52:54:00:00:00:0$n type veth peer name port$n netns lan
      ip -n lan link set port$n master br0 up
      ip -n h$n link set eth0 up
    done
    ip -n lan link set br0 up`);
  service = createLinkService(object, quiet);
  await service.start();
});

afterAll(async () => {
  await service.stop();
  shell("for name in lan h1 h2 h3; do ip netns delete $name; done");
  folder[Symbol.dispose]();
});

describe("on one bridge", () => {
  test("two machines get their own addresses, a third silence; a renewal is not refused by the kernel", async () => {
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
    expect(count("sent", "ACK")).toBe(3);
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

test("where another server holds the port already, that is told", async () => {
  const warnings: string[] = [];
  const beside = createLinkService(object, { ...quiet, warn: (message) => void warnings.push(message) });
  await beside.start();
  expect(warnings).toEqual(["another DHCP server holds port 67 of this address"]);
  expect(beside.report().state).toBe("running");
  await beside.stop();
});
