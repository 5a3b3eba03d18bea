/**
 * IPv6 packets (RFC 8200) without extension headers: nothing that this program answers carries any, and of what it sends
 * only what is too long for one packet.
 */
import { type Ipv6Address, ipFromBytes, ipToBytes } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { Malformed } from "./malformed.ts";

/** What every link passes that IPv6 is spoken on (RFC 8200 §5). */
export const SMALLEST_IPV6_MTU_BYTES = 1280;

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

/** IANA protocol number of the fragment header. */
const IP_PROTOCOL_FRAGMENT = 44;
const FRAGMENT_HEADER_BYTES = 8;

/**
 * The packet as one, or as the fragments that an MTU demands (RFC 8200 §4.5).
 * @param mtuBytes at least 1280
 * @param identification 32 bits, another one for each packet to the same node
 * @throws NetloomError bad-packet for a payload over 65535 bytes
 */
export function encodeIpv6Fragments(packet: Ipv6Packet, mtuBytes: number, identification: number): Uint8Array[] {
  const { payload, nextHeader } = packet;
  if (HEADER_BYTES + payload.length <= mtuBytes) return [encodeIpv6(packet)];
  if (payload.length > 0xffff) throw new NetloomError("bad-packet", `encode IPv6 packet: ${payload.length} bytes`);
  // All but the last are whole words of 8 bytes.
  const pieceBytes = Math.floor((mtuBytes - HEADER_BYTES - FRAGMENT_HEADER_BYTES) / 8) * 8;
  const fragments: Uint8Array[] = [];
  for (let start = 0; start < payload.length; start += pieceBytes) {
    const piece = payload.subarray(start, start + pieceBytes);
    const bytes = new Uint8Array(FRAGMENT_HEADER_BYTES + piece.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = nextHeader;
    view.setUint16(2, start | (start + pieceBytes < payload.length ? 1 : 0));
    view.setUint32(4, identification);
    bytes.set(piece, FRAGMENT_HEADER_BYTES);
    fragments.push(encodeIpv6({ ...packet, nextHeader: IP_PROTOCOL_FRAGMENT, payload: bytes }));
  }
  return fragments;
}
