/** Networks in namespaces of their own: everything that is on the host otherwise is in there. */
import { expect, test } from "vitest";
import { parseIp } from "../../src/base/address.ts";
import { addressesGiven, networksOf } from "../../src/compile/attach/network.ts";
import { compile } from "../../src/compile/compile.ts";
import type { NamespaceFacts } from "../../src/compile/facts.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { byKey, compiled, HOST, link } from "./host.ts";

const TENANTS = `version: 1
name: tenants
networks:
  a: { namespace: tenant-a, device: lan, subnet: 192.0.2.0/24, dhcp: true }
  b: { namespace: tenant-b, device: lan, subnet: 192.0.2.0/24, dhcp: true }
machines:
  web-a: { kind: namespace, nics: [{ network: a }] }
  web-b: { kind: namespace, nics: [{ network: b }] }
  vm-b: { kind: vm, image: /srv/disk.qcow2, nics: [{ network: b, dhcp: single }] }
`;
const there = (further: Partial<NamespaceFacts>): NamespaceFacts => ({
  ours: false,
  links: {},
  routes: [],
  ...further,
});

test("the same subnet, device and addresses in each; nothing is in the host's own but the guest's process", () => {
  const result = compiled(TENANTS);
  const objects = byKey(result);
  expect(objects.get("namespace/tenant-a")).toMatchObject({ kind: "namespace", name: "tenant-a", origin: "network a" });
  for (const [network, namespace] of [
    ["a", "tenant-a"],
    ["b", "tenant-b"],
  ] as const) {
    expect(objects.get(`link/${network}`)).toMatchObject({ name: "lan", namespace });
    expect(objects.get(`address/${network}/192.0.2.1`)).toMatchObject({ namespace, linkKey: `link/${network}` });
    expect(objects.get(`dhcp/${network}`)).toMatchObject({ namespace, interfaceName: "lan" });
    expect(objects.get(`link/web-${network}/0/host`)).toMatchObject({ namespace, masterKey: `link/${network}` });
    expect(objects.get(`address/web-${network}/0/192.0.2.2`)).toMatchObject({ namespace: `web-${network}` });
  }
  expect(objects.get("link/vm-b/0")).toMatchObject({ namespace: "tenant-b", masterKey: "link/b" });
  expect(objects.get("dhcp/vm-b/0")).toMatchObject({ namespace: "tenant-b", lease: { address: "192.0.2.3" } });
  expect(objects.get("vm/vm-b")).toMatchObject({
    namespace: "",
    nics: [{ namespace: "tenant-b", tapName: "vm-b-tap0" }],
  });
  const onHost = result.desired.objects.filter((object) => "namespace" in object && object.namespace === "");
  expect(onHost.map(({ key }) => key)).toEqual(["vm/vm-b"]);
  expect(result.notes).toEqual([]);
});

test("two networks of one namespace have one namespace", () => {
  const { desired } = compiled(`version: 1
networks:
  a: { namespace: shared, subnet: 192.0.2.0/25 }
  b: { namespace: shared, subnet: 192.0.2.128/25 }
`);
  expect(desired.objects.filter(({ kind }) => kind === "namespace")).toHaveLength(1);
});

test("a namespace that somebody else made is not ours to make nor to remove, which is told", () => {
  const foreign = compiled(TENANTS, { ...HOST, namespaces: { "tenant-a": there({}) } });
  expect(byKey(foreign).has("namespace/tenant-a")).toBe(false);
  expect(byKey(foreign).has("namespace/tenant-b")).toBe(true);
  expect(foreign.notes).toEqual([expect.stringMatching(/^namespace tenant-a is there already.*stays/)]);
  const made = compiled(TENANTS, { ...HOST, namespaces: { "tenant-a": there({ ours: true }) } });
  expect(byKey(made).has("namespace/tenant-a")).toBe(true);
  expect(made.notes).toEqual([]);
});

test("what the host has is in nobody's way, what the namespace has is", () => {
  const eth1 = link(4, "192.0.2.7/24");
  expect(compiled(TENANTS, { ...HOST, links: { ...HOST.links, eth1 } }).desired.objects.length).toBeGreaterThan(0);
  const facts = { ...HOST, namespaces: { "tenant-b": there({ links: { eth1 } }) } };
  expect(() => compiled(TENANTS, facts)).toThrow(
    /networks\.b\.subnet.*overlaps the address 192\.0\.2\.7\/24 of eth1.*\n.*namespace tenant-b/,
  );
});

test("ports are looked for where the network is", () => {
  const text = "version: 1\nnetworks:\n  a: { namespace: tenant-a, subnet: 192.0.2.0/24, ports: [eth9] }\n";
  const eth9 = link(9, "198.51.100.9/24");
  expect(() => compiled(text, { ...HOST, links: { ...HOST.links, eth9 } })).toThrow(/no such device/);
  const objects = byKey(compiled(text, { ...HOST, namespaces: { "tenant-a": there({ links: { eth9 } }) } }));
  expect(objects.get("link/a/port/eth9")).toMatchObject({
    namespace: "tenant-a",
    link: { type: "adopted", adoptedIndex: 9 },
    masterKey: "link/a",
  });
});

test("an address is somebody's on its own network only; one that nobody can place is on all", () => {
  const model = parseNetworkFile(TENANTS, "tenants.yaml", { folder: "/" });
  const desired = qualifyKeys(compile(model, HOST).desired, "tenants");
  const [a, b] = networksOf("tenants", desired);
  if (a === undefined || b === undefined) expect.unreachable();
  expect(a.layout.network.namespace).toBe("tenant-a");
  const bridges = new Set([a.key, b.key]);
  const given = (bridge: string) =>
    addressesGiven({ ...desired, declared: { reserved: [parseIp("192.0.2.99")] } }, { bridge, bridges });
  expect([...given(a.key)].sort()).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.99"]);
  expect([...given(b.key)].sort()).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.99"]);
});
