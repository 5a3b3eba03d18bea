/** Several subnets on one bridge, and those behind a relay. */
import { describe, expect, test } from "vitest";
import { allocate } from "../../src/compile/attach/allocate.ts";
import { addressesGiven, networksOf } from "../../src/compile/attach/network.ts";
import { parseIpv4 } from "../../src/base/address.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { NetworkDhcpObject } from "../../src/state/object/network-dhcp.ts";
import { byKey, compiled } from "./host.ts";

const FILE = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan:
    subnet: 192.0.2.0/29
    dhcp:
      range: 192.0.2.4-192.0.2.6
      lease: 1h
      options: { mtu: 1400, static-routes: ["203.0.113.9 192.0.2.9"] }
      hosts: [{ client-id: ab, address: 198.51.100.9 }, { client-id: cd, address: 203.0.113.130 }]
      classes: [{ name: phones, vendor: phone, range: 198.51.100.100-198.51.100.110 }]
      relayed:
        - { subnet: 203.0.113.128/25, range: 203.0.113.140-203.0.113.150, router: 203.0.113.129, lease: { max: 2h } }
    also:
      - { subnet: 198.51.100.0/25, dhcp: { range: 198.51.100.20-198.51.100.30, boot-file: x } }
      - { subnet: 198.51.100.128/25, gateway: 198.51.100.254 }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  pod2: { kind: namespace, nics: [{ network: lan, address: 198.51.100.130 }] }
  pod3: { kind: namespace, nics: [{ network: lan }] }
  pod4: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, image: a, nics: [{ network: lan, address: 198.51.100.7 }] }
  vm2: { kind: vm, image: a, nics: [{ network: lan, address: 198.51.100.8, dhcp: single }] }
`;

const objects = compiled(FILE).desired.objects;
const keys = byKey(compiled(FILE));

function addressesOn(linkKey: string): string[] {
  return objects.flatMap((object) =>
    object.kind === "address" && object.linkKey === linkKey ? [`${object.address}/${object.prefixLength}`] : [],
  );
}

function serverOf(all: readonly StateObject[]): NetworkDhcpObject {
  const found = all.find(({ kind }) => kind === "dhcp-network");
  if (found?.kind !== "dhcp-network") throw new Error("no server");
  return found;
}

describe("several subnets on one bridge", () => {
  test("it has the gateway's address of each", () => {
    expect(addressesOn("link/lan")).toEqual(["192.0.2.1/29", "198.51.100.1/25", "198.51.100.254/25"]);
  });

  test("a router leads them all out, and does not translate what they say to each other", () => {
    const table = objects.find(({ kind }) => kind === "nft-table");
    const set = "{ 192.0.2.0/29, 198.51.100.0/25, 198.51.100.128/25 }";
    const rules = table?.kind === "nft-table" ? table.rules : "";
    expect(rules).toContain(`ip saddr ${set} ip daddr != ${set} oifname "eth0" masquerade`);
    expect(rules).toContain(`iifname "lan" oifname "eth0" ip saddr ${set} accept`);
  });

  test("machines have addresses of any, with its length and its gateway; the first with room goes first", () => {
    expect(addressesOn("link/pod1/0")).toEqual(["192.0.2.2/29"]);
    expect(addressesOn("link/pod2/0")).toEqual(["198.51.100.130/25"]);
    expect(addressesOn("link/pod3/0")).toEqual(["192.0.2.3/29"]);
    expect(addressesOn("link/pod4/0")).toEqual(["198.51.100.2/25"]);
    expect(keys.get("route/pod2/default")).toMatchObject({ nextHops: [{ gateway: "198.51.100.254" }] });
    expect(keys.get("route/pod4/default")).toMatchObject({ nextHops: [{ gateway: "198.51.100.1" }] });
    expect(keys.get("dhcp/vm2/0")).toMatchObject({
      serverAddress: "198.51.100.1",
      lease: { address: "198.51.100.8", prefixLength: 25, router: "198.51.100.1" },
    });
  });

  test("one server gives addresses of all, and tells a guest no more than everybody of its subnet", () => {
    const { furtherSubnets, hosts, ranges } = serverOf(objects);
    expect(ranges).toEqual([{ first: "192.0.2.4", last: "192.0.2.6" }]);
    expect(furtherSubnets?.slice(0, 2)).toEqual([
      {
        subnet: { address: "198.51.100.0", length: 25 },
        gateway: "198.51.100.1",
        ranges: [{ first: "198.51.100.20", last: "198.51.100.30" }],
        options: [{ code: 3, hex: "c6336401" }],
        bootFile: "x",
      },
      {
        subnet: { address: "198.51.100.128", length: 25 },
        gateway: "198.51.100.254",
        ranges: [],
        options: [{ code: 3, hex: "c63364fe" }],
      },
    ]);
    expect(hosts.find(({ name }) => name === "vm1")).toMatchObject({ address: "198.51.100.7", options: [] });
  });

  test("without a router nobody is told one, without a section its machines are served all the same", () => {
    const isolated = compiled(`version: 1
networks: { lan: { subnet: 192.0.2.0/24, also: [{ subnet: 198.51.100.0/24 }] } }
machines: { vm1: { kind: vm, image: a, nics: [{ network: lan, address: 198.51.100.7, dhcp: network }] } }
`).desired.objects;
    expect(serverOf(isolated)).toMatchObject({
      furtherSubnets: [{ gateway: "198.51.100.1", ranges: [], options: [] }],
      hosts: [{ address: "198.51.100.7", options: [] }],
    });
  });

  test("what is attached gets an address of the first that has one left, or the one it asks for", () => {
    const desired = qualifyKeys(compiled(FILE).desired, "office");
    const network = networksOf("office", desired)[0]!;
    const taken = addressesGiven(desired);
    expect(allocate(network, {}, taken)).toEqual({ address: "198.51.100.126" });
    expect(allocate(network, { address: parseIpv4("198.51.100.200") }, taken)).toEqual({ address: "198.51.100.200" });
    expect(() => allocate(network, { address: parseIpv4("198.51.100.254") }, taken)).toThrow(/somebody has it/);
    expect(() => allocate(network, { address: parseIpv4("198.51.100.25") }, taken)).toThrow(/DHCP server gives it/);
  });
});

test("a relayed subnet is told its own router, the network's settings, and not the bridge's MTU", () => {
  expect(serverOf(objects).furtherSubnets?.[2]).toEqual({
    subnet: { address: "203.0.113.128", length: 25 },
    ranges: [{ first: "203.0.113.140", last: "203.0.113.150" }],
    leaseSeconds: { maximum: 7200 },
    options: [{ code: 3, hex: "cb007181" }],
    relayed: true,
  });
  const plain = compiled(FILE.replace("mtu: 1400, ", "")).desired.objects;
  expect(serverOf(plain).furtherSubnets?.[2]?.options).toEqual([
    { code: 26, hex: "" },
    { code: 3, hex: "cb007181" },
  ]);
  expect(addressesOn("link/lan").join()).not.toContain("203.0.113");
});
