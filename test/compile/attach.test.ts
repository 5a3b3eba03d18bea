import { describe, expect, test } from "vitest";
import { type IpAddress, type Ipv4Address, parseIp, parseIpv4, parseMac } from "../../src/base/address.ts";
import { allocate, giveAddresses } from "../../src/compile/attach/allocate.ts";
import {
  compileGuestRun,
  compileNamespaceAttachment,
  compilePortAttachment,
  compileTapAttachment,
} from "../../src/compile/attach/attach.ts";
import { addressesGiven, type AppliedNetwork, chooseNetwork, networksOf } from "../../src/compile/attach/network.ts";
import { compile } from "../../src/compile/compile.ts";
import type { Facts } from "../../src/compile/facts.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

const FACTS: Facts = {
  links: {
    wan0: {
      index: 2,
      mtuBytes: 1500,
      up: true,
      ours: false,
      marked: false,
      acceptsAdvertisements: false,
      addresses: [],
    },
  },
  routes: [],
  resolver: { servers: [parseIp("192.0.2.53"), parseIp("127.0.0.53")], search: ["example.org"] },
  foreignForwardDrops: [],
  forwardedIpv6: false,
  features: { dummy: true, ipv6: true, forwardsByInterface: true },
  missingFiles: [],
};
const TWO_NETWORKS = `version: 1
name: office
uplinks: { wan: { device: wan0 } }
networks:
  lan: { subnet: 192.0.2.0/29, mtu: 1400 }
  lab: { subnet: 198.51.100.0/24, subnet6: "2001:db8:1::/64" }
routers: { edge: { networks: [lan], uplink: wan, nat: masquerade } }
`;
const MAC = parseMac("52:54:00:00:00:01");
const TAP = { hostName: "guest", tapName: "tap9", queues: 1, macAddress: MAC, dns: {} } as const;

function networks(text = TWO_NETWORKS): readonly AppliedNetwork[] {
  const model = parseNetworkFile(text, "office.yaml", { folder: "/" });
  return networksOf("office", qualifyKeys(compile(model, FACTS).desired, "office"));
}

const lan = (): AppliedNetwork => chooseNetwork("lan", networks());
const lab = (): AppliedNetwork => chooseNetwork("office/lab", networks());
const common = { unit: "attach-x", origin: "attachment x" };
const to = (network: AppliedNetwork, taken: readonly string[] = []) => ({
  network,
  ...allocate(network, {}, new Set<IpAddress>(taken.map(parseIp))),
});

describe("networks in a record", () => {
  test("are as their file says", () => {
    expect(lan()).toMatchObject({ name: "office/lan", key: "office/link/lan", layout: { mtuBytes: 1400, ipv6: true } });
    expect(lan().layout.router).toBeDefined();
    expect(lan().layout.addressing6).toBeUndefined();
    expect(lab().layout.router).toBeUndefined();
    expect(lab().layout.addressing6).toEqual({
      subnet: { address: "2001:db8:1::", length: 64 },
      gateway: "2001:db8:1::1",
    });
  });

  test("of the same name in two files need the file's name", () => {
    const several = [lan(), { ...lan(), name: "home/lan", key: "home/link/lan" }];
    expect(() => chooseNetwork("lan", several)).toThrow(/several applied files/);
    expect(chooseNetwork("home/lan", several).key).toBe("home/link/lan");
    expect(() => chooseNetwork("wlan", several)).toThrow(/no applied file has such a network/);
  });
});

describe("what a file says and no object shows", () => {
  const text = `${TWO_NETWORKS.replace("mtu: 1400", "mtu: 1400, dns: { servers: [192.0.2.5], search: [lan.example] }")}machines:
  own: { kind: vm, image: /own.img, nics: [{ network: lan, dhcp: none, address: 192.0.2.6 }] }
  told: { kind: vm, image: /told.img, nics: [{ network: lab }] }
`;
  const model = parseNetworkFile(text, "office.yaml", { folder: "/" });
  const applied = qualifyKeys(compile(model, FACTS).desired, "office");

  test("is known to attachments: name servers of a network, addresses of guests that are told none", () => {
    const [network] = networksOf("office", applied);
    expect(network?.layout.network.dns).toEqual({ servers: ["192.0.2.5"], search: ["lan.example"] });
    const taken = addressesGiven(applied);
    expect([...taken]).toContain("192.0.2.6");
    expect(allocate(lan(), {}, taken)).toEqual({ address: "192.0.2.5" });
    const { objects } = compileTapAttachment({ ...common, ...TAP, ...to(network!), dhcp: "single" }, FACTS);
    expect(objects.find(({ kind }) => kind === "dhcp-single")).toMatchObject({
      lease: { nameServers: ["192.0.2.5"], searchDomains: ["lan.example"] },
    });
  });

  test("goes unsaid where there is nothing of it", () => {
    expect(compile(parseNetworkFile(TWO_NETWORKS, "office.yaml", { folder: "/" }), FACTS).desired).not.toHaveProperty(
      "declared",
    );
  });
});

describe("addresses", () => {
  const LAST = "192.0.2.6" as Ipv4Address;

  test("are free ones from above", () => {
    expect(allocate(lan(), {}, new Set())).toEqual({ address: LAST });
    expect(allocate(lan(), {}, new Set([LAST]))).toEqual({ address: "192.0.2.5" });
    expect(allocate(lab(), {}, new Set())).toEqual({ address: "198.51.100.254", address6: "2001:db8:1::1:0" });
  });

  test("are those asked for, if nobody has them", () => {
    expect(allocate(lan(), { address: parseIpv4("192.0.2.3") }, new Set())).toEqual({ address: "192.0.2.3" });
    for (const address of ["192.0.2.1", "192.0.2.7", "198.51.100.3", LAST])
      expect(() => allocate(lan(), { address: parseIpv4(address) }, new Set([LAST]))).toThrow(address);
  });

  test("are none for a guest that is told none, unless it has one: then that is reserved for it", () => {
    expect(giveAddresses(lab(), {}, "none", new Set())).toEqual({});
    const own = giveAddresses(lan(), { address: parseIpv4("192.0.2.3") }, "none", new Set());
    expect(() => giveAddresses(lan(), own, "none", new Set([parseIpv4("192.0.2.3")]))).toThrow(/somebody has it/);
    const desired = compileTapAttachment({ ...common, ...TAP, network: lan(), ...own, dhcp: "none" }, FACTS);
    expect(desired.objects).toHaveLength(1);
    expect([...addressesGiven(desired)]).toEqual(["192.0.2.3"]);
  });

  test("end when all are taken", () => {
    const taken = new Set(["2", "3", "4", "5", "6"].map((last) => parseIpv4(`192.0.2.${last}`)));
    expect(() => allocate(lan(), {}, taken)).toThrow(/no address is left in 192\.0\.2\.0\/29/);
  });
});

describe("a namespace", () => {
  const attached = (network: AppliedNetwork, more: object = {}) =>
    compileNamespaceAttachment(
      {
        ...common,
        ...to(network),
        namespace: "other",
        interfaceName: "eth0",
        hostDevice: "other-host",
        macAddress: MAC,
        hasDefaultRoute: [],
        ...more,
      },
      FACTS,
    ).objects;

  test("gets a port of the network's own bridge, an address, and a way out of a routed network", () => {
    const objects = attached(lan());
    expect(objects.map(({ kind }) => kind)).toEqual(["link", "link", "address", "route"]);
    expect(objects[0]).toMatchObject({
      name: "other-host",
      namespace: "",
      masterKey: "office/link/lan",
      mtuBytes: 1400,
    });
    expect(objects[1]).toMatchObject({ name: "eth0", namespace: "other", macAddress: MAC });
    expect(objects[2]).toMatchObject({ address: "192.0.2.6", prefixLength: 29 });
    expect(objects[3]).toMatchObject({ nextHops: [{ gateway: "192.0.2.1" }] });
    for (const { key, origin } of objects) {
      expect(key).toMatch(/^attach-x\//);
      expect(origin).toBe("attachment x");
    }
  });

  test("keeps its own default route, and gets none into an isolated network", () => {
    const routes = (objects: ReturnType<typeof attached>) => objects.filter(({ kind }) => kind === "route");
    expect(routes(attached(lan(), { hasDefaultRoute: [4] }))).toEqual([]);
    expect(routes(attached(lab()))).toEqual([]);
  });

  test("gets a resolv.conf where that is asked for", () => {
    const file = attached(lan(), { dns: { servers: [parseIp("192.0.2.53")] } }).find(({ kind }) => kind === "file");
    expect(file).toMatchObject({ path: "/etc/netns/other/resolv.conf" });
    expect(file?.kind === "file" && file.content).toContain("nameserver 192.0.2.53\n");
  });
});

describe("a tap", () => {
  const attached = (dhcp: "none" | "single" | "network") =>
    compileTapAttachment(
      {
        ...common,
        ...to(lab()),
        hostName: "guest",
        tapName: "tap9",
        ownerUid: 1000,
        queues: 2,
        dhcp,
        macAddress: MAC,
        dns: {},
      },
      FACTS,
    ).objects;

  test("is a port with its owner and queues", () => {
    expect(attached("none")).toEqual([
      expect.objectContaining({
        name: "tap9",
        link: { type: "tap", ownerUid: 1000, queues: 2 },
        masterKey: "office/link/lab",
      }),
    ]);
  });

  test("is served on itself, and what is told there does not cross to the network", () => {
    const objects = attached("single");
    expect(objects.map(({ kind }) => kind)).toEqual(["link", "nft-table", "dhcp-single", "ip6-single"]);
    expect(objects[2]).toMatchObject({ clientMac: MAC, lease: { address: "198.51.100.254", hostName: "guest" } });
    expect(objects[3]).toMatchObject({ lease: { addresses: ["2001:db8:1::1:0"], defaultRouter: false } });
  });

  test("is served on the bridge of the file's unit", () => {
    expect(attached("network")).toContainEqual(
      expect.objectContaining({ kind: "dhcp-network", linkKey: "office/link/lab", interfaceName: "lab" }),
    );
  });
});

test("an interface of somebody else gets a master and nothing else", () => {
  const port = compilePortAttachment({ ...common, network: lan(), interfaceName: "ext0", link: { index: 7 } }, FACTS);
  expect(port.objects).toEqual([
    {
      kind: "link",
      key: "attach-x/link/port",
      origin: "attachment x",
      namespace: "",
      name: "ext0",
      link: { type: "adopted", adoptedIndex: 7 },
      masterKey: "office/link/lan",
    },
  ]);
});

test("a guest run by hand has a tap on each network", () => {
  const nic = { queues: 1, dhcp: "single", macAddress: MAC } as const;
  const { objects } = compileGuestRun(
    {
      unit: "vm-guest",
      origin: "VM guest",
      name: "guest",
      machine: { image: "/disk.img", memoryMebibytes: 64, cpus: 2, accelerator: "tcg" },
      nics: [
        { ...nic, ...to(lan()), tapName: "guest-tap0" },
        { ...nic, ...to(lab()), tapName: "guest-tap1" },
      ],
      dns: {},
    },
    FACTS,
  );
  const masters = objects.flatMap((object) => (object.kind === "link" ? [object.masterKey] : []));
  expect(masters).toEqual(["office/link/lan", "office/link/lab"]);
  expect(objects.at(-1)).toMatchObject({
    kind: "vm",
    memoryMebibytes: 64,
    nics: [{ tapName: "guest-tap0" }, { tapName: "guest-tap1" }],
  });
});

describe("on a network whose machines must not serve each other", () => {
  const text = (dhcp: string): string =>
    TWO_NETWORKS.replace("mtu: 1400", `mtu: 1400, dhcp: ${dhcp}`).replace("192.0.2.0/29", "192.0.2.0/24");
  const applied = (dhcp: string): AppliedNetwork => {
    const desired = compile(parseNetworkFile(text(dhcp), "office.yaml", { folder: "/" }), FACTS).desired;
    return chooseNetwork("lan", networksOf("office", qualifyKeys(desired, "office")));
  };
  const attach = (network: AppliedNetwork, facts = FACTS) => [
    compileTapAttachment({ ...common, ...TAP, ...to(network), dhcp: "none" }, facts),
    compilePortAttachment({ ...common, network, interfaceName: "vnet7", link: { index: 7 } }, facts),
    compilePortAttachment({ ...common, network, interfaceName: "eth7", link: { index: 8, hardware: true } }, facts),
  ];
  const guards = (...given: Parameters<typeof attach>): string[] =>
    attach(...given).flatMap(({ objects }) =>
      objects.flatMap((object) => (object.kind === "nft-table" ? [`${object.key} ${object.name}`] : [])),
    );

  test("attachments must not either, but for what is behind a network card", () => {
    expect(guards(applied("true"))).toEqual([
      "attach-x/nft/guard/office/lan netloom_guard_tap9",
      "attach-x/nft/guard/office/lan netloom_guard_vnet7",
    ]);
  });

  test("they may where the file says so, and where nft cannot help it", () => {
    expect(guards(applied("{ guard: false }"))).toEqual([]);
    expect(guards(applied("true"), { ...FACTS, features: { ...FACTS.features, bridgeFilter: false } })).toEqual([]);
  });
});

describe("on a network with a DNS server", () => {
  const named = (): AppliedNetwork => {
    const text = TWO_NETWORKS.replace('"2001:db8:1::/64"', '"2001:db8:1::/64", dns: { domain: lab.example }');
    return chooseNetwork("lab", networks(text));
  };

  test("a guest is told it, and found under its name", () => {
    const network = named();
    const given = allocate(network, {}, new Set());
    const { objects } = compileTapAttachment({ ...common, ...TAP, ...given, network, dhcp: "single" }, FACTS);
    expect(objects.find(({ kind }) => kind === "dhcp-single")).toMatchObject({
      lease: { nameServers: ["198.51.100.1"], searchDomains: ["lab.example"] },
    });
    expect(objects.find(({ kind }) => kind === "dns-network")).toMatchObject({
      key: "attach-x/dns/office/lab",
      linkKey: "office/link/lab",
      network: "office/lab",
      joins: true,
      hosts: [{ name: "guest.lab.example", addresses: [given.address, given.address6], mac: MAC }],
    });
  });

  test("a namespace that is known by a path alone has no name", () => {
    const network = named();
    const given = allocate(network, {}, new Set());
    if (given.address === undefined) throw new Error("no address");
    const attachment = {
      ...common,
      network,
      interfaceName: "eth0",
      hostDevice: "x",
      macAddress: MAC,
      address: given.address,
      hasDefaultRoute: [],
    };
    const namesIn = (namespace: string): unknown[] =>
      compileNamespaceAttachment({ ...attachment, namespace }, FACTS).objects.flatMap((object) =>
        object.kind === "dns-network" ? object.hosts.map(({ name }) => name) : [],
      );
    expect(namesIn("shop")).toEqual(["shop.lab.example"]);
    expect(namesIn("/proc/7/ns/net")).toEqual([]);
  });
});
