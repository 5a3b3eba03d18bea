/** A netlink socket for requests, and the exchange of one write for the answers to it. */
import { NetloomError } from "../../base/errors.ts";
import { sourceOf } from "../../netlink/codec.ts";
import { decodeMessages, NLMSG_OVERRUN, type NetlinkMessage } from "../../netlink/message.ts";
import {
  closeDescriptor,
  hostInteger,
  NETLINK_DATAGRAM_ROOM_BYTES,
  netlinkExchange,
  openSocket,
  setSocketOption,
} from "../native.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel silently gives what net.core.rmem_max and wmem_max allow. */
const SOCKET_BUFFER_BYTES = 1024 * 1024;
/** Nothing blocks a request for long but other users of the kernel's one configuration lock. */
const TIMEOUT_MILLISECONDS = 30_000;
/** Room for sixteen full datagrams of a dump between two hops to the worker. */
const RECEIVE_BYTES = 9 * NETLINK_DATAGRAM_ROOM_BYTES;
const KEPT_BUFFERS = 4;

/** Sockets take turns with the receive buffers: a thousand namespaces have a thousand sockets, but few at work. */
const idleBuffers: Uint8Array[] = [];

export class NetlinkSocket {
  readonly #descriptor: number;
  #open = true;
  /** An exchange failed: what it left in the socket belongs to nobody. */
  #stale = false;

  /** @throws SystemCallError EPROTONOSUPPORT, EMFILE, or ENOPROTOOPT from a kernel before 4.20 */
  constructor(protocol: number, namespace?: number) {
    this.#descriptor = openSocket({
      ...(namespace === undefined ? {} : { namespace }),
      family: AF_NETLINK,
      type: SOCK_RAW,
      protocol,
    });
    try {
      for (const option of [SO_SNDBUF, SO_RCVBUF]) {
        setSocketOption(this.#descriptor, SOL_SOCKET, option, hostInteger(SOCKET_BUFFER_BYTES));
      }
      for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
        setSocketOption(this.#descriptor, SOL_NETLINK, option, hostInteger(1));
      }
    } catch (error) {
      closeDescriptor(this.#descriptor);
      throw error;
    }
  }

  /**
   * Sends the bytes in one write, then gives every message that comes to `visit` until it answers true. `visit` must
   * keep nothing of a message's bytes.
   *
   * @throws SystemCallError of the send or receive; NetloomError netlink-timeout, netlink-closed, netlink-truncated
   */
  async exchange(send: Uint8Array, visit: (message: NetlinkMessage) => boolean): Promise<void> {
    if (!this.#open) throw new NetloomError("netlink-closed", "netlink exchange: the socket is closed");
    const receive = idleBuffers.pop() ?? new Uint8Array(RECEIVE_BYTES);
    try {
      if (this.#stale) await this.#drain(receive);
      this.#stale = true;
      await this.#receiveUntil(send, receive, visit);
      this.#stale = false;
    } finally {
      if (idleBuffers.length < KEPT_BUFFERS) idleBuffers.push(receive);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptor(this.#descriptor);
  }

  async #receiveUntil(
    send: Uint8Array,
    receive: Uint8Array,
    visit: (message: NetlinkMessage) => boolean,
  ): Promise<void> {
    const source = sourceOf(receive);
    let done = false;
    for (let request: { send?: Uint8Array } = { send }; !done; request = {}) {
      const lengths = await netlinkExchange({
        fd: this.#descriptor,
        ...request,
        receive,
        minimumDatagrams: 1,
        timeoutMilliseconds: TIMEOUT_MILLISECONDS,
      });
      if (lengths.length === 0) {
        throw new NetloomError("netlink-timeout", `netlink exchange: no answer in ${TIMEOUT_MILLISECONDS / 1000} s`);
      }
      let offset = 0;
      for (const length of lengths) {
        const whole = decodeMessages(source, offset, offset + length, (message) => {
          if (message.type === NLMSG_OVERRUN) return;
          if (!done) done = visit(message);
        });
        if (!whole) throw new NetloomError("netlink-truncated", "netlink exchange: a datagram ends inside a message");
        offset += length;
      }
    }
  }

  /** Reads away what a failed exchange left, also the rest of a dump that the kernel goes on with at every read. */
  async #drain(receive: Uint8Array): Promise<void> {
    for (;;) {
      const lengths = await netlinkExchange({
        fd: this.#descriptor,
        receive,
        minimumDatagrams: 0,
        timeoutMilliseconds: 0,
      });
      if (lengths.length === 0) return;
    }
  }
}
