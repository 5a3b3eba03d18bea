/**
 * All files below a folder, and which of them are still what they were. One question at a time, and none of them on the
 * event loop: a file system that does not answer any more stops nothing else.
 */
import type { Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { codeOf, hasCode, reasonOf } from "../../base/errors.ts";

const MOST_ENTRIES = 50_000;
const MOST_DEPTH = 8;
/** These say something of this process, and nothing of a file. */
const OUR_OWN_TROUBLE = ["EMFILE", "ENFILE", "ENOMEM"];

export interface Entry {
  /** Below the root, with "/" between its parts. */
  readonly path: string;
  readonly bytes: number;
  /** Another one when it was written to, or replaced. */
  readonly identity: string;
}

export interface ListedFiles {
  /** In the order of their names, those further up first. */
  readonly files: readonly Entry[];
  /** In lower case; also links to folders. */
  readonly folders: ReadonlySet<string>;
}

/**
 * Links count as what they lead to, where that is below the root. What begins with a dot does not count: programs that
 * copy call it so until it is whole, and disks have their snapshots there.
 * @param notes is told what is left out, and why
 */
export async function listFiles(root: string, notes: string[]): Promise<ListedFiles> {
  const files: Entry[] = [];
  const folders = new Set<string>();
  let level = [""];
  for (let down = 0; level.length > 0 && down < MOST_DEPTH; down++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const { name, isFolder, path, file } of await readFolder(root, folder, notes)) {
        if (files.length + folders.size >= MOST_ENTRIES) {
          notes.push(`only the first ${MOST_ENTRIES} files were looked at`);
          return { files, folders };
        }
        if (file === undefined) folders.add(path.toLowerCase());
        else files.push({ path, ...file });
        if (isFolder && name !== "lost+found") next.push(path);
      }
    }
    level = next;
  }
  return { files, folders };
}

interface Listed {
  readonly name: string;
  readonly path: string;
  /** One to look into: no link. */
  readonly isFolder: boolean;
  /** Absent: a folder, or a link to one. */
  readonly file?: Omit<Entry, "path">;
}

async function readFolder(root: string, folder: string, notes: string[]): Promise<Listed[]> {
  let entries;
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    notes.push(`${folder === "" ? root : folder} cannot be read (${codeOf(error) ?? ""})`);
    return [];
  }
  const listed: Listed[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MOST_ENTRIES + 1)) {
    const { name } = entry;
    if (name.startsWith(".")) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (entry.isDirectory()) {
      listed.push({ name, path, isFolder: true });
      continue;
    }
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    const target = await targetOf(root, path, entry.isSymbolicLink());
    if (target === undefined) continue;
    if (typeof target === "string") notes.push(`${path} ${target}`);
    else if (target.isDirectory()) listed.push({ name, path, isFolder: false });
    else if (target.isFile()) listed.push({ name, path, isFolder: false, file: fileOf(target) });
  }
  return listed;
}

function fileOf({ ino, size, mtimeMs, ctimeMs }: Stats): Omit<Entry, "path"> {
  return { bytes: size, identity: `${ino} ${size} ${mtimeMs} ${ctimeMs}` };
}

/** @returns undefined for what is gone; in words why it is not served */
async function targetOf(root: string, path: string, isLink: boolean): Promise<Stats | string | undefined> {
  try {
    const own = join(root, path);
    // The folders above are none.
    if (!isLink) return await stat(own);
    const real = await realpath(own);
    return isBelow(root, real) ? await stat(real) : "leads out of the folder and is not served";
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    if (isUnreadable(error)) return `cannot be read (${reasonOf(error)})`;
    throw error;
  }
}

/** What the system says of a file, whatever it is: the others are not worse for it. */
export function isUnreadable(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(codeOf(error) ?? "") && !hasCode(error, ...OUR_OWN_TROUBLE);
}

/** @param real without links */
function isBelow(root: string, real: string): boolean {
  return real.startsWith(root === sep ? sep : root + sep);
}
