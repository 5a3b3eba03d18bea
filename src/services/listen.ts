/** Sockets that listen on an address of their own, in any network namespace, and what is said when they cannot. */
import { once } from "node:events";
import type { Server } from "node:net";
import { familyOf } from "../base/address.ts";
import { codeOf, NetloomError } from "../base/errors.ts";
import {
  bindSocket,
  closeDescriptor,
  hostInteger,
  openNamespace,
  openSocket,
  setSocketOption,
  SystemCallError,
} from "../kernel/native.ts";
import { AF_INET, AF_INET6, encodeSocketAddress, type SocketAddress } from "../kernel/socket-address.ts";

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

type Transport = "udp" | "tcp";

export interface ListenPlace {
  /** Descriptor of the network namespace; undefined: our own. */
  readonly namespace: number | undefined;
  readonly listen: SocketAddress;
  /** No interface needs to have the address yet; an IPv6 address of ours cannot be bound while it is looked for doubles. */
  readonly isAhead?: boolean;
}

/**
 * A socket that is bound, and does not listen yet.
 * @returns its descriptor, the caller's to close
 * @throws NetloomError as {@link listenFailure}; SystemCallError
 */
export function openBound({ listen, namespace, isAhead = false }: ListenPlace, transport: Transport): number {
  const family = familyOf(listen.address) === 4 ? AF_INET : AF_INET6;
  const place = namespace === undefined ? {} : { namespace };
  const type = transport === "udp" ? SOCK_DGRAM : SOCK_STREAM;
  const descriptor = openSocket({ ...place, family, type, protocol: 0 });
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

/**
 * Let a TCP server of Node's listen.
 * @param namespacePath undefined: our own
 * @param listen port 0: any that is free
 * @returns the port
 * @throws NetloomError as {@link listenFailure}; SystemCallError
 */
export async function listenTcp(
  server: Server,
  namespacePath: string | undefined,
  listen: SocketAddress,
): Promise<number> {
  const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
  try {
    const fd = openBound({ namespace, listen }, "tcp");
    const listening = once(server, "listening");
    server.listen({ fd });
    await listening;
  } catch (error) {
    server.close();
    throw listenFailure(listen, "tcp", error);
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new NetloomError("internal", "listen: no TCP socket");
  return bound.port;
}

/**
 * What went wrong, in words: NetloomError address-in-use another program has the port, no-such-address no interface has
 * the address, no-privilege the port is root's. Everything else as it is.
 */
export function listenFailure({ address, port }: SocketAddress, transport: Transport, cause: unknown): unknown {
  const fail = (code: string, reason: string, hint: string): NetloomError =>
    new NetloomError(code, `listen on ${address} port ${port} over ${transport.toUpperCase()}: ${reason}`, {
      hint,
      cause,
    });
  switch (cause instanceof SystemCallError ? cause.errnoName : codeOf(cause)) {
    case "EADDRINUSE":
      return fail(
        "address-in-use",
        "another program has this port",
        `ss -ln${transport === "udp" ? "u" : "t"}p 'sport = :${port}' shows which.`,
      );
    case "EADDRNOTAVAIL":
      return fail("no-such-address", "no interface has this address", "`ip address` shows which there are.");
    case "EACCES":
      return fail("no-privilege", "ports below 1024 are root's", "Run it as root, or with CAP_NET_BIND_SERVICE.");
    default:
      return cause;
  }
}
