import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { HOST } from "./host.ts";

const FOLDER = fileURLToPath(new URL("../../examples", import.meta.url));
const EXAMPLES = readdirSync(FOLDER).filter((name) => /^[^.].*\.(yaml|json)$/.test(name));

test.each(EXAMPLES)("examples/%s is a good file and compiles on a host that has its uplinks", (name) => {
  const model = parseNetworkFile(readFileSync(`${FOLDER}/${name}`, "utf8"), name, { folder: FOLDER });
  const uplinks = model.uplinks.map((uplink) => [uplink.device, HOST.links.eth0!] as const);
  const { desired } = compile(model, { ...HOST, links: Object.fromEntries(uplinks) });
  expect(desired.objects.length).toBeGreaterThan(0);
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

test("the file in the reference is good", () => {
  const reference = readFileSync(new URL("../../docs/network-file.md", import.meta.url), "utf8");
  const block = /```yaml\n(version: 1\n[^`]*)```/.exec(reference);
  expect(parseNetworkFile(block?.[1] ?? "", "reference.yaml", { folder: "/srv" }).machines.length).toBe(2);
});
