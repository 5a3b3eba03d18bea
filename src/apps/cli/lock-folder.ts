/** Changing a state folder without a daemon. */
import { join } from "node:path";
import { requirePrivilege } from "../../kernel/features.ts";
import { takeLock } from "../../store/lock.ts";
import { createStateFolder, tidyStateFolder } from "../../store/state-folder.ts";

/** One change of a state folder at a time; where it leaves nothing applied, nothing stays in the folder. */
export function lockFolder(state: string, purpose: string): Disposable {
  requirePrivilege();
  createStateFolder(state);
  const lock = takeLock(join(state, "lock"), purpose);
  return {
    [Symbol.dispose]() {
      tidyStateFolder(state);
      lock.release();
    },
  };
}
