/** The end of a network's leases that nobody comes back for. */
import { readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { hasCode } from "../base/errors.ts";
import { removeDurably } from "./atomic-file.ts";
import { successorPath } from "./lease-log/lease-log.ts";
import { removePoolNote } from "./pool-note.ts";

/**
 * Remove the file of a network, STATE/SERVERS/FILE/NETWORK.leases, and the two folders around it unless leases of others
 * are kept there. Repeating it is safe.
 */
export function forgetLeases(leaseFile: string): void {
  removeDurably(leaseFile);
  // A kill may have come in the middle of rewriting it.
  removeDurably(successorPath(leaseFile));
  removePoolNote(leaseFile);
  for (const folder of [dirname(leaseFile), dirname(dirname(leaseFile))]) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (hasCode(error, "ENOTEMPTY", "ENOENT")) return;
      throw error;
    }
  }
}

/** A file that holds no lease is its first line. */
const LONGEST_FIRST_LINE = 64;

/** The same where no lease was ever written. */
export function forgetLeasesIfNone(leaseFile: string): void {
  const bytes = statSync(leaseFile, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LONGEST_FIRST_LINE) return;
  if (bytes === 0 || readFileSync(leaseFile).indexOf("\n") === bytes - 1) forgetLeases(leaseFile);
}
