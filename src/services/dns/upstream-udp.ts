/**
 * Questions to other servers over UDP, each from a random port that the kernel chooses for it, connected, so that it
 * lets in only what comes from the server that was asked, to a port that nobody else can know (RFC 5452).
 *
 * A socket whose question is answered waits for the next one: another port costs a tenth of what another socket does.
 */
import { familyOf } from "../../base/address.ts";
import {
  closeDescriptor,
  connectSocket,
  DatagramSocket,
  openSocket,
  reconnectSocket,
  type ReceivedDatagram,
} from "../../kernel/native.ts";
import type { DnsUpstream } from "../../protocol/dns/config.ts";
import type { UpstreamEvent, UpstreamQuery } from "../../protocol/dns/exchange.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../kernel/socket-address.ts";

const SOCK_DGRAM = 2;
/** More than our OPT record permits: what exceeds it is told as it came, cut. */
const ANSWER_BYTES = 4096;
const BATCH = 4;
const NO_PEER = new Uint8Array(0);
/** Of each family. */
const MOST_IDLE = 64;
const IDLE_MILLISECONDS = 10_000;

interface Socket {
  readonly descriptor: number;
  readonly datagrams: DatagramSocket;
  readonly family: number;
  /** Undefined while it is idle: what comes then is nobody's. */
  query: number | undefined;
}

export class UpstreamUdp {
  readonly #namespace: number | undefined;
  readonly #onEvent: (event: UpstreamEvent) => void;
  readonly #asking = new Map<number, Socket>();
  readonly #idle: Readonly<Record<number, Socket[]>> = { [AF_INET]: [], [AF_INET6]: [] };
  /** Of forwarders, which are asked again and again. */
  readonly #addresses = new WeakMap<DnsUpstream, Uint8Array>();
  #timer: NodeJS.Timeout | undefined;

  constructor(namespace: number | undefined, onEvent: (event: UpstreamEvent) => void) {
    this.#namespace = namespace;
    this.#onEvent = onEvent;
  }

  /** Sockets whose questions wait. */
  get open(): number {
    return this.#asking.size;
  }

  /** @throws SystemCallError no route, or out of descriptors or ports */
  send({ query, server, message }: UpstreamQuery): void {
    const socket = this.#socketTo(server);
    socket.query = query;
    this.#asking.set(query, socket);
    if (socket.datagrams.send([{ payload: message, peer: NO_PEER }]) === 0)
      this.#fail(query, "the message was not sent");
  }

  #socketTo(server: DnsUpstream): Socket {
    const family = familyOf(server.address) === 4 ? AF_INET : AF_INET6;
    const address = this.#addressOf(server);
    const idle = this.#idle[family]!.pop();
    if (idle === undefined) return this.#openConnected(family, address);
    try {
      reconnectSocket(idle.descriptor, address);
      return idle;
    } catch (error) {
      idle.datagrams.close();
      throw error;
    }
  }

  #addressOf(server: DnsUpstream): Uint8Array {
    let address = this.#addresses.get(server);
    if (address === undefined) this.#addresses.set(server, (address = encodeSocketAddress(server)));
    return address;
  }

  #openConnected(family: number, address: Uint8Array): Socket {
    const place = this.#namespace === undefined ? {} : { namespace: this.#namespace };
    const descriptor = openSocket({ ...place, family, type: SOCK_DGRAM, protocol: 0 });
    try {
      connectSocket(descriptor, address);
    } catch (error) {
      closeDescriptor(descriptor);
      throw error;
    }
    const socket: Socket = {
      descriptor,
      family,
      query: undefined,
      datagrams: new DatagramSocket({
        descriptor,
        batch: BATCH,
        datagramBytes: ANSWER_BYTES,
        onDatagrams: (datagrams) => this.#receive(socket, datagrams),
        onError: (error) => {
          if (socket.query !== undefined) this.#fail(socket.query, error.errnoName);
        },
      }),
    };
    return socket;
  }

  #receive(socket: Socket, datagrams: readonly ReceivedDatagram[]): void {
    const { query } = socket;
    for (const { buffer, offset, length } of datagrams) {
      // What follows the answer is nobody's, also when the socket has another question by then.
      if (query === undefined || socket.query !== query) return;
      this.#onEvent({ query, kind: "answer", message: buffer.slice(offset, offset + length) });
    }
  }

  #fail(query: number, reason: string): void {
    // Later, as a machine is not asked while it is being listened to.
    setImmediate(() => {
      if (this.#asking.has(query)) this.#onEvent({ query, kind: "failed", reason });
    });
  }

  end(query: number): void {
    const socket = this.#asking.get(query);
    if (socket === undefined) return;
    this.#asking.delete(query);
    socket.query = undefined;
    const idle = this.#idle[socket.family]!;
    if (idle.length >= MOST_IDLE) {
      socket.datagrams.close();
      return;
    }
    idle.push(socket);
    this.#timer ??= setTimeout(() => this.#closeIdle(), IDLE_MILLISECONDS).unref();
  }

  /** Some for the next questions are opened soon enough. */
  #closeIdle(): void {
    this.#timer = undefined;
    for (const sockets of Object.values(this.#idle)) for (const { datagrams } of sockets.splice(0)) datagrams.close();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closeIdle();
    for (const { datagrams } of this.#asking.values()) datagrams.close();
    this.#asking.clear();
  }
}
