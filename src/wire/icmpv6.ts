/** ICMPv6 messages (RFC 4443 §2.1). */
import type { Ipv6Address } from "../base/address.ts";
import { addWords, finishChecksum, pseudoHeader } from "./checksum.ts";
import { Malformed } from "./malformed.ts";

export const IP_PROTOCOL_ICMPV6 = 58;
const HEADER_BYTES = 4;

export interface Icmpv6Message {
  readonly type: number;
  readonly code: number;
  /** What follows the checksum. */
  readonly body: Uint8Array;
}

interface Envelope {
  readonly source: Ipv6Address;
  readonly destination: Ipv6Address;
}

export function decodeIcmpv6(bytes: Uint8Array, envelope: Envelope): Icmpv6Message | Malformed {
  if (bytes.length < HEADER_BYTES) return new Malformed("ICMPv6 header: shorter than 4 bytes");
  const sum = addWords(bytes, pseudoHeader(envelope, IP_PROTOCOL_ICMPV6, bytes.length));
  if (finishChecksum(sum) !== 0) return new Malformed("ICMPv6 header: checksum");
  return { type: bytes[0]!, code: bytes[1]!, body: bytes.subarray(HEADER_BYTES) };
}

export function encodeIcmpv6({ type, code, body }: Icmpv6Message, envelope: Envelope): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = type;
  bytes[1] = code;
  bytes.set(body, HEADER_BYTES);
  const checksum = finishChecksum(addWords(bytes, pseudoHeader(envelope, IP_PROTOCOL_ICMPV6, bytes.length)));
  new DataView(bytes.buffer).setUint16(2, checksum);
  return bytes;
}
