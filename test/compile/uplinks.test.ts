/** Uplinks by DHCP: the client, what machines are told of its lease, and what stands in its way. */
import { describe, expect, test } from "vitest";
import { type Ipv4Address, type Ipv6Address, type Ipv6Prefix, parsePrefix } from "../../src/base/address.ts";
import type { Facts, UplinkFacts } from "../../src/compile/facts.ts";
import { byKey, compiled, HOST, link } from "./host.ts";

const FILE = `version: 1
uplinks: { wan: { device: eth0, address: dhcp }, dsl: { device: eth1 } }
networks:
  lan: { subnet: 192.168.50.0/24 }
  lab: { subnet: 192.168.51.0/24 }
  own: { subnet: 192.168.52.0/24, dns: { servers: [192.0.2.99] } }
routers: { edge: { networks: [lan, own], uplink: wan }, side: { networks: [lab], uplink: dsl } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  pod2: { kind: namespace, nics: [{ network: lab }] }
  pod3: { kind: namespace, nics: [{ network: own }] }
`;
const SERVER = "192.0.2.53" as Ipv4Address;
const LEASED: UplinkFacts = { resolver: { servers: [SERVER], search: ["isp.example"] } };

function host(eth0: UplinkFacts, further: Partial<Facts> = {}): Facts {
  return { ...HOST, links: { ...HOST.links, eth1: link(3, "198.51.100.5/24") }, uplinks: { eth0 }, ...further };
}

function resolvers(facts: Facts): string[] {
  const objects = byKey(compiled(FILE, facts));
  return ["pod1", "pod2", "pod3"].map((pod) => {
    const file = objects.get(`file/${pod}/resolv.conf`);
    return file?.kind === "file" ? file.content.split("\n").slice(1, -1).join("; ") : "";
  });
}

describe("an uplink by DHCP", () => {
  test("has a client on its device; one that keeps its address has none", () => {
    const clients = compiled(FILE, host({})).desired.objects.filter(({ kind }) => kind === "dhcp-client");
    expect(clients).toEqual([
      {
        kind: "dhcp-client",
        key: "dhcp-client/wan",
        origin: "uplink wan",
        namespace: "",
        interfaceName: "eth0",
        metric: 1024,
      },
    ]);
  });

  test("tells its lease's name servers to the networks behind it, and to no others", () => {
    expect(resolvers(host(LEASED))).toEqual([
      "nameserver 192.0.2.53; search isp.example",
      "nameserver 203.0.113.53; search example.org",
      "nameserver 192.0.2.99",
    ]);
  });

  test("tells them to whoever is attached to those networks later, too", () => {
    expect(compiled(FILE, host(LEASED)).desired.declared?.dns).toEqual({
      lan: { servers: [SERVER], search: ["isp.example"] },
      own: { servers: ["192.0.2.99"] },
    });
    expect(compiled(FILE, host({})).desired.declared?.dns).toEqual({ own: { servers: ["192.0.2.99"] } });
  });

  test("without a lease, and with one that names no server, the host's own are told", () => {
    const before = resolvers(host({}));
    expect(before[0]).toBe("nameserver 203.0.113.53; search example.org");
    expect(resolvers(host({ resolver: { servers: [], search: ["isp.example"] } }))).toEqual(before);
  });

  test("that is down or has no address yet is nothing to tell", () => {
    const down = link(2, "203.0.113.5/24", { up: false, addresses: [] });
    const facts = host({}, { links: { eth0: down, eth1: down }, resolver: { servers: [], search: [] } });
    expect(compiled(FILE, facts).notes).toEqual([
      "machines on lab are told no name server: the host has none; write dns: { servers: [...] } to name others",
      "the uplink eth1 is down: nothing beyond it can be reached until it is up",
    ]);
  });

  test("on which another client works is refused", () => {
    expect(() => compiled(FILE, host({ otherClient: "dhclient (process 812)" }))).toThrow(
      /2:42: uplinks\.wan\.address: dhclient \(process 812\) gets an address for eth0 already/,
    );
  });

  test("that is a port of a bridge is refused", () => {
    const facts = host({}, { links: { ...host({}).links, eth0: link(2, "203.0.113.5/24", { master: "br0" }) } });
    expect(() => compiled(FILE, facts)).toThrow(/2:27: uplinks\.wan\.device: is a port of br0 .*\n.*use br0/);
  });
});

describe("an uplink with addresses of its own", () => {
  const OWN = `version: 1
uplinks:
  wan: { device: eth0, address: [203.0.113.2/24, "2001:db8::2/64"], gateway: ["fe80::1", 203.0.113.1], dns: [192.0.2.53] }
  dsl: { device: eth1, address: 198.51.100.2/32, gateway: 192.0.2.1 }
networks: { lan: { subnet: 192.168.50.0/24, subnet6: "fd00:50::/64" } }
routers: { edge: { networks: [lan], uplink: wan } }
machines: { pod1: { kind: namespace, nics: [{ network: lan }] } }
`;
  const compiledOwn = (further: Partial<Facts> = {}) => compiled(OWN, host({}, { routes: [], ...further }));

  test("is set up, with its addresses, and the default routes in the order of the file", () => {
    const objects = compiledOwn().desired.objects.filter(({ key }) => key.startsWith("uplink/"));
    const eth0 = {
      kind: "link",
      key: "uplink/wan",
      name: "eth0",
      link: { type: "adopted", adoptedIndex: 2 },
      up: true,
    };
    expect(objects).toMatchObject([
      eth0,
      { linkKey: "uplink/wan", address: "203.0.113.2", prefixLength: 24 },
      { linkKey: "uplink/wan", address: "2001:db8::2", prefixLength: 64 },
      { destination: { address: "::", length: 0 }, nextHops: [{ gateway: "fe80::1" }], metric: 512 },
      { destination: { address: "0.0.0.0", length: 0 }, nextHops: [{ gateway: "203.0.113.1" }], metric: 512 },
      { key: "uplink/dsl", name: "eth1" },
      { linkKey: "uplink/dsl", address: "198.51.100.2", prefixLength: 32 },
      { nextHops: [{ linkKey: "uplink/dsl", gateway: "192.0.2.1", onlink: true }], metric: 513 },
    ]);
    expect(byKey(compiledOwn()).get("sysctl/net/ipv6/conf/eth0/disable_ipv6")).toMatchObject({ value: "0" });
  });

  test("tells its name servers to the networks behind it", () => {
    const file = byKey(compiledOwn()).get("file/pod1/resolv.conf");
    expect(file).toMatchObject({ content: expect.stringMatching(/^nameserver 192\.0\.2\.53$/m) });
    expect(compiledOwn().desired.declared?.dns).toEqual({ lan: { servers: ["192.0.2.53"], search: [] } });
  });

  test("has nothing to tell while it is down; a missing gateway and a default route before its own are told", () => {
    const down = { ...link(2, "203.0.113.5/24", { up: false }), addresses: [] };
    const links = { ...host({}).links, eth0: down };
    expect(compiledOwn({ links }).notes).toEqual([]);
    const way = { destination: { address: "0.0.0.0" as Ipv4Address, length: 0 }, device: "eth1", metric: 100 };
    expect(compiledOwn({ routes: [way] }).notes).toEqual([
      "the host's default route through eth1 (metric 100) goes before that of the uplink wan: packets take it as long as it is there",
    ]);
    expect(compiledOwn({ routes: [{ ...way, metric: 1024 }] }).notes).toEqual([]);
    const without = OWN.replace('gateway: ["fe80::1", 203.0.113.1]', "gateway: 203.0.113.1");
    expect(compiled(without, host({}, { routes: [] })).notes).toEqual([
      "the uplink eth0 has no IPv6 gateway: only its own subnet is reached through it",
    ]);
  });

  test("on which a DHCP client works, or which is too small for IPv6, is refused", () => {
    expect(() => compiled(OWN, host({ otherClient: "dhcpcd (process 7)" }))).toThrow(/dhcpcd \(process 7\) gets/);
    const links = { ...host({}).links, eth0: link(2, "203.0.113.5/24", { mtuBytes: 1000 }) };
    expect(() => compiledOwn({ links })).toThrow(
      /IPv6 needs an MTU of 1280 bytes, eth0 has 1000 .*\n.*ip link set eth0 mtu/,
    );
  });
});

test("of two uplinks by DHCP the first is preferred", () => {
  const two = FILE.replace("dsl: { device: eth1 }", "dsl: { device: eth1, address: dhcp }");
  const clients = compiled(two, host({})).desired.objects.filter((object) => object.kind === "dhcp-client");
  expect(clients.map(({ interfaceName, metric }) => [interfaceName, metric])).toEqual([
    ["eth0", 1024],
    ["eth1", 1025],
  ]);
});

describe("an uplink by DHCPv6", () => {
  const file = (rest: string): string =>
    `version: 1\nuplinks: { wan: { device: eth0, ${rest} } }\nnetworks: { lan: { subnet: 192.168.50.0/24, subnet6: "fd00:50::/64" } }\nrouters: { edge: { networks: [lan], uplink: wan } }\nmachines: { pod1: { kind: namespace, nics: [{ network: lan }] } }\n`;
  const parameters = (rest: string, further: Partial<Facts> = {}) => {
    const { objects } = compiled(file(rest), host({}, further)).desired;
    return objects.flatMap((object) =>
      object.kind === "sysctl" && object.path.startsWith("net/ipv6/conf/eth0/")
        ? [[object.path.slice(19), object.value]]
        : [],
    );
  };

  test.each([
    ["address6: dhcp", { address: true }],
    ["address6: dhcp, prefix6: 56", { address: true, prefixLength: 56 }],
    ["address6: ra, prefix6: 60", { address: false, prefixLength: 60 }],
    ["prefix6: 48", { address: false, prefixLength: 48 }],
  ])("%s: a client that asks for it, beside that of DHCPv4", (rest, asked) => {
    const { objects } = compiled(file(`address: dhcp, ${rest}`), host({})).desired;
    expect(objects.filter(({ kind }) => kind === "dhcp6-client")).toEqual([
      {
        kind: "dhcp6-client",
        key: "dhcp6-client/wan",
        origin: "uplink wan",
        namespace: "",
        interfaceName: "eth0",
        ...asked,
      },
    ]);
    expect(objects.some(({ kind }) => kind === "dhcp-client")).toBe(true);
  });

  test.each(["address6: keep", "address6: ra"])("%s: no client", (rest) => {
    const { objects } = compiled(file(rest), host({})).desired;
    expect(objects.some(({ kind }) => kind === "dhcp6-client")).toBe(false);
  });

  test("router advertisements are heeded on it also while the host forwards, once and before it does", () => {
    const features = { ...HOST.features, forwardsByInterface: false };
    const links = { eth0: link(2, "203.0.113.5/24", { acceptsAdvertisements: true }) };
    for (const rest of ["address6: ra", "address6: dhcp"])
      expect(parameters(rest, { features, links })).toEqual([
        ["disable_ipv6", "0"],
        ["accept_ra", "2"],
      ]);
    const { objects } = compiled(file("address6: ra"), host({}, { features, links })).desired;
    const paths = objects.flatMap((object) => (object.kind === "sysctl" ? [object.path] : []));
    expect(paths.indexOf("net/ipv6/conf/eth0/accept_ra")).toBeLessThan(paths.indexOf("net/ipv6/conf/all/forwarding"));
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("without a word of IPv6 nothing of it is touched", () => {
    expect(parameters("address: dhcp").filter(([name]) => name !== "force_forwarding")).toEqual([]);
  });

  test("tells the name servers of its lease to the networks behind it", () => {
    const facts = host({ resolver: { servers: ["2001:db8::53" as Ipv6Address], search: [] } });
    const resolver = byKey(compiled(file("address6: dhcp"), facts)).get("file/pod1/resolv.conf");
    expect(resolver).toMatchObject({ content: expect.stringMatching(/^nameserver 2001:db8::53$/m) });
  });

  test("on which another client asks is refused", () => {
    const facts = host({ otherClient6: "dhclient (process 812)" });
    expect(() => compiled(file("address6: dhcp"), facts)).toThrow(
      /uplinks\.wan\.address6: dhclient \(process 812\) asks DHCPv6 servers on eth0 already/,
    );
    expect(() => compiled(file("prefix6: 56"), facts)).toThrow(/uplinks\.wan\.prefix6/);
    expect(() => compiled(file("address: dhcp"), facts)).not.toThrow();
  });

  test("on a kernel without IPv6 is refused", () => {
    const features = { ...HOST.features, ipv6: false };
    expect(() => compiled(file("address6: ra"), host({}, { features }))).toThrow(
      /uplinks\.wan\.address6: this kernel has no IPv6/,
    );
  });
});

describe("a part of a delegated prefix", () => {
  const FILE6 = `version: 1
uplinks: { wan: { device: eth0, prefix6: 56 } }
networks:
  lan: { subnet: 192.168.50.0/24, prefix6: { from: wan, number: 1 } }
  lab: { subnet: 192.168.51.0/24, subnet6: "fd00:51::/64", ipv6: true, prefix6: { from: wan, number: 255 } }
routers: { edge: { networks: [lan, lab], uplink: wan } }
`;
  const prefix = (text: string) => parsePrefix(text) as Ipv6Prefix;
  const compiled6 = (eth0: UplinkFacts) => compiled(FILE6, host(eth0));
  const served = (eth0: UplinkFacts) =>
    compiled6(eth0).desired.objects.flatMap((object) => (object.kind === "ip6-network" ? [object] : []));
  const addresses = (eth0: UplinkFacts) =>
    compiled6(eth0).desired.objects.flatMap((object) =>
      object.kind === "address" && object.address.includes(":")
        ? [`${object.linkKey} ${object.address}/${object.prefixLength}`]
        : [],
    );
  const given: UplinkFacts = { prefixes: [prefix("2001:db8:100::/56")] };
  const seconds = { preferred: 2700, valid: 5400 };

  test("is on the bridge, beside a subnet of the network's own", () => {
    expect(addresses(given)).toEqual([
      "link/lan 2001:db8:100:1::1/64",
      "link/lan fe80::1/64",
      "link/lab fd00:51::1/64",
      "link/lab 2001:db8:100:ff::1/64",
      "link/lab fe80::1/64",
    ]);
  });

  test("is advertised for a short while, as RFC 9096 wants it; an old one has ended", () => {
    const [lan, lab] = served({ ...given, formerPrefixes: [prefix("2001:db8:200::/56")] });
    expect(lan).toMatchObject({
      interfaceName: "lan",
      managed: false,
      defaultRouter: true,
      prefixes: [
        { prefix: prefix("2001:db8:100:1::/64"), autonomous: true, seconds },
        { prefix: prefix("2001:db8:200:1::/64"), autonomous: true, seconds: { preferred: 0, valid: 0 } },
      ],
    });
    expect(lab?.prefixes).toMatchObject([
      { prefix: prefix("fd00:51::/64") },
      { prefix: prefix("2001:db8:100:ff::/64"), seconds },
      { prefix: prefix("2001:db8:200:ff::/64"), seconds: { preferred: 0, valid: 0 } },
    ]);
  });

  test("leads out without translation, what is the network's own with it", () => {
    const table = compiled6(given).desired.objects.find(({ key }) => key.startsWith("nft6/"));
    const rules = table?.kind === "nft-table" ? table.rules : "";
    expect(rules).toContain('iifname "lan" oifname "eth0" ip6 saddr 2001:db8:100:1::/64 accept');
    expect(rules).toContain('iifname "lab" oifname "eth0" ip6 saddr { fd00:51::/64, 2001:db8:100:ff::/64 } accept');
    expect(rules.split("\n").filter((line) => line.includes("masquerade"))).toEqual([
      expect.stringContaining("ip6 saddr fd00:51::/64"),
    ]);
  });

  test("is for the file's namespaces too, which make their addresses themselves", () => {
    const machines = "machines: { pod1: { kind: namespace, nics: [{ network: lan }, { network: lab }] } }\n";
    const { objects } = compiled(`${FILE6}${machines}`, host(given)).desired;
    const byName = byKey({ desired: { objects, absent: [] }, notes: [] });
    expect(byName.get("link/pod1/0")).not.toHaveProperty("ipv6AddressGeneration");
    expect(byName.get("link/pod1/0/host")).toHaveProperty("ipv6AddressGeneration");
    expect(byName.get("link/pod1/1")).toHaveProperty("ipv6AddressGeneration");
    expect(
      objects.filter(({ kind, key }) => kind === "sysctl" && key.includes("pod1") && key.endsWith("accept_ra")),
    ).toEqual([]);
    expect(byName.has("route/pod1/default6")).toBe(true);
  });

  test("is not there before the prefix is, nor where that is too small for it", () => {
    for (const eth0 of [{}, { prefixes: [prefix("2001:db8:100::/64")] }, { prefixes: [prefix("2001:db8:100::/80")] }]) {
      expect(addresses(eth0).filter((text) => text.includes("2001:"))).toEqual([]);
      expect(served(eth0).map(({ interfaceName }) => interfaceName)).toEqual(["lab"]);
    }
  });
});
