/** Ethernet II frames without a VLAN tag and without the frame check sequence (IEEE 802.3 §3.2, RFC 894). */
import { type MacAddress, macFromBytes, macToBytes } from "../base/address.ts";
import { Malformed } from "./malformed.ts";

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

const HEADER_BYTES = 14;

export interface EthernetFrame {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  readonly etherType: number;
  /** What follows the header, with the padding that short frames carry. */
  readonly payload: Uint8Array;
}

/** The payload is a view into `bytes`, not a copy. */
export function decodeEthernet(bytes: Uint8Array): EthernetFrame | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("Ethernet frame: shorter than its header");
  return {
    destination: macFromBytes(bytes.subarray(0, 6)),
    source: macFromBytes(bytes.subarray(6, 12)),
    etherType: (bytes[12]! << 8) | bytes[13]!,
    payload: bytes.subarray(HEADER_BYTES),
  };
}

/** The frame without padding: a tap or veth takes it as it is, a wire's driver pads it. */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + frame.payload.length);
  bytes.set(macToBytes(frame.destination), 0);
  bytes.set(macToBytes(frame.source), 6);
  bytes[12] = frame.etherType >>> 8;
  bytes[13] = frame.etherType;
  bytes.set(frame.payload, HEADER_BYTES);
  return bytes;
}
