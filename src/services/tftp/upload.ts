/**
 * The folder that clients may write into, with a quota for all that it holds.
 *
 * An upload grows under a name of its own and gets the wanted one when all of it is on disk; one that fails leaves
 * nothing behind.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { UPLOAD_PREFIX } from "../../protocol/tftp/file-name.ts";
import { TFTP_ERROR } from "../../wire/tftp.ts";
import { openFolder } from "./open-file.ts";
import { TftpRefusal } from "./refusal.ts";

/** What a killed server has left is nobody's after that. */
const ABANDONED_MILLISECONDS = 3_600_000;
/** Empty ones cost no quota, and yet a place each in the file system. */
const MOST_FILES = 100_000;
/** With the quota used up somebody may have made room: it is looked at again after that. */
const LOOK_AGAIN_MILLISECONDS = 1000;

export interface UploadSettings {
  readonly folder: string;
  /** What all files below the folder may have together. */
  readonly quotaBytes: number;
  /** How many there may be below the folder, default 100,000. */
  readonly files?: number;
  /** Files that exist are replaced; default they are not. */
  readonly overwrite?: boolean;
}

export class UploadFolder {
  readonly #settings: UploadSettings;
  #usedBytes = 0;
  #reservedBytes = 0;
  #files = 0;
  /** Uploads that are under way. */
  #begun = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(settings: UploadSettings) {
    this.#settings = settings;
  }

  /** @param announcedBytes as the client says @throws TftpRefusal, or what the file system throws */
  async begin(parts: readonly string[], announcedBytes: number | undefined): Promise<Upload> {
    const { folder, quotaBytes, overwrite = false } = this.#settings;
    await this.#look();
    if (this.#usedBytes + this.#reservedBytes + (announcedBytes ?? 1) > quotaBytes)
      throw new TftpRefusal(TFTP_ERROR.diskFull, "the quota of the folder is used up");
    if (this.#hasAllFiles) throw new TftpRefusal(TFTP_ERROR.diskFull, "the folder holds as many files as it may");
    const place = await openFolder(folder, parts.slice(0, -1));
    try {
      const name = join(`/proc/self/fd/${place.fd}`, parts.at(-1)!);
      await refuseExisting(name, overwrite);
      const temporary = join(`/proc/self/fd/${place.fd}`, `${UPLOAD_PREFIX}${randomBytes(8).toString("hex")}`);
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const file = await open(temporary, flags, 0o644);
      this.#begun++;
      return new Upload({ place, file, temporary, name, overwrite, folder: this });
    } catch (error) {
      await place.close();
      throw error;
    }
  }

  get #hasAllFiles(): boolean {
    return this.#files + this.#begun >= (this.#settings.files ?? MOST_FILES);
  }

  /** How much the folder holds: looked up once, and again when it seems full. */
  #look(): Promise<void> {
    const isFull = this.#usedBytes + this.#reservedBytes >= this.#settings.quotaBytes || this.#hasAllFiles;
    const age = performance.now() - this.#lookedAt;
    const isKnown = this.#lookedAt > Number.NEGATIVE_INFINITY && !(isFull && age > LOOK_AGAIN_MILLISECONDS);
    if (isKnown) return Promise.resolve();
    this.#looking ??= this.#measure().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #measure(): Promise<void> {
    let used = 0;
    let files = 0;
    for (const entry of await readdir(this.#settings.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const status = await lstat(path).catch(() => undefined);
      if (status === undefined) continue;
      if (!entry.name.startsWith(UPLOAD_PREFIX)) {
        used += status.size;
        files++;
      } else if (Date.now() - status.mtimeMs > ABANDONED_MILLISECONDS) await unlink(path);
    }
    this.#usedBytes = used;
    this.#files = files;
    this.#lookedAt = performance.now();
  }

  /** For bytes that have come. @returns false when the quota has no room for them */
  reserve(bytes: number): boolean {
    if (this.#usedBytes + this.#reservedBytes + bytes > this.#settings.quotaBytes) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** What was reserved is kept, or not. @param replacedBytes of a file that is gone for it */
  settle(bytes: number, isKept: boolean, replacedBytes?: number): void {
    this.#reservedBytes -= bytes;
    if (!isKept) return;
    this.#usedBytes += bytes - (replacedBytes ?? 0);
    if (replacedBytes === undefined) this.#files++;
  }

  /** An upload is over. */
  end(): void {
    this.#begun--;
  }
}

async function refuseExisting(name: string, overwrite: boolean): Promise<void> {
  const status = await lstat(name).catch(() => undefined);
  if (status === undefined) return;
  if (!overwrite) throw new TftpRefusal(TFTP_ERROR.exists, "the file exists already");
  if (!status.isFile()) throw new TftpRefusal(TFTP_ERROR.accessViolation, "it is no file");
}

interface UploadParts {
  readonly place: FileHandle;
  readonly file: FileHandle;
  readonly temporary: string;
  readonly name: string;
  readonly overwrite: boolean;
  readonly folder: UploadFolder;
}

/** One file that is being written. */
export class Upload {
  readonly #parts: UploadParts;
  #bytes = 0;
  #isOver = false;

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  /** Room for so many bytes more. */
  reserve(bytes: number): boolean {
    if (!this.#parts.folder.reserve(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** At the end of what there is. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of joined(pieces)) await this.#parts.file.writeFile(piece);
  }

  /** All is there: onto the disk, and to its name. @throws TftpRefusal exists, or what the file system throws */
  async finish(): Promise<void> {
    const { file, temporary, name, overwrite, folder } = this.#parts;
    try {
      await file.datasync();
      const replaced = overwrite ? await lstat(name).catch(() => undefined) : undefined;
      if (overwrite) await rename(temporary, name);
      else await link(temporary, name);
      folder.settle(this.#bytes, true, replaced?.size);
      this.#bytes = 0;
    } finally {
      await this.discard();
    }
  }

  /** What is not kept by then goes; repeating is harmless. @throws what the file system throws */
  async discard(): Promise<void> {
    // The paths lead through a descriptor, which is somebody else's when it has been closed.
    if (this.#isOver) return;
    this.#isOver = true;
    const { file, place, temporary, folder } = this.#parts;
    folder.settle(this.#bytes, false);
    folder.end();
    this.#bytes = 0;
    await unlink(temporary).catch((error: unknown) => {
      // Renamed.
      if (!messageOf(error).startsWith("ENOENT")) throw error;
    });
    await file.close();
    await place.close();
  }
}

/** Few large writes instead of many small ones. */
function joined(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  return pieces.length < 2 ? pieces : [Buffer.concat(pieces)];
}
