/** Files without a name: nothing of them stays, however their process ends. */
import { constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";

/** O_TMPFILE (include/uapi/asm-generic/fcntl.h) for reading and writing: opens a folder, makes a file in its file system. */
const NAMELESS = constants.O_RDWR | constants.O_DIRECTORY | 0o20000000;
const MODE = 0o600;

/** @returns a descriptor, close-on-exec, of an empty file on the disk of temporary files; the caller's to close */
export function openNameless(): number {
  try {
    return openSync(tmpdir(), NAMELESS, MODE);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
  const folder = mkdtempSync(named());
  try {
    return openSync(join(folder, "file"), "wx+", MODE);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As {@link openNameless}, without waiting for the disk. */
export async function openNamelessHandle(): Promise<FileHandle> {
  try {
    return await open(tmpdir(), NAMELESS, MODE);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
  const folder = await mkdtemp(named());
  try {
    return await open(join(folder, "file"), "wx+", MODE);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** NFS, overlayfs before Linux 6.1: such a file loses its name at once. */
function isUnsupported(error: unknown): boolean {
  return hasCode(error, "ENOTSUP", "EISDIR");
}

function named(): string {
  return join(tmpdir(), "netloom-");
}
