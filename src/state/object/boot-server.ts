/** What serves a network's boot files. */
import type { Ipv4Address } from "../../base/address.ts";
import type { BootFiles } from "../../protocol/pxe/offer.ts";
import type { ObjectBase } from "./base.ts";

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
  /** Of what was found in the folder, which the menu for iPXE is made of: another one, another menu. */
  readonly fingerprint: string;
  /** The name by which the folder is shared by SMB. */
  readonly share?: string;
  /**
   * What it tells machines beside the DHCP server of somebody else, which gives them their addresses (proxyDHCP). Absent: the
   * network's own DHCP server tells them.
   */
  readonly proxy?: BootFiles;
}
