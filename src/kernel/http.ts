/** Node's HTTP by way of one module, which the program loads when it first serves or asks: 8 ms of a command. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

export { createServer } from "node:http";

interface JsonRequest {
  readonly method: string;
  readonly path: string;
  /** JSON. */
  readonly body: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Ask once over a connection that is open, which ends with the answer. @throws what Node throws */
export async function ask(socket: Socket, { body, headers, ...what }: JsonRequest): Promise<IncomingMessage> {
  const asked = request({
    ...what,
    host: "localhost",
    createConnection: () => socket,
    headers: { connection: "close", "content-type": "application/json", ...headers },
  });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}
