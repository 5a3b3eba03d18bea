/** Files that people give, and those that they include from the same folder. */
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { NetloomError, reasonOf } from "../../base/errors.ts";
import type { Files, IncludedFile } from "../../import/included.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

/** What is in the file's own folder or below; undefined where the file is none that has a folder, such as a pipe. */
export function filesBeside(path: string): Files | undefined {
  const own = statSync(path, { throwIfNoEntry: false });
  if (own?.isFile() !== true) return undefined;
  const folder = realpathSync(dirname(path));
  const realOf = (given: string): string => {
    const name = relative(folder, realpathSync(resolve(folder, given)));
    if (name !== ".." && !name.startsWith("../")) return name;
    throw new NetloomError("not-followed", "it is not in the folder of the file that is imported", {
      hint: "copy it there, and write its name alone",
    });
  };
  return {
    name: relative(folder, realpathSync(path)),
    read: (given) => attempt(given, () => readInside(folder, realOf(given))),
    list: (given) => attempt(given, () => readdirSync(resolve(folder, realOf(given))).map((name) => join(given, name))),
  };
}

function readInside(folder: string, name: string): IncludedFile {
  const path = resolve(folder, name);
  // A pipe would be waited for.
  if (!statSync(path).isFile()) throw new Error("it is no file");
  return { name, text: readBounded(path) };
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof NetloomError) throw cause;
    throw new NetloomError("bad-file", `${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** The text of a file that people give. @throws NetloomError bad-file */
export function readBounded(path: string, mostBytes = MOST_BYTES): string {
  try {
    const bytes = readAtMost(path, mostBytes);
    return new TextDecoder(encodingOf(bytes)).decode(bytes);
  } catch (cause) {
    throw new NetloomError("bad-file", `read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Editors of Windows mark what they write. */
function encodingOf([first, second]: Buffer): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/** A pipe or a device does not tell its size. */
function readAtMost(path: string, mostBytes: number): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let size = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const read = readSync(descriptor, piece);
      if (read === 0) return Buffer.concat(pieces);
      size += read;
      if (size > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024 / 1024} MiB`);
      pieces.push(piece.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}
