/**
 * Files of a folder over HTTP/1.1, for firmware, boot loaders and installers: GET and HEAD, ranges, nothing but regular
 * files below the root, no lists of what is there. Files that exist only in memory (a menu for iPXE) come first unless the
 * folder has one of that name.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Ipv4Address } from "../../base/address.ts";
import { codeOf, hasCode, messageOf, NetloomError } from "../../base/errors.ts";
import { createServer } from "../../kernel/http.ts";
import { listenTcp } from "../listen.ts";
import { openFile, type OpenedFile } from "../tftp/open-file.ts";
import { TftpRefusal } from "../tftp/refusal.ts";
import type { StandIn } from "../tftp/open-transfer.ts";
import { EFI_NAME } from "./loaders.ts";
import { pathParts } from "./path-parts.ts";
import { type ByteRange, isStillThat, parseRange } from "./range.ts";
import { isSearch } from "./search.ts";
import { type Transfer, type TransferHandle, Transfers } from "./transfers.ts";

const MOST_CONNECTIONS = 2048;
/** A client needs a few; so many may have one address behind a router. */
const MOST_CONNECTIONS_OF_CLIENT = 128;
/** Of a name that is nobody's. */
const SHOWN_CHARACTERS = 255;
/** Of silence, in the middle of a file: the client was switched off. */
const IDLE_MILLISECONDS = 60_000;
/** Of one connection: what a client asks for before it has its answers. */
const MOST_WAITING = 32;
const CHUNK_BYTES = { most: 256 * 1024, least: 16 * 1024 };
/** For pieces of files, two of each that is on its way, as long as they are not too many for the least. */
const MEMORY_BYTES = 64 * 1024 * 1024;

/** UEFI firmware judges by these, or by the end of the name (UEFI 2.10 §24.7.3.1). */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  efi: "application/efi",
  iso: "application/vnd.efi-iso",
  img: "application/vnd.efi-img",
  ipxe: "text/plain; charset=utf-8",
  cfg: "text/plain; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};

export interface HttpServerOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly address: Ipv4Address;
  /** 0: any that is free. */
  readonly port: number;
  readonly root: string;
  /** What is given, by the parts of its path, where there is no such file. */
  readonly standIn: (parts: readonly string[]) => StandIn | undefined;
  readonly onTransfer: (transfer: Transfer) => void;
}

/** What a response is made of. */
interface Found {
  readonly totalBytes: number;
  readonly etag: string;
  /** Of a file that exists only in memory. */
  readonly text?: Buffer;
  readonly file?: FileHandle;
}

interface Waiting {
  count: number;
  /** Resolves when the latest has its answer. */
  last: Promise<void>;
}

export class BootHttpServer implements AsyncDisposable {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #transfers: Transfers;
  /** Requests of a connection that have no answer yet. */
  readonly #waiting = new WeakMap<Socket, Waiting>();
  readonly #ofClient = new Map<string, number>();
  #sending = 0;
  #port = 0;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#transfers = new Transfers("http", options.onTransfer);
    this.#server = createServer((request, response) => this.#receive(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on("connection", (socket: Socket) => this.#count(socket));
    this.#server.setTimeout(IDLE_MILLISECONDS);
  }

  /** @throws NetloomError address-in-use, no-such-address, no-privilege; SystemCallError */
  static async open(options: HttpServerOptions): Promise<BootHttpServer> {
    const server = new BootHttpServer(options);
    server.#port = await listenTcp(server.#server, options.namespacePath, options);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  transfers(): Transfer[] {
    return this.#transfers.list();
  }

  #count(socket: Socket): void {
    const { remoteAddress = "" } = socket;
    const count = (this.#ofClient.get(remoteAddress) ?? 0) + 1;
    this.#ofClient.set(remoteAddress, count);
    socket.once("close", () => {
      const left = (this.#ofClient.get(remoteAddress) ?? 1) - 1;
      if (left > 0) this.#ofClient.set(remoteAddress, left);
      else this.#ofClient.delete(remoteAddress);
    });
    if (count > MOST_CONNECTIONS_OF_CLIENT) socket.destroy();
  }

  /** One after the other: a single packet can hold hundreds, and each would open its file. */
  #receive(request: IncomingMessage, response: ServerResponse): void {
    const waiting = this.#waiting.get(request.socket) ?? { count: 0, last: Promise.resolve() };
    this.#waiting.set(request.socket, waiting);
    if (waiting.count >= MOST_WAITING) {
      request.socket.destroy();
      return;
    }
    waiting.count++;
    waiting.last = this.#answerBehind(waiting, request, response);
  }

  async #answerBehind(waiting: Waiting, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await waiting.last;
    if (!response.destroyed) await this.#handle(request, response);
    waiting.count--;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").replace(/^https?:\/\/[^/]*/i, "").replace(/[?#].*$/s, "");
    const parts = pathParts(path);
    const client = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const name = parts?.join("/") ?? path;
    let transfer: TransferHandle | undefined;
    try {
      if (request.method !== "GET" && request.method !== "HEAD") {
        refuse(response, 405, { allow: "GET, HEAD" });
        return;
      }
      const found = parts === undefined ? undefined : await this.#find(parts);
      if (found === undefined) {
        const missing = { client, file: name.slice(0, SHOWN_CHARACTERS), totalBytes: undefined, isPiece: true };
        if (!isSearch(name)) this.#transfers.begin(missing).end("no such file");
        refuse(response, 404);
        return;
      }
      try {
        const range = answerHead(request, response, name, found);
        if (range === undefined || request.method === "HEAD") {
          response.end();
          return;
        }
        const isPiece = range.last - range.first + 1 < found.totalBytes;
        transfer = this.#transfers.begin({ client, file: name, totalBytes: found.totalBytes, isPiece });
        await this.#send(response, found, range, transfer);
        transfer.end();
      } finally {
        await found.file?.close();
      }
    } catch (error) {
      transfer?.end(brokenOff(error) ? "the client broke it off" : messageOf(error));
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    }
  }

  async #send(
    response: ServerResponse,
    { text, file }: Found,
    { first, last }: ByteRange,
    transfer: TransferHandle,
  ): Promise<void> {
    if (text !== undefined) {
      await write(response, text.subarray(first, last + 1));
      transfer.add(last - first + 1);
    } else if (file !== undefined) {
      this.#sending++;
      const share = Math.min(CHUNK_BYTES.most, Math.floor(MEMORY_BYTES / 2 / this.#sending));
      const chunkBytes = Math.min(Math.max(CHUNK_BYTES.least, share), last - first + 1);
      try {
        await sendFile(response, file, { first, last, chunkBytes }, transfer);
      } finally {
        this.#sending--;
      }
    }
    response.end();
  }

  async #find(parts: readonly string[]): Promise<Found | undefined> {
    const opened = await this.#opened(parts);
    if (opened !== undefined) return opened;
    const other = this.#options.standIn(parts);
    if (other === undefined) return undefined;
    if ("file" in other) return this.#opened(other.file);
    const bytes = Buffer.from(other.text);
    return {
      totalBytes: bytes.length,
      etag: `"${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}"`,
      text: bytes,
    };
  }

  async #opened(parts: readonly string[]): Promise<Found | undefined> {
    const opened = await openServed(this.#options.root, parts);
    if (opened === undefined) return undefined;
    const { handle: file, sizeBytes: totalBytes, identity } = opened;
    return { totalBytes, etag: `"${identity.replaceAll(" ", "-")}"`, file };
  }

  /** Also transfers on their way end. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A client that asks for what is not there, or not below the root, learns no more than that. */
const MISSING = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EACCES", "EPERM", "EINVAL"];

async function openServed(root: string, parts: readonly string[]): Promise<OpenedFile | undefined> {
  try {
    return await openFile(root, parts, true);
  } catch (error) {
    if (error instanceof TftpRefusal) return undefined;
    if (hasCode(error, ...MISSING)) return undefined;
    throw error;
  }
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-length": "0", ...headers }).end();
}

/** Writes status and headers. @returns what is to follow them, undefined: nothing */
function answerHead(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  { totalBytes, etag }: Found,
): ByteRange | undefined {
  const ending = EFI_NAME.test(name) ? "efi" : name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const headers = { "accept-ranges": "bytes", etag };
  if (request.headers["if-none-match"]?.split(/\s*,\s*/).includes(etag) === true) {
    response.writeHead(304, headers);
    return undefined;
  }
  const { range: wanted } = request.headers;
  const ifRange = request.headers["if-range"];
  const isRangeValid = isStillThat(typeof ifRange === "string" ? ifRange : undefined, etag);
  const range = isRangeValid ? parseRange(wanted, totalBytes) : undefined;
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...headers, "content-range": `bytes */${totalBytes}`, "content-length": "0" });
    return undefined;
  }
  const { first, last } = range ?? { first: 0, last: totalBytes - 1 };
  response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    "content-type": CONTENT_TYPES[ending] ?? "application/octet-stream",
    "content-length": String(last - first + 1),
    ...(range === undefined ? {} : { "content-range": `bytes ${first}-${last}/${totalBytes}` }),
  });
  return { first, last };
}

/** While one piece goes out the next one is read, always into the same two buffers. */
async function sendFile(
  response: ServerResponse,
  file: FileHandle,
  { first, last, chunkBytes }: ByteRange & { readonly chunkBytes: number },
  transfer: TransferHandle,
): Promise<void> {
  const buffers = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)] as const;
  let written = Promise.resolve();
  let position = first;
  for (let turn: 0 | 1 = 0; position <= last; turn = turn === 0 ? 1 : 0) {
    const buffer = buffers[turn];
    const wanted = Math.min(chunkBytes, last - position + 1);
    const [{ bytesRead }] = await Promise.all([file.read(buffer, 0, wanted, position), written]);
    if (bytesRead === 0) throw new NetloomError("file-changed", "the file became shorter");
    written = write(response, buffer.subarray(0, bytesRead)).then(() => transfer.add(bytesRead));
    position += bytesRead;
  }
  await written;
}

/** Resolves when the kernel has taken it. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new NetloomError("client-gone", "the client broke it off"));
    // Node drops what is written to a connection that is gone, and says nothing.
    if (response.destroyed) return leave();
    response.once("close", leave);
    response.write(bytes, (error) => {
      response.off("close", leave);
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

function brokenOff(error: unknown): boolean {
  return /^(ERR_STREAM_|ECONNRESET|EPIPE|ECANCELED)/.test(codeOf(error) ?? "");
}
