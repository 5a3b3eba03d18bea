/**
 * The network file after it was checked: addresses allocated, defaults filled in, every reference good.
 * Plain JSON and immutable; names refer to other declared things of the same model.
 */
import type { Ipv4Address, Ipv4Prefix, MacAddress } from "../base/address.ts";
import type { Position } from "./mistakes.ts";

interface Declared {
  readonly name: string;
  /** Where it is declared. */
  readonly position: Position;
}

/** A device of this host through which routers reach the outside. */
export interface Uplink extends Declared {
  readonly device: string;
  /** keep: the device's addresses are left as they are. */
  readonly address: "keep";
}

/** Name servers and search domains; what is absent comes from the next wider place (machine, network, host). */
export interface DnsSettings {
  readonly servers?: readonly Ipv4Address[];
  readonly search?: readonly string[];
}

/** A Linux bridge whose gateway address stands on the host. */
export interface Network extends Declared {
  readonly kind: "bridge";
  /** Host bits are zero. */
  readonly subnet: Ipv4Prefix;
  readonly gateway: Ipv4Address;
  /** The bridge's interface name. */
  readonly device: string;
  readonly macAddress: MacAddress;
  /** 68 to 65535; absent: the smallest of the uplinks that its router leads to. */
  readonly mtuBytes?: number;
  readonly dns: DnsSettings;
}

/** Routing between networks and to an uplink. */
export interface Router extends Declared {
  readonly networks: readonly string[];
  readonly uplink: string;
  readonly nat: "masquerade" | "none";
}

/** A machine's connection to a network, a veth pair. */
export interface PodNic {
  readonly index: number;
  readonly position: Position;
  readonly network: string;
  /** Name inside the machine: eth0, eth1… */
  readonly interfaceName: string;
  /** Name of the other end, a port of the bridge. */
  readonly hostDevice: string;
  readonly address: Ipv4Address;
  readonly macAddress: MacAddress;
}

/** A named network namespace, as a pod has it. */
export interface NamespaceMachine extends Declared {
  readonly kind: "namespace";
  readonly nics: readonly PodNic[];
  readonly dns: DnsSettings;
}

/** A DHCP option that the file adds; `hex` is its value. */
export interface CustomOption {
  readonly code: number;
  readonly hex: string;
}

/** A guest's NIC that takes over the pod's NIC of the same index. */
export interface BindingNic {
  readonly index: number;
  readonly position: Position;
  readonly binding: "bridge";
  readonly profile: "modern" | "legacy";
  readonly options: readonly CustomOption[];
}

/** A QEMU guest inside a namespace machine. */
export interface VmMachine extends Declared {
  readonly kind: "vm";
  /** The namespace machine that it runs in. */
  readonly pod: string;
  /** Absolute paths. */
  readonly image?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append?: string;
  readonly memoryMebibytes: number;
  readonly cpus: number;
  readonly accelerator: "auto" | "kvm" | "tcg";
  readonly nics: readonly BindingNic[];
}

export type Machine = NamespaceMachine | VmMachine;

/** How a value came about and where: the line of the value, or of what it was derived for. */
export interface ValueOrigin extends Position {
  readonly value: string;
  /** kept: allocated by an earlier run. */
  readonly how: "declared" | "default" | "derived" | "allocated" | "kept";
}

export interface Model {
  /** `[a-z0-9-]`, at most 63 characters. */
  readonly name: string;
  readonly file: string;
  readonly uplinks: readonly Uplink[];
  readonly networks: readonly Network[];
  readonly routers: readonly Router[];
  readonly machines: readonly Machine[];
  /** By path, e.g. `machines.pod1.nics[0].address`. */
  readonly origins: Readonly<Record<string, ValueOrigin>>;
}
