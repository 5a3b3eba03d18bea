/** The keeper's control socket: reads requests, with a limit, and answers in JSON. */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { createServer } from "../../kernel/http.ts";
import { shortSocketPath } from "../../kernel/unix-socket.ts";
import { SERVICE_KINDS, type ServiceObject } from "../../state/object.ts";
import type { RememberedAnswer } from "../dns-operations.ts";
import type {
  DnsCacheRequest,
  DnsFlushed,
  DnsFlushRequest,
  ErrorBody,
  KeeperStatus,
  ServicesRequest,
  VmRunRequest,
  VmStopRequest,
} from "./protocol.ts";

const MAXIMUM_REQUEST_BYTES = 16 * 1024 * 1024;

/** What the requests do. */
interface ControlHandlers {
  status(): KeeperStatus;
  converge(request: ServicesRequest): Promise<void>;
  runVm(request: VmRunRequest): Promise<void>;
  stopVm(request: VmStopRequest): Promise<void>;
  dnsCache(request: DnsCacheRequest): readonly RememberedAnswer[];
  dnsFlush(request: DnsFlushRequest): DnsFlushed;
  stop(): Promise<void>;
  release(): void;
}

interface ControlServer {
  /** Stop listening and remove the socket; answers under way are finished. */
  close(): Promise<void>;
}

/** Listen at `path`, whose folder must exist; a socket left by a dead keeper is replaced. Mode 0600. */
export async function openControlServer(path: string, handlers: ControlHandlers, log: Logger): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(request, response, handlers, log).catch((error: unknown) => {
      log.error("request failed", { url: request.url, reason: messageOf(error) });
      response.destroy();
    });
  });
  // Not durably: after a crash this is done again, and nobody waits for the disk.
  rmSync(path, { force: true });
  const short = shortSocketPath(path);
  server.listen(short.path);
  await once(server, "listening");
  chmodSync(path, 0o600);
  return {
    close: async () => {
      await closeServer(server);
      short[Symbol.dispose]();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ControlHandlers,
  log: Logger,
): Promise<void> {
  const what = `${request.method} ${request.url}`;
  try {
    const result = await dispatch(what, request, handlers);
    send(response, 200, result);
  } catch (error) {
    const known = error instanceof NetloomError;
    log.warn("request refused", { request: what, reason: messageOf(error) });
    const body: ErrorBody = {
      error: {
        code: known ? error.code : "internal",
        message: messageOf(error),
        ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
      },
    };
    send(response, known && error.code === "bad-request" ? 400 : 500, body);
  }
}

async function dispatch(what: string, request: IncomingMessage, handlers: ControlHandlers): Promise<unknown> {
  switch (what) {
    case "GET /status":
      return handlers.status();
    case "PUT /services":
      await handlers.converge(servicesRequest(await readJson(request)));
      return handlers.status();
    case "POST /vm/run":
      await handlers.runVm(vmRunRequest(await readJson(request)));
      return handlers.status();
    case "POST /vm/stop":
      await handlers.stopVm(vmStopRequest(await readJson(request)));
      return handlers.status();
    case "POST /dns/cache":
      return handlers.dnsCache(dnsCacheRequest(await readJson(request)));
    case "POST /dns/flush":
      return handlers.dnsFlush(dnsFlushRequest(await readJson(request)));
    case "POST /stop":
      await handlers.stop();
      return {};
    case "POST /release":
      handlers.release();
      return {};
    default:
      throw badRequest(`there is no ${what}`);
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request) {
    if (!(piece instanceof Uint8Array)) throw badRequest("the body is not bytes");
    bytes += piece.length;
    if (bytes > MAXIMUM_REQUEST_BYTES) throw badRequest(`the body has more than ${MAXIMUM_REQUEST_BYTES} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw badRequest("the body is not JSON");
  }
}

function servicesRequest(body: unknown): ServicesRequest {
  if (isRecord(body) && typeof body["unit"] === "string" && Array.isArray(body["services"])) {
    const services: unknown[] = body["services"];
    if (services.every(isServiceObject)) return { unit: body["unit"], services, start: body["start"] !== false };
  }
  throw badRequest("the body is not {unit, services}");
}

function vmRunRequest(body: unknown): VmRunRequest {
  if (isRecord(body) && typeof body["name"] === "string") return { name: body["name"] };
  throw badRequest("the body is not {name}");
}

function vmStopRequest(body: unknown): VmStopRequest {
  if (isRecord(body) && typeof body["name"] === "string" && typeof body["powerdownSeconds"] === "number") {
    return { name: body["name"], powerdownSeconds: body["powerdownSeconds"] };
  }
  throw badRequest("the body is not {name, powerdownSeconds}");
}

function dnsCacheRequest(body: unknown): DnsCacheRequest {
  if (isRecord(body) && isTextOrAbsent(body["network"]) && typeof body["most"] === "number")
    return { ...(body["network"] === undefined ? {} : { network: body["network"] }), most: body["most"] };
  throw badRequest("the body is not {network, most}");
}

function dnsFlushRequest(body: unknown): DnsFlushRequest {
  if (isRecord(body) && isTextOrAbsent(body["network"]) && isTextOrAbsent(body["name"])) {
    const { network, name } = body;
    return { ...(network === undefined ? {} : { network }), ...(name === undefined ? {} : { name }) };
  }
  throw badRequest("the body is not {network, name}");
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

/** Whoever may open the socket is our own user: enough is checked to notice a client of another version. */
function isServiceObject(value: unknown): value is ServiceObject {
  return isRecord(value) && typeof value["key"] === "string" && SERVICE_KINDS.has(value["kind"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badRequest(reason: string): NetloomError {
  return new NetloomError("bad-request", `keeper: ${reason}`);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
