/**
 * Renewal is where a server for a taken-over address fails easily: the client unicasts from a socket of its kernel to
 * a server address that no interface holds. Either it lies off the subnet, and the frame goes to the gateway's MAC
 * address, or the client asks for it by ARP.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import type { SingleServerConfig } from "../../../src/protocol/dhcp4/single-server.ts";
import { until } from "../../support/network.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";
import { CLIENT_MAC, SERVER_MAC, World } from "./world.ts";

const address = parseIpv4("192.0.2.17");
const config: SingleServerConfig = {
  clientMac: CLIENT_MAC,
  serverAddress: parseIpv4("169.254.75.10"),
  serverMac: SERVER_MAC,
  lease: {
    address,
    prefixLength: 24,
    router: parseIpv4("192.0.2.1"),
    routes: [],
    nameServers: [],
    searchDomains: [],
    leaseSeconds: 3600,
  },
};
const ON_LINK = parseIpv4("192.0.2.2");

/** Of all tests here: what we sent passes tshark. */
const exchanged: Uint8Array[] = [];
let world: World;
let gatewayMac: string;

beforeEach(async () => {
  world = await World.open({ gateways: ["192.0.2.1/24"] });
  gatewayMac = await macOfTap();
});

afterEach(async () => {
  exchanged.push(...world.frames);
  await world.close();
});

afterAll(() => {
  const ours = `eth.src == ${SERVER_MAC}`;
  expect(tsharkFields(exchanged, ["frame.number"], ours).length).toBeGreaterThan(0);
  expect(tsharkFindings(exchanged, ours)).toEqual([]);
});

async function macOfTap(): Promise<string> {
  const [link] = JSON.parse(await world.inServer("ip", ["-j", "link", "show", "tap0"])) as { address: string }[];
  return link!.address;
}

/**
 * The first unicast REQUEST and what came back: frame destination, addresses, ciaddr, and whether the checksum was
 * right. Each request must have been answered; there may be several, as udhcpc keeps the connected socket that it sent
 * the request with open for a moment, and an answer that comes that early ends there unread.
 */
function renewalSeen(): { request: Record<string, string>; reply: Record<string, string> } {
  const fields = [
    "eth.dst",
    "ip.src",
    "ip.dst",
    "dhcp.ip.client",
    "dhcp.ip.your",
    "dhcp.option.dhcp",
    "udp.checksum.status",
  ];
  const rows = tsharkFields(world.frames, fields, `dhcp && !icmp && dhcp.ip.client == ${address}`);
  expect(rows.map((row) => row["dhcp.option.dhcp"]).join("")).toMatch(/^(35)+$/);
  return { request: rows[0]!, reply: rows[1]! };
}

describe.each([
  // The client's kernel leaves udhcpc's checksum to a device that a veth does not have: tshark calls it wrong.
  { name: "busybox udhcpc", start: "startUdhcpc", ready: "obtained", renewed: "renew", checksum: "0" },
  // dhcpcd's own proxy sends the datagram without one.
  { name: "dhcpcd", start: "startDhcpcd", ready: "spawned listener", renewed: "RENEW", checksum: "3" },
] as const)("$name, told to renew", ({ start, ready, renewed, checksum }) => {
  test("a server off the subnet: the request goes to the gateway's MAC address and is answered", async () => {
    const service = await world.serve(config);
    const client = world[start]();
    await client.waitForOutput(ready);
    client.signal("SIGUSR1");
    await client.waitFor(renewed);
    expect(service.stats()).toMatchObject({ received: { DISCOVER: 1 }, sent: { OFFER: 1 } });
    const { request, reply } = renewalSeen();
    expect(request).toMatchObject({
      "eth.dst": gatewayMac,
      "ip.src": address,
      "ip.dst": "169.254.75.10",
      "dhcp.ip.client": address,
    });
    expect(reply).toMatchObject({
      "eth.dst": CLIENT_MAC,
      "ip.src": "169.254.75.10",
      "ip.dst": address,
      "dhcp.ip.your": address,
    });
    expect([request["udp.checksum.status"], reply["udp.checksum.status"]]).toEqual([checksum, "1"]);
  });

  test("a server on the subnet that no kernel knows: ARP is answered, then the request", async () => {
    const service = await world.serve({ ...config, serverAddress: ON_LINK });
    const client = world[start]();
    await client.waitForOutput(ready);
    client.signal("SIGUSR1");
    await client.waitFor(renewed);
    expect(service.stats()).toMatchObject({ received: { DISCOVER: 1 }, sent: { OFFER: 1 } });
    expect(service.stats().arpAnswered).toBeGreaterThan(0);
    expect(await world.inClient("ip", ["neighbour", "show", ON_LINK])).toContain(SERVER_MAC);
    expect(renewalSeen().request).toMatchObject({ "eth.dst": SERVER_MAC, "ip.dst": ON_LINK });
  });
});

describe("ISC dhclient", () => {
  test("renews its lease by itself, by unicast", async () => {
    // Renewed soon and rebound late: on a busy machine it would broadcast before the renewal is answered.
    const service = await world.serve(config);
    const client = world.startDhclient({ further: "supersede dhcp-renewal-time 2;" });
    await client.waitFor("BOUND");
    await client.waitFor("RENEW");
    expect(service.stats()).toMatchObject({ received: { DISCOVER: 1 }, sent: { OFFER: 1 } });
    expect(renewalSeen().request).toMatchObject({ "eth.dst": gatewayMac, "ip.dst": "169.254.75.10" });
  });
});

describe("the link", () => {
  test("goes down and comes up: the service goes on", async () => {
    const service = await world.serve(config);
    await world.inServer("ip", ["link", "set", "tap0", "down"]);
    await until("the error is told", () => world.log.length > 0);
    expect(world.log).toContainEqual(expect.objectContaining({ message: "DHCP link error", link: "tap0" }));
    await world.inServer("ip", ["link", "set", "tap0", "up"]);
    await world.startUdhcpc().waitFor("bound");
    expect(service.stats().sent).toEqual({ OFFER: 1, ACK: 1 });
  });
});
