/** Logs that somebody else appends to and that must not fill the disk. */
import { copyFileSync, statSync, truncateSync } from "node:fs";
import { isMissing } from "../../store/atomic-file.ts";

/**
 * When the file has more than `maximumBytes`, set its content aside as PATH.1 (over an older one) and empty it.
 * Whoever appends to it need not reopen it; what is written during the copy is lost. No file is fine.
 */
export function boundFile(path: string, maximumBytes: number): void {
  try {
    if (statSync(path).size <= maximumBytes) return;
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
