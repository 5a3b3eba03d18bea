/**
 * Small files that must survive a crash: written whole beside the old one, synced, then renamed over it. What a writer
 * leaves beside it that is killed in the middle goes when the file is next written or removed.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasCode, NetloomError, reasonOf } from "../base/errors.ts";

/**
 * Write `text` to `path` so that after a crash either the old or the new content is there, never a part.
 * @param mode permission bits of the new file, e.g. 0o600
 * @throws NetloomError write-failed; the old content is then untouched
 */
export function writeAtomic(path: string, text: string, mode = 0o600): void {
  try {
    replaceFile(path, text, mode);
  } catch (cause) {
    throw new NetloomError("write-failed", `write ${path}: ${reasonOf(cause)}`, {
      cause,
      hint: "Make room or choose another state folder with --state DIR.",
    });
  }
}

function replaceFile(path: string, text: string, mode: number): void {
  removeRemains(path);
  const temporary = `${path}.${process.pid}.new`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fdatasyncSync(descriptor);
  } catch (error) {
    closeSync(descriptor);
    unlinkSync(temporary);
    throw error;
  }
  closeSync(descriptor);
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Others may be writing the same file: only what the dead left goes. */
function removeRemains(path: string): void {
  removeAllRemains(dirname(path), basename(path));
}

const REMAINS = /^(.+)\.(\d+)\.new$/;

/** Whether a name is that of a file which is not written to its end. */
export function isHalfWritten(name: string): boolean {
  return REMAINS.test(name);
}

/** Remove what writers of files in the folder left that were killed. @param only of the file with that name */
export function removeAllRemains(folder: string, only?: string): void {
  for (const name of readdirSync(folder)) {
    const [, file, writer] = REMAINS.exec(name) ?? [];
    if (file === undefined || (only !== undefined && file !== only) || isOther(Number(writer))) continue;
    rmSync(join(folder, name), { force: true });
  }
}

/** Whether a process besides ourselves has that id. */
function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}

/** Delete a file durably; one that is not there counts as deleted. */
export function removeDurably(path: string): void {
  try {
    removeRemains(path);
    unlinkSync(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  syncFolder(dirname(path));
}

/** The file's text; undefined when there is no such file. */
export function readTextIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Rename a file that cannot be read to PATH.corrupt-N, so that it is neither lost nor in the way.
 * @returns the new path
 */
export function setFileAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.corrupt-${number}`)) number++;
  const aside = `${path}.corrupt-${number}`;
  renameSync(path, aside);
  return aside;
}

/** Whether a name is one that {@link setFileAside} gave. */
export function isSetAside(name: string): boolean {
  return name.includes(".corrupt-");
}

/** Whether a file system error says that the path does not exist. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ENOTDIR");
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
