/** What serves a network's boot files. */
import type { Ipv4Address } from "../../base/address.ts";
import type { ObjectBase } from "./base.ts";

/** Files below root that count before what is found there. */
export interface NamedBootFiles {
  readonly bios?: string;
  /** Of x64. */
  readonly uefi?: string;
  /** For clients that are iPXE. */
  readonly ipxe?: string;
}

/** What serves a network's boot files: TFTP, HTTP and, where it has a share, SMB on the bridge's address. */
export interface BootServerObject extends ObjectBase {
  readonly kind: "boot-server";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK. */
  readonly network: string;
  readonly address: Ipv4Address;
  /** Absolute path of a folder; nothing outside it is served. */
  readonly root: string;
  /** Absent: none. */
  readonly named?: NamedBootFiles;
  /** The name by which the folder is shared by SMB. */
  readonly share?: string;
  /**
   * It tells machines of their files beside the DHCP server of somebody else, which gives them their addresses
   * (proxyDHCP). Absent: the network's own DHCP server tells them.
   */
  readonly proxy?: true;
}
