/**
 * Several programs of ours that began to give addresses on one link at the same moment, when none could see another yet:
 * the one with the lowest address goes on, the others give way to it. Each tells its address when it looks whether there
 * is another server, as its vendor class, and tells whoever looks so that it is one of us. What is no program of ours is
 * given way to whatever its address: somebody has set it up.
 */
import { type Ipv4Address, ipv4ToNumber, parseIpv4 } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { DHCP4_OPTION, optionEntry } from "../../wire/dhcp4/option-table.ts";
import type { Dhcp4Class } from "../dhcp4/server/config.ts";

const PEER_VENDOR_CLASS = "netloom netboot";

/** How clients are answered that are one of us and look for a server. */
export const PEER_CLASS: Dhcp4Class = {
  name: "netboot",
  vendorClass: PEER_VENDOR_CLASS,
  options: new Map([optionEntry(DHCP4_OPTION.vendorClass, PEER_VENDOR_CLASS)]),
};

/** What somebody with that address says who gives addresses, and looks for others that do. */
export function peerVendorClass(address: Ipv4Address): string {
  return `${PEER_VENDOR_CLASS} ${address}`;
}

/** @param vendorClass of an offer */
export function isPeerOffer(vendorClass: string | undefined): boolean {
  return vendorClass === PEER_VENDOR_CLASS;
}

/** @param vendorClass of a DISCOVER @returns who gives addresses there, undefined: it is an ordinary client */
export function peerOf(vendorClass: string | undefined): Ipv4Address | undefined {
  if (vendorClass?.startsWith(`${PEER_VENDOR_CLASS} `) !== true) return undefined;
  try {
    return parseIpv4(vendorClass.slice(PEER_VENDOR_CLASS.length + 1));
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    return undefined;
  }
}

export function goesOnBefore(address: Ipv4Address, other: Ipv4Address): boolean {
  return ipv4ToNumber(address) < ipv4ToNumber(other);
}
