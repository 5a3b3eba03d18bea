/** Starting the keeper of a state folder as a process of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../../base/errors.ts";
import { startDetached } from "../../kernel/process.ts";
import { readTextIfExists } from "../../store/atomic-file.ts";
import { KeeperClient } from "./client.ts";
import { keeperLog } from "./protocol.ts";

/** Its end is noticed at once; an emulated host takes many seconds to start a program of this size. */
const START_MILLISECONDS = 60_000;

/**
 * The keeper of the folder: the running one, or a new one in a session of its own that outlives us.
 * @param program what to run, absolute; it gets the words `keeper --state DIR`. Default: this very program.
 * @throws NetloomError keeper-start-failed with the end of its log
 */
export async function startKeeper(
  stateFolder: string,
  program: readonly string[] = thisProgram(),
): Promise<KeeperClient> {
  const client = new KeeperClient(stateFolder);
  if ((await client.statusIfRunning()) !== undefined) return client;
  const [file, ...words] = [...program, "keeper", "--state", stateFolder];
  if (file === undefined) throw new NetloomError("keeper-start-failed", "start the keeper: no program given");
  const logged = (readTextIfExists(keeperLog(stateFolder)) ?? "").length;
  const started = await startDetached({
    program: file,
    arguments: words,
    workingFolder: "/",
    logFile: keeperLog(stateFolder),
  });
  let ended: string | undefined;
  const watchEnd = async (): Promise<void> => {
    const { exitCode, signal } = await started.ended;
    ended = signal ?? `exit code ${exitCode}`;
  };
  const end = watchEnd();
  const deadline = performance.now() + START_MILLISECONDS;
  while (performance.now() < deadline) {
    if ((await client.statusIfRunning()) !== undefined) return client;
    if (ended !== undefined) break;
    await Promise.race([end, sleep(20)]);
  }
  // Another command may have started one at the same time: then ours has ended, because that one holds the lock.
  if ((await client.statusIfRunning()) !== undefined) return client;
  const why = ended === undefined ? `it does not answer within ${START_MILLISECONDS / 1000} s` : `it ended (${ended})`;
  throw new NetloomError(
    "keeper-start-failed",
    `start the keeper of ${stateFolder}: ${why}${complaint(keeperLog(stateFolder), logged)}`,
    {
      hint: `Its log is ${keeperLog(stateFolder)}.`,
    },
  );
}

/** How this very program was started: what to run, and its first words. */
export function thisProgram(): string[] {
  const script = process.argv[1];
  return [process.execPath, ...process.execArgv, ...(script === undefined ? [] : [script])];
}

/** What was added to a log, on one line and not too long. */
function complaint(path: string, from: number): string {
  const added = (readTextIfExists(path) ?? "").slice(from).trim();
  return added === "" ? "" : `: ${added.replace(/\s*\n\s*/g, "; ").slice(0, 500)}`;
}
