/**
 * Who reads UDP datagrams from a packet socket must still hold their port, or the kernel refuses each of them as "port
 * unreachable" beside the answer.
 */
import type { Ipv4Address } from "../base/address.ts";
import {
  bindSocket,
  closeDescriptor,
  hostInteger,
  openSocket,
  setSocketOption,
  SystemCallError,
} from "../kernel/native.ts";
import { AF_INET, encodeSocketAddress } from "../kernel/socket-address.ts";

const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** Linux 5.0. */
const SO_BINDTOIFINDEX = 62;
const SOL_IP = 0;
const IP_FREEBIND = 15;

/**
 * Bind the port of the address, which need not be on an interface yet, to a socket that nobody reads.
 * @param namespace descriptor of the network namespace, default our own
 * @param interfaceIndex only what arrives there: a server of another interface alone, such as libvirt's, does not count
 * @returns the socket's descriptor, the caller's to close; undefined: somebody else holds the port
 * @throws SystemCallError
 */
export function holdPort(
  address: Ipv4Address,
  port: number,
  namespace?: number,
  interfaceIndex?: number,
): number | undefined {
  const descriptor = openUnread(AF_INET, namespace);
  try {
    if (interfaceIndex !== undefined) bindToInterface(descriptor, interfaceIndex);
    setSocketOption(descriptor, SOL_IP, IP_FREEBIND, hostInteger(1));
    bindSocket(descriptor, encodeSocketAddress({ address, port }));
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    if (!(error instanceof SystemCallError && error.errnoName === "EADDRINUSE")) throw error;
    return undefined;
  }
}

/** Of an older kernel, or an interface that has just gone, the port is held on all of them. */
function bindToInterface(descriptor: number, interfaceIndex: number): void {
  try {
    setSocketOption(descriptor, SOL_SOCKET, SO_BINDTOIFINDEX, hostInteger(interfaceIndex));
  } catch (error) {
    if (!(error instanceof SystemCallError && ["ENOPROTOOPT", "ENODEV"].includes(error.errnoName))) throw error;
  }
}

/** A UDP socket for datagrams that nobody reads. @param family AF_INET or AF_INET6 @throws SystemCallError */
export function openUnread(family: number, namespace: number | undefined): number {
  const place = namespace === undefined ? {} : { namespace };
  const descriptor = openSocket({ ...place, family, type: SOCK_DGRAM, protocol: 0 });
  // As little as the kernel permits: what nobody reads shall not take memory either.
  setSocketOption(descriptor, SOL_SOCKET, SO_RCVBUF, hostInteger(1));
  return descriptor;
}
