/** A connection to QEMU's monitor: commands with a time limit, events, and the news that it ended. */
import type { Socket } from "node:net";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { connectUnixSocket } from "../../kernel/unix-socket.ts";
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

export class QmpClient {
  /** Resolves with the reason once the connection has ended, whoever ended it. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events: QmpEvents;
  #lastId = 0;
  #open = true;
  #reason = "the connection was closed";

  private constructor(socket: Socket, events: QmpEvents) {
    this.#socket = socket;
    this.#events = events;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#open = false;
        for (const id of this.#waiting.keys())
          this.#settle(id)?.reject(new NetloomError("qmp-closed", `QMP: ${this.#reason}`));
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
    let socket: Socket;
    try {
      socket = await connectUnixSocket(path);
    } catch (cause) {
      throw new NetloomError("qmp-failed", `connect to ${path}: ${messageOf(cause)}`, { cause });
    }
    const client = new QmpClient(socket, events);
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

  /** Run one command. @throws NetloomError qmp-error (QEMU refuses), qmp-timeout, qmp-closed */
  execute(
    command: string,
    parameters: Readonly<Record<string, unknown>> = {},
    timeoutMilliseconds = 5000,
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
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
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
    if (message.type === "event") this.#events.onEvent?.(message.event, message.data);
    else if (message.type === "result") this.#settle(message.id)?.resolve(message.value);
    else if (message.type === "error" && message.id !== undefined) {
      this.#settle(message.id)?.reject(
        new NetloomError("qmp-error", `QMP: ${message.errorClass}: ${message.description}`),
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
