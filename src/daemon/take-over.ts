/** Becoming the one keeper of a state folder. */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../base/errors.ts";
import { KeeperClient } from "../services/keeper/client.ts";
import { keeperLock } from "../services/keeper/run.ts";
import { type Lock, takeLock } from "../store/lock.ts";

const WAIT_MILLISECONDS = 15_000;
const RETRY_MILLISECONDS = 20;

/**
 * Take the keeper's lock. A plain keeper that has it is asked to end without its guests, which run on meanwhile.
 * @throws NetloomError daemon-runs, or locked when the holder does not let go
 */
export async function takeOver(stateFolder: string): Promise<Lock> {
  const deadline = performance.now() + WAIT_MILLISECONDS;
  for (;;) {
    try {
      return takeLock(keeperLock(stateFolder), "daemon");
    } catch (error) {
      const locked = error instanceof NetloomError && error.code === "locked";
      if (!locked || performance.now() > deadline) throw error;
    }
    const client = new KeeperClient(stateFolder);
    const holder = await client.statusIfRunning();
    if (holder?.daemon === true) {
      throw new NetloomError("daemon-runs", `daemon of ${stateFolder}: one runs already, process ${holder.pid}`, {
        hint: "Give another folder with --state DIR, or end that one first.",
      });
    }
    // One that has no socket is just starting or ending.
    if (holder === undefined) await sleep(RETRY_MILLISECONDS);
    else await releaseIfThere(client);
  }
}

async function releaseIfThere(client: KeeperClient): Promise<void> {
  try {
    await client.release();
  } catch (error) {
    // It ended by itself meanwhile.
    if (error instanceof NetloomError && ["keeper-not-running", "keeper-gone"].includes(error.code)) return;
    throw error;
  }
}
