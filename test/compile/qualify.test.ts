import { expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../src/base/address.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import type { Desired } from "../../src/state/desired.ts";
import type { StateObject } from "../../src/state/object.ts";

const common = { origin: "machine pod1", namespace: "pod1" } as const;
const objects: StateObject[] = [
  { kind: "namespace", key: "namespace/pod1", origin: "machine pod1", name: "pod1" },
  { kind: "link", key: "link/lan", origin: "network lan", namespace: "", name: "lan", link: { type: "bridge" } },
  {
    kind: "link",
    key: "link/pod1/0/host",
    ...common,
    name: "pod1-eth0",
    link: { type: "veth", peerKey: "link/pod1/0" },
    masterKey: "link/lan",
  },
  {
    kind: "link",
    key: "link/pod1/0",
    ...common,
    name: "eth0",
    link: { type: "veth-peer", peerKey: "link/pod1/0/host" },
    masterKey: null,
  },
  {
    kind: "address",
    key: "address/pod1/0",
    ...common,
    linkKey: "link/pod1/0",
    address: parseIpv4("192.0.2.2"),
    prefixLength: 24,
  },
  {
    kind: "route",
    key: "route/pod1",
    ...common,
    destination: { address: parseIpv4("0.0.0.0"), length: 0 },
    nextHops: [{ linkKey: "link/pod1/0", gateway: parseIpv4("192.0.2.1") }, { gateway: parseIpv4("192.0.2.9") }],
  },
  {
    kind: "vm",
    key: "vm/vm1",
    ...common,
    name: "vm1",
    memoryMebibytes: 128,
    cpus: 1,
    accelerator: "auto",
    nics: [{ id: "nic0", tapKey: "link/pod1/0 tap", tapName: "tap0", macAddress: parseMac("02:00:00:00:00:01") }],
  },
];

/** Every text in a value that names an object of the state. */
function mentions(value: unknown): string[] {
  if (typeof value === "string") return /\b(?:link|address|route|vm|namespace)\//.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(mentions) : [];
}

test("every key and every mention of a key carries the file's name", () => {
  const desired: Desired = { objects, absent: [] };
  const qualified = qualifyKeys(desired, "office");
  expect(mentions(desired)).not.toHaveLength(0);
  expect(mentions(qualified)).toEqual(mentions(desired).map((key) => `office/${key}`));
});

test("what is no key stays as it is", () => {
  const [, , , pod] = qualifyKeys({ objects, absent: [] }, "office").objects;
  expect(pod).toMatchObject({ name: "eth0", namespace: "pod1", masterKey: null, origin: "machine pod1" });
});
