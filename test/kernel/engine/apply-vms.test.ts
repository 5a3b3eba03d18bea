/** Files with VMs straight on networks and behind every binding: made, changed one by one, taken back. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Status } from "../../../src/engine/status.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, json, makeUplink, netloom, removeUplink, shell } from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";

/** Each has a disk of its own, which QEMU locks. */
function vm(name: string, rest: string): string {
  return `${name}: { kind: vm, image: ${name}.img, memory: 32M, accelerator: tcg, ${rest} }`;
}

const ON_NETWORKS = {
  vm1: vm("vm1", "nics: [{ network: lan }, { network: back, queues: 2 }]"),
  vm2: vm("vm2", "nics: [{ network: lan, dhcp: network }]"),
  vm3: vm("vm3", "nics: [{ network: lan, dhcp: network, address: 192.168.50.30 }]"),
  vm4: vm("vm4", "nics: [{ network: lan, dhcp: none }]"),
};

function networkFile(machines: readonly string[]): string {
  return `version: 1
name: vms
uplinks: { wan: { device: uplink0 } }
networks:
  lan: { subnet: 192.168.50.0/24, subnet6: "fd00:50::/64" }
  back: { subnet: 192.168.60.0/24 }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
${machines.map((line) => `  ${line}\n`).join("")}`;
}

interface StepLine {
  readonly key: string;
  readonly summary: string;
}

let folder: Folder;
let state: string;
let file: string;
let before: string[];

async function apply(machines: readonly string[]): Promise<readonly StepLine[]> {
  writeFileSync(file, networkFile(machines));
  return (JSON.parse(await done(["apply", file, "--state", state, "--json"])) as { steps: StepLine[] }).steps;
}

async function services(): Promise<readonly string[]> {
  const status = JSON.parse(await done(["status", "--json", "--state", state])) as Status;
  return (status.keeper?.services ?? []).map(({ name, state: how }) => `${name}: ${how}`).toSorted();
}

function portsOf(bridge: string): readonly unknown[] {
  return json(`ip -j link show master ${bridge}`)
    .map((link) => link["ifname"])
    .toSorted();
}

beforeAll(makeUplink);
afterAll(removeUplink);

beforeEach(() => {
  folder = new Folder();
  state = folder.join("state");
  file = folder.join("vms.yaml");
  for (const name of Object.keys(ON_NETWORKS)) writeBootDisk(folder.join(`${name}.img`), "echo");
  before = hostSnapshot();
});

afterEach(async () => {
  await netloom(["destroy", file, "--state", state]);
  folder[Symbol.dispose]();
});

async function destroyed(): Promise<void> {
  await done(["destroy", file, "--state", state]);
  expect(hostSnapshot()).toEqual(before);
  expect(readdirSync(state).filter((name) => name !== "kvm.json")).toEqual([]);
}

test("VMs on networks come and go one by one, and nothing stays", { timeout: 120_000 }, async () => {
  const { vm1, vm2, vm3, vm4 } = ON_NETWORKS;
  await apply([vm1, vm2]);
  expect(portsOf("lan")).toEqual(["vm1-tap0", "vm2-tap0"]);
  expect(portsOf("back")).toEqual(["vm1-tap1"]);
  expect(await services()).toEqual([
    "DHCP on lan: running",
    "DHCP on vm1-tap0: running",
    "DHCP on vm1-tap1: running",
    "IPv6 for the guest on vm1-tap0: running",
    "IPv6 for the guest on vm2-tap0: running",
    "VM vm1: running",
    "VM vm2: running",
  ]);
  const [first, second] = processesNamed("qemu-system-x86");
  expect(await apply([vm1, vm2])).toEqual([]);

  const more = await apply([vm3, vm4, vm1, vm2]);
  expect(more.map(({ key }) => key).filter((key) => /vm[12]/.test(key))).toEqual([]);
  expect(portsOf("lan")).toEqual(["vm1-tap0", "vm2-tap0", "vm3-tap0", "vm4-tap0"]);
  expect(processesNamed("qemu-system-x86")).toEqual(expect.arrayContaining([first, second]));

  const fewer = await apply([vm2]);
  expect(fewer.map(({ key }) => key).filter((key) => key.includes("vm2"))).toEqual([]);
  expect(portsOf("lan")).toEqual(["vm2-tap0"]);
  expect(processesNamed("qemu-system-x86")).toHaveLength(1);
  expect(await services()).toContain("DHCP on lan: running");
  await destroyed();
});

test("a pod's VM comes by every binding and goes, and the pod has its network again", {
  timeout: 120_000,
}, async () => {
  const pod = "pod1: { kind: namespace, nics: [{ network: lan, address: 192.168.50.10 }] }";
  const other = "pod2: { kind: namespace, nics: [{ network: lan, address: 192.168.50.20 }] }";
  await apply([pod, other]);
  const alone = hostSnapshot();
  for (const binding of ["bridge", "masquerade", "bridge, profile: legacy"]) {
    const guest = vm("vm1", `in: pod1, nics: [{ binding: ${binding} }]`);
    await apply([pod, other, guest]);
    expect(await services()).toContain("VM vm1: running");
    expect(await apply([pod, other, guest])).toEqual([]);
    const steps = await apply([pod, other]);
    expect(steps.map(({ key }) => key).filter((key) => key.includes("pod2"))).toEqual([]);
    expect({ binding, host: hostSnapshot() }).toEqual({ binding, host: alone });
  }
  shell("nsenter --net=/run/netns/pod1 ping -q -c 1 -W 5 192.168.50.20");
  shell("nsenter --net=/run/netns/pod1 ping -q -c 1 -W 5 fd00:50::1");
  await apply([pod, other, vm("vm1", "in: pod1, nics: [{ binding: masquerade, ports: [80/tcp] }]")]);
  await destroyed();
  expect(existsSync("/run/netns/pod1")).toBe(false);
});
