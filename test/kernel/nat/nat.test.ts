/** NAT of a declared network, with and without the bridge's frames passing the ip hooks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Capture } from "../../support/capture.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, netloom, shell, until } from "../../support/network.ts";
import { tsharkFields } from "../../support/tshark.ts";
import { FIRST, GOOD, makeHost, OUTSIDE, planAndTry, reach, removeHost, SECOND, UPLINK } from "./host.ts";

const BRIDGE_CALLS = "/proc/sys/net/bridge/bridge-nf-call-iptables";

const folder = new Folder();
let file: string;
let atFirst: string;

beforeAll(() => {
  file = makeHost(folder);
  expect(existsSync(BRIDGE_CALLS)).toBe(true);
  atFirst = readFileSync(BRIDGE_CALLS, "utf8");
});
afterEach(async () => {
  await netloom(["destroy", file]);
  writeFileSync(BRIDGE_CALLS, atFirst);
});
afterAll(() => {
  removeHost();
  folder[Symbol.dispose]();
});

test.each(["0", "1"])("with bridge-nf-call-iptables at %s", async (value) => {
  writeFileSync(BRIDGE_CALLS, value);
  const before = hostSnapshot();
  await planAndTry(file, async () => {
    expect(await reach(GOOD)).toEqual(GOOD);
    expect(readFileSync(BRIDGE_CALLS, "utf8").trim()).toBe(value);
  });
  expect(hostSnapshot()).toEqual(before);
});

test("every packet outside has the uplink's address, also pings as large as the MTU", async () => {
  await done(["apply", file]);
  using capture = await Capture.open("outside", "eth0");
  shell(`nsenter --net=/run/netns/first ping -c 2 -i 0.1 -W 5 -M do -s 1472 ${OUTSIDE}
    nsenter --net=/run/netns/second ping -c 1 -W 30 ${OUTSIDE}`);
  const ipv4 = (frame: Uint8Array): boolean => frame[12] === 8 && frame[13] === 0;
  await until("six packets", () => capture.frames().filter(ipv4).length >= 6);
  const rows = tsharkFields(capture.frames(), ["ip.src", "ip.dst", "ip.len"], "icmp");
  const request = { "ip.src": UPLINK, "ip.dst": OUTSIDE };
  const reply = { "ip.src": OUTSIDE, "ip.dst": UPLINK };
  expect(rows.map(({ "ip.len": _, ...ends }) => ends)).toEqual([request, reply, request, reply, request, reply]);
  expect(rows.map((row) => row["ip.len"])).toEqual(["1500", "1500", "1500", "1500", "84", "84"]);
});

test("another network of the host stays closed to the machines, and they to it", async () => {
  await done(["apply", file]);
  shell(`ip netns add office
    ip link add office0 type veth peer name eth0 netns office
    ip address add 192.0.2.1/24 dev office0
    ip link set office0 up
    ip -n office address add 192.0.2.2/24 dev eth0
    ip -n office link set eth0 up
    ip -n office route add default via 192.0.2.1
    echo 1 >/proc/sys/net/ipv4/conf/office0/forwarding`);
  try {
    for (const [from, to] of [
      ["office", FIRST],
      ["office", SECOND],
      ["first", "192.0.2.2"],
    ])
      expect(shell(`nsenter --net=/run/netns/${from} ping -c 1 -W 1 ${to} || true`)).toContain("100% packet loss");
    // The ways themselves are there: each can talk to the host.
    shell("nsenter --net=/run/netns/office ping -c 1 -w 30 192.0.2.1");
    shell("nsenter --net=/run/netns/first ping -c 1 -w 30 192.168.50.1");
  } finally {
    shell("ip link delete office0; ip netns delete office");
  }
});
