import { describe, expect, test } from "vitest";
import { parseMac } from "../../src/base/address.ts";
import { qemuArguments } from "../../src/services/vm/arguments.ts";
import type { VmObject } from "../../src/state/object.ts";

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
const setting = { accelerator: "tcg", pidFile: "/run/netloom/vm/web/pid", firstTapDescriptor: 3 } as const;

/** The value behind each occurrence of an option. */
function valuesOf(words: readonly string[], option: string): string[] {
  return words.flatMap((word, i) => (word === option ? [words[i + 1] ?? ""] : []));
}

describe("the command line of a guest", () => {
  const mac = parseMac("02:00:00:00:00:01");
  const cases: { title: string; machine: Partial<VmObject>; option: string; values: string[] }[] = [
    { title: "memory in MiB", machine: {}, option: "-m", values: ["256M"] },
    { title: "processors", machine: {}, option: "-smp", values: ["2"] },
    { title: "quick under TCG", machine: {}, option: "-M", values: ["q35,smm=off,accel=tcg"] },
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
          { id: "nic0", tapKey: "b", tapName: "tap1", macAddress: mac },
        ],
      },
      option: "-netdev",
      values: ["tap,id=net0,fd=3", "tap,id=net1,fd=4"],
    },
    {
      title: "the guest learns MAC and MTU, and no boot ROM delays it",
      machine: { nics: [{ id: "nic0", tapKey: "a", tapName: "tap0", macAddress: mac, mtuBytes: 1450 }] },
      option: "-device",
      values: ["virtio-rng-pci", "virtio-net-pci,netdev=net0,mac=02:00:00:00:00:01,host_mtu=1450,romfile="],
    },
  ];
  test.each(cases)("$title", ({ machine: part, option, values }) => {
    expect(valuesOf(qemuArguments({ ...machine, ...part }, setting), option)).toEqual(values);
  });

  test("a guest that reboots is not ended, and the sockets' paths are short whatever the state folder", () => {
    const words = qemuArguments(machine, setting);
    expect(words).not.toContain("-no-reboot");
    for (const socket of [...valuesOf(words, "-qmp"), ...valuesOf(words, "-chardev")])
      expect(socket).not.toContain("/");
  });
});
