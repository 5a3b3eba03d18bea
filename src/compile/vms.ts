/** A VM machine: the QEMU process, inside its pod on the taps that the binding made, or on the host on taps of its own. */
import type { NamespaceMachine, VmMachine } from "../model/model.ts";
import type { VmNic, VmObject } from "../state/object/vm.ts";
import type { BoundPod } from "./binding/pod-binding.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { tapNics } from "./taps.ts";

/** A VM straight on networks. */
export function compileVm(vm: VmMachine, layout: Layout): VmObject {
  return machineOf(vm, "", tapNics(vm, layout));
}

/** @param bound what became of the pod's NICs, by index */
export function compileVmInPod(
  vm: VmMachine,
  pod: NamespaceMachine,
  bound: ReadonlyMap<number, BoundPod>,
  layout: Layout,
): VmObject {
  const nics = pod.nics.flatMap((nic) => {
    const binding = vm.nics[nic.index];
    const { tap, guestMac } = bound.get(nic.index) ?? {};
    if (binding === undefined || tap === undefined || guestMac === undefined) return [];
    return [
      {
        id: `nic${nic.index}`,
        ...(binding.queues === 1 ? {} : { queues: binding.queues }),
        ...(tap.type === "tap" ? {} : { tapType: tap.type }),
        tapKey: tap.key,
        tapName: tap.name,
        macAddress: guestMac,
        mtuBytes: layoutOf(layout, nic).mtuBytes,
      },
    ];
  });
  return machineOf(vm, pod.name, nics);
}

function machineOf(vm: VmMachine, namespace: string, nics: readonly VmNic[]): VmObject {
  return {
    kind: "vm",
    key: `vm/${vm.name}`,
    origin: `machine ${vm.name}`,
    name: vm.name,
    namespace,
    memoryMebibytes: vm.memoryMebibytes,
    cpus: vm.cpus,
    accelerator: vm.accelerator,
    ...(vm.image === undefined ? {} : { image: vm.image }),
    ...(vm.kernel === undefined ? {} : { kernel: vm.kernel }),
    ...(vm.initrd === undefined ? {} : { initrd: vm.initrd }),
    ...(vm.append === undefined ? {} : { append: vm.append }),
    nics,
  };
}
