/** A network's DNS section: the object of its server, and what machines and clients are told of it. */
import { describe, expect, test } from "vitest";
import { type Ipv4Address, parseIp } from "../../src/base/address.ts";
import type { Compiled } from "../../src/compile/compile.ts";
import type { NetworkDnsObject } from "../../src/state/object/network-dns.ts";
import { DHCP4_OPTION } from "../../src/wire/dhcp4/option-table.ts";
import { compiled, HOST } from "./host.ts";

function serverOf({ desired }: Compiled, network = "lan"): NetworkDnsObject {
  const found = desired.objects.find((object) => object.key === `dns/${network}`);
  if (found?.kind !== "dns-network") throw new Error(`no server of ${network}`);
  return found;
}

const lan = (dns: string, rest = "", more = ""): string => `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan: { subnet: 192.0.2.0/24, dns: ${dns}${more} }
  lab: { subnet: 198.51.100.0/24, dns: { domain: lab.example } }
  apart: { subnet: 10.9.0.0/24 }
routers: { edge: { networks: [lan, lab], uplink: wan } }
${rest}`;

function contentOf({ desired }: Compiled, machine: string): string | undefined {
  const found = desired.objects.find(({ key }) => key === `file/${machine}/resolv.conf`);
  return found?.kind === "file" ? found.content : undefined;
}

/** What the network's DHCP server tells, as bytes of hexadecimal. */
function told({ desired }: Compiled, code: number): string | undefined {
  const found = desired.objects.find(({ kind }) => kind === "dhcp-network");
  return found?.kind === "dhcp-network" ? found.options.find((option) => option.code === code)?.hex : undefined;
}

test("a section is one server with all that it says", () => {
  const block = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan:
    subnet: 192.0.2.0/24
    subnet6: 2001:db8::/64
    dns:
      domain: LAN.example
      forward: [9.9.9.9, "192.0.2.53#5353", "tls://149.112.112.112/dns.quad9.net"]
      mode: forward-only
      allow: [lan, 203.0.113.7]
      records: ["www CNAME web", "@ 300 MX 10 mail.example.org.", "printer.example.org. A 192.0.2.200"]
      domains: { corp.example: [10.0.0.53] }
      ttl: 5m
      leases: false
      private-answers: [plex.direct]
      mixed-case: true
      cache: { size: 1M, min-ttl: 10s, max-ttl: 1h, max-negative: 5m, stale: never }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
  web: { kind: namespace, nics: [{ network: lan, mac: "52:54:00:00:00:10" }] }
`;
  expect(serverOf(compiled(block))).toEqual({
    kind: "dns-network",
    key: "dns/lan",
    origin: "network lan",
    namespace: "",
    linkKey: "link/lan",
    interfaceName: "lan",
    network: "office/lan",
    addresses: ["192.0.2.1", "2001:db8::1"],
    domain: "lan.example",
    subnets: [
      { address: "192.0.2.0", length: 24 },
      { address: "2001:db8::", length: 64 },
    ],
    hosts: [
      { name: "web.lan.example", addresses: ["192.0.2.2", "2001:db8::2"], mac: "52:54:00:00:00:10" },
      { name: "gateway.lan.example", addresses: ["192.0.2.1", "2001:db8::1"] },
    ],
    records: [
      { name: "www.lan.example", type: 5, ttlSeconds: 300, hex: "03776562036c616e076578616d706c6500" },
      { name: "lan.example", type: 15, ttlSeconds: 300, hex: "000a046d61696c076578616d706c65036f726700" },
      { name: "printer.example.org", type: 1, ttlSeconds: 300, hex: "c00002c8" },
    ],
    namesLeases: false,
    mode: "forward-only",
    upstreams: [
      { address: "9.9.9.9", port: 53, from: "host" },
      { address: "192.0.2.53", port: 5353, from: "host" },
      { address: "149.112.112.112", port: 853, tlsName: "dns.quad9.net", from: "host" },
    ],
    domains: [{ domain: "corp.example", upstreams: [{ address: "10.0.0.53", port: 53, from: "host" }] }],
    allow: [
      { address: "192.0.2.0", length: 24 },
      { address: "2001:db8::", length: 64 },
      { address: "203.0.113.7", length: 32 },
    ],
    rebindingAllowed: ["plex.direct", "corp.example"],
    mixedCase: true,
    cache: {
      bytes: 1024 * 1024,
      minimumTtlSeconds: 10,
      maximumTtlSeconds: 3600,
      maximumNegativeSeconds: 300,
      staleSeconds: 0,
    },
  });
});

describe("there is a server", () => {
  test.each(["true", "{ domain: a.example }", "{ records: [] }", "{ search: [a.example], leases: false }"])(
    "with %s",
    (dns) => {
      expect(compiled(lan(dns)).desired.objects.some(({ key }) => key === "dns/lan")).toBe(true);
    },
  );

  test.each(["false", "{ servers: [192.0.2.53] }", "{ search: [a.example] }", "{}"])("and none with %s", (dns) => {
    expect(compiled(lan(dns)).desired.objects.some(({ key }) => key === "dns/lan")).toBe(false);
  });
});

describe("whom it asks", () => {
  test("the host's own servers and the root servers after them, unless the file says others", () => {
    expect(serverOf(compiled(lan("true")))).toMatchObject({
      domain: "lan.internal",
      mode: "forward-first",
      upstreams: [{ address: "203.0.113.53", port: 53, from: "host" }],
      rebindingAllowed: expect.arrayContaining(["example.org"]),
    });
  });

  test("those of the uplink's lease", () => {
    const text = lan("true").replace("device: eth0", "device: eth0, address: dhcp");
    const resolver = { servers: [parseIp("198.18.0.53")], search: ["isp.example", "Corp.Example."] };
    const server = serverOf(compiled(text, { ...HOST, uplinks: { eth0: { resolver } } }));
    expect(server.upstreams).toEqual([{ address: "198.18.0.53", port: 53, from: "host" }]);
    expect(server.rebindingAllowed).toEqual(expect.arrayContaining(["isp.example", "corp.example"]));
  });

  test("not itself, nor another network's server, where the host uses that", () => {
    const servers = ["192.0.2.1", "198.51.100.1", "127.0.0.53"].map((text) => parseIp(text) as Ipv4Address);
    const facts = { ...HOST, resolver: { servers, search: [] } };
    expect(serverOf(compiled(lan("true"), facts)).upstreams).toEqual([
      { address: "127.0.0.53", port: 53, from: "host" },
    ]);
  });

  test("the root servers where nobody is to be asked, which the plan says", () => {
    const result = compiled(lan("true"), { ...HOST, resolver: { servers: [], search: [] } });
    expect(serverOf(result)).toMatchObject({ mode: "recursive", upstreams: [] });
    expect(result.notes).toContainEqual(expect.stringMatching(/DNS server of lan asks the root servers/));
    expect(result.notes.join()).not.toMatch(/machines on .* are told no name server/);
  });

  test("nobody from an isolated network, unless the file says whom", () => {
    const apart = (dns: string): string => `version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, dns: ${dns} } }\n`;
    const result = compiled(apart("true"));
    expect(serverOf(result)).toMatchObject({ mode: "forward-only", upstreams: [] });
    expect(result.notes).toContainEqual(expect.stringMatching(/knows the names there alone/));
    expect(serverOf(compiled(apart("{ forward: [9.9.9.9] }"))).upstreams).toEqual([
      { address: "9.9.9.9", port: 53, from: "host" },
    ]);
    expect(serverOf(compiled(apart("{ mode: recursive }"))).mode).toBe("recursive");
  });

  describe("in a tenant's namespace", () => {
    const tenant = (dns: string): string => `version: 1
networks:
  lan:
    subnet: 192.0.2.0/24
    also: [{ subnet: 10.7.0.0/24 }]
    subnet6: 2001:db8::/64
    dhcp: { relayed: [{ subnet: 10.8.0.0/24, range: [] }] }
    dns: ${dns}
    namespace: tenant
  lab: { subnet: 198.51.100.0/24, dns: { forward: [192.0.2.1] } }
`;

    test.each([
      ["192.0.2.53", "network"],
      ["10.7.0.53", "network"],
      ["10.8.0.53", "network"],
      ["2001:db8::53", "network"],
      // There the network's own server has it.
      ["192.0.2.1", "host"],
      ["10.7.0.1", "host"],
      ["2001:db8::1", "host"],
      ["9.9.9.9", "host"],
      ["198.51.100.1", "host"],
    ])("what the file names, %s, is asked from the %s", (address, from) => {
      const server = serverOf(
        compiled(tenant(`{ forward: ["${address}"], domains: { corp.example: ["${address}"] } }`)),
      );
      const upstreams = [{ address, port: 53, from }];
      expect(server).toMatchObject({ upstreams, domains: [{ domain: "corp.example", upstreams }] });
    });

    test.each(["192.0.2.1", "192.0.2.53", "10.7.0.53", "203.0.113.53"])(
      "this host's own name server, %s, is asked from the host",
      (address) => {
        const host = { ...HOST, resolver: { servers: [parseIp(address)], search: [] } };
        const { upstreams } = serverOf(compiled(tenant("{ mode: forward-first }"), host));
        expect(upstreams).toEqual([{ address, port: 53, from: "host" }]);
      },
    );

    test("its address is another's for networks of this host", () => {
      expect(serverOf(compiled(tenant("true")), "lab").upstreams).toEqual([
        { address: "192.0.2.1", port: 53, from: "host" },
      ]);
    });
  });

  test("for names of a network that its router joins that network's server, unless that refuses", () => {
    const domains = [
      { domain: "lab.example", upstreams: [{ address: "198.51.100.1", port: 53, from: "host" }] },
      { domain: "100.51.198.in-addr.arpa", upstreams: [{ address: "198.51.100.1", port: 53, from: "host" }] },
    ];
    expect(serverOf(compiled(lan("true"))).domains).toEqual(domains);
    const closed = lan("true").replace("domain: lab.example", "domain: lab.example, allow: [lab]");
    expect(serverOf(compiled(closed)).domains).toEqual([]);
  });
});

describe("who is answered", () => {
  test("the network with its further and relayed subnets, and the networks that its router joins", () => {
    const also = `, also: [{ subnet: 10.7.0.0/24 }], dhcp: { relayed: [{ subnet: 10.8.0.0/24, range: [] }] }`;
    expect(serverOf(compiled(lan("true", "", also))).allow.map(({ address }) => address)).toEqual([
      "192.0.2.0",
      "10.7.0.0",
      "10.8.0.0",
      "198.51.100.0",
    ]);
  });

  test("other networks' servers, which ask from this host, also where the network itself is left out", () => {
    const closed = lan("true").replace("domain: lab.example", "domain: lab.example, allow: [lan]");
    expect(serverOf(compiled(closed), "lab").allow).toEqual([
      { address: "192.0.2.0", length: 24 },
      { address: "198.51.100.1", length: 32 },
    ]);
  });
});

test("a firewall that drops what comes in is told, with what it has to let in, where the server is in its way", () => {
  const host = { ...HOST, foreignInputDrops: ["ip filter INPUT"] };
  expect(compiled(lan("true"), host).notes).toContain(
    "a firewall of this host (ip filter INPUT) drops what no rule lets in; " +
      "machines need port 53 (DNS, UDP and TCP) from lan, port 53 (DNS, UDP and TCP) from lab",
  );
  const tenant = "version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, dns: true, namespace: tenant } }\n";
  expect(compiled(tenant, host).notes.join()).not.toMatch(/firewall/);
  expect(compiled(lan("true")).notes.join()).not.toMatch(/firewall/);
});

describe("names", () => {
  test("of guests, of guests in pods, and of hosts that DHCP knows", () => {
    const dhcp = `, dhcp: { hosts: [
      { name: Printer, mac: "52:54:00:00:00:11", address: 192.0.2.20 },
      { name: roamer, client-id: "01:02:03" },
      { mac: "52:54:00:00:00:12", address: 192.0.2.21 } ] }`;
    const machines = `machines:
  pod1: { kind: namespace, nics: [{ network: lan, mac: "52:54:00:00:00:01" }] }
  vm1: { kind: vm, in: pod1, image: a }
  vm2: { kind: vm, image: a, nics: [{ network: lan, mac: "52:54:00:00:00:02" }, { network: lab }] }
  not_a_label: { kind: namespace, nics: [{ network: lan }] }
`;
    const { hosts } = serverOf(compiled(lan("{ domain: lan.example }", machines, dhcp)));
    expect(hosts).toEqual([
      { name: "pod1.lan.example", addresses: ["192.0.2.2"], mac: "52:54:00:00:00:01" },
      { name: "vm1.lan.example", addresses: ["192.0.2.2"], mac: "52:54:00:00:00:01" },
      { name: "vm2.lan.example", addresses: ["192.0.2.3"], mac: "52:54:00:00:00:02" },
      { name: "printer.lan.example", addresses: ["192.0.2.20"], mac: "52:54:00:00:00:11" },
      { name: "roamer.lan.example", addresses: [], clientIdHex: "010203" },
      { name: "gateway.lan.example", addresses: ["192.0.2.1"] },
    ]);
  });

  test("the gateway's is the file's to give", () => {
    const { hosts } = serverOf(compiled(lan('{ records: ["gateway A 192.0.2.9"] }')));
    expect(hosts).toEqual([]);
  });
});

describe("who is told of it", () => {
  const pods = "machines:\n  pod1: { kind: namespace, nics: [{ network: lan }] }\n";

  test("machines, with its domain as where to search", () => {
    expect(contentOf(compiled(lan("{ domain: lan.example }", pods)), "pod1")).toContain(
      "nameserver 192.0.2.1\nsearch lan.example\n",
    );
    expect(contentOf(compiled(lan("{ domain: lan.example, search: [a.example] }", pods)), "pod1")).toContain(
      "nameserver 192.0.2.1\nsearch a.example\n",
    );
  });

  test("not a machine that the file tells others", () => {
    const own = pods.replace("lan }] }", "lan }], dns: { servers: [9.9.9.9] } }");
    expect(contentOf(compiled(lan("true", own)), "pod1")).toMatch(/nameserver 9\.9\.9\.9\n$/);
  });

  test("DHCP clients, each under the address in its own subnet", () => {
    const also = ", also: [{ subnet: 10.7.0.0/24 }], dhcp: true";
    const result = compiled(lan("{ domain: lan.example }", "", also));
    expect(told(result, DHCP4_OPTION.nameServers.code)).toBe("c0000201");
    expect(told(result, DHCP4_OPTION.domainName.code)).toBe("6c616e2e6578616d706c65");
    const dhcp = result.desired.objects.find(({ kind }) => kind === "dhcp-network");
    expect(dhcp?.kind === "dhcp-network" && dhcp.furtherSubnets?.[0]?.options).toContainEqual({
      code: 6,
      hex: "0a070001",
    });
  });

  test("hosts of IPv6", () => {
    const result = compiled(lan("{ domain: lan.example }", "", ", subnet6: 2001:db8::/64, ipv6: true"));
    expect(result.desired.objects.find(({ kind }) => kind === "ip6-network")).toMatchObject({
      nameServers: ["2001:db8::1"],
      searchDomains: ["lan.example"],
    });
  });

  test("whoever is attached later", () => {
    expect(compiled(lan("{ domain: lan.example }")).desired.declared?.dns).toMatchObject({
      lan: { servers: ["192.0.2.1"], search: ["lan.example"] },
    });
  });
});
