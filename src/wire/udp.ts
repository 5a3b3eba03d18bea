/** UDP over IPv4 (RFC 768) and IPv6 (RFC 8200 §8.1). */
import { familyOf, type IpAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { addWords, finishChecksum, pseudoHeader } from "./checksum.ts";
import { IP_PROTOCOL_UDP } from "./ipv4.ts";
import { Malformed } from "./malformed.ts";

const HEADER_BYTES = 8;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** The addresses of the packet around it: the checksum covers them. */
interface UdpEnvelope {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/**
 * Decode the payload of a packet. A checksum of 0 says that the sender made none (RFC 768), which IPv6 forbids.
 *
 * `checksumNotReady` is TP_STATUS_CSUMNOTREADY of a packet socket: the frame comes from this machine's own
 * kernel (veth, virtio), which left the checksum to the device; the field holds the sum of the pseudo header
 * only and cannot be checked.
 */
export function decodeUdp(bytes: Uint8Array, envelope: UdpEnvelope, checksumNotReady = false): UdpDatagram | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("UDP header: shorter than 8 bytes");
  const length = (bytes[4]! << 8) | bytes[5]!;
  if (length < HEADER_BYTES) return new Malformed("UDP header: length below 8");
  if (length > bytes.length) return new Malformed("UDP header: length exceeds the packet");
  const checked = bytes.subarray(0, length);
  const carriesChecksum = bytes[6] !== 0 || bytes[7] !== 0;
  if (!carriesChecksum && familyOf(envelope.source) === 6) return new Malformed("UDP header: no checksum over IPv6");
  if (
    carriesChecksum &&
    !checksumNotReady &&
    finishChecksum(addWords(checked, pseudoHeader(envelope, IP_PROTOCOL_UDP, length))) !== 0
  ) {
    return new Malformed("UDP header: checksum");
  }
  return {
    sourcePort: (bytes[0]! << 8) | bytes[1]!,
    destinationPort: (bytes[2]! << 8) | bytes[3]!,
    payload: checked.subarray(HEADER_BYTES),
  };
}

/** @throws NetloomError bad-packet when the payload exceeds 65507 bytes */
export function encodeUdp(datagram: UdpDatagram, envelope: UdpEnvelope): Uint8Array {
  const length = HEADER_BYTES + datagram.payload.length;
  if (length > 0xffff - 20) throw new NetloomError("bad-packet", `encode UDP datagram: ${length} bytes, 65515 fit`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, datagram.sourcePort);
  view.setUint16(2, datagram.destinationPort);
  view.setUint16(4, length);
  bytes.set(datagram.payload, HEADER_BYTES);
  const checksum = finishChecksum(addWords(bytes, pseudoHeader(envelope, IP_PROTOCOL_UDP, length)));
  // 0 would say "no checksum"; its other spelling in one's complement is all ones.
  view.setUint16(6, checksum === 0 ? 0xffff : checksum);
  return bytes;
}
