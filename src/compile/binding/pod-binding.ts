/** What a binding is asked for and what comes of it. */
import type { MacAddress } from "../../base/address.ts";
import type { Desired } from "../../state/desired.ts";
import type { OfferedLease } from "../../protocol/dhcp4/lease-options.ts";
import type { BindingProfile } from "./names.ts";
import type { PodInterface } from "./pod-interface.ts";

export interface PodBinding {
  readonly pod: PodInterface;
  readonly profile: BindingProfile;
  /** What the kernel can do: without the link kind "dummy" a bridge without ports stands in. */
  readonly features: {
    readonly dummy: boolean;
    /** Whether nft can hook what leaves a device; without it a macvtap guest is told nothing. Absent: it can. */
    readonly netdevEgress?: boolean;
  };
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
  readonly options?: OfferedLease["options"];
  /** Masquerade only: what of the pod is the guest's; absent: everything. */
  readonly ports?: readonly { readonly protocol: "tcp" | "udp"; readonly port: number }[];
}

export interface BoundPod {
  /** Everything to make, the services included; `absent` is empty for a declared pod. */
  readonly desired: Desired;
  readonly tap: { readonly key: string; readonly name: string; readonly type: "tap" | "macvtap" };
  /** The MAC address that the guest must use. */
  readonly guestMac: MacAddress;
  /** Whether the pod's interface, addresses and routes stay as they are. */
  readonly keepsPod: boolean;
  /** What a person should know, one sentence each. */
  readonly notes: readonly string[];
}
