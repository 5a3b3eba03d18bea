import { describe, expect, test } from "vitest";
import { parseMac } from "../../src/base/address.ts";
import { qemuArguments } from "../../src/services/vm/arguments.ts";
import { assignPorts, countPorts } from "../../src/services/vm/nic.ts";
import type { VmObject } from "../../src/state/object/vm.ts";

const machine: VmObject = {
  key: "vm/web",
  origin: "machine web",
  kind: "vm",
  name: "web",
  namespace: "web",
  memoryMebibytes: 256,
  cpus: 2,
  accelerator: "auto",
  nics: [],
};
const setting = {
  accelerator: "tcg",
  pidFile: "/run/netloom/vm/web/pid",
  uuid: "5f0c3bb2-6b5c-8f0e-9a11-2d1f6f1f8f3e",
  tapDescriptors: [[3], [4]],
} as const;

/** The value behind each occurrence of an option. */
function valuesOf(words: readonly string[], option: string): string[] {
  return words.flatMap((word, i) => (word === option ? [words[i + 1] ?? ""] : []));
}

describe("the command line of a guest", () => {
  const mac = parseMac("02:00:00:00:00:01");
  const cases: { title: string; machine: Partial<VmObject>; option: string; values: string[] }[] = [
    { title: "memory in MiB", machine: {}, option: "-m", values: ["256M"] },
    { title: "processors", machine: {}, option: "-smp", values: ["2"] },
    {
      title: "under TCG with one thread for all processors, as several of them crash QEMU 7.2 when a NIC goes",
      machine: { cpus: 2 },
      option: "-accel",
      values: ["tcg,thread=single"],
    },
    { title: "no kernel unless there is one", machine: {}, option: "-kernel", values: [] },
    { title: "a kernel", machine: { kernel: "/boot/vmlinuz" }, option: "-kernel", values: ["/boot/vmlinuz"] },
    {
      title: "a command line stays one word",
      machine: { kernel: "/k", append: "console=ttyS0 quiet" },
      option: "-append",
      values: ["console=ttyS0 quiet"],
    },
    {
      title: "a disk is raw unless its name says otherwise",
      machine: { image: "/images/web.img" },
      option: "-drive",
      values: ["if=none,id=disk0,format=raw,file=/images/web.img"],
    },
    {
      title: "qcow2 by name, comma doubled",
      machine: { image: "/images/a,b.qcow2" },
      option: "-drive",
      values: ["if=none,id=disk0,format=qcow2,file=/images/a,,b.qcow2"],
    },
    {
      title: "each NIC has the next descriptor",
      machine: {
        nics: [
          { id: "nic0", tapKey: "a", tapName: "tap0", macAddress: mac },
          { id: "nic1", tapKey: "b", tapName: "tap1", macAddress: mac },
        ],
      },
      option: "-netdev",
      values: ["tap,id=nic0,fd=3", "tap,id=nic1,fd=4"],
    },
    {
      title: "its UUID tells a guest from any other",
      machine: {},
      option: "-uuid",
      values: ["5f0c3bb2-6b5c-8f0e-9a11-2d1f6f1f8f3e"],
    },
    {
      title: "the guest learns MAC and MTU, and no boot ROM delays it",
      machine: { nics: [{ id: "nic0", tapKey: "a", tapName: "tap0", macAddress: mac, mtuBytes: 1450 }] },
      option: "-device",
      values: [
        "virtio-rng-pci",
        ...[0, 1, 2, 3, 4, 5, 6, 7].map(
          (port) => `pcie-root-port,id=port${port},chassis=${port + 1},multifunction=on,addr=0x10.0x${port}`,
        ),
        "virtio-net-pci,id=nic0,netdev=nic0,bus=port0,mac=02:00:00:00:00:01,host_mtu=1450,romfile=",
      ],
    },
  ];
  test.each(cases)("$title", ({ machine: part, option, values }) => {
    expect(valuesOf(qemuArguments({ ...machine, ...part }, setting), option)).toEqual(values);
  });

  test("a NIC with several queues has a descriptor and two interrupts for each", () => {
    const nic = { id: "nic0", tapKey: "a", tapName: "tap0", macAddress: mac, queues: 2 };
    const words = qemuArguments({ ...machine, nics: [nic] }, { ...setting, tapDescriptors: [[3, 4]] });
    expect(valuesOf(words, "-netdev")).toEqual(["tap,id=nic0,fds=3:4"]);
    expect(valuesOf(words, "-device").at(-1)).toContain(",mq=on,vectors=6,");
  });

  test("a NIC keeps its place whatever other NICs there are, and places for more are left", () => {
    const nic = (id: string): VmObject["nics"][number] => ({ id, tapKey: id, tapName: id, macAddress: mac });
    expect([...assignPorts([nic("nic2"), nic("nic0")])]).toEqual([
      ["nic2", 2],
      ["nic0", 0],
    ]);
    expect([...assignPorts([nic("lan"), nic("nic1"), nic("wan1")])]).toEqual([
      ["nic1", 1],
      ["lan", 0],
      ["wan1", 2],
    ]);
    expect(assignPorts([nic("nic1")], new Set([0, 1])).get("nic1")).toBe(2);
    expect([0, 4, 5, 12, 13].map(countPorts)).toEqual([8, 8, 16, 16, 24]);
  });

  test("a guest that reboots is not ended, and the sockets' paths are short whatever the state folder", () => {
    const words = qemuArguments(machine, setting);
    expect(words).not.toContain("-no-reboot");
    for (const socket of [...valuesOf(words, "-qmp"), ...valuesOf(words, "-chardev")])
      expect(socket).not.toContain("/");
  });
});
