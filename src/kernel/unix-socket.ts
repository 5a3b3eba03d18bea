/**
 * Unix sockets in folders with long names. The kernel takes at most 107 bytes as a socket's path (sun_path,
 * unix(7)); a longer one is reached through an open descriptor of its folder, /proc/self/fd/N/NAME.
 */
import { once } from "node:events";
import { closeSync, openSync, writeSync } from "node:fs";
import { connect, Socket } from "node:net";
import { basename, dirname } from "node:path";
import { closeDescriptor, connectSocket, openSocket } from "./native.ts";

const MAXIMUM_PATH_BYTES = 107;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;

interface ShortSocketPath extends Disposable {
  /** Good until disposed, in this process only. */
  readonly path: string;
}

/** A path of at most 107 bytes for the socket at `path`, whose folder must exist. @throws the file system's error */
export function shortSocketPath(path: string): ShortSocketPath {
  if (Buffer.byteLength(path) <= MAXIMUM_PATH_BYTES) return { path, [Symbol.dispose]: () => undefined };
  const folder = openSync(dirname(path), "r");
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, [Symbol.dispose]: () => closeSync(folder) };
}

/** Connect to the stream socket at `path`, however long its name. @throws the connection's error */
export async function connectUnixSocket(path: string): Promise<Socket> {
  using short = shortSocketPath(path);
  const socket = connect(short.path);
  await once(socket, "connect");
  return socket;
}

/** A connected stream socket and its descriptor, which belongs to the socket and is closed by it. */
interface DescriptorSocket {
  readonly socket: Socket;
  readonly descriptor: number;
}

/**
 * Connect to the stream socket at `path` and keep its descriptor in sight, so that others can be passed over it.
 * @throws SystemCallError ENOENT, ECONNREFUSED; EAGAIN when those who wait there already are too many
 */
export function connectDescriptorSocket(path: string): DescriptorSocket {
  using short = shortSocketPath(path);
  const descriptor = openSocket({ family: AF_UNIX, type: SOCK_STREAM, protocol: 0 });
  try {
    connectSocket(descriptor, unixAddress(short.path));
    return { socket: new Socket({ fd: descriptor, readable: true, writable: true }), descriptor };
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/**
 * Send one datagram to the socket at `path`; "@" at its start stands for the zero byte of an abstract name.
 * @throws SystemCallError when nobody listens there; EAGAIN when its queue is full
 */
export function sendUnixDatagram(path: string, text: string): void {
  const descriptor = openSocket({ family: AF_UNIX, type: SOCK_DGRAM, protocol: 0 });
  try {
    connectSocket(descriptor, unixAddress(path));
    writeSync(descriptor, text);
  } finally {
    closeDescriptor(descriptor);
  }
}

/** struct sockaddr_un: the family in the host's byte order, the path, a zero byte; an abstract name has that first. */
function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path.startsWith("@") ? path.replace("@", "\0") : `${path}\0`);
  const address = new Uint8Array(2 + name.length);
  address.set(new Uint8Array(Uint16Array.of(AF_UNIX).buffer));
  address.set(name, 2);
  return address;
}
