/**
 * Small files outside the state folder. The file's own folder comes and goes with it. A folder above that had to be
 * made too gets a marker beside it, so that one that was there before stays when it becomes empty again. A kill may
 * come between any two calls: {@link hasRemains} tells what it left, and removing the file removes that as well.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, hasCode } from "../../base/errors.ts";
import type { FileObject } from "../../state/object/kernel.ts";

const FOLDER_MODE = 0o755;
/** What rmdir answers for a folder that others use. */
const FOLDER_STAYS = new Set(["ENOTEMPTY", "EEXIST", "EBUSY"]);

/** Write the whole file or nothing, with its folder. Safe to repeat. */
export function writeFile({ path, content, mode }: FileObject): void {
  const folder = dirname(path);
  makeMarked(dirname(folder));
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  const temporary = temporaryOf(path);
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode, flag: "wx" });
  // Whatever the umask of who called us.
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

function makeMarked(folder: string): void {
  if (existsSync(folder)) return;
  makeMarked(dirname(folder));
  writeFileSync(markerOf(folder), "");
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
}

/** Remove the file and its folder when that becomes empty. Safe to repeat. */
export function removeFile({ path }: FileObject): void {
  rmSync(path, { force: true });
  rmSync(temporaryOf(path), { force: true });
  const folder = dirname(path);
  if (removeIfEmpty(folder)) removeMarked(dirname(folder));
}

function removeMarked(folder: string): void {
  const marker = markerOf(folder);
  if (existsSync(folder) && !(existsSync(marker) && removeIfEmpty(folder))) return;
  rmSync(marker, { force: true });
  removeMarked(dirname(folder));
}

/** Whether, without the file itself, something is there that writing or removing it makes for a moment. */
export function hasRemains(path: string): boolean {
  if (existsSync(temporaryOf(path))) return true;
  const folder = dirname(path);
  return isEmpty(folder) || hasMarkedRemains(dirname(folder));
}

function hasMarkedRemains(folder: string): boolean {
  const isThere = existsSync(folder);
  if (existsSync(markerOf(folder))) return !isThere || isEmpty(folder);
  return !isThere && hasMarkedRemains(dirname(folder));
}

function temporaryOf(path: string): string {
  return `${path}.netloom-new`;
}

function markerOf(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.made-by-netloom`);
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (code === "ENOENT") return true;
    if (FOLDER_STAYS.has(code)) return false;
    throw error;
  }
}
