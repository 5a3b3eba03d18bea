/** VMs straight on networks, and interfaces of others as ports. */
import { describe, expect, test } from "vitest";
import { allocationsOf, guestNicsOf } from "../../src/compile/allocations.ts";
import { compile } from "../../src/compile/compile.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import type { VmObject } from "../../src/state/object/vm.ts";
import { onlyLosesNics } from "../../src/state/vm.ts";
import { byKey, compiled, HOST, link } from "./host.ts";

const FILE = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  back: { subnet: 198.51.100.0/24 }
  lan: { subnet: 192.0.2.0/24, subnet6: "fd00:50::/64" }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
  vm1: { kind: vm, image: a, nics: [{ network: back }, { network: lan, queues: 4 }] }
  vm2: { kind: vm, image: b, nics: [{ network: lan, dhcp: network }] }
  vm3: { kind: vm, image: c, nics: [{ network: lan, dhcp: network, mac: "52:54:00:00:00:03" }] }
  vm4: { kind: vm, image: d, nics: [{ network: lan, dhcp: none, address: 192.0.2.3 }] }
`;

describe("a VM on networks", () => {
  test("has a tap in the host's namespace for each NIC, a port of the network's bridge", () => {
    const objects = byKey(compiled(FILE));
    expect(objects.get("link/vm1/0")).toMatchObject({
      namespace: "",
      name: "vm1-tap0",
      link: { type: "tap" },
      masterKey: "link/back",
      up: true,
    });
    expect(objects.get("link/vm1/1")).toMatchObject({ masterKey: "link/lan", link: { type: "tap", queues: 4 } });
    expect(objects.get("vm/vm1")).toMatchObject({
      namespace: "",
      nics: [
        { id: "nic0", tapKey: "link/vm1/0", tapName: "vm1-tap0" },
        { id: "nic1", tapKey: "link/vm1/1", tapName: "vm1-tap1", queues: 4, mtuBytes: 1450 },
      ],
    });
  });

  test("is told by a server on its tap what the gateway would tell, the way out on the routed NIC only", () => {
    const objects = byKey(compiled(FILE));
    const back = objects.get("dhcp/vm1/0");
    expect(back).toMatchObject({ kind: "dhcp-single", interfaceName: "vm1-tap0", lease: { routes: [] } });
    expect(back?.kind === "dhcp-single" && back.lease).not.toHaveProperty("router");
    expect(objects.get("dhcp/vm1/1")).toMatchObject({
      serverAddress: "192.0.2.1",
      lease: { address: "192.0.2.2", router: "192.0.2.1", hostName: "vm1", nameServers: ["203.0.113.53"] },
    });
  });

  test("gets its IPv6 address and way out on the tap, from the bridge's own fe80::1", () => {
    const objects = byKey(compiled(FILE));
    expect(objects.has("ip6/vm1/0")).toBe(false);
    const service = objects.get("ip6/vm1/1");
    expect(service).toMatchObject({
      kind: "ip6-single",
      routerAddress: "fe80::1",
      lease: {
        addresses: ["fd00:50::2"],
        defaultRouter: true,
        prefixes: [{ prefix: { address: "fd00:50::", length: 64 }, onLink: true, autonomous: false }],
      },
    });
    expect(service).not.toHaveProperty("routerMac");
  });

  test("shares one server with the others that ask for the network's", () => {
    const servers = compiled(FILE).desired.objects.filter((object) => object.kind === "dhcp-network");
    expect(servers).toMatchObject([
      {
        key: "dhcp/lan",
        interfaceName: "lan",
        serverAddress: "192.0.2.1",
        ranges: [],
        knownOnly: true,
        hosts: [
          { address: "192.0.2.4", name: "vm2" },
          { mac: "52:54:00:00:00:03", address: "192.0.2.5", name: "vm3" },
        ],
      },
    ]);
  });

  test("without DHCP is served nothing, and its address is given to nobody else", () => {
    const { objects } = compiled(FILE).desired;
    expect(objects.filter(({ key }) => key.includes("vm4")).map(({ kind }) => kind)).toEqual(["link", "vm"]);
    expect(Object.values(Object.fromEntries(allocationsOf(compiled(FILE).desired)))).not.toContain("192.0.2.3");
  });

  test("has no DHCP and no router advertisements between its tap and the network, as far as its tap is served", () => {
    const objects = byKey(compiled(FILE));
    const rules = (key: string): string => {
      const table = objects.get(key);
      return table?.kind === "nft-table" && table.family === "bridge" ? table.rules : "";
    };
    expect(rules("nft/link/vm1/0")).toMatch(/udp dport \{ 67, 68 \} drop/);
    expect(rules("nft/link/vm1/0")).not.toMatch(/ip6/);
    expect(rules("nft/link/vm1/1")).toMatch(/\{ 67, 68 \} drop\n.*\{ 546, 547 \} drop\n.*nd-router-advert \} drop/);
    expect(rules("nft/link/vm2/0")).not.toMatch(/67/);
    expect(rules("nft/link/vm2/0")).toMatch(/nd-router-advert/);
    expect(objects.has("nft/link/vm4/0")).toBe(false);
  });

  describe("whose list of NICs changes", () => {
    const office = (nics: string): string => FILE.replace(/(vm1: .* nics: )\[.*\]/, `$1[${nics}]`);
    const again = (before: string, after: string) => {
      const { desired } = compiled(before);
      const model = parseNetworkFile(after, "office.yaml", {
        folder: "/srv",
        previous: allocationsOf(desired),
        previousNics: guestNicsOf(desired),
      });
      const [was, is] = [byKey({ desired, notes: [] }), byKey(compile(model, HOST))];
      return { was, is, guests: [was.get("vm/vm1"), is.get("vm/vm1")] as [VmObject, VmObject] };
    };
    const MINE = /vm1\/1/;

    test("keeps the NIC that stays, with its tap and what serves it, when the first one goes", () => {
      const { was, is, guests } = again(FILE, office("{ network: lan, queues: 4 }"));
      expect(onlyLosesNics(...guests)).toBe(true);
      const kept = [...was].filter(([key]) => MINE.test(key));
      expect(kept.length).toBeGreaterThan(3);
      for (const [key, object] of kept) expect(is.get(key)).toEqual(object);
    });

    test("gives one that comes in front a number of its own", () => {
      const fewer = office("{ network: lan }");
      const { guests } = again(fewer, office("{ network: back }, { network: lan }"));
      expect(guests[1].nics.map(({ id, tapName }) => [id, tapName])).toEqual([
        ["nic1", "vm1-tap1"],
        ["nic0", "vm1-tap0"],
      ]);
      expect(guests[1].nics[1]).toEqual(guests[0].nics[0]);
    });

    test("knows NICs on one network by their MAC addresses", () => {
      const [first, second] = ["{ network: lan, mac: 52:54:00:00:01:00 }", "{ network: lan, mac: 52:54:00:00:01:01 }"];
      const { guests } = again(office(`${first}, ${second}`), office(second));
      expect(onlyLosesNics(...guests)).toBe(true);
      expect(guests[1].nics).toEqual([guests[0].nics[1]]);
    });

    test("goes by their places where nothing else tells them apart", () => {
      const { guests } = again(office("{ network: lan }, { network: lan }"), office("{ network: lan }"));
      expect(guests[1].nics).toEqual([guests[0].nics[0]]);
    });
  });

  test("keeps addresses and MACs when others come and go", () => {
    const previous = allocationsOf(compiled(FILE).desired);
    expect(Object.fromEntries(previous)).toEqual({
      "vm1/0": "198.51.100.2",
      "vm1/1": "192.0.2.2",
      "vm1/1/6": "fd00:50::2",
      "vm2/0": "192.0.2.4",
      "vm2/0/6": "fd00:50::3",
      "vm3/0": "192.0.2.5",
      "vm3/0/6": "fd00:50::4",
    });
    const fewer = FILE.replace(/ {2}vm1: .*\n/, "").replace(
      "machines:",
      "machines:\n  vm0: { kind: vm, image: z, nics: [{ network: lan }] }",
    );
    const { machines } = parseNetworkFile(fewer, "office.yaml", { folder: "/srv", previous });
    const before = parseNetworkFile(FILE, "office.yaml", { folder: "/srv" }).machines;
    const nicOf = (list: typeof machines, name: string) => {
      const machine = list.find((candidate) => candidate.name === name);
      return machine?.kind === "vm" ? machine.taps[0] : undefined;
    };
    for (const name of ["vm2", "vm3"]) {
      const { address, address6, macAddress } = nicOf(machines, name) ?? {};
      expect(nicOf(before, name)).toMatchObject({ address, address6, macAddress });
    }
    expect(nicOf(machines, "vm0")).toMatchObject({ address: "192.0.2.2", address6: "fd00:50::2" });
  });
});

describe("ports", () => {
  const PORT = `version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, ports: [eth1] } }\n`;
  const facts = (further: Partial<typeof HOST.links.eth0> = {}) => ({
    ...HOST,
    links: { ...HOST.links, eth1: { ...link(7, "198.51.100.9/24"), ...further } },
  });

  test("an interface of others gets a master and nothing else", () => {
    expect(byKey(compiled(PORT, facts())).get("link/lan/port/eth1")).toEqual({
      kind: "link",
      key: "link/lan/port/eth1",
      origin: "network lan",
      namespace: "",
      name: "eth1",
      link: { type: "adopted", adoptedIndex: 7 },
      masterKey: "link/lan",
    });
  });

  test("the plan says which addresses are not reached meanwhile", () => {
    expect(compiled(PORT, facts()).notes).toContainEqual(
      expect.stringMatching(/eth1 becomes a port.*198\.51\.100\.9\/24/),
    );
    expect(compiled(PORT, facts({ addresses: [] })).notes).toEqual([]);
  });

  test("the plan says when the network's frames are too large for a port", () => {
    expect(compiled(PORT, facts({ addresses: [], mtuBytes: 1400 })).notes).toEqual([
      "eth1 has MTU 1400, its network lan 1500: larger frames do not pass it",
    ]);
  });

  test("what is our port already stays one", () => {
    const ours = {
      ...facts({ master: "lan" }),
      links: { ...facts({ master: "lan" }).links, lan: link(9, "192.0.2.1/24", { ours: true, marked: true }) },
    };
    expect(byKey(compiled(PORT, ours)).has("link/lan/port/eth1")).toBe(true);
  });

  test.each([
    [{ unfitPort: "is a bridge" }, /ports\[0\]: is a bridge and cannot be a port/],
    [{ unfitPort: "is wireless" }, /ports\[0\]: is wireless and cannot be a port/],
    [{ master: "br7" }, /ports\[0\]: is a port of br7 already/],
    [{ marked: true }, /ports\[0\]: belongs to netloom already/],
  ])("%o cannot be planned", (further, message) => {
    expect(() => compiled(PORT, facts(further))).toThrow(message);
  });

  test("a device that is not there is told with those that are", () => {
    expect(() => compiled(PORT)).toThrow(
      /ports\[0\]: there is no such device on this host \(is "eth1"\)\n.*use one of: eth0/,
    );
  });
});

test("a guest bound by macvtap opens its device by its kind, and keeps the pod's address and MAC", () => {
  const text = `${FILE}  pod1: { kind: namespace, nics: [{ network: lan, address: 192.0.2.77 }] }
  vm9: { kind: vm, in: pod1, image: a, nics: [{ binding: macvtap, queues: 2 }] }
`;
  const objects = byKey(compiled(text));
  const pod = byKey(compiled(text.replace(/ {2}vm9: .*\n/, ""))).get("link/pod1/0");
  expect(objects.get("vm/vm9")).toMatchObject({
    namespace: "pod1",
    nics: [{ tapType: "macvtap", queues: 2, macAddress: pod?.kind === "link" ? pod.macAddress : undefined }],
  });
  expect(allocationsOf(compiled(text).desired).get("pod1/0")).toBe("192.0.2.77");
});
