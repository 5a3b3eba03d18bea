/** The end of a network's leases that nobody comes back for. */
import { rmdirSync } from "node:fs";
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
