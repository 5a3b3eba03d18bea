/**
 * Questions to other servers over TCP (RFC 7766) and TLS (RFC 7858). A connection is kept for a while and carries many
 * questions at a time, told apart by their ids; two of one id go on two connections. How long is for our questions to
 * say: what the other side sends without being asked keeps no connection.
 */
import { isIP, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { familyOf } from "../../base/address.ts";
import { closeDescriptor, connectSocket, openSocket, SystemCallError } from "../../kernel/native.ts";
import type { UpstreamEvent, UpstreamQuery } from "../../protocol/dns/exchange.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../kernel/socket-address.ts";

const SOCK_STREAM = 1;
const LARGEST_ANSWER_BYTES = 65_535;
/** Without a question under way. */
const IDLE_MILLISECONDS = 10_000;
const MOST_UNDER_WAY = 100;
/** A connection whose other side says nothing for so long gets no more questions: it may be gone. */
const SILENCE_MILLISECONDS = 3000;

type OnEvent = (event: UpstreamEvent) => void;

export class UpstreamStreams {
  readonly #namespace: number | undefined;
  readonly #onEvent: OnEvent;
  readonly #connections = new Set<Connection>();
  readonly #connectionOf = new Map<number, Connection>();

  constructor(namespace: number | undefined, onEvent: OnEvent) {
    this.#namespace = namespace;
    this.#onEvent = onEvent;
  }

  get open(): number {
    return this.#connections.size;
  }

  /** @throws SystemCallError no route, or out of descriptors */
  send(query: UpstreamQuery): void {
    const name = nameOf(query);
    const id = idOf(query.message);
    let connection = [...this.#connections].find((known) => known.name === name && known.takes(id));
    if (connection === undefined) {
      connection = this.#open(name, query);
      this.#connections.add(connection);
    }
    this.#connectionOf.set(query.query, connection);
    connection.ask(query.query, query.message);
  }

  #open(name: string, { server, transport }: UpstreamQuery): Connection {
    const socket = openStream(server, this.#namespace);
    const secured = transport === "tls" ? secure(socket, server) : socket;
    const connection: Connection = new Connection(name, secured, {
      onEvent: this.#onEvent,
      onClose: (queries, reason) => {
        this.#connections.delete(connection);
        for (const query of queries) {
          this.#connectionOf.delete(query);
          this.#onEvent({ query, kind: "failed", reason });
        }
      },
    });
    return connection;
  }

  end(query: number): void {
    this.#connectionOf.get(query)?.end(query);
    this.#connectionOf.delete(query);
  }

  /** Close a connection that waits for questions. @returns whether there was one */
  closeIdle(): boolean {
    for (const connection of this.#connections) {
      if (!connection.isIdle) continue;
      this.#connections.delete(connection);
      connection.close();
      return true;
    }
    return false;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

class Connection {
  readonly name: string;
  readonly #socket: Socket;
  readonly #reader = new FrameReader(LARGEST_ANSWER_BYTES);
  /** By the id of their messages. */
  readonly #queries = new Map<number, number>();
  readonly #onEvent: OnEvent;
  /** Since the first question after which nothing came. */
  #silentSince: number | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    name: string,
    socket: Socket,
    { onEvent, onClose }: { onEvent: OnEvent; onClose: (queries: readonly number[], reason: string) => void },
  ) {
    this.name = name;
    this.#socket = socket;
    this.#onEvent = onEvent;
    let reason = "the connection was closed";
    socket.on("data", (piece: Buffer) => this.#receive(piece));
    socket.on("error", (error) => {
      reason = error.message;
    });
    // What comes after the other side's end cannot be answered any more.
    socket.once("end", () => this.close());
    socket.once("close", () => {
      this.#isOver = true;
      clearTimeout(this.#idleTimer);
      onClose([...this.#queries.values()], reason);
    });
  }

  get isIdle(): boolean {
    return this.#queries.size === 0;
  }

  /** Whether a message with this id can be told apart from the others, and is likely to be answered. */
  takes(id: number): boolean {
    const isSilent = performance.now() - (this.#silentSince ?? Number.POSITIVE_INFINITY) > SILENCE_MILLISECONDS;
    return !this.#isOver && !isSilent && this.#queries.size < MOST_UNDER_WAY && !this.#queries.has(id);
  }

  ask(query: number, message: Uint8Array): void {
    clearTimeout(this.#idleTimer);
    this.#queries.set(idOf(message), query);
    this.#silentSince ??= performance.now();
    this.#socket.write(encodeFrame(message));
  }

  #receive(piece: Uint8Array): void {
    this.#silentSince = undefined;
    for (const message of this.#reader.read(piece) ?? []) {
      const query = this.#queries.get(idOf(message));
      if (query !== undefined) this.#onEvent({ query, kind: "answer", message });
    }
  }

  end(query: number): void {
    for (const [id, known] of this.#queries) if (known === query) this.#queries.delete(id);
    if (!this.isIdle || this.#isOver) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.close(), IDLE_MILLISECONDS);
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    this.#socket.destroy();
  }
}

function nameOf({ server, transport }: UpstreamQuery): string {
  return `${transport} ${server.address} ${server.port} ${server.tlsName ?? ""}`;
}

function idOf(message: Uint8Array): number {
  return ((message[0] ?? 0) << 8) | (message[1] ?? 0);
}

function openStream(server: UpstreamQuery["server"], namespace: number | undefined): Socket {
  const family = familyOf(server.address) === 4 ? AF_INET : AF_INET6;
  const place = namespace === undefined ? {} : { namespace };
  const descriptor = openSocket({ ...place, family, type: SOCK_STREAM, protocol: 0 });
  try {
    connectSocket(descriptor, encodeSocketAddress(server));
  } catch (error) {
    if (!(error instanceof SystemCallError && error.errnoName === "EINPROGRESS")) {
      closeDescriptor(descriptor);
      throw error;
    }
  }
  return new Socket({ fd: descriptor, readable: true, writable: true });
}

/** The certificate has to be of the server's name, and of an authority that Node knows (NODE_EXTRA_CA_CERTS). */
function secure(socket: Socket, { tlsName = "" }: UpstreamQuery["server"]): Socket {
  const name = isIP(tlsName) === 0 ? { servername: tlsName } : { host: tlsName };
  const secured = connectTls({ socket, ...name, ALPNProtocols: ["dot"] });
  // Of the handshake this socket tells; of the connection below it only itself does.
  socket.on("error", (error) => void secured.destroy(error));
  return secured;
}
