/** The ways in which a guest gets a pod's network. */
import type { Desired } from "../../state/desired.ts";
import type { Ip6SingleObject } from "../../state/object/one-guest.ts";
import { bindBridge } from "./bridge.ts";
import { eui64Address } from "./guest-ip6.ts";
import { bindMacvtap } from "./macvtap.ts";
import { bindMasquerade } from "./masquerade.ts";
import type { BoundPod, PodBinding } from "./pod-binding.ts";

/**
 * bridge: the guest takes the pod's place; masquerade: the pod keeps it and hides the guest; macvtap: as bridge, by a
 * macvtap on the pod's interface.
 */
export const BINDING_KINDS = ["bridge", "masquerade", "macvtap"] as const;
export type BindingKind = (typeof BINDING_KINDS)[number];

/** @throws NetloomError nic-index, bad-name, no-address, second-masquerade */
export function bindPod(kind: BindingKind, binding: PodBinding): BoundPod {
  switch (kind) {
    case "bridge":
      return bindBridge(binding);
    case "masquerade":
      return bindMasquerade(binding);
    case "macvtap":
      return bindMacvtap(binding);
  }
}

/** The guest's addresses with their prefix lengths, as its services tell them. */
export function addressesTold(desired: Desired): string[] {
  return desired.objects.flatMap((object) => {
    if (object.kind === "dhcp-single") return [`${object.lease.address}/${object.lease.prefixLength}`];
    return object.kind === "ip6-single" ? addressesTold6(object) : [];
  });
}

function addressesTold6({ lease, clientMac }: Ip6SingleObject): string[] {
  const made = lease.prefixes.flatMap(({ prefix, autonomous }) =>
    autonomous ? [`${eui64Address(prefix.address, clientMac)}/${prefix.length}`] : [],
  );
  return [...lease.addresses.map((address) => `${address}/128`), ...made];
}
