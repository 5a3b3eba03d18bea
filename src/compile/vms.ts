/** A VM machine: the QEMU process inside its pod, on the taps that the binding made. */
import type { NamespaceMachine, VmMachine } from "../model/model.ts";
import type { VmObject } from "../state/object.ts";
import type { BoundPod } from "./binding/binding.ts";
import { type Layout, layoutOf } from "./layout.ts";

/** @param bound what became of the pod's NICs, by index */
export function compileVm(
  vm: VmMachine,
  pod: NamespaceMachine,
  bound: ReadonlyMap<number, BoundPod>,
  layout: Layout,
): VmObject {
  const nics = pod.nics.flatMap((nic) => {
    const { tap, guestMac } = bound.get(nic.index) ?? {};
    if (tap === undefined || guestMac === undefined) return [];
    return [
      {
        id: `nic${nic.index}`,
        tapKey: tap.key,
        tapName: tap.name,
        macAddress: guestMac,
        mtuBytes: layoutOf(layout, nic).mtuBytes,
      },
    ];
  });
  return {
    kind: "vm",
    key: `vm/${vm.name}`,
    origin: `machine ${vm.name}`,
    name: vm.name,
    namespace: vm.pod,
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
