/** The API's server on its Unix socket: finds the endpoint, checks the request by the contract, answers. */
import { once } from "node:events";
import { chmodSync, chownSync, rmSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import * as v from "valibot";
import { NetloomError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createServer } from "../kernel/http.ts";
import { shortSocketPath } from "../kernel/unix-socket.ts";
import {
  ENDPOINTS,
  type EndpointName,
  MAXIMUM_BODY_BYTES,
  type RequestOf,
  type ResponseOf,
  STREAMS,
} from "./contract.ts";
import type { EventRing } from "./events.ts";
import { readJsonBody, sendError, sendJson } from "./http.ts";
import { openapiDocument } from "./openapi.ts";

/** What the endpoints do; each is given a checked request. */
export type Handlers = {
  readonly [Name in EndpointName]: (request: RequestOf<Name>) => Promise<ResponseOf<Name>>;
};

interface ApiOptions {
  readonly socket: string;
  /** Who besides us may open the socket. */
  readonly groupId?: number;
  readonly version: string;
  readonly handlers: Handlers;
  readonly events: EventRing;
  readonly metrics: () => string;
  /** A request was answered, by endpoint and HTTP status. */
  readonly onAnswered: (endpoint: string, status: number) => void;
  readonly log: Logger;
}

const REQUEST_MILLISECONDS = 30_000;
const SSE_KEEPALIVE_MILLISECONDS = 15_000;
/** A listener that does not read is dropped at so much unread text. */
const SSE_UNREAD_BYTES = 1024 * 1024;

/** Listen at the socket; one that a dead daemon left is replaced. Disposed of, it ends listeners and finishes answers. */
export async function openApi(options: ApiOptions): Promise<AsyncDisposable> {
  const { socket, groupId, log } = options;
  const server = createServer({ requestTimeout: REQUEST_MILLISECONDS }, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      log.error("request failed", { url: request.url, reason: messageOf(error) });
      response.destroy();
    });
  });
  // Not durably: after a crash this is done again, and nobody waits for the disk.
  rmSync(socket, { force: true });
  const short = shortSocketPath(socket);
  server.listen(short.path);
  await once(server, "listening");
  chmodSync(socket, groupId === undefined ? 0o600 : 0o660);
  if (groupId !== undefined) chownSync(socket, process.geteuid?.() ?? 0, groupId);
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await closeServer(server);
      short[Symbol.dispose]();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ApiOptions): Promise<void> {
  const path = (request.url ?? "").split("?")[0] ?? "";
  let endpoint = "unknown";
  let status = 200;
  try {
    const stream = Object.values(STREAMS).find((candidate) => candidate.path === path);
    const found = findEndpoint(path, request.method ?? "");
    endpoint = found ?? path;
    if (found !== undefined) sendJson(response, 200, await call(found, request, options.handlers));
    else if (stream === undefined) {
      endpoint = "unknown";
      throw new NetloomError("not-found", `there is no ${path}`, { hint: `${STREAMS.openapi.path} describes all.` });
    } else sendStream(stream.path, request, response, options);
  } catch (error) {
    status = sendError(response, error);
    options.log.warn("request refused", { request: `${request.method} ${path}`, status, reason: messageOf(error) });
  }
  options.onAnswered(endpoint, status);
}

/** Undefined: no endpoint has that path. @throws NetloomError method-not-allowed */
function findEndpoint(path: string, method: string): EndpointName | undefined {
  const names = (Object.keys(ENDPOINTS) as EndpointName[]).filter((name) => ENDPOINTS[name].path === path);
  const fitting = names.find((name) => ENDPOINTS[name].method === method);
  const streams = Object.values(STREAMS).some((stream) => stream.path === path);
  if (fitting === undefined && (names.length > 0 || (streams && method !== "GET"))) {
    throw new NetloomError("method-not-allowed", `${path} does not take ${method}`);
  }
  return fitting;
}

async function call<Name extends EndpointName>(
  name: Name,
  request: IncomingMessage,
  handlers: Handlers,
): Promise<ResponseOf<Name>> {
  const endpoint = ENDPOINTS[name];
  if (!("request" in endpoint)) return handlers[name](undefined as RequestOf<Name>);
  const body = await readJsonBody(request, MAXIMUM_BODY_BYTES);
  const schema: v.GenericSchema = endpoint.request;
  const checked = v.safeParse(schema, body);
  if (checked.success) return handlers[name](checked.output as RequestOf<Name>);
  const complaints = checked.issues.map((issue) => `${v.getDotPath(issue) ?? "body"}: ${issue.message}`);
  throw new NetloomError("bad-request", `${endpoint.path}: ${complaints.slice(0, 5).join("; ")}`, {
    hint: `${STREAMS.openapi.path} describes what is wanted.`,
  });
}

function sendStream(path: string, request: IncomingMessage, response: ServerResponse, options: ApiOptions): void {
  switch (path) {
    case STREAMS.events.path:
      sendEvents(request, response, options.events);
      break;
    case STREAMS.metrics.path:
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
      response.end(options.metrics());
      break;
    default:
      sendJson(response, 200, openapiDocument(options.version));
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
function sendEvents(request: IncomingMessage, response: ServerResponse, events: EventRing): void {
  const given = request.headers["last-event-id"];
  const lastId = typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": netloom\n\n");
  const listening = events.listen(({ id, time, event }) => {
    response.write(`id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify({ id, time, ...event })}\n\n`);
    if (response.writableLength > SSE_UNREAD_BYTES) response.destroy();
  }, lastId);
  const keepalive = setInterval(() => response.write(":\n\n"), SSE_KEEPALIVE_MILLISECONDS);
  response.once("close", () => {
    clearInterval(keepalive);
    listening[Symbol.dispose]();
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeIdleConnections();
    // Listeners of events never end by themselves; whoever has an answer under way gets it within this time.
    setTimeout(() => server.closeAllConnections(), 500).unref();
  });
}
