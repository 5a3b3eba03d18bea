/** Raw socket addresses (ip(7), ipv6(7)), as sockets of the addon have them. */
import { type IpAddress, familyOf, ipFromBytes, ipToBytes } from "../base/address.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;
/** Where the address begins in struct sockaddr_in and struct sockaddr_in6. */
const IPV4_PLACE = 4;
const IPV6_PLACE = 8;

export interface SocketAddress {
  readonly address: IpAddress;
  readonly port: number;
}

export function encodeSocketAddress({ address, port }: SocketAddress): Uint8Array {
  const isIpv4 = familyOf(address) === 4;
  const bytes = new Uint8Array(isIpv4 ? IPV4_BYTES : IPV6_BYTES);
  new Uint16Array(bytes.buffer)[0] = isIpv4 ? AF_INET : AF_INET6;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipToBytes(address), isIpv4 ? IPV4_PLACE : IPV6_PLACE);
  return bytes;
}

/** Of a socket of one of these two families. */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress {
  return { address: decodeAddress(bytes), port: (bytes[2]! << 8) | bytes[3]! };
}

/** Of the kernel. */
export function decodeAddress(bytes: Uint8Array): IpAddress {
  return isIpv4(bytes, 0)
    ? ipFromBytes(bytes.subarray(IPV4_PLACE, IPV4_PLACE + 4))
    : ipFromBytes(bytes.subarray(IPV6_PLACE, IPV6_PLACE + 16));
}

/** Of the sockaddr that begins there. */
export function isIpv4(bytes: Uint8Array, offset: number): boolean {
  // The family is in the machine's byte order, and below 256.
  return (bytes[offset]! | bytes[offset + 1]!) === AF_INET;
}

/** The 32-bit word of the address that begins `word` words into it, unsigned. */
export function addressWord(bytes: Uint8Array, offset: number, word: number): number {
  const place = offset + (isIpv4(bytes, offset) ? IPV4_PLACE : IPV6_PLACE) + 4 * word;
  return ((bytes[place]! << 24) | (bytes[place + 1]! << 16) | (bytes[place + 2]! << 8) | bytes[place + 3]!) >>> 0;
}
