/** A TCP server of Node's on an address of any network namespace. */
import { once } from "node:events";
import type { Server } from "node:net";
import { type Ipv4Address, ipToBytes } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import {
  bindSocket,
  closeDescriptor,
  hostInteger,
  openNamespace,
  openSocket,
  setSocketOption,
  SystemCallError,
} from "./native.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

interface TcpPlace {
  /** Default: our own. */
  readonly namespacePath?: string;
  readonly address: Ipv4Address;
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
    const place = namespace === undefined ? {} : { namespace };
    const descriptor = openSocket({ ...place, family: AF_INET, type: SOCK_STREAM, protocol: 0 });
    try {
      setSocketOption(descriptor, SOL_SOCKET, SO_REUSEADDR, hostInteger(1));
      bindSocket(descriptor, socketAddress(address, port));
    } catch (error) {
      closeDescriptor(descriptor);
      throw inUse(error, address, port) ?? error;
    }
    return descriptor;
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
}

function inUse(error: unknown, address: Ipv4Address, port: number): NetloomError | undefined {
  const code =
    error instanceof SystemCallError ? error.errnoName : error instanceof Error && "code" in error && error.code;
  if (code !== "EADDRINUSE") return undefined;
  return new NetloomError("address-in-use", `listen on ${address} port ${port}: another program has that port`, {
    cause: error,
    hint: `ss -ltnp 'sport = :${port}' shows which.`,
  });
}

/** struct sockaddr_in (linux/in.h). */
function socketAddress(address: Ipv4Address, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipToBytes(address), 4);
  return bytes;
}
