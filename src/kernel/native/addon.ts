/** Finding and loading the addon, what it exports, and its errors. Only src/kernel/native.ts and this folder use it. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { messageOf, NetloomError } from "../../base/errors.ts";

declare const readerBrand: unique symbol;
/** A socket that the event loop watches, as the addon hands it out. */
export interface ReaderHandle {
  readonly [readerBrand]: true;
}

/** The functions of netloom.node. A namespace of -1 is the caller's own. */
export interface Addon {
  openNamespace(path: string): number;
  createNamespace(name: string): void;
  deleteNamespace(name: string): void;
  openFileInNamespace(namespace: number, path: string, flags: number): number;
  openSocket(namespace: number, family: number, type: number, protocol: number): number;
  openPacketSocket(namespace: number, interfaceIndex: number, filter: Uint8Array): number;
  setSocketOption(descriptor: number, level: number, name: number, value: Uint8Array): void;
  bindSocket(descriptor: number, address: Uint8Array): void;
  connectSocket(descriptor: number, address: Uint8Array): void;
  reconnectSocket(descriptor: number, address: Uint8Array): void;
  openTap(
    namespace: number,
    name: string,
    flags: number,
    owner: number | undefined,
    group: number | undefined,
    persist: boolean,
  ): number;
  closeDescriptor(descriptor: number): void;
  lockDescriptor(descriptor: number): boolean;
  trimMemory(): void;
  sendDescriptors(socket: number, descriptors: readonly number[], payload: Uint8Array): number;
  fdatasync(descriptor: number, callback: (error: Error | undefined) => void): void;
  runNft(
    namespace: number,
    commands: string,
    asked: number,
    callback: (error: Error | undefined, result: { output: string } | { complaint: string }) => void,
  ): void;
  netlinkExchange(
    descriptor: number,
    request: Uint8Array,
    receive: Uint8Array,
    minimumDatagrams: number,
    timeoutMilliseconds: number,
    callback: (error: Error | undefined, lengths: number[]) => void,
  ): void;
  openReader(
    descriptor: number,
    batch: number,
    slotBytes: number,
    busyPollMicroseconds: number,
    buffer: Uint8Array,
    records: Int32Array,
    peers: Uint8Array,
    callback: (count: number, errno: number) => void,
  ): ReaderHandle;
  closeReader(reader: ReaderHandle): void;
  closeReaderAside(reader: ReaderHandle, callback: () => void): void;
  sendBatch(
    reader: ReaderHandle,
    datagrams: readonly Uint8Array[],
    peers: readonly Uint8Array[],
    start: number,
  ): number;
  sendReplies(reader: ReaderHandle, buffer: Uint8Array, replies: Uint32Array, start: number, end: number): number;
}

/**
 * A system call that the kernel refused; `code` is "system-call".
 *
 * `errnoName` is the kernel's word ("EEXIST"), `errno` its positive number, `systemCall` what refused.
 */
export class SystemCallError extends NetloomError {
  readonly errno: number;
  readonly errnoName: string;
  readonly systemCall: string;

  constructor(operation: string, failure: { errno: number; errnoName: string; systemCall: string; reason: string }) {
    super("system-call", `${operation}: ${failure.reason}`);
    this.name = "SystemCallError";
    this.errno = failure.errno;
    this.errnoName = failure.errnoName;
    this.systemCall = failure.systemCall;
  }
}

/** What the addon throws, as an error that names the operation and its object; anything else stays as it is. */
export function explain(operation: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error && "errno" in thrown && "code" in thrown && "syscall" in thrown)) return thrown;
  return new SystemCallError(operation, {
    errno: Number(thrown.errno),
    errnoName: String(thrown.code),
    systemCall: String(thrown.syscall),
    reason: thrown.message,
  });
}

/** Calls the addon; a refusal of the kernel is thrown as SystemCallError "operation: reason". */
export function attempt<T>(operation: string, call: (addon: Addon) => T): T {
  const functions = addon();
  try {
    return call(functions);
  } catch (thrown) {
    throw explain(operation, thrown);
  }
}

let loaded: Addon | undefined;

function addon(): Addon {
  loaded ??= load();
  return loaded;
}

/**
 * The same from src/ and from the bundle in dist/: the package root is found by walking up. NETLOOM_ADDON names another
 * build, such as the one with sanitizers.
 */
function load(): Addon {
  const path = process.env["NETLOOM_ADDON"] ?? locate(dirname(fileURLToPath(import.meta.url)));
  const hint = "npm run demo and npm test build it";
  if (path === undefined) throw new NetloomError("addon-missing", "load netloom.node: it has not been built", { hint });
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new NetloomError("addon-missing", `load ${path}: ${messageOf(cause)}`, { hint, cause });
  }
}

function locate(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, "native", "build", "Release", "netloom.node");
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}
