/** Opening what a guest's NICs are plugged into. */
import { NetloomError, messageOf } from "../../base/errors.ts";
import { closeDescriptor, openNamespace, openTap } from "../../kernel/native.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import type { VmNic, VmObject } from "../../state/object.ts";

/** The taps of all NICs, in order. @throws NetloomError tap-busy; nothing is left open then */
export function openTaps(machine: VmObject, nics: readonly VmNic[]): number[][] {
  const taps: number[][] = [];
  const namespace = openNamespace(namespacePath(machine.namespace));
  try {
    for (const nic of nics) taps.push(openTapOf(nic, machine, namespace));
    return taps;
  } catch (error) {
    closeTaps(taps);
    throw error;
  } finally {
    closeDescriptor(namespace);
  }
}

export function closeTaps(taps: readonly (readonly number[])[]): void {
  taps.flat().forEach(closeDescriptor);
}

/** One descriptor for each pair of queues. */
function openTapOf(nic: VmNic, machine: VmObject, namespace: number): number[] {
  const { queues = 1, tapName: name } = nic;
  const descriptors: number[] = [];
  try {
    while (descriptors.length < queues) {
      descriptors.push(openTap({ namespace, name, mode: "tap", vnetHeader: true, multiQueue: queues > 1 }));
    }
    return descriptors;
  } catch (cause) {
    descriptors.forEach(closeDescriptor);
    throw new NetloomError("tap-busy", `plug VM ${machine.name} into ${name}: ${messageOf(cause)}`, { cause });
  }
}
