/**
 * A file as the packets that it is sent in: blocks with their headers before them, side by side, so that the kernel can
 * cut many of them out of one piece of memory (UDP_SEGMENT). The same packets serve all who asked for the same blocks.
 */
import { readv } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { type Rollover, wireNumber } from "../../protocol/tftp/block-number.ts";
import { NetasciiEncoder } from "../../protocol/tftp/netascii.ts";
import { TFTP_ERROR, TFTP_HEADER_BYTES, writeDataHeader } from "../../wire/tftp.ts";
import type { OpenedFile } from "./open-file.ts";
import { TftpRefusal } from "./refusal.ts";

export const CHUNK_BYTES = 128 * 1024;
/** IOV_MAX of Linux: readv(2) takes no more pieces. */
const MOST_PIECES = 1024;

const readPieces = promisify(readv);

export interface PacketLayout {
  readonly blockBytes: number;
  readonly rollover: Rollover;
  readonly isNetascii: boolean;
}

/** Some consecutive packets of a file. The memory is used again for others: `file` and `index` tell whose it is now. */
export interface Chunk {
  readonly buffer: Uint8Array;
  /** Undefined while it is being read. */
  file: PacketFile | undefined;
  index: number;
  blocks: number;
  /** Where the last packet ends. */
  endBytes: number;
  /** Where the blocks' bytes are, for blocks of one size. */
  pieces: { readonly blockBytes: number; readonly views: readonly Uint8Array[] } | undefined;
}

/** Where the text of a chunk begins in the file. */
interface TextStart {
  readonly offset: number;
  readonly pending: number | undefined;
}

export class PacketFile {
  readonly key: string;
  readonly layout: PacketLayout;
  readonly sizeBytes: number;
  /** Of a packet that is not the last one. */
  readonly slotBytes: number;
  readonly chunkBlocks: number;
  /** In memory now, by their position. */
  readonly chunks = new Map<number, Chunk>();
  users = 0;
  readonly #textStarts: TextStart[] = [{ offset: 0, pending: undefined }];
  #handle: FileHandle;
  #lastBlock: number | undefined;

  constructor({ handle, sizeBytes, identity }: OpenedFile, layout: PacketLayout) {
    this.key = keyOf(identity, layout);
    this.layout = layout;
    this.sizeBytes = sizeBytes;
    this.slotBytes = TFTP_HEADER_BYTES + layout.blockBytes;
    this.chunkBlocks = Math.min(MOST_PIECES, Math.floor(CHUNK_BYTES / this.slotBytes));
    this.#handle = handle;
    if (!layout.isNetascii) this.#lastBlock = Math.floor(sizeBytes / layout.blockBytes) + 1;
  }

  /** Undefined as long as it is not known: netascii is longer than the file. */
  get lastBlock(): number | undefined {
    return this.#lastBlock;
  }

  /** Opened again, after {@link close}. */
  reopen(handle: FileHandle): void {
    this.#handle = handle;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** @throws TftpRefusal when the file has become shorter, or what the file system throws */
  async fill(chunk: Chunk, index: number): Promise<void> {
    const filled = this.layout.isNetascii ? await this.#fillText(chunk, index) : await this.#fillBytes(chunk, index);
    const { blocks, lastBytes } = filled;
    for (let i = 0; i < blocks; i++) {
      const block = index * this.chunkBlocks + i + 1;
      writeDataHeader(chunk.buffer, i * this.slotBytes, wireNumber(block, this.layout.rollover));
    }
    chunk.blocks = blocks;
    chunk.endBytes = (blocks - 1) * this.slotBytes + TFTP_HEADER_BYTES + lastBytes;
    chunk.index = index;
    chunk.file = this;
  }

  async #fillBytes(chunk: Chunk, index: number): Promise<{ blocks: number; lastBytes: number }> {
    const { blockBytes } = this.layout;
    const offset = index * this.chunkBlocks * blockBytes;
    const wanted = Math.min(this.chunkBlocks * blockBytes, this.sizeBytes - offset);
    const blocks = Math.min(this.chunkBlocks, Math.floor(wanted / blockBytes) + 1);
    const lastBytes = wanted - (blocks - 1) * blockBytes;
    const all = this.#piecesOf(chunk);
    const isFull = blocks === this.chunkBlocks && lastBytes === blockBytes;
    const pieces = isFull ? all : [...all.slice(0, blocks - 1), all[blocks - 1]!.subarray(0, lastBytes)];
    const { bytesRead } = wanted === 0 ? { bytesRead: 0 } : await readPieces(this.#handle.fd, pieces, offset);
    if (bytesRead !== wanted) throw new TftpRefusal(TFTP_ERROR.undefined, "the file has changed meanwhile");
    return { blocks, lastBytes };
  }

  async #fillText(chunk: Chunk, index: number): Promise<{ blocks: number; lastBytes: number }> {
    const start = this.#textStarts[index]!;
    const input = new Uint8Array(this.chunkBlocks * this.layout.blockBytes);
    const { bytesRead } = await this.#handle.read(input, 0, input.length, start.offset);
    const encoder = new NetasciiEncoder(start.pending);
    let position = 0;
    let blocks = 0;
    for (const piece of this.#piecesOf(chunk)) {
      const { read, written } = encoder.encode(input.subarray(position, bytesRead), piece);
      position += read;
      blocks++;
      if (written === piece.length) continue;
      this.#lastBlock = index * this.chunkBlocks + blocks;
      return { blocks, lastBytes: written };
    }
    this.#textStarts[index + 1] = { offset: start.offset + position, pending: encoder.pending };
    return { blocks, lastBytes: this.layout.blockBytes };
  }

  #piecesOf(chunk: Chunk): readonly Uint8Array[] {
    const { blockBytes } = this.layout;
    if (chunk.pieces?.blockBytes === blockBytes) return chunk.pieces.views;
    const views = Array.from({ length: this.chunkBlocks }, (_, i) => {
      const start = i * this.slotBytes + TFTP_HEADER_BYTES;
      return chunk.buffer.subarray(start, start + blockBytes);
    });
    chunk.pieces = { blockBytes, views };
    return views;
  }
}

export function keyOf(identity: string, { blockBytes, rollover, isNetascii }: PacketLayout): string {
  return `${identity} ${blockBytes} ${rollover} ${isNetascii}`;
}
