/** What clients fetch, for who watches: how far each file is, and at what speed. Bounded, whatever clients do. */

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
  readonly startedSeconds: number;
  /** Of the last byte. */
  readonly latestSeconds: number;
  readonly state: "running" | "done" | "failed";
  /** What went wrong. */
  readonly reason?: string;
}

/** Those that ended are forgotten first. */
const REMEMBERED = 256;
/** A client that reads a disc in pieces makes a pause now and then. */
const SAME_SECONDS = 60;

interface Kept {
  transfer: Transfer;
  /** Pieces on their way. */
  running: number;
}

export interface TransferHandle {
  add(bytes: number): void;
  /** @param reason what went wrong; absent: all that was asked for was sent */
  end(reason?: string): void;
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
    const now = nowSeconds();
    const key = isPiece ? `${client} ${file}` : String(this.#number++);
    let kept = isPiece ? this.#kept.get(key) : undefined;
    if (kept === undefined || now - kept.transfer.latestSeconds > SAME_SECONDS) {
      const { bytes, startedSeconds, latestSeconds } = { bytes: 0, startedSeconds: now, latestSeconds: now };
      const times = { startedSeconds, latestSeconds };
      const protocol = this.#protocol;
      kept = { running: 0, transfer: { protocol, client, file, bytes, totalBytes, ...times, state: "running" } };
    }
    this.#remember(key, kept);
    return this.#handle(kept, isPiece);
  }

  #handle(kept: Kept, isPiece: boolean): TransferHandle {
    let ended = false;
    kept.running++;
    kept.transfer = { ...kept.transfer, state: "running" };
    return {
      add: (bytes) => {
        const { transfer } = kept;
        kept.transfer = { ...transfer, bytes: transfer.bytes + bytes, latestSeconds: nowSeconds() };
      },
      end: (reason) => {
        if (ended) return;
        ended = true;
        kept.running--;
        if (reason !== undefined) kept.transfer = { ...kept.transfer, state: "failed", reason };
        else if (kept.running === 0) kept.transfer = { ...kept.transfer, state: "done" };
        if (reason !== undefined || !isPiece) this.#onEnd(kept.transfer);
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
    return Array.from(this.#kept.values(), ({ transfer }) => transfer);
  }
}

function nowSeconds(): number {
  return Date.now() / 1000;
}
