import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Compiled, compile } from "../../src/compile/compile.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { HOST } from "./host.ts";

const FOLDER = fileURLToPath(new URL("../../examples", import.meta.url));
const EXAMPLES = readdirSync(FOLDER).filter((name) => /^[^.].*\.(yaml|json)$/.test(name));

function compileExample(name: string): Compiled {
  const model = parseNetworkFile(readFileSync(`${FOLDER}/${name}`, "utf8"), name, { folder: FOLDER });
  const uplinks = model.uplinks.map((uplink) => [uplink.device, HOST.links.eth0!] as const);
  return compile(model, { ...HOST, links: Object.fromEntries(uplinks) });
}

test.each(EXAMPLES)("examples/%s is a good file and compiles on a host that has its uplinks", (name) => {
  expect(compileExample(name).desired.objects.length).toBeGreaterThan(0);
});

test("the demonstration has an uplink, a NAT, two pods and a VM in one of them", () => {
  const model = parseNetworkFile(readFileSync(`${FOLDER}/vm-in-a-pod.yaml`, "utf8"), "vm-in-a-pod.yaml", {
    folder: FOLDER,
  });
  expect(model.routers).toMatchObject([{ nat: "masquerade" }]);
  expect(model.machines.map((machine) => [machine.kind, machine.name])).toEqual([
    ["namespace", "pod1"],
    ["namespace", "pod2"],
    ["vm", "vm1"],
  ]);
  expect(model.machines[1]).toMatchObject({ nics: [{ address: "192.168.50.2" }] });
});

test("libvirt's default network is virbr0 with its usual addresses, and one server for two guests", () => {
  const { desired } = compileExample("libvirt-default.yaml");
  const objects = new Map(desired.objects.map((object) => [object.key, object]));
  expect(objects.get("link/default")).toMatchObject({ name: "virbr0" });
  expect(objects.has("address/default/192.168.122.1")).toBe(true);
  expect(objects.get("dhcp/default")).toMatchObject({
    kind: "dhcp-network",
    interfaceName: "virbr0",
    ranges: [],
    hosts: [{ address: "192.168.122.2" }, { address: "192.168.122.3" }],
  });
});

test("the guest of the tutorials is served alone on its tap, for both families", () => {
  const kinds = compileExample("qemu-tap-nat.yaml").desired.objects.map((object) => object.kind);
  expect(kinds).toEqual(expect.arrayContaining(["dhcp-single", "ip6-single", "vm"]));
  expect(kinds).not.toContain("namespace");
});

test("the file in the reference is good", () => {
  const reference = readFileSync(new URL("../../docs/network-file.md", import.meta.url), "utf8");
  const block = /```yaml\n(version: 1\n[^`]*)```/.exec(reference);
  expect(parseNetworkFile(block?.[1] ?? "", "reference.yaml", { folder: "/srv" }).machines.length).toBe(2);
});
