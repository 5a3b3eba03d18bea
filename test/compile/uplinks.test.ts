/** Uplinks by DHCP: the client, what machines are told of its lease, and what stands in its way. */
import { describe, expect, test } from "vitest";
import type { Ipv4Address } from "../../src/base/address.ts";
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
