/** What of a machine can change while its guest runs: its NICs. */
import { covers, equalValues } from "../base/equal.ts";
import type { VmNic, VmObject } from "./object/vm.ts";

/** Whether a running guest can become the other machine by plugging and unplugging NICs, or is it already. */
export function differsOnlyInNics(a: VmObject, b: VmObject): boolean {
  return equalValues({ ...a, nics: [] }, { ...b, nics: [] });
}

/** NICs that `wanted` has in exactly the same way. */
export function keptNics(present: readonly VmNic[], wanted: readonly VmNic[]): VmNic[] {
  return present.filter((nic) => wanted.some((other) => equalValues(other, nic)));
}

/** Whether `after` is `before` without some of its NICs and nothing else: that goes before the taps go. */
export function onlyLosesNics(before: VmObject, after: VmObject): boolean {
  return (
    differsOnlyInNics(before, after) &&
    after.nics.length < before.nics.length &&
    covers(after.nics, keptNics(before.nics, after.nics))
  );
}
