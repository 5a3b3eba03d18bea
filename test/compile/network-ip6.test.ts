/** A network's IPv6 section: the object of its server, and who is told his address by it. */
import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../src/base/address.ts";
import { allocationsOf } from "../../src/compile/allocations.ts";
import { allocate } from "../../src/compile/attach/allocate.ts";
import { addressesGiven, networksOf } from "../../src/compile/attach/network.ts";
import { compile } from "../../src/compile/compile.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import type { Ip6NetworkObject } from "../../src/state/object/network-ip6.ts";
import { byKey, compiled, HOST, model } from "./host.ts";

const lan = (ipv6: string, rest = "", subnet6 = "fd00:50::/64"): string => `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan: { subnet: 192.0.2.0/24, subnet6: "${subnet6}", dns: { servers: [192.0.2.53, "2001:db8::53"], search: [lan.example] }, ipv6: ${ipv6} }
  back: { subnet: 198.51.100.0/24, subnet6: "fd00:51::/64", ipv6: true }
routers: { edge: { networks: [lan], uplink: wan } }
${rest}`;

function server(text: string, network = "lan"): Ip6NetworkObject {
  const found = byKey(compiled(text)).get(`ip6/${network}`);
  if (found?.kind !== "ip6-network") throw new Error(`no server of ${network}`);
  return found;
}

test("a section is one server with all that it says", () => {
  const text = `version: 1
networks:
  lan:
    subnet: 192.0.2.0/24
    subnet6: fd00:50::/64
    ipv6:
      mode: both
      range: fd00:50::1000 - fd00:50::1fff
      lease: 6h
      prefixes: { from: fd00:60::/48, length: 56 }
      routes: [2001:db8:7::/48]
      ntp: ["fd00:50::7"]
      rapid-commit: true
      hosts:
        - { mac: "52-54-00-00-00-10", address: "fd00:50::10" }
        - { duid: "00:03:00:01:52:54:00:00:00:0A", address: "fd00:50::1010", prefix: "fd00:60:0:100::/56" }
`;
  expect(server(text)).toEqual({
    kind: "ip6-network",
    key: "ip6/lan",
    origin: "network lan",
    namespace: "",
    linkKey: "link/lan",
    interfaceName: "lan",
    network: "office/lan",
    linkAddress: "fe80::1",
    addresses: ["fd00:50::1"],
    prefixes: [{ prefix: { address: "fd00:50::", length: 64 }, autonomous: true }],
    managed: true,
    range: { first: "fd00:50::1000", last: "fd00:50::1fff" },
    delegate: { from: { address: "fd00:60::", length: 48 }, length: 56 },
    leaseSeconds: 21_600,
    defaultRouter: false,
    routes: [{ address: "2001:db8:7::", length: 48 }],
    mtuBytes: 1500,
    nameServers: [],
    searchDomains: [],
    ntpServers: ["fd00:50::7"],
    rapidCommit: true,
    hosts: [
      { mac: "52:54:00:00:00:10", address: "fd00:50::10" },
      {
        duidHex: "0003000152540000000a",
        address: "fd00:50::1010",
        prefix: { address: "fd00:60:0:100::", length: 56 },
      },
    ],
  });
});

describe("true", () => {
  test("lets hosts make their addresses, and tells the way out and the network's IPv6 name servers", () => {
    expect(server(lan("true"))).toMatchObject({
      managed: false,
      prefixes: [{ prefix: { address: "fd00:50::", length: 64 }, autonomous: true }],
      leaseSeconds: 43_200,
      defaultRouter: true,
      mtuBytes: 1450,
      nameServers: ["2001:db8::53"],
      searchDomains: ["lan.example"],
      rapidCommit: false,
      hosts: [],
    });
    expect(server(lan("true"))).not.toHaveProperty("range");
  });

  test("tells no way out on a network without a router, and false serves nobody", () => {
    expect(server(lan("true"), "back")).toMatchObject({ defaultRouter: false, nameServers: [] });
    expect(byKey(compiled(lan("false"))).has("ip6/lan")).toBe(false);
  });

  test("gives addresses of a subnet in which hosts cannot make them", () => {
    expect(server(lan("true", "", "fd00:50::/80"))).toMatchObject({
      managed: true,
      prefixes: [{ autonomous: false }],
      range: { first: "fd00:50::1:0", last: "fd00:50::1:ffff" },
    });
  });
});

test.each([
  ["{ mode: dhcp }", "fd00:50::/64", "fd00:50::1:0-fd00:50::1:ffff"],
  ["{ mode: dhcp }", "fd00:50::/111", "fd00:50::1:0-fd00:50::1:ffff"],
  ["{ mode: dhcp }", "fd00:50::/112", "fd00:50::8000-fd00:50::ffff"],
  ["{ mode: dhcp }", "fd00:50::/126", "fd00:50::2-fd00:50::3"],
])("%s in %s gives %s, as is told with its default", (section, subnet6, range) => {
  const { origins } = model(lan(section, "", subnet6));
  expect(origins["networks.lan.ipv6.range"]).toMatchObject({ value: range, how: "default" });
  expect(origins["networks.lan.ipv6.lease"]).toMatchObject({ value: "43200", how: "default" });
});

test("known-only gives addresses to nobody else", () => {
  const hosts = '[{ duid: "00:01:02", address: "fd00:50::1:5", prefix: "fd00:60::/56" }]';
  const found = server(lan(`{ mode: dhcp, known-only: true, hosts: ${hosts} }`));
  expect(found).toMatchObject({ managed: true, prefixes: [{ autonomous: false }], hosts: [{ duidHex: "000102" }] });
  expect(found).not.toHaveProperty("range");
});

test("prefixes have 60 bits unless what they come from is longer", () => {
  const length = (from: string) => server(lan(`{ prefixes: { from: "${from}" } }`)).delegate?.length;
  expect(["fd00:60::/48", "fd00:60::/62", "fd00:60::/64"].map(length)).toEqual([60, 62, 64]);
});

const MACHINES = `machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, image: a, nics: [{ network: lan, mac: "52:54:00:00:00:01" }] }
  vm2: { kind: vm, image: a, nics: [{ network: lan, mac: "52:54:00:00:00:02", dhcp: single }] }
  vm3: { kind: vm, image: a, nics: [{ network: lan, mac: "52:54:00:00:00:03", dhcp: none, address6: "fd00:50::1:7" }] }
  vm4: { kind: vm, image: a, nics: [{ network: lan, mac: "52:54:00:00:00:04" }], dns: { servers: ["2001:db8::99"] } }
`;

describe("machines of the file", () => {
  const file = lan("{ mode: both }", MACHINES);

  test("are known by their MAC addresses: nobody else gets theirs, and none of the range is theirs unasked", () => {
    const [pod, ...guests] = server(file).hosts;
    expect(pod).toMatchObject({ address: "fd00:50::2" });
    expect(guests).toEqual([
      { mac: "52:54:00:00:00:01", address: "fd00:50::3" },
      { mac: "52:54:00:00:00:02", address: "fd00:50::4" },
      { mac: "52:54:00:00:00:03", address: "fd00:50::1:7" },
      { mac: "52:54:00:00:00:04", address: "fd00:50::5" },
    ]);
  });

  test("have a server on their tap only where they ask for one or are told other names", () => {
    const objects = byKey(compiled(file));
    const alone = ["vm1", "vm2", "vm3", "vm4"].filter((name) => objects.has(`ip6/${name}/0`));
    expect(alone).toEqual(["vm2", "vm4"]);
    // IPv4 goes by the network's own section, which is not there.
    expect(objects.get("dhcp/vm1/0")?.kind).toBe("dhcp-single");
    const rules = (name: string): string => {
      const table = objects.get(`nft/link/${name}/0`);
      return table?.kind === "nft-table" ? table.rules : "";
    };
    expect(rules("vm1")).not.toContain("ip6");
    expect(rules("vm2")).toContain("ether type ip6 udp dport { 546, 547 } drop");
  });

  test("on a second routed network have a server on the tap there: advertisements cannot leave out one host", () => {
    const text = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  a: { subnet: 192.0.2.0/25, subnet6: "fd00:50::/64", ipv6: true }
  b: { subnet: 192.0.2.128/25, subnet6: "fd00:51::/64", ipv6: true }
routers: { edge: { networks: [a, b], uplink: wan } }
machines:
  vm1: { kind: vm, image: a, nics: [{ network: a }, { network: b }] }
`;
    const objects = byKey(compiled(text));
    expect(objects.has("ip6/vm1/0")).toBe(false);
    expect(objects.get("ip6/vm1/1")).toMatchObject({ kind: "ip6-single", lease: { defaultRouter: false } });
  });

  test("ask for their addresses also where all others make their own", () => {
    expect(server(lan("true", MACHINES))).toMatchObject({ managed: true, prefixes: [{ autonomous: true }] });
    const pods = "machines: { pod1: { kind: namespace, nics: [{ network: lan }] } }\n";
    expect(server(lan("true", pods)).managed).toBe(false);
    expect(server(lan('{ hosts: [{ duid: "00:01:02", address: "fd00:50::9" }] }')).managed).toBe(true);
    expect(server(lan('{ hosts: [{ duid: "00:01:02", prefix: "fd00:60::/56" }] }')).managed).toBe(false);
  });

  test("that are namespaces heed no advertisements, and those of other networks are left alone", () => {
    const parameter = "sysctl/pod1/net/ipv6/conf/eth0/accept_ra";
    expect(byKey(compiled(file)).get(parameter)).toMatchObject({ namespace: "pod1", value: "0" });
    expect(byKey(compiled(lan("false", MACHINES))).has(parameter)).toBe(false);
  });

  test("keep their addresses when the file changes", () => {
    const previous = allocationsOf(compiled(file).desired);
    expect(previous.get("vm1/0/6")).toBe("fd00:50::3");
    const shorter = file.replace(/ {2}pod1: .*\n/, "");
    const again = compile(parseNetworkFile(shorter, "office.yaml", { folder: "/srv", previous }), HOST);
    expect(byKey(again).get("ip6/lan")).toMatchObject({ hosts: [{ address: "fd00:50::3" }, {}, {}, {}] });
  });
});

test("what is attached gets neither an address of the range nor one that a host has", () => {
  const hosts = '[{ duid: "00:01:02", address: "fd00:50::fffe" }]';
  const desired = qualifyKeys(
    compiled(lan(`{ mode: dhcp, range: "fd00:50::ffff-fd00:50::1:ffff", hosts: ${hosts} }`)).desired,
    "office",
  );
  const [network] = networksOf("office", desired);
  const given = addressesGiven(desired);
  expect(allocate(network!, {}, given).address6).toBe("fd00:50::fffd");
  expect(() => allocate(network!, { address6: parseIpv6("fd00:50::1:5") }, given)).toThrow(/to whoever asks/);
});

test("routers lead what is behind routers of the network as the network itself", () => {
  const hosts = '[{ duid: "00:01:02", prefix: "fd00:61::/56" }, { duid: "00:01:03", prefix: "fd00:60::/60" }]';
  const table = byKey(compiled(lan(`{ prefixes: { from: "fd00:60::/48" }, hosts: ${hosts} }`))).get("nft6/office");
  const rules = table?.kind === "nft-table" ? table.rules : "";
  expect(rules).toContain('iifname "lan" oifname "eth0" ip6 saddr { fd00:50::/64, fd00:60::/48, fd00:61::/56 } accept');
});

test("a server in a namespace is the one of that namespace's network", () => {
  const tenants = `version: 1
networks:
  a: { namespace: a, subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", ipv6: { prefixes: { from: "fd00:60::/48" } } }
  b: { namespace: b, subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", ipv6: { prefixes: { from: "fd00:60::/48" } } }
`;
  expect(server(tenants, "b")).toMatchObject({ namespace: "b", linkKey: "link/b", network: "office/b" });
});
