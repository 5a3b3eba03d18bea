/** A network's DHCP section: the object of its server, and who gets which address beside it. */
import { describe, expect, test } from "vitest";
import { allocate, giveAddresses } from "../../src/compile/attach/allocate.ts";
import { addressesGiven, networksOf } from "../../src/compile/attach/network.ts";
import { parseIpv4 } from "../../src/base/address.ts";
import { allocationsOf } from "../../src/compile/allocations.ts";
import { type Compiled, compile } from "../../src/compile/compile.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import type { NetworkDhcpObject } from "../../src/state/object/network-dhcp.ts";
import { compiled, HOST } from "./host.ts";

function server(text: string, network = "lan"): NetworkDhcpObject {
  return serverOf(compiled(text), network);
}

function serverOf({ desired }: Compiled, network: string): NetworkDhcpObject {
  const found = desired.objects.find((object) => object.key === `dhcp/${network}`);
  if (found?.kind !== "dhcp-network") throw new Error(`no server of ${network}`);
  return found;
}

const lan = (dhcp: string, rest = ""): string => `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan: { subnet: 192.0.2.0/24, dns: { servers: [192.0.2.53], search: [lan.example] }, dhcp: ${dhcp} }
  back: { subnet: 198.51.100.0/24 }
routers: { edge: { networks: [lan], uplink: wan } }
${rest}`;

test("a section is one server with all that it says", () => {
  const section = `
    range: [192.0.2.100-192.0.2.149, 192.0.2.160-192.0.2.169]
    lease: { default: 1h, min: 5m, max: 1d }
    authoritative: false
    rapid-commit: true
    known-only: true
    ignore: ["52-54-00-00-00-AA", "00:50:56"]
    options: { ntp-servers: [192.0.2.7, 192.0.2.8], mtu: 1400, 224: text, 225: { hex: "0a 0B" }, wpad: { hex: "0a" } }
    next-server: 192.0.2.5
    server-name: tftp
    boot-file: pxelinux.0
    hosts:
      - { name: web, mac: "52:54:00:00:00:10", address: 192.0.2.10, lease: 7d, boot-file: x }
      - { client-id: "01:52:54:00:00:00:11", options: { domain-name-servers: 192.0.2.9 } }
      - { circuit-id: port7, address: 192.0.2.12 }
    classes:
      - { name: pxe, vendor: PXEClient, user: iPXE, architecture: [7, 9], mac: "52:54:00", range: 192.0.2.200-192.0.2.209, lease: 10m }
`;
  const block = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan:
    subnet: 192.0.2.0/24
    dns: { servers: [192.0.2.53], search: [lan.example] }
    dhcp:${section.replaceAll("\n", "\n  ")}
routers: { edge: { networks: [lan], uplink: wan } }
`;
  expect(server(block)).toEqual({
    kind: "dhcp-network",
    key: "dhcp/lan",
    origin: "network lan",
    namespace: "",
    linkKey: "link/lan",
    interfaceName: "lan",
    network: "office/lan",
    serverAddress: "192.0.2.1",
    prefixLength: 24,
    mtuBytes: 1450,
    ranges: [
      { first: "192.0.2.100", last: "192.0.2.149" },
      { first: "192.0.2.160", last: "192.0.2.169" },
    ],
    leaseSeconds: { default: 3600, minimum: 300, maximum: 86_400 },
    authoritative: false,
    rapidCommit: true,
    knownOnly: true,
    ignore: ["52:54:00:00:00:aa", "00:50:56"],
    nextServer: "192.0.2.5",
    serverName: "tftp",
    bootFile: "pxelinux.0",
    options: [
      { code: 3, hex: "c0000201" },
      { code: 6, hex: "c0000235" },
      { code: 15, hex: "6c616e2e6578616d706c65" },
      // The file's own word, in place of the network's 1450.
      { code: 26, hex: "0578" },
      { code: 119, hex: "036c616e076578616d706c6500" },
      { code: 42, hex: "c0000207c0000208" },
      { code: 224, hex: "74657874" },
      { code: 225, hex: "0a0b" },
      { code: 252, hex: "0a" },
    ],
    hosts: [
      {
        name: "web",
        mac: "52:54:00:00:00:10",
        address: "192.0.2.10",
        leaseSeconds: 604_800,
        bootFile: "x",
        options: [],
      },
      { clientIdHex: "01525400000011", options: [{ code: 6, hex: "c0000209" }] },
      { circuitIdHex: "706f727437", address: "192.0.2.12", options: [] },
    ],
    classes: [
      {
        name: "pxe",
        vendor: "PXEClient",
        user: "iPXE",
        architectures: [7, 9],
        macPrefix: "52:54:00",
        range: { first: "192.0.2.200", last: "192.0.2.209" },
        leaseSeconds: 600,
        options: [],
      },
    ],
  });
});

describe("true", () => {
  test("gives the subnet's upper half for twelve hours", () => {
    expect(server(lan("true"))).toMatchObject({
      ranges: [{ first: "192.0.2.128", last: "192.0.2.254" }],
      leaseSeconds: { default: 43_200, minimum: 120, maximum: 43_200 },
      authoritative: true,
      rapidCommit: false,
      knownOnly: false,
    });
  });

  test("tells no router on a network without one, and false serves nobody", () => {
    const isolated = (value: string): string =>
      `version: 1\nnetworks: { lan: { subnet: 192.0.2.0/30, dhcp: ${value} } }\n`;
    expect(server(isolated("true"))).toMatchObject({
      ranges: [{ first: "192.0.2.2", last: "192.0.2.2" }],
      options: [{ code: 26, hex: "05dc" }],
    });
    expect(compiled(isolated("false")).desired.objects.some(({ kind }) => kind === "dhcp-network")).toBe(false);
  });
});

const MACHINES = `machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, image: a, nics: [{ network: lan }] }
  vm2: { kind: vm, image: a, nics: [{ network: lan, dhcp: single }] }
  vm3: { kind: vm, image: a, nics: [{ network: lan, dhcp: none, address: 192.0.2.130 }] }
  vm_4: { kind: vm, image: a, nics: [{ network: lan, options: { 66: tftp } }], dns: { servers: [192.0.2.99] } }
  vm5: { kind: vm, image: a, nics: [{ network: lan }, { network: back }] }
`;

describe("machines of the file", () => {
  test("are known by their MAC addresses, and served by the network's server unless they say otherwise", () => {
    const file = compiled(lan("true", MACHINES));
    expect(serverOf(file, "lan").hosts).toMatchObject([
      { name: "pod1", address: "192.0.2.2", options: [] },
      { name: "vm1", address: "192.0.2.3", options: [] },
      { name: "vm2", address: "192.0.2.4" },
      { name: "vm3", address: "192.0.2.130" },
      // In what they are told something else: names, and an option of their own.
      {
        address: "192.0.2.5",
        options: [
          { code: 6, hex: "c0000263" },
          { code: 12, hex: "766d5f34" },
          { code: 66, hex: "74667470" },
        ],
      },
      { name: "vm5", address: "192.0.2.6", options: [] },
    ]);
    const singles = file.desired.objects.flatMap((object) => (object.kind === "dhcp-single" ? [object.key] : []));
    expect(singles).toEqual(["dhcp/vm2/0", "dhcp/vm5/1"]);
  });

  test("have one way out: on a further NIC the router is withheld", () => {
    const text = lan("true", MACHINES).replace(
      "routers: { edge: { networks: [lan]",
      "routers: { edge: { networks: [back, lan]",
    );
    const turned = text.replace("{ network: lan }, { network: back }", "{ network: back }, { network: lan }");
    const vm5 = (file: string) => server(file).hosts.find(({ name }) => name === "vm5")?.options;
    expect(vm5(text)).toEqual([]);
    expect(vm5(turned)).toEqual([{ code: 3, hex: "" }]);
  });

  test("get addresses outside of the ranges, and keep one that a range now has", () => {
    const allocated = (text: string, previous = new Map<string, string>()) =>
      allocationsOf(compile(parseNetworkFile(text, "office.yaml", { folder: "/srv", previous }), HOST).desired);
    const text = lan("{ range: 192.0.2.2-192.0.2.99 }", MACHINES);
    expect(allocated(text).get("vm1/0")).toBe("192.0.2.101");
    expect(allocated(text, new Map([["vm1/0", "192.0.2.50"]])).get("vm1/0")).toBe("192.0.2.50");
  });
});

describe("what is attached", () => {
  const attached = (text: string) => {
    const desired = qualifyKeys(compiled(text).desired, "office");
    return { network: networksOf("office", desired)[0]!, taken: addressesGiven(desired) };
  };

  test("gets the highest address that no range and no host has", () => {
    const { network, taken } = attached(lan("{ hosts: [{ client-id: ab, address: 192.0.2.127 }] }"));
    expect(allocate(network, {}, taken)).toEqual({ address: "192.0.2.126" });
  });

  test("does not get an address of a range", () => {
    const { network, taken } = attached(lan("true"));
    const give = () => giveAddresses(network, { address: parseIpv4("192.0.2.200") }, "single", taken);
    expect(give).toThrow(/192\.0\.2\.200: the network's DHCP server gives it to whoever asks/);
  });
});
