/** A TCP server of Node's on an address of any network namespace. */
import { once } from "node:events";
import type { Server } from "node:net";
import { familyOf, type IpAddress } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import {
  bindSocket,
  closeDescriptor,
  hostInteger,
  openNamespace,
  openSocket,
  setSocketOption,
  SystemCallError,
} from "../../kernel/native.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../kernel/socket-address.ts";

const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

interface TcpPlace {
  /** Default: our own. */
  readonly namespacePath?: string;
  readonly address: IpAddress;
  /** 0: any that is free. */
  readonly port: number;
}

/**
 * Let the server listen there.
 * @returns the port
 * @throws NetloomError address-in-use; SystemCallError EADDRNOTAVAIL no such address, EACCES a port below 1024
 */
export async function listenTcp(server: Server, { namespacePath, address, port }: TcpPlace): Promise<number> {
  const descriptor = openBound({ namespacePath, address, port });
  const listening = once(server, "listening");
  server.listen({ fd: descriptor });
  try {
    await listening;
  } catch (error) {
    server.close();
    throw inUse(error, address, port) ?? error;
  }
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new NetloomError("internal", "listen: no TCP socket");
  return bound.port;
}

function openBound({
  namespacePath,
  address,
  port,
}: Omit<TcpPlace, "namespacePath"> & { readonly namespacePath: string | undefined }): number {
  const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
  try {
    const family = familyOf(address) === 4 ? AF_INET : AF_INET6;
    const place = namespace === undefined ? {} : { namespace };
    const descriptor = openSocket({ ...place, family, type: SOCK_STREAM, protocol: 0 });
    try {
      setSocketOption(descriptor, SOL_SOCKET, SO_REUSEADDR, hostInteger(1));
      bindSocket(descriptor, encodeSocketAddress({ address, port }));
    } catch (error) {
      closeDescriptor(descriptor);
      throw inUse(error, address, port) ?? error;
    }
    return descriptor;
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
}

function inUse(error: unknown, address: IpAddress, port: number): NetloomError | undefined {
  const code =
    error instanceof SystemCallError ? error.errnoName : error instanceof Error && "code" in error && error.code;
  if (code !== "EADDRINUSE") return undefined;
  return new NetloomError("address-in-use", `listen on ${address} port ${port}: another program has that port`, {
    cause: error,
    hint: `ss -ltnp 'sport = :${port}' shows which.`,
  });
}
