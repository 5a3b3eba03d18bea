/** Opening what a client names, and nothing outside the folder that is served. */
import { constants } from "node:fs";
import { type FileHandle, open, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

/** Not there, not a file, or not below the root: a client learns no more. */
const MISSING = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EACCES", "EPERM", "ENXIO", "EISDIR", "EINVAL"]);

/**
 * The parts of a path in a URL, decoded once.
 * @returns undefined for one that leads upwards or cannot be decoded
 */
export function pathParts(urlPath: string): readonly string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
  const parts = decoded.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") || decoded.includes("\0") ? undefined : parts;
}

/**
 * Links are followed as long as they stay below the root. Where the file really is is looked up once it is open: a link
 * that is exchanged meanwhile leads nowhere.
 * @param root an absolute path
 * @returns undefined: there is no such file
 */
export async function openConfined(root: string, parts: readonly string[]): Promise<FileHandle | undefined> {
  try {
    const realRoot = await realpath(root);
    const real = await realpath(join(realRoot, ...parts));
    if (!isBelow(realRoot, real)) return undefined;
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const opened = await readlink(`/proc/self/fd/${file.fd}`);
      if (isBelow(realRoot, opened) && (await file.stat()).isFile()) return file;
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && MISSING.has(String(error.code))) return undefined;
    throw error;
  }
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root === sep ? sep : root + sep);
}
