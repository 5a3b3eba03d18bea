/** struct sockaddr_in and sockaddr_in6 (linux/in.h, in6.h) as the raw bytes that the addon takes and gives. */
import { familyOf, type IpAddress, ipFromBytes, ipToBytes } from "../../base/address.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

export function encodeSocketAddress(address: IpAddress, port: number): Uint8Array {
  const isV4 = familyOf(address) === 4;
  const bytes = new Uint8Array(isV4 ? 16 : 28);
  new Uint16Array(bytes.buffer)[0] = isV4 ? AF_INET : AF_INET6;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipToBytes(address), isV4 ? 4 : 8);
  return bytes;
}

/** Of a socket of one of these two families. */
export function decodeSocketAddress(bytes: Uint8Array): { readonly address: IpAddress; readonly port: number } {
  const port = (bytes[2]! << 8) | bytes[3]!;
  const address = bytes.length < 28 ? bytes.subarray(4, 8) : bytes.subarray(8, 24);
  return { address: ipFromBytes(address), port };
}
