/** Files that never had a name: nothing of them stays, however their process ends. */
import { constants, openSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";

/** O_TMPFILE (include/uapi/asm-generic/fcntl.h) for reading and writing: opens a folder, makes a file in its file system. */
const NAMELESS = constants.O_RDWR | constants.O_DIRECTORY | 0o20000000;

/** @returns a descriptor, close-on-exec, of an empty file on the disk of temporary files; the caller's to close */
export function openNameless(): number {
  return openSync(tmpdir(), NAMELESS, 0o600);
}

/** As {@link openNameless}, without waiting for the disk. */
export function openNamelessHandle(): Promise<FileHandle> {
  return open(tmpdir(), NAMELESS, 0o600);
}
