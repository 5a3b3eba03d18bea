import { expect, test } from "vitest";
import { macToBytes } from "../../src/base/address.ts";
import type { NamespaceMachine, VmMachine } from "../../src/model/model.ts";
import { read } from "./read.ts";

const OFFICE = `
version: 1
uplinks:
  wan: { device: eth0 }
networks:
  lan: { subnet: 192.0.2.0/24 }
  back: { subnet: 198.51.100.0/26, gateway: 198.51.100.62, device: br-back, mtu: 1400, dns: { servers: [192.0.2.53], search: [Lan.Example.org] } }
routers:
  edge: { networks: [lan, back], uplink: wan }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }, { network: back, mac: "52:54:00:AA:00:01" }] }
  vm1:
    kind: vm
    in: pod1
    kernel: ../kernels/vmlinuz
    initrd: /boot/./initrd
    append: console=ttyS0
    memory: 1G
    nics: [{ binding: bridge, profile: legacy, options: { 66: tftp.example.org, 42: [192.0.2.1, 192.0.2.2], 224: { hex: "0A 0b" } } }]
`;

test("what the file leaves out is filled in", () => {
  const model = read(OFFICE);
  expect(model.name).toBe("office");
  expect(model.uplinks).toMatchObject([{ name: "wan", device: "eth0", address: "keep" }]);
  expect(model.networks[0]).toMatchObject({ kind: "bridge", gateway: "192.0.2.1", device: "lan", dns: {} });
  expect(model.networks[0]).not.toHaveProperty("mtuBytes");
  expect(model.routers).toMatchObject([{ networks: ["lan", "back"], uplink: "wan", nat: "masquerade" }]);
  expect(model.machines[0]).toMatchObject({
    kind: "namespace",
    nics: [
      { network: "lan", interfaceName: "eth0", hostDevice: "pod1-eth0", address: "192.0.2.2" },
      { network: "back", interfaceName: "eth1", hostDevice: "pod1-eth1", address: "198.51.100.1" },
    ],
  });
});

test("what the file says is kept, in canonical form", () => {
  const model = read(OFFICE);
  expect(model.networks[1]).toMatchObject({
    gateway: "198.51.100.62",
    device: "br-back",
    mtuBytes: 1400,
    dns: { servers: ["192.0.2.53"], search: ["lan.example.org"] },
  });
  expect((model.machines[0] as NamespaceMachine).nics[1]?.macAddress).toBe("52:54:00:aa:00:01");
});

test("a VM: paths start at the file's folder, memory is in mebibytes, options are bytes", () => {
  const vm = read(OFFICE).machines[1] as VmMachine;
  expect(vm).toMatchObject({
    pod: "pod1",
    kernel: "/srv/kernels/vmlinuz",
    initrd: "/boot/initrd",
    memoryMebibytes: 1024,
    cpus: 1,
    accelerator: "auto",
  });
  expect(vm.nics).toMatchObject([
    {
      binding: "bridge",
      profile: "legacy",
      options: [
        { code: 42, hex: "c0000201c0000202" },
        { code: 66, hex: "746674702e6578616d706c652e6f7267" },
        { code: 224, hex: "0a0b" },
      ],
    },
  ]);
});

test("a VM without nics binds the pod's first one, the modern way", () => {
  const model = read(`
version: 1
networks: { lan: { subnet: 192.0.2.0/24 } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, in: pod1, image: disk.qcow2 }
`);
  const vm = model.machines[1] as VmMachine;
  expect(vm.nics).toMatchObject([{ index: 0, binding: "bridge", profile: "modern", options: [] }]);
  expect(vm.memoryMebibytes).toBe(256);
});

test("two pods with a VM each", () => {
  const model = read(`
version: 1
networks: { lan: { subnet: 192.0.2.0/24 } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, in: pod1, image: a.qcow2 }
  vm2: { kind: vm, in: pod2, image: b.qcow2 }
  pod2: { kind: namespace, nics: [{ network: lan }] }
`);
  expect(model.machines.flatMap((machine) => (machine.kind === "vm" ? [[machine.name, machine.pod]] : []))).toEqual([
    ["vm1", "pod1"],
    ["vm2", "pod2"],
  ]);
});

test("every value tells where it came from", () => {
  const { origins } = read(OFFICE);
  expect(origins["networks.back.mtu"]).toEqual({ value: "1400", how: "declared", line: 7, column: 82 });
  expect(origins["networks.lan.gateway"]).toEqual({ value: "192.0.2.1", how: "default", line: 6, column: 3 });
  expect(origins["machines.pod1.nics[0].address"]).toEqual({
    value: "192.0.2.2",
    how: "allocated",
    line: 11,
    column: 35,
  });
  expect(origins["machines.pod1.nics[0].mac"]).toMatchObject({ how: "derived", line: 11 });
  expect(origins["machines.vm1.cpus"]).toMatchObject({ value: "1", how: "default", line: 12 });
});

test("MAC addresses are unicast, locally administered, all different, and the same every time", () => {
  const model = read(OFFICE);
  const macs = model.networks.map((network) => network.macAddress);
  macs.push((model.machines[0] as NamespaceMachine).nics[0]!.macAddress);
  for (const mac of macs) expect(macToBytes(mac)[0]! & 3).toBe(2);
  expect(new Set(macs).size).toBe(macs.length);
  expect(read(OFFICE).networks.map((network) => network.macAddress)).toEqual(macs.slice(0, 2));
  expect(read(`${OFFICE}name: elsewhere\n`).networks[0]?.macAddress).not.toBe(macs[0]);
});

test("a host end's name that would be too long is a hash, still different for each NIC", () => {
  const model = read(`
version: 1
networks: { lan: { subnet: 192.0.2.0/24 } }
machines:
  a-machine-with-a-long-name: { kind: namespace, nics: [{ network: lan }, { network: lan }] }
`);
  const names = (model.machines[0] as NamespaceMachine).nics.map((nic) => nic.hostDevice);
  for (const name of names) expect(name).toMatch(/^nl[0-9a-f]{12}$/);
  expect(new Set(names).size).toBe(2);
});

test("a host end gives way to a bridge of the same name", () => {
  const model = read(`
version: 1
networks: { pod1-eth0: { subnet: 192.0.2.0/24 } }
machines: { pod1: { kind: namespace, nics: [{ network: pod1-eth0 }] } }
`);
  expect((model.machines[0] as NamespaceMachine).nics[0]?.hostDevice).toMatch(/^nl/);
});

test("JSON is a network file, too", () => {
  const model = read(JSON.stringify({ version: 1, networks: { lan: { subnet: "192.0.2.0/24" } } }, null, 2));
  expect(model.networks[0]?.gateway).toBe("192.0.2.1");
});

test("aliases are written out", () => {
  const model = read(`
version: 1
networks: { lan: { subnet: 192.0.2.0/24 } }
machines:
  pod1: &pod { kind: namespace, nics: [{ network: lan }] }
  pod2: *pod
`);
  expect(model.machines.map((machine) => machine.name)).toEqual(["pod1", "pod2"]);
});
