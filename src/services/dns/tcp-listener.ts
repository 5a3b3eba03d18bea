/**
 * One TCP address of a DNS server (RFC 7766): a client sends as many questions as it likes without waiting, up to a
 * bound, and hears the answers in the order in which they are found.
 *
 * Each client is bounded in connections, questions under way and bytes that it does not fetch; a connection on which
 * nothing happens is closed. When all places are taken, the one that has been silent for longest makes room.
 */
import { createServer, type Server, type Socket } from "node:net";
import { type IpAddress, parseIp } from "../../base/address.ts";
import { listenFailure, type ListenPlace, openBound } from "../listen.ts";
import type { Askers } from "./allow-list.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { REFUSAL_EXTRA_BYTES, writeRefusal } from "./refusal.ts";

/** RFC 7766 §6.2.3 asks for some seconds; no question is worked on for longer. */
const IDLE_MILLISECONDS = 15_000;
const MOST_CONNECTIONS = 256;
/** Who is refused takes nobody's place. */
const MOST_STRANGERS = 32;
const MOST_OF_ONE_CLIENT = 32;
const MOST_UNDER_WAY = 64;
const MOST_UNSENT_BYTES = 256 * 1024;
/** No resolver asks with more. */
const QUERY_BYTES = 4096;
const BACKLOG = 256;

interface TcpListenerOptions extends ListenPlace {
  readonly allow: Askers;
  readonly onQuery: (query: Uint8Array, client: TcpClient) => void;
  readonly onError: (error: unknown) => void;
}

/** A connection of somebody who is answered. */
class TcpClient {
  readonly address: IpAddress;
  readonly transport = "tcp";
  readonly #socket: Socket;
  readonly #reader = new FrameReader(QUERY_BYTES);
  readonly #onQuery: (query: Uint8Array) => void;
  #underWay = 0;
  #isAtEnd = false;

  constructor(socket: Socket, address: IpAddress, onQuery: (query: Uint8Array, client: TcpClient) => void) {
    this.#socket = socket;
    this.address = address;
    this.#onQuery = (query) => onQuery(query, this);
    socket.on("data", (piece: Buffer) => this.#receive(piece));
    socket.once("end", () => this.#end());
  }

  #receive(piece: Uint8Array): void {
    this.#reader.add(piece);
    this.#handOn();
  }

  /** The rest stays as it came: of a piece of 64 KiB thousands of messages could be made. */
  #handOn(): void {
    while (this.#underWay < MOST_UNDER_WAY) {
      const query = this.#reader.next();
      if (query === undefined) break;
      this.#underWay++;
      this.#onQuery(query);
    }
    if (this.#reader.isTooLong) this.#socket.destroy();
    else if (this.#underWay === MOST_UNDER_WAY) this.#socket.pause();
    else if (this.#underWay > 0 || !this.#isAtEnd) this.#socket.resume();
    else this.#socket.end();
  }

  /** Who sends no more may still wait for answers. */
  #end(): void {
    this.#isAtEnd = true;
    this.#handOn();
  }

  /** One question is done. Not from within onQuery. @param message undefined: it has no answer */
  answer(message: Uint8Array | undefined): void {
    this.#underWay--;
    if (this.#socket.destroyed) return;
    if (message !== undefined) this.#socket.write(encodeFrame(message));
    if (this.#socket.writableLength > MOST_UNSENT_BYTES) this.#socket.destroy();
    else this.#handOn();
  }
}

export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  /** The one that was active last is the last. */
  readonly #sockets = new Set<Socket>();
  /** Of who is not answered. */
  readonly #strangers = new Set<Socket>();
  readonly #connectionsOf = new Map<IpAddress, number>();
  connections = 0;
  refused = 0;

  /** @throws NetloomError address-in-use, no-such-address, no-privilege */
  constructor(options: TcpListenerOptions) {
    this.#options = options;
    const { listen, onError } = options;
    // The other side's end is not ours as long as answers are under way.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.on("error", (error) => onError(listenFailure(listen, "tcp", error)));
    this.#server.listen({ fd: openBound(options, "tcp"), backlog: BACKLOG });
  }

  #accept(socket: Socket): void {
    // Whatever goes wrong with a connection concerns its client alone, which sees that it ended.
    socket.on("error", () => undefined);
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = parseIp(socket.remoteAddress.replace(/%.*$/, ""));
    const held = this.#connectionsOf.get(address) ?? 0;
    if (held >= MOST_OF_ONE_CLIENT) {
      socket.destroy();
      return;
    }
    const isAllowed = this.#options.allow.allowsAddress(address);
    const places = isAllowed ? this.#sockets : this.#strangers;
    if (places.size >= (isAllowed ? MOST_CONNECTIONS : MOST_STRANGERS)) closeFirst(places);
    this.connections++;
    this.#connectionsOf.set(address, held + 1);
    places.add(socket);
    socket.once("close", () => this.#forget(socket, address));
    socket.setTimeout(IDLE_MILLISECONDS, () => void socket.destroy());
    if (isAllowed) this.#serve(socket, address);
    else this.#refuse(socket);
  }

  #serve(socket: Socket, address: IpAddress): void {
    const client = new TcpClient(socket, address, (query) => {
      // The last one.
      this.#sockets.delete(socket);
      this.#sockets.add(socket);
      this.#options.onQuery(query, client);
    });
  }

  /** One question of an outsider is told that it is refused; what follows it is not read. */
  #refuse(socket: Socket): void {
    const reader = new FrameReader(QUERY_BYTES);
    socket.on("data", (piece: Buffer) => {
      const queries = socket.writableEnded ? undefined : reader.read(piece);
      if (queries === undefined) {
        socket.destroy();
        return;
      }
      const [query] = queries;
      if (query === undefined) return;
      this.refused++;
      const reply = new Uint8Array(query.length + REFUSAL_EXTRA_BYTES);
      socket.end(encodeFrame(reply.subarray(0, writeRefusal(query, 0, query.length, reply, 0))));
    });
    socket.once("end", () => void socket.end());
  }

  #forget(socket: Socket, address: IpAddress): void {
    this.#sockets.delete(socket);
    this.#strangers.delete(socket);
    const held = (this.#connectionsOf.get(address) ?? 1) - 1;
    if (held === 0) this.#connectionsOf.delete(address);
    else this.#connectionsOf.set(address, held);
  }

  close(): void {
    this.#server.close();
    for (const socket of [...this.#sockets, ...this.#strangers]) socket.destroy();
  }
}

/** The one that has been silent for longest. */
function closeFirst(sockets: Set<Socket>): void {
  for (const socket of sockets) {
    sockets.delete(socket);
    socket.destroy();
    return;
  }
}
