/** The ways in which a guest gets a pod's network. */
import type { MacAddress } from "../../base/address.ts";
import type { Desired, Ip6SingleObject, SingleDhcpObject, SingleLease } from "../../state/object.ts";
import { bindBridge } from "./bridge.ts";
import { bindMasquerade } from "./masquerade.ts";
import type { BindingProfile } from "./names.ts";
import type { PodInterface } from "./pod-interface.ts";

/** bridge: the guest takes the pod's place; masquerade: the pod keeps it and hides the guest. */
export const BINDING_KINDS = ["bridge", "masquerade"] as const;
export type BindingKind = (typeof BINDING_KINDS)[number];

export interface PodBinding {
  readonly pod: PodInterface;
  readonly profile: BindingProfile;
  /** What the kernel can do: without the link kind "dummy" a bridge without ports stands in. */
  readonly features: { readonly dummy: boolean };
  /** Position among the guest's NICs, 0 to 99: the server's address depends on it. */
  readonly nicIndex: number;
  readonly tapName: string;
  /** Whether we tell the guest its addresses (single, the default) or it is on its own. */
  readonly dhcp?: "single" | "none";
  /** Pairs of queues of the tap; 1 when absent. */
  readonly queues?: number;
  /** Who may open the tap beside root. */
  readonly tapOwner?: { readonly uid: number; readonly gid: number };
  /** 999 days when absent. */
  readonly leaseSeconds?: number;
  /** Further DHCPv4 options for the guest. */
  readonly options?: SingleLease["options"];
  /** Masquerade only: what of the pod is the guest's; absent: everything. */
  readonly ports?: readonly { readonly protocol: "tcp" | "udp"; readonly port: number }[];
}

export interface BoundPod {
  /** Everything to make, the services included; `absent` is empty for a declared pod. */
  readonly desired: Desired;
  readonly tap: { readonly key: string; readonly name: string };
  /** The MAC address that the guest must use. */
  readonly guestMac: MacAddress;
  /** Whether the pod's interface, addresses and routes stay as they are. */
  readonly keepsPod: boolean;
  /** What a person should know, one sentence each. */
  readonly notes: readonly string[];
}

/** @throws NetloomError nic-index, bad-name, no-address, second-masquerade */
export function bindPod(kind: BindingKind, binding: PodBinding): BoundPod {
  return kind === "bridge" ? bindBridge(binding) : bindMasquerade(binding);
}

/** The guest's addresses with their prefix lengths, as its services tell them. */
export function addressesTold(desired: Desired): string[] {
  return desired.objects.flatMap((object) => {
    if (object.kind === "dhcp-single") return [`${object.lease.address}/${object.lease.prefixLength}`];
    return object.kind === "ip6-single" ? addressesTold6(object) : [];
  });
}

function addressesTold6({ lease }: Ip6SingleObject): string[] {
  return lease.addresses.map((address) => `${address}/128`);
}

export function dhcpOf(bound: BoundPod): SingleDhcpObject | undefined {
  return bound.desired.objects.find((object): object is SingleDhcpObject => object.kind === "dhcp-single");
}
