/**
 * Files below a root, and nothing else: no link, device or folder leads out of it.
 *
 * A path is opened as a mere place first (O_PATH), which touches neither a device nor a pipe. Where the place truly is
 * the kernel tells by its descriptor, and the file is opened for reading through the same one: nobody can put another
 * in between.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { TFTP_ERROR } from "../../wire/tftp.ts";
import { TftpRefusal } from "./refusal.ts";

/** linux/fcntl.h; Node has no name for it. */
const O_PATH = 0o10000000;

export interface OpenedFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  /** The same for as long as it is the same file with the same content. */
  readonly identity: string;
}

/**
 * @param ignoreCase names that differ in upper and lower case only are taken where there is no exact one
 * @throws TftpRefusal, or what the file system throws
 */
export async function openFile(root: string, parts: readonly string[], ignoreCase: boolean): Promise<OpenedFile> {
  const path = ignoreCase ? await findIgnoringCase(root, parts) : join(root, ...parts);
  const place = await openPlace(root, path, 0);
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await place.stat({ bigint: true });
    const handle = await open(`/proc/self/fd/${place.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    return { handle, sizeBytes: Number(size), identity: [dev, ino, size, mtimeNs, ctimeNs].join(" ") };
  } finally {
    await place.close();
  }
}

/** A folder below the root, for a name to be put into it. */
export function openFolder(root: string, parts: readonly string[]): Promise<FileHandle> {
  return openPlace(root, join(root, ...parts), constants.O_DIRECTORY);
}

async function openPlace(root: string, path: string, flags: number): Promise<FileHandle> {
  const place = await open(path, O_PATH | flags);
  try {
    const [top, actual] = await Promise.all([realpath(root), readlink(`/proc/self/fd/${place.fd}`)]);
    if (actual !== top && !actual.startsWith(top === "/" ? top : `${top}/`))
      throw new TftpRefusal(TFTP_ERROR.accessViolation, "it is outside the served folder");
    const status = await place.stat();
    if (flags === 0 && !status.isFile())
      throw new TftpRefusal(TFTP_ERROR.accessViolation, status.isDirectory() ? "it is a folder" : "it is no file");
    return place;
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** An exact name first, then the first in alphabetical order. */
async function findIgnoringCase(root: string, parts: readonly string[]): Promise<string> {
  let path = root;
  for (const part of parts) {
    const exact = join(path, part);
    const isThere = await lstat(exact).then(
      () => true,
      () => false,
    );
    path = isThere ? exact : join(path, (await likeName(path, part)) ?? part);
  }
  return path;
}

async function likeName(folder: string, name: string): Promise<string | undefined> {
  const wanted = name.toLowerCase();
  const names = await readdir(folder);
  return names.sort().find((candidate) => candidate.toLowerCase() === wanted);
}
