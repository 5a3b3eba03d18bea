/** What real clients make of our router advertisements and DHCPv6: the kernel, dhclient and dhcpcd. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ipv6Prefix, parseIpv6, parsePrefix } from "../../../src/base/address.ts";
import { shell, until } from "../../support/network.ts";
import { tsharkFindings } from "../../support/tshark.ts";
import { GUEST_MAC, placeWith, ROUTER, ROUTER_MAC, SERVER_MAC, World } from "./world.ts";

const prefix = (text: string): Ipv6Prefix => parsePrefix(text) as Ipv6Prefix;
const SLAAC = placeWith({
  prefixes: [{ prefix: prefix("2001:db8:1::/64"), onLink: true, autonomous: true }],
  routes: [prefix("2001:db8:ffff::/48")],
  mtuBytes: 1440,
});
const SLAAC_ADDRESS = "2001:db8:1:0:5054:ff:fe00:17/64";
const MANAGED = placeWith({
  addresses: [parseIpv6("2001:db8::5")],
  nameServers: [parseIpv6("2001:db8::53")],
  searchDomains: ["example.org"],
});
const TOLD = "address=2001:db8::5 servers=2001:db8::53 search=example.org";

/** Of all tests here: what we sent passes tshark. */
const exchanged: Uint8Array[] = [];
let world: World;

beforeEach(async () => {
  world = await World.open();
});

afterEach(async () => {
  exchanged.push(...world.frames());
  await world[Symbol.asyncDispose]();
});

afterAll(() => {
  const ours = `eth.src == ${SERVER_MAC}`;
  expect(exchanged.length).toBeGreaterThan(0);
  expect(tsharkFindings(exchanged, ours)).toEqual([]);
  expect(tsharkFindings(exchanged, `(${ours}) && icmpv6.checksum.status == 0`)).toEqual([]);
});

describe("the kernel's own client", () => {
  test("makes its address, and takes default route, further route and MTU", async () => {
    world.serve(SLAAC);
    world.linkUp();
    await until("the guest has an address", () => world.addresses().length > 0);
    expect(world.addresses()).toEqual([SLAAC_ADDRESS]);
    expect(world.advertisedRoutes()).toEqual([`2001:db8:ffff::/48 via ${ROUTER}`, `default via ${ROUTER}`]);
    const mtu = shell("nsenter --net=/run/netns/client cat /proc/sys/net/ipv6/conf/eth0/mtu").trim();
    expect(mtu).toBe("1440");
  });

  test("finds the router's MAC address by asking, also when it has forgotten it", async () => {
    const server = world.serve(SLAAC);
    world.linkUp();
    await until("the guest has a route", () => world.advertisedRoutes().length > 0);
    shell("ip -n client -6 neighbour flush dev eth0");
    world.start(["ping", "-c", "3", "-W", "1", `${ROUTER}%eth0`]);
    const entry = (): string => shell(`ip -n client -6 neighbour show ${ROUTER} dev eth0`);
    await until("the guest knows the router", () => entry().includes(ROUTER_MAC));
    expect(server.stats().sent["NEIGHBOUR-ADVERTISEMENT"]).toBeGreaterThan(0);
  });

  test("a router that answers for itself is left to do so", async () => {
    const { routerMac: _, ...place } = SLAAC;
    const server = world.serve(place);
    world.linkUp();
    await until("the guest has a route", () => world.advertisedRoutes().length > 0);
    const ping = world.start(["ping", "-c", "2", "-W", "1", `${ROUTER}%eth0`]);
    await ping.ended();
    expect(server.stats().sent).not.toHaveProperty("NEIGHBOUR-ADVERTISEMENT");
  });

  test("another MAC address meets silence", async () => {
    shell("ip -n client link set eth0 address 52:54:00:00:00:99");
    const server = world.serve(SLAAC);
    world.linkUp();
    await until("it asked for a router", () => server.stats().ignored > 0);
    const client = world.startDhclient(["-1"]);
    const before = server.stats().ignored;
    await until("it asked for an address", () => server.stats().ignored > before + 1);
    expect(server.stats().received).toEqual({});
    expect(client.stderr).not.toContain("BOUND6");
    expect(world.addresses()).toEqual([]);
  });

  test("keeps its route over a restart, and loses it when the service ends for good", async () => {
    const first = world.serve(SLAAC);
    world.linkUp();
    await until("the guest has a route", () => world.advertisedRoutes().length === 2);
    first.close(false);
    const second = world.serve(SLAAC);
    await until("the second one is heard", () => (second.stats().sent["ROUTER-ADVERTISEMENT"] ?? 0) > 0);
    expect(world.advertisedRoutes()).toHaveLength(2);
    expect(world.addresses()).toEqual([SLAAC_ADDRESS]);
    second.close(true);
    await until("the routes are gone", () => world.advertisedRoutes().length === 0);
  });
});

describe("ISC dhclient", () => {
  test("gets its address, name server and search list, and gives the address back", async () => {
    const server = world.serve(MANAGED);
    world.linkUp();
    await until("the guest has a route", () => world.advertisedRoutes().length > 0);
    const client = world.startDhclient();
    await until("dhclient is bound", () => client.stderr.includes("EVENT BOUND6"));
    expect(client.stderr).toContain(`EVENT BOUND6 ${TOLD}`);
    expect(world.addresses()).toEqual(["2001:db8::5/128"]);
    await client.stop();
    const leaving = world.startDhclient(["-r"]);
    await until("dhclient has released", () => server.stats().received["RELEASE"] !== undefined);
    await leaving.ended();
    expect(world.log).toContain("DHCPv6 addresses released");
  });

  test("renews, also with a server that was restarted meanwhile", async () => {
    const place = { ...MANAGED, lease: { ...MANAGED.lease, leaseSeconds: 8 } };
    const first = world.serve(place);
    world.linkUp();
    await until("the guest has a route", () => world.advertisedRoutes().length > 0);
    const client = world.startDhclient();
    await until("dhclient is bound", () => client.stderr.includes("EVENT BOUND6"));
    first.close(false);
    const second = world.serve(place);
    await until("dhclient has renewed", () => client.stderr.includes("EVENT RENEW6"));
    expect(second.stats().received["RENEW"]).toBeGreaterThan(0);
    expect(world.addresses()).toEqual(["2001:db8::5/128"]);
  });
});

describe("dhcpcd", () => {
  test("gets its address, name server and search list", async () => {
    world.serve(MANAGED);
    world.linkUp();
    const client = world.startDhcpcd();
    await until("dhcpcd is bound", () => client.stderr.includes("EVENT BOUND6"));
    expect(client.stderr).toContain(`EVENT BOUND6 ${TOLD}`);
    await until("the address is set", () => world.addresses().length > 0);
    expect(world.addresses()).toEqual(["2001:db8::5/128"]);
  });
});

test("frames go to the guest's MAC address only", async () => {
  world.serve(SLAAC);
  world.linkUp();
  await until("the guest has an address", () => world.addresses().length > 0);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const ours = world.frames().filter((frame) => hex(frame.subarray(6, 12)) === SERVER_MAC.replaceAll(":", ""));
  expect(new Set(ours.map((frame) => hex(frame.subarray(0, 6))))).toEqual(new Set([GUEST_MAC.replaceAll(":", "")]));
});
