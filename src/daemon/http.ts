/** What the daemon's two HTTP servers have in common: bounded bodies, errors as JSON. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { NetloomError, messageOf } from "../base/errors.ts";

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  "bad-request": 400,
  "bad-file": 400,
  usage: 400,
  "bad-name": 400,
  "bad-address": 400,
  "bad-domain-name": 400,
  "no-such-file": 400,
  "not-found": 404,
  "no-such-vm": 404,
  "no-namespace": 404,
  "no-such-network": 404,
  "method-not-allowed": 405,
  conflict: 409,
  locked: 409,
  "name-taken": 409,
  "cannot-plan": 409,
  "ambiguous-network": 409,
  "attached-otherwise": 409,
  "bound-otherwise": 409,
  "in-use": 409,
  "no-address-left": 409,
  "runs-otherwise": 409,
  unconfirmed: 409,
  "unfit-interface": 409,
  "vm-name-taken": 409,
  "too-large": 413,
};

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

/** @returns the status that was sent */
export function sendError(response: ServerResponse, error: unknown): number {
  const known = error instanceof NetloomError;
  const status = known ? (STATUS_BY_CODE[error.code] ?? 500) : 500;
  const body: ErrorBody = {
    error: {
      code: known ? error.code : "internal",
      message: messageOf(error),
      ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
    },
  };
  if (response.headersSent) {
    response.destroy();
    return status;
  }
  // What is left of the request's body is not read: the connection is of no more use.
  response.shouldKeepAlive = false;
  sendJson(response, status, body);
  return status;
}

/** The body as JSON. @throws NetloomError bad-request, too-large */
export async function readJsonBody(request: IncomingMessage, maximumBytes: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maximumBytes)
      throw new NetloomError("too-large", `the request's body has more than ${maximumBytes} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch (cause) {
    throw new NetloomError("bad-request", "the request's body is not JSON", { cause });
  }
}
