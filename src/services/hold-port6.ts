/**
 * What a server that reads IPv6 from a packet socket needs of the kernel beside it: the groups that it is asked in are
 * joined, or switches and bridges that watch memberships keep them from us; and port 547 is held, or the kernel refuses
 * what relays send as "port unreachable". A client holds port 546, for the same reason.
 */
import { type Ipv6Address, ipToBytes, parseIpv6 } from "../base/address.ts";
import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { bindSocket, closeDescriptor, hostInteger, setSocketOption, SystemCallError } from "../kernel/native.ts";
import { AF_INET6, encodeSocketAddress } from "../kernel/socket-address.ts";
import { DHCP6_CLIENT_PORT, DHCP6_SERVER_PORT } from "../wire/dhcp6/message.ts";
import { openUnread } from "./hold-port.ts";

const IPV6_ANY = parseIpv6("::");
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SOL_IPV6 = 41;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_V6ONLY = 26;
/** All routers; all DHCPv6 servers and relays of a link; all servers of a site, which relays ask. */
const GROUPS = ["ff02::2", "ff02::1:2", "ff05::1:3"].map(parseIpv6);

interface HeldPort6 {
  /** Of a socket that nobody reads; the caller's to close. */
  readonly descriptor: number;
  /** False: somebody else holds the port on this interface. */
  readonly isHeld: boolean;
}

/** @param namespace descriptor of the network namespace, default our own. @throws SystemCallError */
export function holdPort6(interfaceName: string, interfaceIndex: number, namespace?: number): HeldPort6 {
  return hold(interfaceName, interfaceIndex, DHCP6_SERVER_PORT, GROUPS, namespace);
}

/** The port to which servers answer, in our own namespace. @throws SystemCallError */
export function holdClientPort6(interfaceName: string, interfaceIndex: number): HeldPort6 {
  return hold(interfaceName, interfaceIndex, DHCP6_CLIENT_PORT, [], undefined);
}

function hold(
  interfaceName: string,
  interfaceIndex: number,
  port: number,
  groups: readonly Ipv6Address[],
  namespace: number | undefined,
): HeldPort6 {
  const descriptor = openUnread(AF_INET6, namespace);
  try {
    setSocketOption(descriptor, SOL_SOCKET, SO_BINDTODEVICE, utf8Encode(interfaceName));
    setSocketOption(descriptor, SOL_IPV6, IPV6_V6ONLY, hostInteger(1));
    for (const group of groups) {
      const request = concatBytes([ipToBytes(group), hostInteger(interfaceIndex)]);
      setSocketOption(descriptor, SOL_IPV6, IPV6_ADD_MEMBERSHIP, request);
    }
    bindSocket(descriptor, encodeSocketAddress({ address: IPV6_ANY, port }));
    return { descriptor, isHeld: true };
  } catch (error) {
    if (error instanceof SystemCallError && error.errnoName === "EADDRINUSE") return { descriptor, isHeld: false };
    closeDescriptor(descriptor);
    throw error;
  }
}
