/**
 * Questions to other servers over UDP, each from a socket of its own: bound to a random port and connected, so that
 * the kernel lets in only what comes from the server that was asked, to a port that nobody else can know (RFC 5452).
 */
import { randomInt } from "node:crypto";
import { familyOf, IPV4_ANY, parseIpv6 } from "../../base/address.ts";
import {
  bindSocket,
  closeDescriptor,
  connectSocket,
  DatagramSocket,
  openSocket,
  SystemCallError,
} from "../../kernel/native.ts";
import type { UpstreamEvent, UpstreamQuery } from "../../protocol/dns/exchange.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "./socket-address.ts";

const SOCK_DGRAM = 2;
const IPV6_ANY = parseIpv6("::");
const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;
/** With so many of our sockets open, most ports are free; the kernel's own choice is random too. */
const PORT_ATTEMPTS = 8;
/** More than our OPT record permits: what exceeds it is told as it came, cut. */
const ANSWER_BYTES = 4096;
const BATCH = 4;
const NO_PEER = new Uint8Array(0);

export class UpstreamUdp {
  readonly #namespace: number | undefined;
  readonly #onEvent: (event: UpstreamEvent) => void;
  readonly #sockets = new Map<number, DatagramSocket>();

  constructor(namespace: number | undefined, onEvent: (event: UpstreamEvent) => void) {
    this.#namespace = namespace;
    this.#onEvent = onEvent;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** @throws SystemCallError no route, or out of descriptors */
  send({ query, server, message }: UpstreamQuery): void {
    const socket = new DatagramSocket({
      descriptor: this.#openConnected(server),
      batch: BATCH,
      datagramBytes: ANSWER_BYTES,
      onDatagrams: (datagrams) => {
        for (const { buffer, offset, length } of datagrams) {
          if (!this.#sockets.has(query)) return;
          this.#onEvent({ query, kind: "answer", message: buffer.slice(offset, offset + length) });
        }
      },
      onError: (error) => this.#fail(query, error.errnoName),
    });
    this.#sockets.set(query, socket);
    if (socket.send([{ payload: message, peer: NO_PEER }]) === 0) this.#fail(query, "the message was not sent");
  }

  #fail(query: number, reason: string): void {
    // Later, as a machine is not asked while it is being listened to.
    setImmediate(() => {
      if (this.#sockets.has(query)) this.#onEvent({ query, kind: "failed", reason });
    });
  }

  #openConnected(server: UpstreamQuery["server"]): number {
    const family = familyOf(server.address) === 4 ? AF_INET : AF_INET6;
    const place = this.#namespace === undefined ? {} : { namespace: this.#namespace };
    const descriptor = openSocket({ ...place, family, type: SOCK_DGRAM, protocol: 0 });
    try {
      bindRandomPort(descriptor, family);
      connectSocket(descriptor, encodeSocketAddress(server));
      return descriptor;
    } catch (error) {
      closeDescriptor(descriptor);
      throw error;
    }
  }

  end(query: number): void {
    this.#sockets.get(query)?.close();
    this.#sockets.delete(query);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

function bindRandomPort(descriptor: number, family: number): void {
  const address = family === AF_INET ? IPV4_ANY : IPV6_ANY;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    try {
      bindSocket(descriptor, encodeSocketAddress({ address, port: randomInt(LOWEST_PORT, HIGHEST_PORT + 1) }));
      return;
    } catch (error) {
      if (!(error instanceof SystemCallError && error.errnoName === "EADDRINUSE")) throw error;
    }
  }
}
