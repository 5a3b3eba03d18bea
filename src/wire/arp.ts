/** ARP for IPv4 over Ethernet (RFC 826), the only combination in use. */
import {
  type Ipv4Address,
  type MacAddress,
  ipFromBytes,
  ipToBytes,
  macFromBytes,
  macToBytes,
} from "../base/address.ts";
import { Malformed } from "./malformed.ts";

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const PACKET_BYTES = 28;
/** Hardware type 1 (Ethernet), protocol type 0x0800 (IPv4), address lengths 6 and 4. */
const PREAMBLE = Uint8Array.of(0, 1, 8, 0, 6, 4);

export interface ArpPacket {
  /** ARP_REQUEST, ARP_REPLY, or another number from 0 to 65535. */
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderAddress: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetAddress: Ipv4Address;
}

/** Bytes after the packet are ignored: Ethernet pads it. */
export function decodeArp(bytes: Uint8Array): ArpPacket | Malformed {
  if (bytes.length < PACKET_BYTES) return new Malformed("ARP packet: shorter than 28 bytes");
  if (PREAMBLE.some((byte, i) => bytes[i] !== byte)) return new Malformed("ARP packet: not IPv4 over Ethernet");
  return {
    operation: (bytes[6]! << 8) | bytes[7]!,
    senderMac: macFromBytes(bytes.subarray(8, 14)),
    senderAddress: ipFromBytes(bytes.subarray(14, 18)) as Ipv4Address,
    targetMac: macFromBytes(bytes.subarray(18, 24)),
    targetAddress: ipFromBytes(bytes.subarray(24, 28)) as Ipv4Address,
  };
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES);
  bytes.set(PREAMBLE, 0);
  bytes[6] = packet.operation >>> 8;
  bytes[7] = packet.operation;
  bytes.set(macToBytes(packet.senderMac), 8);
  bytes.set(ipToBytes(packet.senderAddress), 14);
  bytes.set(macToBytes(packet.targetMac), 18);
  bytes.set(ipToBytes(packet.targetAddress), 24);
  return bytes;
}
