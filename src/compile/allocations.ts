/** Which machine has which address, read back from applied state, so that a changed file moves nobody. */
import type { Desired } from "../state/object.ts";

/** By machine and NIC, "pod1/0": what `parseNetworkFile` takes as `previous`. */
export function allocationsOf(desired: Desired): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const object of desired.objects) {
    if (object.kind === "address") {
      const nic = /(?:^|\/)address\/([^/]+\/\d+)\//.exec(object.key);
      if (nic !== null) found.set(nic[1]!, object.address);
    } else if (object.kind === "dhcp-single") {
      // A VM took the NIC over: the address is in its lease, and nowhere else in the legacy profile.
      const nic = /(?:^|\/)link\/([^/]+\/\d+) /.exec(object.linkKey);
      if (nic !== null) found.set(nic[1]!, object.lease.address);
    }
  }
  return found;
}
