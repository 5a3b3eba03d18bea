/** What `attach` and `vm run` are asked for. It is kept with the unit, so that the same request is known again. */
import type { IpAddress, MacAddress } from "../base/address.ts";
import type { Wish } from "../compile/attach/allocate.ts";
import type { TapNic, VmMachine } from "../model/model.ts";

/** What is connected. */
export type AttachTarget =
  | { readonly kind: "namespace"; readonly namespace: string; readonly interfaceName: string }
  | {
      readonly kind: "tap";
      readonly tapName: string;
      readonly ownerUid?: number;
      readonly queues?: number;
      /** Default none. */
      readonly dhcp?: "none" | "single" | "network";
    }
  | { readonly kind: "interface"; readonly interfaceName: string };

export interface AttachRequest extends Wish {
  /** NETWORK or FILE/NETWORK. */
  readonly network: string;
  readonly target: AttachTarget;
  /** Of the attachment; default: made of the target. */
  readonly name?: string;
  readonly macAddress?: MacAddress;
  /** Name servers for a namespace's resolv.conf, or for the guest on a tap. */
  readonly dns?: readonly IpAddress[];
}

export interface GuestNicRequest extends Wish {
  /** NETWORK or FILE/NETWORK. */
  readonly network: string;
  readonly macAddress?: MacAddress;
  /** Default single. */
  readonly dhcp?: TapNic["dhcp"];
  /** Pairs of queues; default 1. */
  readonly queues?: number;
}

export interface GuestRunRequest {
  readonly name: string;
  /** One at least. */
  readonly nics: readonly GuestNicRequest[];
  /** Absolute paths; an image or a kernel there must be. */
  readonly image?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append?: string;
  /** Default 256. */
  readonly memoryMebibytes?: number;
  /** Default 1. */
  readonly cpus?: number;
  /** Default auto. */
  readonly accelerator?: VmMachine["accelerator"];
  /** Name servers that it is told. */
  readonly dns?: readonly IpAddress[];
}
