/** IPv6 packets (RFC 8200) without extension headers: nothing that this program answers from packets carries any. */
import { type Ipv6Address, ipFromBytes, ipToBytes } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { Malformed } from "./malformed.ts";

const HEADER_BYTES = 40;

export interface Ipv6Packet {
  readonly source: Ipv6Address;
  readonly destination: Ipv6Address;
  /** IANA protocol number of the payload, 0 to 255; a packet with extension headers shows the first one's. */
  readonly nextHeader: number;
  /** 0 to 255. */
  readonly hopLimit: number;
  readonly payload: Uint8Array;
}

/** The payload is a view into `bytes` and ends where the header says. */
export function decodeIpv6(bytes: Uint8Array): Ipv6Packet | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("IPv6 header: shorter than 40 bytes");
  if (bytes[0]! >>> 4 !== 6) return new Malformed("IPv6 header: version is not 6");
  const payloadBytes = (bytes[4]! << 8) | bytes[5]!;
  if (HEADER_BYTES + payloadBytes > bytes.length) return new Malformed("IPv6 header: payload length exceeds the frame");
  return {
    source: ipFromBytes(bytes.subarray(8, 24)) as Ipv6Address,
    destination: ipFromBytes(bytes.subarray(24, 40)) as Ipv6Address,
    nextHeader: bytes[6]!,
    hopLimit: bytes[7]!,
    payload: bytes.subarray(HEADER_BYTES, HEADER_BYTES + payloadBytes),
  };
}

/** Traffic class and flow label are 0. @throws NetloomError bad-packet for a payload over 65535 bytes */
export function encodeIpv6(packet: Ipv6Packet): Uint8Array {
  const { length } = packet.payload;
  if (length > 0xffff) throw new NetloomError("bad-packet", `encode IPv6 packet: ${length} bytes, 65535 fit`);
  const bytes = new Uint8Array(HEADER_BYTES + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, length);
  bytes[6] = packet.nextHeader;
  bytes[7] = packet.hopLimit;
  bytes.set(ipToBytes(packet.source), 8);
  bytes.set(ipToBytes(packet.destination), 24);
  bytes.set(packet.payload, HEADER_BYTES);
  return bytes;
}

/** fe80::/10, the addresses of one link (RFC 4291 §2.5.6). */
export function isLinkLocal6(address: Ipv6Address): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
