/**
 * Leases that survive everything but the disk: appended to a file and synced before anybody is told of them.
 *
 * All that come while the disk is busy are synced together. When the file holds much that is outdated, what counts is
 * written beside it in small pieces, while new leases go into both files; then the new file takes the old one's place.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { NetloomError, reasonOf } from "../../base/errors.ts";
import { fdatasync } from "../../kernel/native.ts";
import { isMissing } from "../atomic-file.ts";
import { encodeGroup, type LeaseCodec, type ScannedLog, scanLog } from "./format.ts";

/** Leases that are written in one turn of the event loop while the file is rewritten: about a millisecond. */
const PIECE_LEASES = 500;
/** A file smaller than this is not worth rewriting. */
const REWRITE_BYTES = 1024 * 1024;

interface LogOptions<Lease> {
  /** What has to be in the file, asked for when it is rewritten; read piece by piece. */
  readonly all: () => Iterable<Lease>;
  /** The file could not be rewritten; it goes on growing, and this is tried again when it has doubled. */
  readonly onError: (error: NetloomError) => void;
  /** Default 1 MiB: up to this and twice what it last was rewritten to the file grows. */
  readonly rewriteBytes?: number;
}

/** The file that will take the log's place. */
interface Successor {
  readonly descriptor: number;
  bytes: number;
  /** Holds all that counts. */
  isComplete: boolean;
}

/**
 * Tell of the leases in a log's file, which may be in use, one after the other in the order in which they were written:
 * of two for one address the later one counts.
 * @throws NetloomError bad-lease-log; file system errors
 */
export function scanLeaseLog<Lease>(codec: LeaseCodec<Lease>, path: string, take: (lease: Lease) => void): ScannedLog {
  try {
    return scanLog(codec, path, readFileSync(path), take);
  } catch (error) {
    if (isMissing(error)) return { endBytes: 0, damagedBytes: 0 };
    throw error;
  }
}

interface ReadLog<Lease> extends ScannedLog {
  readonly leases: readonly Lease[];
}

/** All of them at once. @throws as {@link scanLeaseLog} */
export function readLeaseLog<Lease>(codec: LeaseCodec<Lease>, path: string): ReadLog<Lease> {
  const leases: Lease[] = [];
  const scanned = scanLeaseLog(codec, path, (lease) => leases.push(lease));
  return { ...scanned, leases };
}

export class LeaseLog<Lease> implements AsyncDisposable {
  readonly #codec: LeaseCodec<Lease>;
  readonly #path: string;
  readonly #options: LogOptions<Lease>;
  #descriptor: number;
  #bytes: number;
  #rewrittenBytes: number;
  #successor: Successor | undefined;
  #pending: Lease[] = [];
  #next: PromiseWithResolvers<void> | undefined;
  #commits: Promise<void> | undefined;
  #rewriting: Promise<void> | undefined;
  #isClosed = false;

  /**
   * Open the log, which only one process may do at a time, after {@link scanLeaseLog}; it is made when there is none.
   * A torn end is cut off.
   * @throws NetloomError write-failed
   */
  constructor(codec: LeaseCodec<Lease>, path: string, { endBytes }: ScannedLog, options: LogOptions<Lease>) {
    this.#codec = codec;
    this.#path = path;
    this.#options = options;
    try {
      if (existsSync(successorPath(path))) unlinkSync(successorPath(path));
      this.#descriptor = openSync(path, "a", 0o600);
      ftruncateSync(this.#descriptor, endBytes);
      this.#bytes = endBytes > 0 ? endBytes : writeAll(this.#descriptor, codec.header);
      syncNow(dirname(path));
    } catch (error) {
      throw writeFailed(path, error);
    }
    // How much of it is outdated is not known: it may grow by what a small file may.
    this.#rewrittenBytes = endBytes / 2;
  }

  /**
   * Resolves once the leases are on disk. Those of all calls are written in order.
   * @throws NetloomError write-failed: they may or may not be kept
   */
  append(leases: readonly Lease[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new NetloomError("closed", `append to ${this.#path}: it is closed`));
    for (const lease of leases) this.#pending.push(lease);
    this.#next ??= Promise.withResolvers();
    const { promise } = this.#next;
    this.#commits ??= this.#commitAll();
    return promise;
  }

  async #commitAll(): Promise<void> {
    // What is appended in the same turn goes together.
    await Promise.resolve();
    while (this.#next !== undefined || this.#successor?.isComplete === true) {
      const next = this.#next;
      const leases = this.#pending;
      this.#next = undefined;
      this.#pending = [];
      try {
        if (this.#successor?.isComplete === true) await this.#succeed(this.#successor);
        if (leases.length > 0) await this.#commit(leases);
        next?.resolve();
      } catch (error) {
        const failed = writeFailed(this.#path, error);
        if (next === undefined) this.#options.onError(failed);
        else next.reject(failed);
      }
      if (this.#rewriting === undefined && this.#isGrown()) this.#rewriting = this.#rewrite();
    }
    this.#commits = undefined;
  }

  async #commit(leases: readonly Lease[]): Promise<void> {
    const group = encodeGroup(this.#codec, leases);
    this.#bytes += group.length;
    writeAll(this.#descriptor, group);
    const successor = this.#successor;
    if (successor !== undefined) this.#orAbandon(successor, () => writeTo(successor, group));
    await fdatasync(this.#descriptor);
  }

  #isGrown(): boolean {
    const limit = 2 * this.#rewrittenBytes + (this.#options.rewriteBytes ?? REWRITE_BYTES);
    return !this.#isClosed && this.#bytes > limit;
  }

  async #rewrite(): Promise<void> {
    await setImmediate();
    let successor: Successor;
    try {
      successor = { descriptor: openSync(successorPath(this.#path), "w", 0o600), bytes: 0, isComplete: false };
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    this.#successor = successor;
    this.#orAbandon(successor, () => writeTo(successor, this.#codec.header));
    for (const piece of pieces(this.#options.all())) {
      if (this.#isClosed) this.#abandon(successor);
      if (this.#successor !== successor) return;
      this.#orAbandon(successor, () => writeTo(successor, encodeGroup(this.#codec, piece)));
      await setImmediate();
    }
    try {
      // What comes beside it from now on is little, so that the last sync takes no time.
      if (this.#successor === successor) await fdatasync(successor.descriptor);
    } catch (error) {
      this.#abandon(successor, error);
    }
    if (this.#successor !== successor) return;
    successor.isComplete = true;
    this.#commits ??= this.#commitAll();
  }

  /** Between two commits: nothing is under way to the old file. */
  async #succeed(successor: Successor): Promise<void> {
    try {
      await fdatasync(successor.descriptor);
      renameSync(successorPath(this.#path), this.#path);
    } catch (error) {
      this.#abandon(successor, error);
      return;
    }
    closeSync(this.#descriptor);
    this.#descriptor = successor.descriptor;
    this.#bytes = successor.bytes;
    this.#rewrittenBytes = successor.bytes;
    this.#successor = undefined;
    this.#rewriting = undefined;
    // The name must be on disk before anything is told that only this file holds.
    await syncFolder(dirname(this.#path));
  }

  #orAbandon(successor: Successor, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#abandon(successor, error);
    }
  }

  #abandon(successor: Successor, error?: unknown): void {
    if (this.#successor !== successor) return;
    this.#successor = undefined;
    closeSync(successor.descriptor);
    unlinkSync(successorPath(this.#path));
    this.#giveUp(error);
  }

  #giveUp(error: unknown): void {
    this.#rewriting = undefined;
    this.#rewrittenBytes = this.#bytes;
    if (error !== undefined) this.#options.onError(writeFailed(successorPath(this.#path), error));
  }

  /** What was appended is written; repeating is harmless. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#rewriting;
    await this.#commits;
    if (this.#successor !== undefined) this.#abandon(this.#successor);
    closeSync(this.#descriptor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a log is rewritten to, before it takes the log's name. */
export function successorPath(path: string): string {
  return `${path}.new`;
}

function writeFailed(path: string, cause: unknown): NetloomError {
  const hint = "Make room or choose another state folder with --state DIR.";
  return new NetloomError("write-failed", `write ${path}: ${reasonOf(cause)}`, { cause, hint });
}

/** @returns how many bytes there were */
function writeAll(descriptor: number, bytes: Uint8Array): number {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
  return bytes.length;
}

function writeTo(successor: Successor, bytes: Uint8Array): void {
  successor.bytes += writeAll(successor.descriptor, bytes);
}

function* pieces<Lease>(leases: Iterable<Lease>): Generator<Lease[]> {
  let piece: Lease[] = [];
  for (const lease of leases) {
    piece.push(lease);
    if (piece.length < PIECE_LEASES) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

function syncNow(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const descriptor = openSync(folder, "r");
  try {
    await fdatasync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
