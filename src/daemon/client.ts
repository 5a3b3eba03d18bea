/** Asks the daemon of a state folder. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { codeOf, messageOf, NetloomError } from "../base/errors.ts";
import { ask } from "../kernel/http.ts";
import { connectUnixSocket } from "../kernel/unix-socket.ts";
import { daemonSocket, ENDPOINTS, type EndpointName, type RequestOf, type ResponseOf, STREAMS } from "./contract.ts";
import type { ErrorBody } from "./http.ts";

export class DaemonClient {
  readonly #stateFolder: string;

  private constructor(stateFolder: string) {
    this.#stateFolder = stateFolder;
  }

  /** Undefined: no daemon runs for the folder. @throws NetloomError daemon-failed when we may not speak to it */
  static async find(stateFolder: string): Promise<DaemonClient | undefined> {
    const client = new DaemonClient(stateFolder);
    const socket = await client.#connect();
    socket?.destroy();
    return socket === undefined ? undefined : client;
  }

  /** @throws NetloomError what the daemon answers; daemon-gone when it ended meanwhile */
  async call<Name extends EndpointName>(name: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> {
    const { method, path } = ENDPOINTS[name];
    const response = await this.#send(method, path, request === undefined ? undefined : JSON.stringify(request));
    const answer: unknown = JSON.parse(await textOf(response, path));
    if (response.statusCode !== 200) throw errorOf(answer);
    // The daemon is of this very program, or of a version that keeps to the contract of this path.
    return answer as ResponseOf<Name>;
  }

  /** The metrics' text. */
  async metrics(): Promise<string> {
    return textOf(await this.#send("GET", STREAMS.metrics.path, undefined), STREAMS.metrics.path);
  }

  /**
   * Events as they happen, one JSON text each, until the daemon ends or the signal aborts.
   * @param lastId replays what came after it
   */
  async *events(options: { readonly lastId?: number; readonly signal?: AbortSignal } = {}): AsyncGenerator<string> {
    const headers = options.lastId === undefined ? {} : { "last-event-id": String(options.lastId) };
    const response = await this.#send("GET", STREAMS.events.path, undefined, headers);
    options.signal?.addEventListener("abort", () => response.destroy(), { once: true });
    if (options.signal?.aborted === true) response.destroy();
    let rest = "";
    try {
      for await (const piece of response.setEncoding("utf8")) {
        const lines = (rest + String(piece)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.startsWith("data: ")) yield line.slice("data: ".length);
      }
    } catch (error) {
      // It was ended, by us or by the daemon's end.
      if (options.signal?.aborted !== true && codeOf(error) !== "ECONNRESET") throw error;
    }
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<IncomingMessage> {
    const socket = await this.#connect();
    if (socket === undefined) throw gone(`${method} ${path}`);
    try {
      return await ask(socket, { method, path, body, headers });
    } catch (cause) {
      socket.destroy();
      throw gone(`${method} ${path}`, cause);
    }
  }

  async #connect(): Promise<Socket | undefined> {
    try {
      return await connectUnixSocket(daemonSocket(this.#stateFolder));
    } catch (cause) {
      const code = codeOf(cause);
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ECONNREFUSED") return undefined;
      // A folder of root's: for us there is nothing in it.
      if (code === "EACCES") return undefined;
      throw new NetloomError("daemon-failed", `daemon of ${this.#stateFolder}: ${messageOf(cause)}`, { cause });
    }
  }
}

async function textOf(response: IncomingMessage, path: string): Promise<string> {
  try {
    let text = "";
    for await (const piece of response.setEncoding("utf8")) text += String(piece);
    return text;
  } catch (cause) {
    throw gone(path, cause);
  }
}

function gone(request: string, cause?: unknown): NetloomError {
  return new NetloomError("daemon-gone", `${request}: the daemon ended before it answered`, {
    hint: "Repeat the command: what was under way is resumed or undone first.",
    ...(cause === undefined ? {} : { cause }),
  });
}

function errorOf(answer: unknown): NetloomError {
  const { error } = answer as ErrorBody;
  return new NetloomError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}
