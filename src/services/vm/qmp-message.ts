/**
 * QMP on the wire: one JSON object a line, read from a guest's QEMU, which is trusted little: a line has a limit
 * and what is no message is an error.
 * Source: QEMU docs/interop/qmp-spec.rst.
 */
import { NetloomError } from "../../base/errors.ts";

export type QmpMessage =
  | { readonly type: "greeting"; readonly qemuVersion: string }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | {
      readonly type: "error";
      readonly id: number | undefined;
      readonly errorClass: string;
      readonly description: string;
    }
  | { readonly type: "event"; readonly event: string; readonly data: Readonly<Record<string, unknown>> };

/** @throws NetloomError bad-qmp when the line is not one of QMP's four kinds of messages */
export function parseQmpMessage(line: string): QmpMessage {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (cause) {
    throw new NetloomError("bad-qmp", `read QMP: not JSON: ${JSON.stringify(line.slice(0, 100))}`, { cause });
  }
  if (isRecord(message)) {
    const { QMP: greeting, event, error, id } = message;
    if (isRecord(greeting)) return { type: "greeting", qemuVersion: versionIn(greeting["version"]) };
    if (typeof event === "string")
      return { type: "event", event, data: isRecord(message["data"]) ? message["data"] : {} };
    if (isRecord(error)) {
      return {
        type: "error",
        id: typeof id === "number" ? id : undefined,
        errorClass: textOf(error["class"], "GenericError"),
        description: textOf(error["desc"], "no description"),
      };
    }
    if ("return" in message && typeof id === "number") return { type: "result", id, value: message["return"] };
  }
  throw new NetloomError("bad-qmp", `read QMP: not a message: ${JSON.stringify(line.slice(0, 100))}`);
}

/** Cuts a byte stream into lines of at most `maximumBytes`, whatever pieces it comes in. */
export class LineReader {
  readonly #maximumBytes: number;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** Lines that this piece completes, without their end; empty ones are left out. @throws NetloomError line-too-long */
  push(piece: Uint8Array): string[] {
    const lines: string[] = [];
    let rest = piece;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      this.#hold(rest.subarray(0, end));
      const line = Buffer.concat(this.#pieces, this.#heldBytes).toString("utf8").trim();
      if (line !== "") lines.push(line);
      this.#pieces = [];
      this.#heldBytes = 0;
      rest = rest.subarray(end + 1);
    }
    this.#hold(rest);
    return lines;
  }

  #hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#heldBytes += piece.length;
    if (this.#heldBytes > this.#maximumBytes) {
      throw new NetloomError("line-too-long", `read a line: it has more than ${this.#maximumBytes} bytes`);
    }
    this.#pieces.push(piece);
  }
}

function versionIn(version: unknown): string {
  const qemu = isRecord(version) ? version["qemu"] : undefined;
  return isRecord(qemu) ? [qemu["major"], qemu["minor"], qemu["micro"]].map(String).join(".") : "unknown";
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
