/** Where netloom keeps what must outlive a command: records, journals, logs, sockets. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { hasCode, NetloomError, reasonOf } from "../base/errors.ts";
import { isMissing, isSetAside, removeAllRemains, removeDurably } from "./atomic-file.ts";
import { takeLock } from "./lock.ts";

/**
 * The state folder's path: `given`, else /run/netloom for root, else $XDG_RUNTIME_DIR/netloom.
 * @throws NetloomError no-state-folder when none of them applies
 */
export function stateFolderPath(given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  if (process.geteuid?.() === 0) return "/run/netloom";
  const runtime = process.env["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && runtime !== "") return join(runtime, "netloom");
  throw new NetloomError("no-state-folder", "state folder: you are not root and XDG_RUNTIME_DIR is not set", {
    hint: "Say where to keep it: --state DIR",
  });
}

/** Make the folder if needed, for its owner only. @throws NetloomError no-state-folder when that is impossible */
export function createStateFolder(path: string): void {
  try {
    makeFolder(path);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new NetloomError("no-state-folder", `state folder ${path}: ${reasonOf(cause)}`, {
      hint: "Give another folder with --state DIR.",
      cause,
    });
  }
}

/** TMPFS_MAGIC, RAMFS_MAGIC (linux/magic.h). */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Whether what is kept there goes with a reboot. A folder that is not there yet is judged by the one above it. */
export function isInMemory(path: string): boolean {
  if (!existsSync(path) && dirname(path) !== path) return isInMemory(dirname(path));
  return IN_MEMORY.has(statfsSync(path).type);
}

/** Names of files in the folder itself that could not be read and were set aside, sorted. */
export function filesSetAside(path: string): string[] {
  return (existsSync(path) ? readdirSync(path) : []).filter(isSetAside).sort();
}

/** Not by Node's own recursive way, which never ends below /proc. */
function makeFolder(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return;
  if (status !== undefined) throw new Error("it is not a folder");
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/**
 * Once nothing is applied or bound any more, remove what is left beside the cached answer whether KVM works,
 * which holds until the next boot. The folder itself stays: it may be the user's.
 */
export function tidyStateFolder(path: string): void {
  for (const folder of ["units", "locks", "vm"]) {
    try {
      if (folder === "units") removeEmptyUnits(join(path, folder));
      if (folder === "locks") removeStaleLocks(join(path, folder));
      rmdirSync(join(path, folder));
    } catch (error) {
      if (isMissing(error)) continue;
      // Something is in use there: nothing is tidied yet.
      if (hasCode(error, "ENOTEMPTY")) return;
      throw error;
    }
  }
  for (const name of readdirSync(path))
    if (name.startsWith("keeper.log") || isSetAside(name)) removeDurably(join(path, name));
  removeAllRemains(path);
  removeStaleSockets(path);
}

/** What changes left that were killed before their journal stood. */
function removeEmptyUnits(folder: string): void {
  for (const name of readdirSync(folder)) {
    try {
      removeAllRemains(join(folder, name));
      rmdirSync(join(folder, name));
    } catch (error) {
      if (!hasCode(error, "ENOTEMPTY", "ENOENT", "ENOTDIR")) throw error;
    }
  }
}

/** What holders left that were killed, as clients of DHCP in a keeper. */
function removeStaleLocks(folder: string): void {
  for (const name of readdirSync(folder)) {
    try {
      takeLock(join(folder, name), "tidy up").release();
    } catch (error) {
      if (!(error instanceof NetloomError && error.code === "locked")) throw error;
    }
  }
}

/** What a daemon left that was killed; one that lives holds the lock. */
function removeStaleSockets(path: string): void {
  const sockets = ["netloom.sock", "keeper.sock"].map((name) => join(path, name)).filter((file) => existsSync(file));
  if (sockets.length === 0) return;
  try {
    using _lock = takeLock(join(path, "keeper.lock"), "tidy up");
    for (const file of sockets) removeDurably(file);
  } catch (error) {
    if (!(error instanceof NetloomError && error.code === "locked")) throw error;
  }
}
