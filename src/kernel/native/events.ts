/** Multicast events of the kernel on the event loop. */
import { attempt, type SystemCallError } from "./addon.ts";
import { ENOBUFS, FLAG_TRUNCATED, openReader, type Reader } from "./reader.ts";
import { hostInteger, setReceiveBuffer } from "./socket-option.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SOCKADDR_NL_BYTES = 12;
const SOCKADDR_NL_PORT_OFFSET = 4;

/** Multicast events of the kernel (netlink(7)), as `ip monitor` shows them. */
export class NetlinkEvents implements Disposable {
  readonly #reader: Reader;

  /**
   * @param options.protocol default NETLINK_ROUTE (0)
   * @param options.groups numbers such as RTNLGRP_LINK (1), not bits
   * @param options.receiveBufferBytes what the kernel may hold for us; default the system's, usually 212992, which is
   *   also the most for who lacks CAP_NET_ADMIN over the machine
   * @param options.onMessages one datagram of the kernel, whole messages one after the other
   * @param options.onOverrun events were lost: dump again
   * @param options.onError any other failure of the socket
   */
  constructor(options: {
    namespace?: number;
    protocol?: number;
    groups: readonly number[];
    receiveBufferBytes?: number;
    onMessages: (messages: Uint8Array) => void;
    onOverrun: () => void;
    onError: (error: SystemCallError) => void;
  }) {
    const name = `kernel events of groups ${options.groups.join(" ")}`;
    const descriptor = openSubscribed(name, options);
    this.#reader = openReader(descriptor, {
      name,
      batch: 16,
      slotBytes: 64 * 1024,
      onBatch: (count) => this.#deliver(count, options.onMessages, options.onOverrun),
      onError: (error) => {
        if (error.errno === ENOBUFS) options.onOverrun();
        else options.onError(error);
      },
    });
  }

  #deliver(count: number, onMessages: (messages: Uint8Array) => void, onOverrun: () => void): void {
    const reader = this.#reader;
    for (let index = 0; index < count; index++) {
      const peer = reader.peer(index);
      const port = new DataView(peer.buffer, peer.byteOffset, SOCKADDR_NL_BYTES).getUint32(
        SOCKADDR_NL_PORT_OFFSET,
        true,
      );
      // Another process may send to us as well; only port 0 is the kernel.
      if (port !== 0) continue;
      if (reader.hasFlag(index, FLAG_TRUNCATED)) onOverrun();
      else
        onMessages(
          reader.buffer.subarray(index * reader.slotBytes, index * reader.slotBytes + reader.storedLength(index)),
        );
    }
  }

  /** No callback comes afterwards; repeating is harmless. */
  close(): void {
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openSubscribed(
  name: string,
  options: { namespace?: number; protocol?: number; groups: readonly number[]; receiveBufferBytes?: number },
): number {
  return attempt(`open ${name}`, (addon) => {
    const descriptor = addon.openSocket(
      options.namespace ?? -1,
      AF_NETLINK,
      SOCK_RAW | SOCK_NONBLOCK,
      options.protocol ?? 0,
    );
    try {
      if (options.receiveBufferBytes !== undefined) setReceiveBuffer(descriptor, options.receiveBufferBytes);
      const address = new Uint8Array(SOCKADDR_NL_BYTES);
      new Uint16Array(address.buffer)[0] = AF_NETLINK;
      addon.bindSocket(descriptor, address);
      for (const group of options.groups) {
        addon.setSocketOption(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, hostInteger(group));
      }
      return descriptor;
    } catch (error) {
      addon.closeDescriptor(descriptor);
      throw error;
    }
  });
}
