/**
 * Packets of files in memory, for all transfers, with one limit for all of them.
 *
 * What many read at one time is read from the disk once; what was not asked for the longest goes first.
 */
import type { OpenedFile } from "./open-file.ts";
import { type Chunk, CHUNK_BYTES, keyOf, PacketFile, type PacketLayout } from "./packet-file.ts";

/** After the last transfer the memory is kept so long: machines that boot come back soon. */
const KEEP_MILLISECONDS = 30_000;

type Waiter = (error: unknown) => void;

interface Wish {
  readonly file: PacketFile;
  readonly index: number;
}

export class PacketStore {
  readonly #mostChunks: number;
  readonly #files = new Map<string, PacketFile>();
  /** Filled ones; what was used last is last. */
  readonly #filled = new Set<Chunk>();
  readonly #free: Chunk[] = [];
  readonly #waiters = new Map<PacketFile, Map<number, Waiter[]>>();
  readonly #queue: Wish[] = [];
  readonly #closing = new Set<Promise<void>>();
  #allocated = 0;
  #users = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitBytes: number) {
    this.#mostChunks = Math.max(2, Math.floor(limitBytes / CHUNK_BYTES));
  }

  /** The opened file is the store's from now on. */
  open(opened: OpenedFile, layout: PacketLayout): PacketFile {
    clearTimeout(this.#timer);
    const key = keyOf(opened.identity, layout);
    let file = this.#files.get(key);
    if (file === undefined) {
      file = new PacketFile(opened, layout);
      this.#files.set(key, file);
    } else if (file.users === 0 && !this.#waiters.has(file)) file.reopen(opened.handle);
    else this.#track(opened.handle.close());
    file.users++;
    this.#users++;
    return file;
  }

  /** Of a file that {@link open} gave. */
  close(file: PacketFile): void {
    file.users--;
    this.#users--;
    this.#settle(file);
    if (this.#users > 0) return;
    this.#timer = setTimeout(() => this.#forget(), KEEP_MILLISECONDS);
    this.#timer.unref();
  }

  /** Nobody uses it and nothing is read from it: its descriptor goes, its packets may stay. */
  #settle(file: PacketFile): void {
    if (file.users > 0 || this.#waiters.has(file)) return;
    this.#track(file.close());
    if (file.chunks.size === 0) this.#files.delete(file.key);
  }

  /** Nothing was written: what a close may have to say is about nothing. */
  #track(close: Promise<void>): void {
    const closed = close.catch(() => undefined);
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
  }

  /** What is in memory already. */
  find(file: PacketFile, index: number): Chunk | undefined {
    const chunk = file.chunks.get(index);
    if (chunk === undefined) return undefined;
    this.#filled.delete(chunk);
    this.#filled.add(chunk);
    return chunk;
  }

  /**
   * Read it, unless that is under way or done.
   * @param waiter told once it is there, or why not; without one it is only read ahead, if there is room
   */
  load(file: PacketFile, index: number, waiter?: Waiter): void {
    if (file.chunks.has(index)) return waiter?.(undefined);
    const ofFile = this.#waiters.get(file) ?? new Map<number, Waiter[]>();
    const waiting = ofFile.get(index);
    if (waiting !== undefined) {
      if (waiter !== undefined) waiting.push(waiter);
      return;
    }
    // Who reads ahead is about to use what was used last.
    const chunk = this.#take(waiter === undefined ? 1 : 0);
    if (chunk === undefined && waiter === undefined) return;
    this.#waiters.set(file, ofFile);
    ofFile.set(index, waiter === undefined ? [] : [waiter]);
    if (chunk === undefined) this.#queue.push({ file, index });
    else void this.#read(chunk, { file, index });
  }

  /** Memory for another chunk, if need be of others but the last so many; undefined: all of it is being read into. */
  #take(keptChunks = 0): Chunk | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#allocated < this.#mostChunks) {
      this.#allocated++;
      const buffer = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
      return { buffer, file: undefined, index: 0, blocks: 0, endBytes: 0, pieces: undefined };
    }
    if (this.#filled.size <= keptChunks) return undefined;
    const [oldest] = this.#filled;
    this.#drop(oldest!);
    return oldest;
  }

  #drop(chunk: Chunk): void {
    this.#filled.delete(chunk);
    const { file } = chunk;
    chunk.file = undefined;
    file?.chunks.delete(chunk.index);
    if (file !== undefined && file.users === 0 && file.chunks.size === 0 && !this.#waiters.has(file))
      this.#files.delete(file.key);
  }

  async #read(chunk: Chunk, { file, index }: Wish): Promise<void> {
    let failure: unknown;
    try {
      await file.fill(chunk, index);
      file.chunks.set(index, chunk);
      this.#filled.add(chunk);
    } catch (error) {
      failure = error;
      this.#free.push(chunk);
    }
    const ofFile = this.#waiters.get(file);
    const waiters = ofFile?.get(index) ?? [];
    ofFile?.delete(index);
    if (ofFile?.size === 0) this.#waiters.delete(file);
    for (const waiter of waiters) waiter(failure);
    this.#settle(file);
    this.#readQueued();
  }

  #readQueued(): void {
    while (this.#queue.length > 0) {
      const chunk = this.#take();
      if (chunk === undefined) return;
      void this.#read(chunk, this.#queue.shift()!);
    }
  }

  #forget(): void {
    for (const chunk of this.#filled) this.#drop(chunk);
    this.#free.length = 0;
    this.#allocated = 0;
  }

  /** How much memory packets take now. */
  get bytes(): number {
    return this.#allocated * CHUNK_BYTES;
  }

  /** After all files were closed. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(this.#closing);
  }
}
