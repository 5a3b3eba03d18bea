/** A TFTP client of the tests' own, on Node's sockets, and a network between it and the server that can be bad. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { type ReceiverOutcome, TftpReceiver } from "../../src/protocol/tftp/receiver.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeTftp, encodeTftp, type TftpOptions } from "../../src/wire/tftp.ts";

export interface Place {
  readonly address: string;
  readonly port: number;
}

interface Got {
  readonly data: Buffer;
  readonly options: TftpOptions;
}

/** What a server said instead of a file. */
class ServerError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const REQUEST_MILLISECONDS = 300;
const PATIENCE_MILLISECONDS = 30_000;

/** Get a file. @throws ServerError */
export async function getFile(
  server: Place,
  file: string,
  options: Readonly<Record<string, string>> = {},
  mode = "octet",
): Promise<Got> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    return await new Getting(socket, server, file, options, mode).done;
  } finally {
    socket.close();
  }
}

class Getting {
  readonly done: Promise<Got>;
  readonly #socket: Socket;
  readonly #outcome = Promise.withResolvers<Got>();
  readonly #request: Uint8Array;
  readonly #timer: NodeJS.Timeout;
  readonly #pieces: Uint8Array[] = [];
  readonly #beganMilliseconds = performance.now();
  #server: Place;
  #options: TftpOptions = new Map();
  #machine: TftpReceiver | undefined;

  constructor(socket: Socket, server: Place, file: string, options: Readonly<Record<string, string>>, mode: string) {
    this.#socket = socket;
    this.#server = server;
    this.#request = encodeTftp({ kind: "read", file, mode, options: new Map(Object.entries(options)) });
    this.#timer = setInterval(() => this.#look(), 20);
    this.done = this.#outcome.promise.finally(() => clearInterval(this.#timer));
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    this.#send(this.#request);
  }

  #send(packet: Uint8Array): void {
    this.#socket.send(packet, this.#server.port, this.#server.address);
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const packet = decodeTftp(bytes);
    if (packet instanceof Malformed) return this.#outcome.reject(new Error(packet.reason));
    if (packet.kind === "error") return this.#outcome.reject(new ServerError(packet.code, packet.message));
    this.#server = from;
    const now = performance.now() / 1000;
    if (packet.kind === "option-acknowledge") {
      this.#options = packet.options;
      const opening = encodeTftp({ kind: "acknowledge", block: 0 });
      this.#machine ??= this.#newMachine(opening, now);
      if (this.#machine.receivedBlocks === 0) this.#send(opening);
      return;
    }
    this.#machine ??= this.#newMachine(this.#request, now);
    this.#act(this.#machine.handle(packet, now), now);
  }

  #newMachine(opening: Uint8Array, now: number): TftpReceiver {
    const number = (name: string, usual: number): number => Number(this.#options.get(name) ?? usual);
    const terms = { blockBytes: number("blksize", 512), windowBlocks: number("windowsize", 1), rollover: 0 } as const;
    return new TftpReceiver({ ...terms, opening }, now);
  }

  #act({ data, packet, isLast, failed }: ReceiverOutcome, now: number): void {
    if (data !== undefined) this.#pieces.push(data.slice());
    if (failed !== undefined) this.#outcome.reject(new ServerError(failed.code, failed.reason));
    if (packet !== undefined) this.#send(packet);
    if (isLast !== true) return;
    this.#act(this.#machine!.confirm(now), now);
    this.#outcome.resolve({ data: Buffer.concat(this.#pieces), options: this.#options });
  }

  #look(): void {
    const elapsed = performance.now() - this.#beganMilliseconds;
    if (elapsed > PATIENCE_MILLISECONDS) this.#outcome.reject(new Error("nothing comes any more"));
    if (this.#machine !== undefined)
      this.#act(this.#machine.handleDeadline(performance.now() / 1000), performance.now() / 1000);
    else if (elapsed % REQUEST_MILLISECONDS < 20) this.#send(this.#request);
  }
}

/** Packets of both directions pass it, or not, or twice, or late. */
export class BadNetwork implements Disposable {
  readonly #client = createSocket("udp4");
  readonly #server = createSocket("udp4");
  readonly #random: (below: number) => number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #clientPlace: Place | undefined;
  #serverPlace: Place;
  lost = 0;
  doubled = 0;
  late = 0;

  private constructor(server: Place, random: (below: number) => number) {
    this.#serverPlace = server;
    this.#random = random;
    this.#client.on("message", (bytes, from) => {
      this.#clientPlace = from;
      this.#pass(() => this.#server.send(bytes, this.#serverPlace.port, this.#serverPlace.address));
    });
    this.#server.on("message", (bytes, from) => {
      this.#serverPlace = from;
      const to = this.#clientPlace!;
      this.#pass(() => this.#client.send(bytes, to.port, to.address));
    });
  }

  static async open(server: Place, random: (below: number) => number): Promise<BadNetwork> {
    const network = new BadNetwork(server, random);
    for (const socket of [network.#client, network.#server]) {
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
    }
    return network;
  }

  /** What the client takes for the server. */
  get place(): Place {
    return { address: "127.0.0.1", port: this.#client.address().port };
  }

  #pass(send: () => void): void {
    const fate = this.#random(100);
    if (fate < 3) {
      this.lost++;
      return;
    }
    if (fate < 6) {
      this.late++;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        send();
      }, 3);
      this.#timers.add(timer);
      return;
    }
    send();
    if (fate > 8) return;
    this.doubled++;
    send();
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#client.close();
    this.#server.close();
  }
}
