/** Sockets of a DNS server on an address of its own, in any network namespace. */
import { familyOf } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import {
  bindSocket,
  closeDescriptor,
  hostInteger,
  openSocket,
  setSocketOption,
  SystemCallError,
} from "../../kernel/native.ts";
import { AF_INET, AF_INET6, encodeSocketAddress, type SocketAddress } from "../../kernel/socket-address.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_OMIT = 5;
const SOL_IPV6 = 41;
const IP_FREEBIND = 15;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;

export interface Place {
  /** Descriptor of the network namespace; undefined: our own. */
  readonly namespace: number | undefined;
  readonly listen: SocketAddress;
  /** No interface needs to have the address yet; an IPv6 address of ours cannot be bound while it is looked for doubles. */
  readonly isAhead: boolean;
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has this port; `ss -lunpt` shows which",
  EADDRNOTAVAIL: "no interface has this address",
  EACCES: "ports below 1024 are root's",
};

/** @throws NetloomError listen-failed */
export function openBound({ listen, namespace, isAhead }: Place, transport: "udp" | "tcp"): number {
  const family = familyOf(listen.address) === 4 ? AF_INET : AF_INET6;
  const place = namespace === undefined ? {} : { namespace };
  const descriptor = openSocket({
    ...place,
    family,
    type: transport === "udp" ? SOCK_DGRAM : SOCK_STREAM,
    protocol: 0,
  });
  try {
    if (family === AF_INET6) setSocketOption(descriptor, SOL_IPV6, IPV6_V6ONLY, hostInteger(1));
    if (transport === "tcp") setSocketOption(descriptor, SOL_SOCKET, SO_REUSEADDR, hostInteger(1));
    // Nobody shall cut our replies into fragments by forged messages about the path (RFC 9715 §3.1).
    else if (family === AF_INET) setSocketOption(descriptor, SOL_IP, IP_MTU_DISCOVER, hostInteger(IP_PMTUDISC_OMIT));
    if (isAhead && family === AF_INET) setSocketOption(descriptor, SOL_IP, IP_FREEBIND, hostInteger(1));
    if (isAhead && family === AF_INET6) setSocketOption(descriptor, SOL_IPV6, IPV6_FREEBIND, hostInteger(1));
    bindSocket(descriptor, encodeSocketAddress(listen));
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    throw listenFailure(listen, transport, error);
  }
}

export function listenFailure(listen: SocketAddress, transport: "udp" | "tcp", cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const name = cause instanceof SystemCallError ? cause.errnoName : code;
  const hint = HINTS[name];
  if (hint === undefined) return cause;
  const what = `listen on ${formatSocketAddress(listen)} over ${transport.toUpperCase()}`;
  return new NetloomError("listen-failed", `${what}: ${name}`, { hint, cause });
}

/** "192.0.2.53", "192.0.2.53 port 5353". */
function formatSocketAddress({ address, port }: SocketAddress): string {
  return port === 53 ? address : `${address} port ${port}`;
}
