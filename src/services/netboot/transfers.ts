/** What clients fetch, for who watches: how far each file is, and at what speed. Bounded, whatever clients do. */
import { steadySeconds } from "../clock.ts";

/** A file on its way to a client, or one that was. */
export interface Transfer {
  readonly protocol: "http" | "tftp";
  /** IP address. */
  readonly client: string;
  /** Below the root, or as it was asked for when there is no such file. */
  readonly file: string;
  readonly bytes: number;
  /** Unknown: nothing of that name was found. */
  readonly totalBytes: number | undefined;
  /** From the request to the last byte so far. */
  readonly seconds: number;
  readonly bytesPerSecond: number;
  readonly state: "running" | "done" | "failed";
  /** What went wrong. */
  readonly error?: string;
}

/** Those that ended are forgotten first. */
const REMEMBERED = 256;
/** A client that reads a disc in pieces makes a pause now and then. */
const SAME_SECONDS = 60;
/** Of nothing that takes no time at all. */
const SHORTEST_SECONDS = 0.001;

interface Kept {
  readonly about: Pick<Transfer, "protocol" | "client" | "file" | "totalBytes">;
  readonly startedSeconds: number;
  latestSeconds: number;
  bytes: number;
  /** Pieces on their way. */
  running: number;
  error?: string;
}

export interface TransferHandle {
  add(bytes: number): void;
  /** @param error what went wrong; absent: all that was asked for was sent */
  end(error?: string): void;
}

export interface TransferRequest {
  readonly client: string;
  readonly file: string;
  readonly totalBytes: number | undefined;
  /** A part of the file, of which more are to be expected. */
  readonly isPiece: boolean;
}

export class Transfers {
  readonly #kept = new Map<string, Kept>();
  readonly #onEnd: (transfer: Transfer) => void;
  readonly #protocol: Transfer["protocol"];
  #number = 0;

  /** @param onEnd called for each file that came whole or failed; not for pieces that went well */
  constructor(protocol: Transfer["protocol"], onEnd: (transfer: Transfer) => void) {
    this.#protocol = protocol;
    this.#onEnd = onEnd;
  }

  begin({ client, file, totalBytes, isPiece }: TransferRequest): TransferHandle {
    const now = steadySeconds();
    const key = isPiece ? `${client} ${file}` : String(this.#number++);
    let kept = isPiece ? this.#kept.get(key) : undefined;
    if (kept === undefined || now - kept.latestSeconds > SAME_SECONDS) {
      const about = { protocol: this.#protocol, client, file, totalBytes };
      kept = { about, startedSeconds: now, latestSeconds: now, bytes: 0, running: 0 };
    }
    // It goes on: what went wrong with a piece is over.
    delete kept.error;
    this.#remember(key, kept);
    return this.#handle(kept, isPiece);
  }

  #handle(kept: Kept, isPiece: boolean): TransferHandle {
    let ended = false;
    kept.running++;
    return {
      add: (bytes) => {
        kept.bytes += bytes;
        kept.latestSeconds = steadySeconds();
      },
      end: (error) => {
        if (ended) return;
        ended = true;
        kept.running--;
        if (error !== undefined) kept.error = error;
        if (error !== undefined || !isPiece) this.#onEnd(viewOf(kept));
      },
    };
  }

  /** As the latest. */
  #remember(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= REMEMBERED) return;
    const ended = [...this.#kept].find(([, { running }]) => running === 0);
    const [oldest] = this.#kept.keys();
    this.#kept.delete(ended?.[0] ?? oldest!);
  }

  /** The oldest first. */
  list(): Transfer[] {
    return Array.from(this.#kept.values(), viewOf);
  }
}

function viewOf({ about, startedSeconds, latestSeconds, bytes, running, error }: Kept): Transfer {
  const seconds = latestSeconds - startedSeconds;
  return {
    ...about,
    bytes,
    seconds,
    bytesPerSecond: bytes / Math.max(seconds, SHORTEST_SECONDS),
    state: running > 0 ? "running" : error === undefined ? "done" : "failed",
    ...(error === undefined ? {} : { error }),
  };
}
