import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type IpAddress, parseIp, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { closeDescriptor, openNamespace } from "../../../src/kernel/native.ts";
import { RouteMonitor } from "../../../src/kernel/netlink/monitor.ts";
import { NetlinkError, RouteNetlink } from "../../../src/kernel/netlink.ts";
import type { RouteEvent } from "../../../src/netlink/route/event.ts";
import { decodeAddress, deleteAddress, dumpAddresses, newAddress } from "../../../src/netlink/route/address.ts";
import { setBridgePort } from "../../../src/netlink/route/bridge-port.ts";
import { deleteForwarding, newForwarding } from "../../../src/netlink/route/forwarding.ts";
import { decodeLink, deleteLink, dumpLinks, getLink, newLink, setLink } from "../../../src/netlink/route/link.ts";
import {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  newNeighbour,
} from "../../../src/netlink/route/neighbour.ts";
import { decodeRoute, deleteRoute, dumpRoutes, newRoute } from "../../../src/netlink/route/route.ts";
import { decodeRule, deleteRule, dumpRules, newRule } from "../../../src/netlink/route/rule.ts";
import { inside, ip, openDescriptors, rejectionOf, run, until } from "../native/support.ts";

/** Links of the tests; nothing else in the sandbox uses the number. */
const GROUP = 4711;

let netlink: RouteNetlink;
beforeEach(() => {
  netlink = RouteNetlink.open();
});
afterEach(async () => {
  const left = await netlink.dump(dumpLinks(), decodeLink);
  if (left.some(({ group }) => group === GROUP)) await netlink.execute([deleteLink({ group: GROUP })]);
  netlink.close();
});

async function indexOf(name: string): Promise<number> {
  return (await netlink.get(getLink({ name }), decodeLink)).index;
}

async function newBridge(name: string): Promise<number> {
  await netlink.execute([newLink({ name, kind: "bridge", group: GROUP, up: true })]);
  return indexOf(name);
}

describe("errors", () => {
  test("carry the operation, the kernel's words and the error's name", async () => {
    const error = await rejectionOf(
      netlink.execute([
        newLink({ name: "nl-a", kind: "ifb", group: GROUP }),
        newLink({ name: "nl-b", kind: "no-such-kind" }),
      ]),
    );
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error).toMatchObject({
      code: "netlink-failed",
      message: "create no-such-kind nl-b: Unknown device type (EOPNOTSUPP)",
      errno: 95,
      errnoName: "EOPNOTSUPP",
      kernelText: "Unknown device type",
      requestIndex: 1,
    });
  });

  test("without words of the kernel's say what the number means", async () => {
    const requests = [newLink({ name: "nl-a", kind: "ifb", group: GROUP }), newLink({ name: "nl-a", kind: "ifb" })];
    expect(await rejectionOf(netlink.execute(requests))).toMatchObject({
      message: "create ifb nl-a: file already exists (EEXIST)",
      kernelText: undefined,
      requestIndex: 1,
    });
  });

  test("name the attribute that the kernel points at, also one inside another", async () => {
    const bridge = await newBridge("nl-br");
    const requests = [
      setLink({ index: bridge, alias: "a".repeat(300) }),
      newLink({ name: "nl-vx", kind: "vxlan", vxlan: { id: 0x100_0000 } }),
    ];
    const [alias, vxlan] = await netlink.executeAll(requests);
    expect(alias).toMatchObject({ errnoName: "ERANGE", attribute: "IFLA_IFALIAS" });
    expect(alias!.message).toContain("IFLA_IFALIAS");
    expect(vxlan!.message).toBe("create vxlan nl-vx: VXLAN ID must be lower than 16777216 (ERANGE, IFLA_VXLAN_ID)");
  });

  test("a link that is not there", async () => {
    expect(await rejectionOf(netlink.get(getLink({ name: "nl-none" }), decodeLink))).toMatchObject({
      errnoName: "ENODEV",
      message: expect.stringContaining("show link nl-none"),
    });
    expect(await rejectionOf(netlink.execute([deleteLink({ name: "nl-none" })]))).toMatchObject({
      errnoName: "ENODEV",
    });
  });

  test("a namespace that is not there", () => {
    expect(() => RouteNetlink.open({ namespacePath: "/run/netns/nl-none" })).toThrow(
      expect.objectContaining({ errnoName: "ENOENT" }),
    );
  });

  test("a closed client", async () => {
    const closed = RouteNetlink.open();
    closed.close();
    expect(await rejectionOf(closed.dump(dumpLinks(), decodeLink))).toMatchObject({
      code: "netlink-lost",
      cause: expect.objectContaining({ code: "netlink-closed" }),
    });
  });
});

describe("many requests", () => {
  test("1,000 of which every second is refused: each gets its own answer", async () => {
    const bridge = await newBridge("nl-br");
    const requests = Array.from({ length: 1000 }, (_, i) =>
      newAddress({
        linkIndex: i % 2 === 0 ? bridge : 0x7fff_0000,
        address: parseIp(`10.77.${i >> 8}.${i & 255}`),
        prefixLength: 32,
      }),
    );
    const results = await netlink.executeAll(requests);
    expect(results.map((error) => error?.errnoName)).toEqual(
      requests.map((_, i) => (i % 2 === 0 ? undefined : "ENODEV")),
    );
    expect(results.flatMap((error) => error?.requestIndex ?? [])).toEqual(
      requests.flatMap((_, i) => (i % 2 === 0 ? [] : [i])),
    );
    const there = await netlink.dump(dumpAddresses({ linkIndex: bridge }), decodeAddress);
    expect(there.filter(({ address }) => address.startsWith("10.77."))).toHaveLength(500);
  });

  test("all of 450 refused, with texts, overflow nothing", async () => {
    const index = await newBridge("nl-br");
    const results = await netlink.executeAll(Array.from({ length: 450 }, () => setLink({ index, mtuBytes: 10 })));
    expect(results.map((error) => error?.kernelText)).toEqual(results.map(() => "mtu less than device minimum"));
    expect(results).toHaveLength(450);
  });

  test("calls made at the same time take turns", async () => {
    const calls = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? netlink.execute([newLink({ name: `nl-${i}`, kind: "ifb", group: GROUP })])
        : netlink.dump(dumpLinks(), decodeLink),
    );
    await Promise.all(calls);
    const links = await netlink.dump(dumpLinks(), decodeLink);
    expect(links.filter(({ group }) => group === GROUP)).toHaveLength(10);
  });

  test("a failure leaves the client usable", async () => {
    await rejectionOf(netlink.execute([newLink({ name: "nl-x", kind: "no-such-kind" })]));
    await netlink.execute([newLink({ name: "nl-x", kind: "ifb", group: GROUP })]);
    expect(await indexOf("nl-x")).toBeGreaterThan(0);
  });

  test("a group is deleted by one request, and a dump larger than one datagram is whole", async () => {
    const requests = Array.from({ length: 150 }, (_, i) =>
      newLink({ name: `nl-a${i}`, kind: "veth", group: GROUP, veth: { peer: { name: `nl-b${i}` } } }),
    );
    await netlink.execute(requests);
    const links = await netlink.dump(dumpLinks(), decodeLink);
    expect(links.filter(({ name }) => name?.startsWith("nl-"))).toHaveLength(300);
    expect(new Set(links.map(({ index }) => index)).size).toBe(links.length);
    await netlink.execute([deleteLink({ group: GROUP })]);
    expect((await netlink.dump(dumpLinks(), decodeLink)).filter(({ name }) => name?.startsWith("nl-"))).toEqual([]);
  });
});

describe("what is requested is there", () => {
  test("a link with name, MAC, MTU, alias and master, then without", async () => {
    const bridge = await newBridge("nl-br");
    const macAddress = parseMac("02:00:00:00:00:55");
    await netlink.execute([
      newLink({
        name: "nl-a",
        kind: "veth",
        group: GROUP,
        macAddress,
        mtuBytes: 1400,
        veth: { peer: { name: "nl-b" } },
      }),
      setLink({ name: "nl-a", masterIndex: bridge, up: true, alias: "netloom:test", ipv6AddressGeneration: 1 }),
    ]);
    const link = await netlink.get(getLink({ name: "nl-a" }), decodeLink);
    expect(link).toMatchObject({
      macAddress,
      mtuBytes: 1400,
      masterIndex: bridge,
      up: true,
      alias: "netloom:test",
      ipv6AddressGeneration: 1,
    });
    const { index } = link;
    await netlink.execute([setLink({ index, up: false }), setLink({ index, name: "nl-c", masterIndex: 0, alias: "" })]);
    const changed = await netlink.get(getLink({ index }), decodeLink);
    expect(changed).toMatchObject({ name: "nl-c", up: false });
    expect(changed.masterIndex).toBeUndefined();
    expect(changed.alias).toBeUndefined();
  });

  test("bridge port settings by either message", async () => {
    const masterIndex = await newBridge("nl-br");
    await netlink.execute([newLink({ name: "nl-a", kind: "ifb", group: GROUP })]);
    const index = await indexOf("nl-a");
    await netlink.execute([
      setLink({ index, masterIndex }),
      setLink({ index, bridgePort: { learning: false, isolated: true, cost: 77, priority: 9 } }),
      setBridgePort(index, { hairpin: true }),
    ]);
    const [shown] = JSON.parse(run("bridge", "-json", "-details", "link", "show", "dev", "nl-a")) as object[];
    expect(shown).toMatchObject({ learning: false, isolated: true, cost: 77, priority: 9, hairpin: true });
  });

  test("a veth whose peer is made inside another namespace", async () => {
    ip("netns", "add", "nl-pod");
    const namespace = openNamespace("/run/netns/nl-pod");
    try {
      await netlink.execute([
        newLink({
          name: "nl-a",
          kind: "veth",
          group: GROUP,
          veth: { peer: { name: "eth0", namespaceDescriptor: namespace, mtuBytes: 1400 } },
        }),
      ]);
      await using there = RouteNetlink.open({ namespacePath: "/run/netns/nl-pod" });
      const peer = await there.get(getLink({ name: "eth0" }), decodeLink);
      expect(peer).toMatchObject({ kind: "veth", mtuBytes: 1400, linkIndex: await indexOf("nl-a") });
      expect(inside("nl-pod", "ip", "-o", "link", "show", "dev", "eth0")).toContain("mtu 1400");
      // Else the pair would go with the namespace, some time after its name.
      await netlink.execute([deleteLink({ group: GROUP })]);
    } finally {
      closeDescriptor(namespace);
      ip("netns", "delete", "nl-pod");
    }
  });

  test("addresses, routes, rules, neighbours and forwarding entries come and go", async () => {
    const bridge = await newBridge("nl-br");
    await netlink.execute([newLink({ name: "nl-a", kind: "ifb", group: GROUP, masterIndex: bridge })]);
    const port = await indexOf("nl-a");
    const address = { linkIndex: bridge, address: parseIp("192.0.2.1"), prefixLength: 24 };
    const route = {
      destination: parsePrefix("198.51.100.0/24"),
      nextHops: [{ linkIndex: bridge, gateway: parseIp("192.0.2.2") }],
      table: 1000,
      metric: 7,
      protocol: 4,
      metrics: { mtuBytes: 1300 },
    };
    const rule = { family: 4, priority: 700, source: parsePrefix("192.0.2.0/24"), table: 1000 } as const;
    const neighbour = { linkIndex: bridge, address: parseIp("192.0.2.2"), macAddress: parseMac("02:00:00:00:00:02") };
    const entry = { linkIndex: port, macAddress: parseMac("02:00:00:00:00:03") };
    await netlink.execute([
      newAddress(address),
      newRoute(route),
      newRule(rule),
      newNeighbour(neighbour),
      newForwarding(entry),
    ]);
    expect(ip("address", "show", "dev", "nl-br")).toContain("inet 192.0.2.1/24");
    expect(ip("route", "show", "table", "1000")).toMatch(
      /^198.51.100.0\/24 via 192.0.2.2 dev nl-br proto static metric 7 .*mtu 1300/,
    );
    expect(ip("rule")).toContain("700:\tfrom 192.0.2.0/24 lookup 1000");
    expect(ip("neighbour", "show", "dev", "nl-br")).toContain("192.0.2.2 lladdr 02:00:00:00:00:02 PERMANENT");
    expect(run("bridge", "fdb", "show", "dev", "nl-a")).toContain("02:00:00:00:00:03 master nl-br static");
    await netlink.execute([
      deleteForwarding(entry),
      deleteNeighbour(neighbour),
      deleteRule(rule),
      deleteRoute(route),
      deleteAddress(address),
    ]);
    const isHere = ({ address: other }: { address: IpAddress }): boolean => other.startsWith("192.0.2.");
    expect((await netlink.dump(dumpAddresses(), decodeAddress)).filter(isHere)).toEqual([]);
    expect(await netlink.dump(dumpRoutes({ table: 1000 }), decodeRoute)).toEqual([]);
    expect((await netlink.dump(dumpRules(), decodeRule)).some(({ priority }) => priority === 700)).toBe(false);
    expect((await netlink.dump(dumpNeighbours(), decodeNeighbour)).filter(isHere)).toEqual([]);
    expect(run("bridge", "fdb", "show", "dev", "nl-a")).not.toContain("02:00:00:00:00:03");
  });
});

test("a monitor tells what others change", async () => {
  const events: RouteEvent[] = [];
  const fail = (): never => {
    throw new Error("the monitor failed");
  };
  using _monitor = new RouteMonitor({
    kinds: ["link", "address", "route", "neighbour", "rule"],
    onEvent: (event) => events.push(event),
    onOverrun: fail,
    onError: fail,
  });
  const seen = (kind: string, gone: boolean) => events.some((event) => event.kind === kind && event.gone === gone);
  ip("link", "add", "nl-br", "type", "bridge");
  ip("link", "add", "nl-a", "master", "nl-br", "type", "ifb");
  ip("link", "set", "nl-br", "up");
  ip("address", "add", "192.0.2.1/24", "dev", "nl-br");
  ip("neighbour", "add", "192.0.2.9", "lladdr", "02:00:00:00:00:09", "dev", "nl-br");
  ip("rule", "add", "priority", "701", "table", "77");
  ip("rule", "delete", "priority", "701");
  run("bridge", "fdb", "add", "02:00:00:00:00:0a", "dev", "nl-a", "master", "static");
  ip("link", "delete", "nl-a");
  ip("link", "delete", "nl-br");
  await until("the bridge's end", () =>
    events.some((event) => event.kind === "link" && event.gone && event.link.name === "nl-br"),
  );
  const kinds = ["link", "bridge-port", "address", "route", "neighbour", "forwarding", "rule"];
  expect(kinds.filter((kind) => !seen(kind, false))).toEqual([]);
  expect(kinds.filter((kind) => !seen(kind, true))).toEqual([]);
});

test("nothing stays open", async () => {
  const before = openDescriptors();
  ip("netns", "add", "nl-pod");
  const clients = Array.from({ length: 20 }, () => RouteNetlink.open({ namespacePath: "/run/netns/nl-pod" }));
  await Promise.all(clients.map((client) => client.dump(dumpLinks(), decodeLink)));
  for (const client of clients) client.close();
  ip("netns", "delete", "nl-pod");
  expect(openDescriptors()).toEqual(before);
});
