import { afterAll, beforeAll, expect, test } from "vitest";
import { parseMac } from "../../../src/base/address.ts";
import { BridgePorts } from "../../../src/kernel/bridge-ports.ts";
import { json, shell } from "../../support/network.ts";

const [BRIDGE, PORT, HOST] = ["02:00:00:00:00:fe", "02:00:00:00:00:01", "52:54:00:00:00:17"].map(parseMac) as [
  ReturnType<typeof parseMac>,
  ReturnType<typeof parseMac>,
  ReturnType<typeof parseMac>,
];

beforeAll(() => {
  shell(`ip netns add bridged
    ip -n bridged link add br0 address ${BRIDGE} type bridge forward_delay 0
    ip -n bridged link add port1 address ${PORT} type veth peer name other
    ip -n bridged link set br0 up
    ip -n bridged link set other up
    ip -n bridged link set port1 master br0 up
    bridge -n bridged fdb add ${HOST} dev port1 master dynamic`);
});
afterAll(() => {
  shell("ip netns delete bridged");
});

test("a host is where the bridge has learned it, and nobody is where an interface's own address is", async () => {
  const indexOf = (name: string): number => Number(json(`ip -n bridged -j link show dev ${name}`)[0]?.["ifindex"]);
  using ports = new BridgePorts(indexOf("br0"), "/run/netns/bridged");
  expect(await ports.find(HOST)).toBe(indexOf("port1"));
  for (const address of [BRIDGE, PORT, parseMac("52:54:00:00:00:99")])
    expect(await ports.find(address)).toBeUndefined();
});
