/** A file whose VM has a macvtap in its pod: applied, reached, its own and nobody else's, taken back. */
import { statSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../src/base/logger.ts";
import { findMacvtap } from "../../src/kernel/macvtap.ts";
import { VmService } from "../../src/services/vm/machine.ts";
import type { VmObject } from "../../src/state/object/vm.ts";
import { UnitStore } from "../../src/store/unit.ts";
import { processesNamed } from "../kernel/vm/support.ts";
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS, toldBy } from "../support/guest-image.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, Folder, json, shell, until } from "../support/network.ts";

const GUEST_SECONDS = 150;
const MAC = "52:54:00:00:00:07";

const FILE = `version: 1
name: tapped
networks: { tapped: { subnet: 192.168.83.0/24 } }
machines:
  tapped1: { kind: namespace, nics: [{ network: tapped, address: 192.168.83.7, mac: "${MAC}" }] }
  guest:
    kind: vm
    in: tapped1
    kernel: ${GUEST_KERNEL}
    initrd: ${GUEST_INITRD}
    append: ${GUEST_KERNEL_ARGUMENTS} nl.ping=192.168.83.1 nl.wait=60
    memory: 128M
    accelerator: tcg
    nics: [{ binding: macvtap, queues: 2 }]
`;

let folder: Folder;

// Devices are numbered by interface index: whatever index the pod's macvtap gets, another namespace has it as well.
beforeAll(() => {
  folder = new Folder();
  shell(`ip netns add decoy
    ip -n decoy link add parent0 index 900 type veth peer name parent1 index 901
    for index in $(seq 2 9) $(seq 64 69); do
      ip -n decoy link add decoy$index index $index link parent0 type macvtap mode bridge
    done`);
});
afterAll(() => {
  shell("ip netns delete decoy");
  folder[Symbol.dispose]();
});

/** Device numbers of the character devices that the process has open. */
function devicesOf(pid: number): bigint[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((name) => statSync(`/proc/${pid}/fd/${name}`, { bigint: true, throwIfNoEntry: false }))
    .flatMap((status) => (status?.isCharacterDevice() === true ? [status.rdev] : []));
}

test("the guest has the pod's place through the macvtap of its own namespace", async () => {
  const before = hostSnapshot();
  const devices = readdirSync("/dev");
  const state = folder.join("state");
  const file = folder.write("tapped.yaml", FILE);
  await done(["apply", file, "--state", state]);
  const [link] = json("ip -j -d -n tapped1 link show type macvtap") as { ifindex: number; ifname: string }[];
  expect(shell(`ip -n decoy -o link show | grep '^${link!.ifindex}:'`)).toContain("decoy");
  const { major, minor } = await findMacvtap("tapped1", link!.ifname);
  const [qemu] = processesNamed("qemu-system-x86");
  expect(devicesOf(qemu!).filter((device) => device === (BigInt(major) << 8n) + BigInt(minor))).toHaveLength(2);

  const wanted = UnitStore.open(state, "tapped")
    .readRecord()
    ?.desired.objects.find(({ kind }) => kind === "vm");
  const second = new VmService({ ...(wanted as VmObject), name: "second" }, state, SILENT);
  await expect(second.start()).rejects.toThrow(`it is busy: VM guest (process ${qemu}) has it`);
  await second.stop();

  const console = (): string => shell(`cat ${state}/vm/guest/console.log`);
  await until("the guest is up", () => console().includes("GUEST done"), GUEST_SECONDS);
  expect(toldBy(console(), "ping")).toEqual(["192.168.83.1 ok"]);
  shell("ping -q -c 2 -W 5 192.168.83.7");
  expect(json("ip -j neighbour show to 192.168.83.7")).toMatchObject([{ lladdr: MAC }]);
  await done(["destroy", file, "--state", state]);
  expect(hostSnapshot()).toEqual(before);
  expect(readdirSync("/dev")).toEqual(devices);
});
