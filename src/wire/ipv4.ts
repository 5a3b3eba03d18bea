/** IPv4 packets (RFC 791). Fragments are refused: nothing that this program answers from packets needs them. */
import { type Ipv4Address, ipFromBytes, ipToBytes } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { addWords, finishChecksum } from "./checksum.ts";
import { Malformed } from "./malformed.ts";

export const IP_PROTOCOL_UDP = 17;

const HEADER_BYTES = 20;
const MORE_FRAGMENTS = 0x2000;
const DONT_FRAGMENT = 0x4000;
const FRAGMENT_OFFSET = 0x1fff;

export interface Ipv4Packet {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** IANA protocol number, 0 to 255. */
  readonly protocol: number;
  /** Hops, 0 to 255. */
  readonly timeToLive: number;
  /** DSCP and ECN in one byte, 0 when absent. */
  readonly trafficClass?: number;
  /** 0 when absent: an unfragmentable packet needs none (RFC 6864 §4.1). */
  readonly identification?: number;
  readonly dontFragment: boolean;
  /** IP options as they stand in the header, at most 40 bytes; absent: none. */
  readonly options?: Uint8Array;
  readonly payload: Uint8Array;
}

/**
 * The payload ends where the header says, so Ethernet padding is not part of it. Payload and options are
 * views into `bytes`.
 */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("IPv4 header: shorter than 20 bytes");
  if (bytes[0]! >>> 4 !== 4) return new Malformed("IPv4 header: version is not 4");
  const headerBytes = (bytes[0]! & 15) * 4;
  const totalBytes = (bytes[2]! << 8) | bytes[3]!;
  if (headerBytes < HEADER_BYTES) return new Malformed("IPv4 header: header length below 5 words");
  if (totalBytes < headerBytes) return new Malformed("IPv4 header: total length below the header length");
  if (totalBytes > bytes.length) return new Malformed("IPv4 header: total length exceeds the frame");
  if (finishChecksum(addWords(bytes.subarray(0, headerBytes))) !== 0) return new Malformed("IPv4 header: checksum");
  const fragment = (bytes[6]! << 8) | bytes[7]!;
  if ((fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0) return new Malformed("IPv4 packet: a fragment");
  return {
    source: ipFromBytes(bytes.subarray(12, 16)) as Ipv4Address,
    destination: ipFromBytes(bytes.subarray(16, 20)) as Ipv4Address,
    protocol: bytes[9]!,
    timeToLive: bytes[8]!,
    trafficClass: bytes[1]!,
    identification: (bytes[4]! << 8) | bytes[5]!,
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
    ...(headerBytes === HEADER_BYTES ? {} : { options: bytes.subarray(HEADER_BYTES, headerBytes) }),
    payload: bytes.subarray(headerBytes, totalBytes),
  };
}

/**
 * Encode with a right checksum; options are padded to whole words with End of Option List.
 * @throws NetloomError bad-packet when the options exceed 40 bytes or the packet 65535
 */
export function encodeIpv4(packet: Ipv4Packet): Uint8Array {
  const optionBytes = Math.ceil((packet.options?.length ?? 0) / 4) * 4;
  const headerBytes = HEADER_BYTES + optionBytes;
  const totalBytes = headerBytes + packet.payload.length;
  if (optionBytes > 40)
    throw new NetloomError("bad-packet", `encode IPv4 packet: ${optionBytes} bytes of options, 40 fit`);
  if (totalBytes > 0xffff) throw new NetloomError("bad-packet", `encode IPv4 packet: ${totalBytes} bytes, 65535 fit`);
  const bytes = new Uint8Array(totalBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (headerBytes / 4);
  bytes[1] = packet.trafficClass ?? 0;
  view.setUint16(2, totalBytes);
  view.setUint16(4, packet.identification ?? 0);
  view.setUint16(6, packet.dontFragment ? DONT_FRAGMENT : 0);
  bytes[8] = packet.timeToLive;
  bytes[9] = packet.protocol;
  bytes.set(ipToBytes(packet.source), 12);
  bytes.set(ipToBytes(packet.destination), 16);
  if (packet.options !== undefined) bytes.set(packet.options, HEADER_BYTES);
  view.setUint16(10, finishChecksum(addWords(bytes.subarray(0, headerBytes))));
  bytes.set(packet.payload, headerBytes);
  return bytes;
}
