import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeBridgePort, dumpBridgePorts } from "../../../src/netlink/route/bridge-port.ts";
import { decodeLink, dumpLinks, type Link } from "../../../src/netlink/route/link.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { ip, run } from "../native/support.ts";
import { bridgeLinkPort, comparable, ipLink, jsonOf } from "./ip-json.ts";

const SETUP = [
  "netns add nl-pod",
  "link add br0 type bridge forward_delay 400 stp_state 1 priority 4096",
  "link add v0 type veth peer name v1",
  "link set v0 master br0 up",
  "link set v1 up",
  "link set br0 up alias netloom:lan",
  "link set v0 type bridge_slave cost 50 priority 16 hairpin on learning off isolated on",
  "link property add dev v0 altname alternative-name-0",
  "link add v2 group 7 type veth peer name v3 netns nl-pod",
  "link set v2 addrgenmode none",
  "tuntap add tap0 mode tap user 0 multi_queue",
  "tuntap add tun0 mode tun",
  "link add link br0 mv0 type macvlan mode source",
  "link set mv0 type macvlan macaddr add 02:00:00:00:00:77",
  "link set mv0 type macvlan macaddr add 02:00:00:00:00:78",
  "link add link br0 mt0 type macvtap mode bridge",
  "link add vx0 type vxlan id 7 dev br0 local 192.0.2.1 ttl 16 nolearning dstport 4789",
  "link add vx6 type vxlan id 8 dev br0 group ff05::7 dstport 4789 srcport 1000 2000 ageing 60",
  "link add ifb7 type ifb",
];
const NAMES = ["lo", "br0", "v0", "v1", "v2", "tap0", "tun0", "mv0", "mt0", "vx0", "vx6", "ifb7"];

let links: readonly Link[] = [];
const nameOf = (index: number): string | undefined => links.find((link) => link.index === index)?.name;

beforeAll(async () => {
  for (const command of SETUP) ip(...command.split(" "));
  await using netlink = RouteNetlink.open();
  links = await netlink.dump(dumpLinks(), decodeLink);
});

afterAll(() => {
  for (const name of ["vx0", "vx6", "br0", "v0", "v2", "tap0", "tun0", "ifb7"]) ip("link", "delete", name);
  ip("netns", "delete", "nl-pod");
});

describe("a link is decoded as ip -json -details shows it", () => {
  test.each(NAMES)("%s", (name) => {
    const shown = jsonOf("ip", "-json", "-details", "link", "show", "dev", name)[0];
    const link = links.find((candidate) => candidate.name === name)!;
    expect(ipLink(link, nameOf)).toEqual(comparable(shown));
    expect(link.up).toBe((shown!["flags"] as string[]).includes("UP"));
  });

  test("no link is missing", () => {
    expect(links.map((link) => link.index)).toEqual(jsonOf("ip", "-json", "link").map((link) => link["ifindex"]));
  });
});

test("bridge ports are decoded as bridge -json -details shows them", async () => {
  await using netlink = RouteNetlink.open();
  const ports = await netlink.dump(dumpBridgePorts(), decodeBridgePort);
  const shown = jsonOf("bridge", "-json", "-details", "link", "show");
  expect(ports).toHaveLength(shown.length);
  for (const port of shown) {
    const ours = ports.find(({ linkIndex }) => linkIndex === port["ifindex"])!;
    const { ifindex, ifname, link, flags, mtu, master, ...details } = port;
    expect(bridgeLinkPort(ours.port)).toEqual(details);
    expect(ours.name).toBe(ifname);
    expect(nameOf(ours.masterIndex ?? 0)).toBe(master);
  }
});

test("the ports of one bridge, by the kernel's filter", async () => {
  await using netlink = RouteNetlink.open();
  const masterIndex = links.find((link) => link.name === "br0")!.index;
  const ports = await netlink.dump(dumpLinks({ masterIndex }), decodeLink);
  expect(ports.map((port) => port.name)).toEqual(["v0"]);
  expect(run("bridge", "link")).toContain("v0");
});
