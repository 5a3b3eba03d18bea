/** Opening what a guest's NICs are plugged into. */
import { NetloomError, messageOf } from "../../base/errors.ts";
import { findMacvtap, openMacvtap } from "../../kernel/macvtap.ts";
import { closeDescriptor, openNamespace, openTap, SystemCallError } from "../../kernel/native.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import type { VmNic, VmObject } from "../../state/object/vm.ts";
import { countOpenQueues, findMacvtapHolder, findTapHolder } from "./tap-holder.ts";

/**
 * The taps of all NICs, in order: one descriptor for each pair of queues.
 * @throws NetloomError tap-busy; nothing is left open then
 */
export async function openTaps(machine: VmObject, nics: readonly VmNic[]): Promise<number[][]> {
  const taps: number[][] = [];
  try {
    for (const nic of nics) taps.push(await openTapOf(nic, machine));
    return taps;
  } catch (error) {
    closeTaps(taps);
    throw error;
  }
}

export function closeTaps(taps: readonly (readonly number[])[]): void {
  taps.flat().forEach(closeDescriptor);
}

async function openTapOf(nic: VmNic, { name, namespace: own }: VmObject): Promise<number[]> {
  const { tapType, tapName, namespace = own, queues = 1 } = nic;
  try {
    if (tapType === "macvtap") {
      refuseHeld(findMacvtapHolder(await findMacvtap(namespace, tapName)));
      return await openMacvtap({ namespace, interfaceName: tapName, queues });
    }
    if (queues > 1 && (await countOpenQueues(namespace, tapName)) > 0)
      refuseHeld(findTapHolder(namespace, tapName) ?? "another process");
    return openQueues(namespacePath(namespace), tapName, queues);
  } catch (cause) {
    const busy = cause instanceof SystemCallError && cause.errnoName === "EBUSY";
    const holder = busy ? findTapHolder(namespace, tapName) : undefined;
    const whose = holder === undefined ? "" : `; ${holder} has it`;
    throw new NetloomError("tap-busy", `plug VM ${name} into ${tapName}: ${messageOf(cause)}${whose}`, {
      cause,
      ...(cause instanceof NetloomError && cause.hint !== undefined ? { hint: cause.hint } : {}),
    });
  }
}

/** @throws NetloomError tap-busy */
function refuseHeld(holder: string | undefined): void {
  if (holder === undefined) return;
  throw new NetloomError("tap-busy", `it is busy: ${holder} has it`, {
    hint: "End that one first, or give this guest a NIC of its own.",
  });
}

function openQueues(path: string, name: string, queues: number): number[] {
  const descriptors: number[] = [];
  const namespace = openNamespace(path);
  try {
    while (descriptors.length < queues) {
      descriptors.push(openTap({ namespace, name, mode: "tap", vnetHeader: true, multiQueue: queues > 1 }));
    }
    return descriptors;
  } catch (error) {
    descriptors.forEach(closeDescriptor);
    throw error;
  } finally {
    closeDescriptor(namespace);
  }
}
