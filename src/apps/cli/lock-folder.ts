/** Changing a state folder without asking its daemon. */
import { join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import { requirePrivilege } from "../../kernel/features.ts";
import { type Lock, takeLock } from "../../store/lock.ts";
import { createStateFolder, tidyStateFolder } from "../../store/state-folder.ts";

const HEALING_MILLISECONDS = 5000;
const RETRY_MILLISECONDS = 20;

/** One change of a state folder at a time; where it leaves nothing applied, nothing stays in the folder. */
export function lockFolder(state: string, purpose: string): Disposable {
  requirePrivilege();
  createStateFolder(state);
  const lock = takeAfterHealing(join(state, "lock"), purpose);
  return {
    [Symbol.dispose]() {
      tidyStateFolder(state);
      lock.release();
    },
  };
}

/** A daemon that puts something back is no other change that a person should know of: it is waited for. */
function takeAfterHealing(path: string, purpose: string): Lock {
  const deadline = performance.now() + HEALING_MILLISECONDS;
  for (;;) {
    try {
      return takeLock(path, purpose);
    } catch (error) {
      const healing = error instanceof NetloomError && error.code === "locked" && error.message.includes("(heal ");
      if (!healing || performance.now() > deadline) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MILLISECONDS);
  }
}
