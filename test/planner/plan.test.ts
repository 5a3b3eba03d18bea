import { describe, expect, test } from "vitest";
import type { IpAddress, MacAddress } from "../../src/base/address.ts";
import { fingerprint } from "../../src/planner/fingerprint.ts";
import { prefixRoute } from "./prefix-routes.ts";
import { plan } from "../../src/planner/plan.ts";
import { EMPTY } from "../../src/state/desired.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { LinkObject, NftTableObject } from "../../src/state/object/kernel.ts";
import type { ObservedLink, ObservedNamespace, Snapshot } from "../../src/state/snapshot.ts";
import type { OwnedObject, OwnershipRecord } from "../../src/state/step.ts";

const BRIDGE: LinkObject = {
  kind: "link",
  key: "link/lan",
  origin: "network lan",
  namespace: "",
  name: "lan",
  link: { type: "bridge" },
  up: true,
};
const OBSERVED: ObservedLink = { index: 7, name: "lan", kind: "bridge", mtuBytes: 1500, up: true, group: 0 };
const ADDRESS: StateObject = {
  kind: "address",
  key: "address/lan",
  origin: "network lan",
  namespace: "",
  linkKey: "link/lan",
  address: "192.0.2.1" as IpAddress,
  prefixLength: 24,
};

function host(state: Partial<ObservedNamespace>): Snapshot {
  const nothing = {
    links: [],
    addresses: [],
    routes: [],
    neighbours: [],
    sysctls: {},
    nftTables: [],
    foreignAccepts: [],
  };
  return { namespaces: { "": { ...nothing, ...state } }, files: {} };
}

function recordWith(owned: Record<string, OwnedObject>): OwnershipRecord {
  return { version: 1, name: "test", source: "test.yaml", owned, desired: EMPTY };
}

const want = (...objects: StateObject[]) => ({ objects, absent: [] });
const summariesOf = (made: ReturnType<typeof plan>): string[] => made.steps.map((step) => step.summary);

describe("whose link it is", () => {
  test("a link of the wanted name without a mark is in the way", () => {
    const made = plan({ desired: want(BRIDGE), snapshot: host({ links: [OBSERVED] }) });
    expect(made.conflicts).toEqual([
      {
        key: "link/lan",
        message: "link lan exists and is not netloom's",
        remedy: expect.stringContaining("network lan"),
      },
    ]);
    expect(made.steps).toEqual([]);
  });

  test("a link that another file marked with the same key is not taken over", () => {
    const links = [{ ...OBSERVED, alias: "netloom:link/lan" }];
    const made = plan({ desired: want(BRIDGE), snapshot: host({ links }) });
    expect(made.conflicts.map((conflict) => conflict.message)).toEqual([
      "link lan exists and belongs to another file, bind or state folder of netloom",
    ]);
    expect(plan({ desired: EMPTY, snapshot: host({ links }) }).steps).toEqual([]);
  });

  test("a recorded link whose alias somebody cleared is known by its index", () => {
    const record = recordWith({ "link/lan": { object: BRIDGE, index: 7 } });
    const snapshot = host({ links: [OBSERVED] });
    expect(summariesOf(plan({ desired: want(BRIDGE), snapshot, record }))).toEqual([]);
    expect(summariesOf(plan({ desired: EMPTY, snapshot, record }))).toEqual(["delete bridge lan"]);
  });

  test("a link that a kill left without its mark is marked", () => {
    const pending = [{ key: "link/lan", after: BRIDGE, summary: "", commands: [] }];
    const made = plan({ desired: want(BRIDGE), snapshot: host({ links: [OBSERVED] }), pending });
    expect(made.steps.map(({ summary, commands }) => [summary, ...commands])).toEqual([
      ["mark bridge lan as netloom's", "ip link set lan alias netloom:link/lan"],
    ]);
  });

  test("another link that was given the index of an adopted one is left alone", () => {
    const adopted = { ...BRIDGE, name: "eth0-nic", link: { type: "adopted", adoptedIndex: 7 } } as const;
    const original = { ...adopted, name: "eth0", macAddress: "52:54:00:00:00:01" as MacAddress };
    const record = recordWith({ "link/lan": { object: adopted, original } });
    const links = [{ ...OBSERVED, name: "wlan0", kind: "veth", macAddress: "52:54:00:00:00:99" as MacAddress }];
    const made = plan({ desired: EMPTY, snapshot: host({ links }), record });
    expect(made.steps).toEqual([]);
    expect(made.notes).toEqual(["eth0 is gone: nothing can be given back to it"]);
  });
});

describe("nft tables", () => {
  const table: NftTableObject = {
    kind: "nft-table",
    key: "nft/home",
    origin: "router edge",
    namespace: "",
    family: "ip",
    name: "netloom_home",
    rules: "chain forward {\n}",
  };
  const loaded = { family: "ip", name: "netloom_home", comment: `netloom:${fingerprint(table.rules)}` };

  test("a listing that differs from the one after loading means that somebody changed the table", () => {
    const record = recordWith({ "nft/home": { object: table, listing: "table ip netloom_home {\n}" } });
    const drifted = {
      ...loaded,
      listing: 'table ip netloom_home {\n\tcomment "netloom:x"\n\tchain foreign {\n\t}\n}\n',
    };
    const made = plan({ desired: want(table), snapshot: host({ nftTables: [drifted] }), record });
    expect(summariesOf(made)).toEqual(["load nft table ip netloom_home anew"]);
    expect(made.notes).toEqual(["nft table ip netloom_home was changed by somebody else: it is loaded again"]);
    expect(made.steps[0]?.before).toEqual({ ...table, rules: "\tchain foreign {\n\t}\n" });
  });

  test("other rules mean other fingerprints of 16 hexadecimal digits", () => {
    const prints = new Set<string>();
    for (let i = 0; i < 5000; i++) prints.add(fingerprint(`chain c { tcp dport ${i} accept }`));
    expect(prints.size).toBe(5000);
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("what is left alone", () => {
  test("an address that an adopted link has anyway stays when we go", () => {
    const uplink: LinkObject = { ...BRIDGE, name: "lan", link: { type: "adopted", adoptedIndex: 7 } };
    const addresses = [{ linkIndex: 7, address: "192.0.2.1" as IpAddress, prefixLength: 24, scope: 0, flags: 0x80 }];
    const snapshot = host({ links: [OBSERVED], addresses, routes: addresses.map(prefixRoute) });
    const made = plan({ desired: want(uplink, ADDRESS), snapshot });
    expect(made.steps).toEqual([]);
    const owned = Object.fromEntries(
      [uplink, ADDRESS].map((object) => [object.key, { object, original: made.originals[object.key]! }]),
    );
    expect(plan({ desired: EMPTY, snapshot, record: recordWith(owned) }).steps).toEqual([]);
  });

  test("the route to the prefix of such an address is put back when it is missing, and taken away again when we go", () => {
    const uplink: LinkObject = { ...BRIDGE, name: "lan", link: { type: "adopted", adoptedIndex: 7 } };
    const addresses = [{ linkIndex: 7, address: "192.0.2.1" as IpAddress, prefixLength: 24, scope: 0, flags: 0x80 }];
    const state = { links: [OBSERVED], addresses };
    const made = plan({ desired: want(uplink, ADDRESS), snapshot: host(state) });
    expect(made.steps.map(({ summary, commands }) => [summary, ...commands])).toEqual([
      [
        "restore the route to the prefix of 192.0.2.1/24 on lan",
        "ip route replace 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1",
      ],
    ]);
    const owned = Object.fromEntries(
      [uplink, ADDRESS].map((object) => [object.key, { object, original: made.originals[object.key]! }]),
    );
    const routes = addresses.map(prefixRoute);
    const back = plan({ desired: EMPTY, snapshot: host({ ...state, routes }), record: recordWith(owned) });
    expect(summariesOf(back)).toEqual(["delete the route to the prefix of 192.0.2.1/24 on lan"]);
  });

  test("a route of others to the same destination is in the way", () => {
    const route: StateObject = {
      kind: "route",
      key: "route",
      origin: "router edge",
      namespace: "",
      destination: { address: "198.51.100.0" as IpAddress, length: 24 },
      nextHops: [{ gateway: "192.0.2.9" as IpAddress }],
    };
    const theirs = {
      type: 1,
      table: 254,
      tos: 0,
      protocol: 3,
      scope: 0,
      nextHops: [{ linkIndex: 7, gateway: "192.0.2.254" as IpAddress }],
    };
    const routes = [{ ...theirs, destination: route.destination }];
    const made = plan({ desired: want(route), snapshot: host({ links: [OBSERVED], routes }) });
    expect(made.conflicts.map((conflict) => conflict.message)).toEqual([
      "route 198.51.100.0/24 exists and is not netloom's",
    ]);
  });

  test("a namespace that nobody makes is told by name", () => {
    const made = plan({
      desired: want({ ...BRIDGE, namespace: "pod9" }),
      snapshot: { namespaces: { pod9: null }, files: {} },
    });
    expect(made.conflicts.map((conflict) => conflict.message)).toEqual(["namespace pod9 does not exist"]);
  });
});

describe("mistakes in what is asked", () => {
  test("steps that wait for each other are named", () => {
    const ring = ["a", "b"].map(
      (name, i): StateObject => ({ ...BRIDGE, key: name, name, masterKey: i === 0 ? "b" : "a" }),
    );
    expect(() => plan({ desired: want(...ring), snapshot: host({}) })).toThrow(
      "order steps: each waits for the other: create bridge a; create bridge b",
    );
  });

  test("a key that is used twice is named", () => {
    expect(() => plan({ desired: want(BRIDGE, { ...BRIDGE, name: "lan2" }), snapshot: host({}) })).toThrow(
      "plan bridge lan2: the key link/lan is used twice",
    );
  });
});
