/**
 * Small files outside the state folder. The file's own folder comes and goes with it. A folder above that had to be
 * made too gets a marker, so that one that was there before stays when it becomes empty again.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../../base/errors.ts";
import type { FileObject } from "../../state/object/kernel.ts";

const MARKER = ".made-by-netloom";
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
  mkdirSync(folder, { mode: FOLDER_MODE });
  writeFileSync(join(folder, MARKER), "");
}

/** Remove the file and its folder when that becomes empty. Safe to repeat. */
export function removeFile({ path }: FileObject): void {
  rmSync(path, { force: true });
  rmSync(temporaryOf(path), { force: true });
  const folder = dirname(path);
  if (removeIfEmpty(folder)) removeMarked(dirname(folder));
}

function removeMarked(folder: string): void {
  if (!existsSync(join(folder, MARKER)) || readdirSync(folder).length > 1) return;
  rmSync(join(folder, MARKER));
  rmdirSync(folder);
  removeMarked(dirname(folder));
}

function temporaryOf(path: string): string {
  return `${path}.netloom-new`;
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
