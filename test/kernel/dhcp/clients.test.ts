import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { DECLINE_HOLD_SECONDS, type SingleServerConfig } from "../../../src/protocol/dhcp4/single-server.ts";
import { until } from "../../support/network.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";
import { type Client, CLIENT_MAC, SERVER_MAC, World } from "./world.ts";

const config: SingleServerConfig = {
  clientMac: CLIENT_MAC,
  serverAddress: parseIpv4("169.254.75.10"),
  serverMac: SERVER_MAC,
  lease: {
    address: parseIpv4("192.0.2.17"),
    prefixLength: 24,
    router: parseIpv4("192.0.2.1"),
    routes: [{ destination: parsePrefix("198.51.100.0/24") as Ipv4Prefix, gateway: parseIpv4("192.0.2.9") }],
    nameServers: [parseIpv4("192.0.2.53"), parseIpv4("192.0.2.54")],
    searchDomains: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
    domainName: "default.svc.cluster.local",
    hostName: "vm1",
    mtuBytes: 1450,
    leaseSeconds: 3600,
    options: [{ code: 42, hex: "c0000235" }],
  },
};

type Environment = Readonly<Record<string, string>>;

/** "24 198 51 100 192 0 2 9" of dhclient as "198.51.100.0/24 192.0.2.9". */
function dhclientRoutes(bytes: string): string {
  const rest = bytes.split(" ").map(Number);
  const routes: string[] = [];
  while (rest.length > 0) {
    const length = rest.shift()!;
    const destination = [0, 0, 0, 0].map((_, i) => (i < Math.ceil(length / 8) ? rest.shift()! : 0));
    routes.push(`${destination.join(".")}/${length} ${rest.splice(0, 4).join(".")}`);
  }
  return routes.join(" ");
}

const CLIENTS: {
  name: string;
  start: (world: World) => Client;
  bound: string;
  read: (environment: Environment) => Environment;
}[] = [
  {
    name: "busybox udhcpc",
    start: (world) => world.startUdhcpc(["-O", "ntpsrv"]),
    bound: "bound",
    read: (environment) => ({
      address: `${environment["ip"]}/${environment["mask"]}`,
      router: environment["router"]!,
      routes: environment["staticroutes"]!,
      nameServers: environment["dns"]!,
      search: environment["search"]!,
      domain: environment["domain"]!,
      host: environment["hostname"]!,
      mtu: environment["mtu"]!,
      time: environment["ntpsrv"]!,
      server: environment["serverid"]!,
      lease: environment["lease"]!,
    }),
  },
  {
    name: "ISC dhclient",
    start: (world) => world.startDhclient(),
    bound: "BOUND",
    read: (environment) => ({
      address: `${environment["new_ip_address"]}/${environment["new_subnet_mask"] === "255.255.255.0" ? 24 : "?"}`,
      router: environment["new_routers"]!,
      routes: dhclientRoutes(environment["new_classless"]!),
      nameServers: environment["new_domain_name_servers"]!,
      search: environment["new_domain_search"]!.replaceAll(". ", " ").replace(/\.$/, ""),
      domain: environment["new_domain_name"]!,
      host: environment["new_host_name"]!,
      mtu: environment["new_interface_mtu"]!,
      time: environment["new_ntp_servers"]!,
      server: environment["new_dhcp_server_identifier"]!,
      lease: environment["new_dhcp_lease_time"]!,
    }),
  },
  {
    name: "dhcpcd",
    start: (world) => world.startDhcpcd(),
    bound: "BOUND",
    read: (environment) => ({
      address: `${environment["new_ip_address"]}/${environment["new_subnet_cidr"]}`,
      router: environment["new_routers"]!,
      routes: environment["new_classless_static_routes"]!,
      nameServers: environment["new_domain_name_servers"]!,
      search: environment["new_domain_search"]!,
      domain: environment["new_domain_name"]!,
      host: environment["new_host_name"]!,
      mtu: environment["new_interface_mtu"]!,
      time: environment["new_ntp_servers"]!,
      server: environment["new_dhcp_server_identifier"]!,
      lease: environment["new_dhcp_lease_time"]!,
    }),
  },
];

/** Of all tests here: what we sent passes tshark. */
const exchanged: Uint8Array[] = [];
let world: World;

beforeEach(async () => {
  world = await World.open({ gateways: ["192.0.2.1/24", "169.254.1.1/32"] });
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

describe.each(CLIENTS)("$name", ({ start, bound, read }) => {
  test("is told everything about its network", async () => {
    const service = await world.serve(config);
    const client = start(world);
    expect(read(await client.waitFor(bound))).toEqual({
      address: "192.0.2.17/24",
      router: "192.0.2.1",
      routes: "198.51.100.0/24 192.0.2.9 0.0.0.0/0 192.0.2.1",
      nameServers: "192.0.2.53 192.0.2.54",
      search: "default.svc.cluster.local svc.cluster.local cluster.local",
      domain: "default.svc.cluster.local",
      host: "vm1",
      mtu: "1450",
      time: "192.0.2.53",
      server: "169.254.75.10",
      lease: "3600",
    });
    expect(service.stats()).toMatchObject({
      received: { DISCOVER: 1, REQUEST: 1 },
      sent: { OFFER: 1, ACK: 1 },
      notSent: 0,
    });
    await world.inClient("ping", ["-c1", "-w30", "192.0.2.1"]);
  });

  test("reaches a gateway off its link from a /32 address", async () => {
    const { routes: _, ...lease } = config.lease;
    await world.serve({
      ...config,
      lease: { ...lease, routes: [], prefixLength: 32, router: parseIpv4("169.254.1.1") },
    });
    await world.inServer("ip", ["route", "add", "192.0.2.17/32", "dev", "tap0", "src", "169.254.1.1"]);
    const client = start(world);
    const { routes } = read(await client.waitFor(bound));
    expect(routes).toBe("169.254.1.1/32 0.0.0.0 0.0.0.0/0 169.254.1.1");
    await world.inClient("ping", ["-c1", "-w30", "169.254.1.1"]);
  });
});

describe("silence", () => {
  test("no client obtains a lease from a server that serves another MAC address", async () => {
    const service = await world.serve({ ...config, clientMac: parseMac("52:54:00:00:00:99") });
    // udhcpc gives up after one request, dhclient after three seconds, dhcpcd never.
    const clients = [
      world.startUdhcpc(["-t", "1", "-T", "2"]),
      world.startDhclient({ patienceSeconds: 3 }),
      world.startDhcpcd(),
    ];
    expect(await clients[0]!.exitStatus()).toBe(1);
    expect(await clients[1]!.exitStatus()).not.toBe(0);
    await until("each has asked", () => service.stats().ignored >= clients.length);
    const names = clients.flatMap((client) => client.events().map(({ name }) => name));
    expect(names).not.toEqual([]);
    expect(names.filter((name) => /bound|reboot/i.test(name))).toEqual([]);
    expect(service.stats().sent).toEqual({});
    expect(tsharkFields(world.frames, ["frame.number"], `eth.src == ${SERVER_MAC}`)).toEqual([]);
  });

  test("a second MAC address on the link gets no answer while the first does", async () => {
    await world.inClient(
      "ip",
      "link add other0 link eth0 address 52:54:00:00:00:99 type macvlan mode bridge".split(" "),
    );
    await world.inClient("ip", ["link", "set", "other0", "up"]);
    const service = await world.serve(config);
    const other = world.startUdhcpc(["-t", "2", "-T", "1"], "other0");
    const client = world.startUdhcpc();
    await client.waitFor("bound");
    expect(await other.exitStatus()).toBe(1);
    expect(other.output).toContain("no lease");
    expect(service.stats().sent).toEqual({ OFFER: 1, ACK: 1 });
    expect(service.stats().ignored).toBe(2);
  });
});

describe("INIT-REBOOT", () => {
  const oldLease = (address: string): string => `lease {
  interface "eth0";
  fixed-address ${address};
  option subnet-mask 255.255.255.0;
  option dhcp-server-identifier 169.254.75.10;
  renew 6 2037/01/03 00:00:00;
  rebind 6 2037/01/03 00:00:00;
  expire 6 2037/01/03 00:00:00;
}
`;
  const FIELDS = ["dhcp.option.dhcp", "eth.dst", "ip.dst", "dhcp.option.requested_ip_address"];
  const dialogue = (): string[] => {
    const rows = tsharkFields(world.frames, FIELDS, "dhcp");
    return rows.map((row) =>
      FIELDS.map((field) => row[field])
        .join(" ")
        .trim(),
    );
  };
  const BROADCAST = "ff:ff:ff:ff:ff:ff 255.255.255.255";

  test("dhclient with the lease of another address: broadcast NAK, then its address", async () => {
    await world.serve(config);
    const client = world.startDhclient({ lease: oldLease("192.0.2.99") });
    const environment = await client.waitFor("BOUND");
    expect(environment["new_ip_address"]).toBe("192.0.2.17");
    expect(dialogue()).toEqual([
      `3 ${BROADCAST} 192.0.2.99`,
      `6 ${BROADCAST}`,
      `1 ${BROADCAST}`,
      `2 ${CLIENT_MAC} 192.0.2.17`,
      `3 ${BROADCAST} 192.0.2.17`,
      `5 ${CLIENT_MAC} 192.0.2.17`,
    ]);
  });

  test("dhclient with the lease of its address: ACK at once", async () => {
    await world.serve(config);
    const client = world.startDhclient({ lease: oldLease("192.0.2.17") });
    await client.waitFor("REBOOT");
    expect(dialogue()).toEqual([`3 ${BROADCAST} 192.0.2.17`, `5 ${CLIENT_MAC} 192.0.2.17`]);
  });

  test("dhcpcd, whose address has changed while it was away", async () => {
    const before = await world.serve(config);
    const first = world.startDhcpcd();
    await first.waitFor("BOUND");
    first.signal("SIGTERM");
    await first.exitStatus();
    before.close();
    const after = await world.serve({ ...config, lease: { ...config.lease, address: parseIpv4("192.0.2.18") } });
    const environment = await world.startDhcpcd().waitFor("BOUND");
    expect(environment["new_ip_address"]).toBe("192.0.2.18");
    expect(after.stats()).toMatchObject({ sent: { NAK: 1, OFFER: 1, ACK: 1 } });
  });
});

describe("INFORM", () => {
  test("dhcpcd with an address of its own is told the settings, and no lease", async () => {
    const service = await world.serve(config);
    const client = world.startDhcpcd(["--inform"]);
    await client.waitFor("3RDPARTY");
    await world.inClient("ip", ["address", "add", "192.0.2.77/24", "dev", "eth0"]);
    const environment = await client.waitFor("INFORM");
    expect(environment).toMatchObject({
      new_domain_name_servers: "192.0.2.53 192.0.2.54",
      new_classless_static_routes: "198.51.100.0/24 192.0.2.9 0.0.0.0/0 192.0.2.1",
      new_interface_mtu: "1450",
    });
    expect(environment).not.toHaveProperty("new_dhcp_lease_time");
    expect(service.stats()).toMatchObject({ received: { INFORM: 1 }, sent: { ACK: 1 } });
    const [reply] = tsharkFields(world.frames, ["ip.dst", "dhcp.ip.your"], `dhcp && eth.src == ${SERVER_MAC}`);
    expect(reply).toEqual({ "ip.dst": "192.0.2.77", "dhcp.ip.your": "0.0.0.0" });
  });
});

describe("the end of a lease", () => {
  test("RELEASE is counted and reported", async () => {
    const service = await world.serve(config);
    const client = world.startUdhcpc(["-R"]);
    await client.waitFor("bound");
    client.signal("SIGTERM");
    await client.exitStatus();
    await until("a RELEASE", () => service.stats().received["RELEASE"] !== undefined);
    expect(service.stats().received).toEqual({ DISCOVER: 1, REQUEST: 1, RELEASE: 1 });
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: "DHCP address released", address: "192.0.2.17" }),
    );
  });

  test("DECLINE of an address that somebody else on the link uses is reported", async () => {
    await world.inServer("ip", ["address", "add", "192.0.2.17/32", "dev", "tap0"]);
    const service = await world.serve(config);
    const client = world.startUdhcpc(["-a300"]);
    await client.waitForOutput("declining");
    await until("a DECLINE", () => service.stats().received["DECLINE"] !== undefined);
    expect(world.log).toContainEqual(
      expect.objectContaining({ address: "192.0.2.17", offeredAgainAfterSeconds: DECLINE_HOLD_SECONDS }),
    );
    expect(client.events().map(({ name }) => name)).not.toContain("bound");
  });

  test("a closed service is silent", async () => {
    const service = await world.serve(config);
    service.close();
    service.close();
    const client = world.startUdhcpc(["-t", "1", "-T", "1"]);
    expect(await client.exitStatus()).toBe(1);
    expect(service.stats().received).toEqual({});
  });
});
