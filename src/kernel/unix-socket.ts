/**
 * Unix sockets in folders with long names. The kernel takes at most 107 bytes as a socket's path (sun_path,
 * unix(7)); a longer one is reached through an open descriptor of its folder, /proc/self/fd/N/NAME.
 */
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, dirname } from "node:path";

const MAXIMUM_PATH_BYTES = 107;

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
