/** A connection to QEMU's monitor: commands with a time limit, events, and the news that it ended. */
import type { Socket } from "node:net";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { sendDescriptors } from "../../kernel/native.ts";
import { connectDescriptorSocket } from "../../kernel/unix-socket.ts";
import { LineReader, parseQmpMessage, type QmpMessage } from "./qmp-message.ts";

const MAXIMUM_LINE_BYTES = 1 << 20;

export interface QmpEvents {
  readonly onEvent?: (event: string, data: Readonly<Record<string, unknown>>) => void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** An event of QEMU's. */
interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Listener {
  hear(event: QmpEvent): void;
  /** The connection has ended. */
  end(): void;
}

export class QmpClient {
  /** Resolves with the reason once the connection has ended, whoever ended it. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  /** The socket's own. */
  readonly #descriptor: number;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #events: QmpEvents;
  #lastId = 0;
  #open = true;
  #reason = "the connection was closed";

  private constructor(socket: Socket, descriptor: number, events: QmpEvents) {
    this.#socket = socket;
    this.#descriptor = descriptor;
    this.#events = events;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#open = false;
        for (const id of this.#waiting.keys())
          this.#settle(id)?.reject(new NetloomError("qmp-closed", `QMP: ${this.#reason}`));
        for (const listener of this.#listeners) listener.end();
        resolve(this.#reason);
      });
    });
    socket.on("error", (error) => {
      this.#reason = messageOf(error);
    });
  }

  /**
   * Connect, wait for the greeting and enter command mode. QEMU serves one client at a time: while another
   * is connected this runs into its time limit.
   * @throws NetloomError qmp-failed
   */
  static async open(path: string, timeoutMilliseconds: number, events: QmpEvents = {}): Promise<QmpClient> {
    let client: QmpClient;
    try {
      const { socket, descriptor } = connectDescriptorSocket(path);
      client = new QmpClient(socket, descriptor, events);
    } catch (cause) {
      throw new NetloomError("qmp-failed", `connect to ${path}: ${messageOf(cause)}`, { cause });
    }
    try {
      await client.#greet(timeoutMilliseconds);
      await client.execute("qmp_capabilities", {}, timeoutMilliseconds);
    } catch (cause) {
      client.close();
      throw new NetloomError("qmp-failed", `QMP at ${path}: ${messageOf(cause)}`, { cause });
    }
    return client;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Run one command. @throws NetloomError qmp-error (QEMU refuses), qmp-no-device, qmp-timeout, qmp-closed */
  execute(
    command: string,
    parameters: Readonly<Record<string, unknown>> = {},
    timeoutMilliseconds = 5000,
  ): Promise<unknown> {
    return this.#send(command, parameters, timeoutMilliseconds, (line) => this.#socket.write(line));
  }

  /**
   * Give QEMU a duplicate of an open descriptor under a name, for one command that takes it by that name (getfd).
   * Ours stays open. @throws NetloomError as {@link execute}; qmp-busy when QEMU does not read
   */
  passDescriptor(name: string, descriptor: number): Promise<unknown> {
    return this.#send("getfd", { fdname: name }, 5000, (line) => {
      // The descriptor travels with its own command only when nothing waits before it.
      if (this.#socket.destroyed || this.#socket.writableLength > 0)
        throw new NetloomError("qmp-busy", "QMP getfd: QEMU does not read what it is sent");
      sendDescriptors(this.#descriptor, [descriptor], Buffer.from(line));
    });
  }

  /** The next event that satisfies, from now on; undefined when none comes in time or the connection ends. */
  nextEvent(satisfies: (event: QmpEvent) => boolean, timeoutMilliseconds: number): Promise<QmpEvent | undefined> {
    return new Promise((resolve) => {
      const settle = (event?: QmpEvent): void => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(event);
      };
      const listener: Listener = {
        hear: (event) => {
          if (satisfies(event)) settle(event);
        },
        end: settle,
      };
      const timer = setTimeout(settle, timeoutMilliseconds);
      if (this.#open) this.#listeners.add(listener);
      else settle();
    });
  }

  #send(
    command: string,
    parameters: Readonly<Record<string, unknown>>,
    timeoutMilliseconds: number,
    write: (line: string) => void,
  ): Promise<unknown> {
    if (!this.#open) return Promise.reject(new NetloomError("qmp-closed", `QMP ${command}: ${this.#reason}`));
    this.#lastId++;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(
          new NetloomError("qmp-timeout", `QMP ${command}: no answer within ${timeoutMilliseconds} ms`),
        );
      }, timeoutMilliseconds);
      this.#waiting.set(id, { resolve, reject, timer });
      try {
        write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
      } catch (error) {
        this.#settle(id);
        throw error;
      }
    });
  }

  close(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  #greet(timeoutMilliseconds: number): Promise<void> {
    const reader = new LineReader(MAXIMUM_LINE_BYTES);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new NetloomError("qmp-timeout", `no greeting within ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
      const settled = (): void => clearTimeout(timer);
      this.#socket.on("data", (piece) => {
        try {
          for (const line of reader.push(piece)) {
            const message = parseQmpMessage(line);
            if (message.type === "greeting") {
              settled();
              resolve();
            } else this.#handle(message);
          }
        } catch (error) {
          this.#reason = messageOf(error);
          this.close();
        }
      });
      this.#socket.once("close", () => {
        settled();
        reject(new NetloomError("qmp-closed", this.#reason));
      });
    });
  }

  #handle(message: QmpMessage): void {
    if (message.type === "event") {
      this.#events.onEvent?.(message.event, message.data);
      for (const listener of this.#listeners) listener.hear(message);
    } else if (message.type === "result") this.#settle(message.id)?.resolve(message.value);
    else if (message.type === "error" && message.id !== undefined) {
      this.#settle(message.id)?.reject(
        new NetloomError(
          message.errorClass === "DeviceNotFound" ? "qmp-no-device" : "qmp-error",
          `QMP: ${message.errorClass}: ${message.description}`,
        ),
      );
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}
