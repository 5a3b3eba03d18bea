/** A QEMU guest and its NICs. */
import type { MacAddress } from "../../base/address.ts";
import type { ObjectBase } from "./base.ts";

export interface VmNic {
  /** Names the device in QEMU for its whole life ("nic0"): hot-plug finds it again. */
  readonly id: string;
  /** What the tap is; default tap. A macvtap is opened through its character device. */
  readonly tapType?: "tap" | "macvtap";
  /** Pairs of queues; default 1. */
  readonly queues?: number;
  readonly tapKey: string;
  readonly tapName: string;
  /** Where the tap is; absent: in the machine's own namespace. */
  readonly namespace?: string;
  readonly macAddress: MacAddress;
  readonly mtuBytes?: number;
}

/** A QEMU process inside a namespace. */
export interface VmObject extends ObjectBase {
  readonly kind: "vm";
  readonly name: string;
  readonly namespace: string;
  readonly memoryMebibytes: number;
  readonly cpus: number;
  /** auto: KVM where a guest really boots under it, else TCG. */
  readonly accelerator: "auto" | "kvm" | "tcg";
  /** Disk image, absolute path. */
  readonly image?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append?: string;
  readonly nics: readonly VmNic[];
}
