/**
 * The addon's functions with types, and errors that name the operation and its object.
 *
 * Descriptors are plain numbers here and below: who opens one closes it with {@link closeDescriptor}. A `namespace` is
 * the descriptor of a network namespace (openNamespace); without it the caller's own is meant. No call changes the
 * namespace of the calling thread. All throw {@link SystemCallError} when the kernel refuses, and NetloomError
 * "addon-missing" when the addon has not been built.
 */
import { NetloomError } from "../base/errors.ts";
import { attempt, explain, SystemCallError } from "./native/addon.ts";

export { SystemCallError } from "./native/addon.ts";
export { DatagramSocket, type ReceivedDatagram } from "./native/datagram-socket.ts";
export { NetlinkEvents } from "./native/events.ts";
export { type BpfInstruction, PacketSocket, type ReceivedFrame } from "./native/packet-socket.ts";
export { PEER_SLOT_BYTES, ReplySocket } from "./native/reply-socket.ts";
export { hostInteger } from "./native/socket-option.ts";

const OWN_NAMESPACE = -1;

// linux/if_tun.h
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;

const SOCK_NONBLOCK = 0o4000;

/** Room that {@link netlinkExchange} wants in its buffer before it receives another datagram. */
export const NETLINK_DATAGRAM_ROOM_BYTES = 64 * 1024;

/**
 * Opens a network namespace by path (`/run/netns/NAME`, `/proc/PID/ns/net`); the descriptor keeps it alive.
 *
 * @throws SystemCallError ENOENT; ENOTTY or EINVAL when it is no network namespace
 */
export function openNamespace(path: string): number {
  return attempt(`open network namespace ${path}`, (addon) => addon.openNamespace(path));
}

/**
 * Creates a named network namespace as `ip netns add NAME` does; its loopback is down.
 *
 * @throws NetloomError bad-name, namespace-exists, or namespace-broken when a file of that name is no namespace (a
 *   creation was killed halfway: {@link deleteNamespace} removes it)
 */
export function createNamespace(name: string): void {
  const operation = `create namespace ${checkedName(name)}`;
  try {
    attempt(operation, (addon) => addon.createNamespace(name));
  } catch (cause) {
    if (!(cause instanceof SystemCallError && cause.errnoName === "EEXIST")) throw cause;
    if (isNamespace(name)) throw new NetloomError("namespace-exists", `${operation}: it exists already`, { cause });
    throw new NetloomError("namespace-broken", `${operation}: /run/netns/${name} exists but is no namespace`, {
      cause,
      hint: `its creation was interrupted; remove it with: ip netns del ${name}`,
    });
  }
}

/**
 * Removes the name as `ip netns del NAME` does; the namespace ends when nobody holds it any more.
 *
 * @throws NetloomError bad-name; SystemCallError ENOENT when there is none
 */
export function deleteNamespace(name: string): void {
  const operation = `delete namespace ${checkedName(name)}`;
  attempt(operation, (addon) => addon.deleteNamespace(name));
}

function checkedName(name: string): string {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0") || name.length > 255) {
    throw new NetloomError("bad-name", `namespace ${JSON.stringify(name)}: a name is 1 to 255 bytes without "/"`);
  }
  return name;
}

function isNamespace(name: string): boolean {
  try {
    closeDescriptor(openNamespace(`/run/netns/${name}`));
    return true;
  } catch (error) {
    if (error instanceof SystemCallError) return false;
    throw error;
  }
}

/**
 * Opens a socket of any family, close-on-exec. The numbers are those of socket(2).
 *
 * @param options.nonBlocking default true
 */
export function openSocket(options: {
  namespace?: number;
  family: number;
  type: number;
  protocol: number;
  nonBlocking?: boolean;
}): number {
  const { family, protocol } = options;
  const type = options.type | ((options.nonBlocking ?? true) ? SOCK_NONBLOCK : 0);
  return attempt(`open socket of family ${family}, type ${options.type}, protocol ${protocol}`, (addon) =>
    addon.openSocket(options.namespace ?? OWN_NAMESPACE, family, type, protocol),
  );
}

/** setsockopt(2) with the value's raw bytes; {@link hostInteger} makes an int. */
export function setSocketOption(descriptor: number, level: number, name: number, value: Uint8Array): void {
  attempt(`set option ${name} of level ${level} on socket ${descriptor}`, (addon) =>
    addon.setSocketOption(descriptor, level, name, value),
  );
}

/** bind(2) with a raw sockaddr of the socket's family. */
export function bindSocket(descriptor: number, address: Uint8Array): void {
  attempt(`bind socket ${descriptor}`, (addon) => addon.bindSocket(descriptor, address));
}

/**
 * connect(2) with a raw sockaddr of the socket's family.
 *
 * @throws SystemCallError EAGAIN when a Unix socket's queue of connections is full and ours does not block
 */
export function connectSocket(descriptor: number, address: Uint8Array): void {
  attempt(`connect socket ${descriptor}`, (addon) => addon.connectSocket(descriptor, address));
}

/**
 * Gives a datagram socket that was connected, and not bound by hand, another peer and another random port of its own
 * (connect(2) to AF_UNSPEC first). What it has received until then, and errors that waited, are thrown away.
 *
 * @throws SystemCallError ENETUNREACH and its like; EAGAIN or EADDRINUSE when no port is free
 */
export function reconnectSocket(descriptor: number, address: Uint8Array): void {
  attempt(`connect socket ${descriptor} anew`, (addon) => addon.reconnectSocket(descriptor, address));
}

/**
 * Opens a file as a process of that namespace sees it, for `/proc/sys/net/…`; close-on-exec.
 *
 * @param options.flags of open(2), from node:fs constants
 */
export function openFileInNamespace(options: { namespace: number; path: string; flags: number }): number {
  return attempt(`open ${options.path}`, (addon) =>
    addon.openFileInNamespace(options.namespace, options.path, options.flags),
  );
}

/**
 * Creates or attaches to a TAP or TUN device, as `ip tuntap add NAME mode tap`; frames without the four-byte prefix.
 *
 * Without `persist` a new device goes when the descriptor is closed. While the descriptor of a single-queue device is
 * open nobody else can attach (QEMU's `ifname=`).
 *
 * @param options.owner user id that may attach without privilege
 * @param options.vnetHeader frames carry a virtio header (IFF_VNET_HDR)
 * @param options.exclusive refuse an existing device, default false
 * @throws SystemCallError EBUSY in use or, with exclusive, existing; EINVAL another kind of device of that name; EPERM
 */
export function openTap(options: {
  namespace?: number;
  name: string;
  mode: "tap" | "tun";
  multiQueue?: boolean;
  vnetHeader?: boolean;
  exclusive?: boolean;
  owner?: number;
  group?: number;
  persist?: boolean;
}): number {
  const flags =
    (options.mode === "tap" ? IFF_TAP : IFF_TUN) |
    IFF_NO_PI |
    (options.multiQueue === true ? IFF_MULTI_QUEUE : 0) |
    (options.vnetHeader === true ? IFF_VNET_HDR : 0) |
    (options.exclusive === true ? IFF_TUN_EXCL : 0);
  return attempt(`open ${options.mode} ${options.name}`, (addon) =>
    addon.openTap(
      options.namespace ?? OWN_NAMESPACE,
      options.name,
      flags,
      options.owner,
      options.group,
      options.persist ?? false,
    ),
  );
}

/** @throws SystemCallError EBADF when it is not open */
export function closeDescriptor(descriptor: number): void {
  attempt(`close descriptor ${descriptor}`, (addon) => addon.closeDescriptor(descriptor));
}

/**
 * Takes an exclusive lock on an open file (flock(2)) without waiting; it ends when the descriptor is closed or its
 * process dies.
 *
 * @returns false when somebody else holds it
 */
export function lockDescriptor(descriptor: number): boolean {
  return attempt(`lock descriptor ${descriptor}`, (addon) => addon.lockDescriptor(descriptor));
}

/** Gives memory of the C library that nobody uses back to the kernel (malloc_trim(3)); takes a few milliseconds. */
export function trimMemory(): void {
  attempt("trim memory", (addon) => addon.trimMemory());
}

/** fdatasync(2) on a worker thread of the addon. The descriptor may be closed meanwhile. */
export function fdatasync(descriptor: number): Promise<void> {
  const operation = `sync descriptor ${descriptor}`;
  return new Promise((resolve, reject) => {
    attempt(operation, (addon) =>
      addon.fdatasync(descriptor, (error) => {
        if (error === undefined) resolve();
        else reject(explain(operation, error));
      }),
    );
  });
}

// As in native/nft.c.
const NFT_STATELESS = 1;
const NFT_JSON = 2;
const NFT_CHECK = 4;

/**
 * Runs commands of nft's language with libnftables on a worker thread of the addon; one at a time in the whole process.
 *
 * @returns the output, or nft's complaint when they were refused
 * @throws SystemCallError ENOPKG when the library is not installed
 */
export function runNftCommands(
  commands: string,
  options: { namespace?: number; stateless?: boolean; json?: boolean; check?: boolean },
): Promise<{ output: string } | { complaint: string }> {
  const asked =
    (options.stateless === true ? NFT_STATELESS : 0) |
    (options.json === true ? NFT_JSON : 0) |
    (options.check === true ? NFT_CHECK : 0);
  return new Promise((resolve, reject) => {
    attempt("run nft commands", (addon) =>
      addon.runNft(options.namespace ?? OWN_NAMESPACE, commands, asked, (error, result) => {
        if (error === undefined) resolve(result);
        else reject(explain("run nft commands", error));
      }),
    );
  });
}

/**
 * Sends a request in one write and receives the kernel's datagrams, on a worker thread of the addon.
 *
 * Receives until `minimumDatagrams` have come and nothing more is waiting, until `receive` has less than
 * {@link NETLINK_DATAGRAM_ROOM_BYTES} left, or until the time is up: then the result has fewer, and that is no error.
 * Datagrams of other processes are dropped. Up to four exchanges run at once; on one socket let them follow each other.
 *
 * @param options.send left out: only receive (the next part of a dump)
 * @param options.receive at least 64 KiB; the datagrams lie in it one after the other
 * @returns the datagrams' lengths
 * @throws NetloomError bad-value; SystemCallError ENOBUFS when the kernel had to drop replies, EMSGSIZE when one did
 *   not fit
 */
export function netlinkExchange(options: {
  fd: number;
  send?: Uint8Array;
  receive: Uint8Array;
  minimumDatagrams: number;
  timeoutMilliseconds: number;
}): Promise<number[]> {
  const operation = `netlink exchange on socket ${options.fd}`;
  if (options.receive.length < NETLINK_DATAGRAM_ROOM_BYTES) {
    const reason = `a receive buffer of ${options.receive.length} bytes, the least is ${NETLINK_DATAGRAM_ROOM_BYTES}`;
    return Promise.reject(new NetloomError("bad-value", `${operation}: ${reason}`));
  }
  return new Promise((resolve, reject) => {
    attempt(operation, (addon) =>
      addon.netlinkExchange(
        options.fd,
        options.send ?? new Uint8Array(0),
        options.receive,
        options.minimumDatagrams,
        options.timeoutMilliseconds,
        (error, lengths) => {
          if (error === undefined) resolve(lengths);
          else reject(explain(operation, error));
        },
      ),
    );
  });
}

/**
 * Passes descriptors over a Unix socket (SCM_RIGHTS, unix(7)); ours stay open.
 *
 * @param descriptors at most 253
 * @param payload at least one byte, else a stream carries nothing
 * @throws SystemCallError EAGAIN when the peer's queue is full; NetloomError short-write when only a part was taken
 */
export function sendDescriptors(socket: number, descriptors: readonly number[], payload: Uint8Array): void {
  const operation = `send ${descriptors.length} descriptors on socket ${socket}`;
  const sent = attempt(operation, (addon) => addon.sendDescriptors(socket, descriptors, payload));
  if (sent !== payload.length) {
    throw new NetloomError("short-write", `${operation}: ${sent} of ${payload.length} bytes were taken`);
  }
}
