/** Logs that somebody else appends to and that must not fill the disk. */
import { copyFileSync, statSync, truncateSync } from "node:fs";
import { isMissing } from "../../store/atomic-file.ts";

/**
 * When the file has more than `maximumBytes`, set its content aside as PATH.1 (over an older one) and empty it.
 * Whoever appends to it need not reopen it; what is written during the copy is lost. No file is fine.
 * @returns whether it had more
 */
export function boundFile(path: string, maximumBytes: number): boolean {
  try {
    if (statSync(path).size <= maximumBytes) return false;
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    return true;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return false;
  }
}
