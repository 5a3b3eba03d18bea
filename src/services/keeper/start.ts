/** Starting the keeper of a state folder as a process of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../../base/errors.ts";
import { type ProcessEnd, startDetached } from "../../kernel/process.ts";
import { readTextIfExists } from "../../store/atomic-file.ts";
import { KeeperClient } from "./client.ts";
import { keeperLog } from "./protocol.ts";

/** Its end is noticed at once; an emulated host takes many seconds to start a program of this size. */
const START_MILLISECONDS = 60_000;
/** How long a keeper that does not answer may hold the folder: it is about to, or about to end. */
const LOCKED_MILLISECONDS = 10_000;
const PAUSE_MILLISECONDS = 100;
/** Of a keeper of a folder that has one (EX_TEMPFAIL of sysexits.h). */
export const LOCKED_EXIT_CODE = 75;

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
  const lockedUntil = performance.now() + LOCKED_MILLISECONDS;
  for (;;) {
    if ((await client.statusIfRunning()) !== undefined) return client;
    const end = await startOne(client, program);
    if (end === undefined) return client;
    // Another command may have started one at the same time.
    if (!end.isLocked || performance.now() >= lockedUntil)
      throw new NetloomError("keeper-start-failed", `start the keeper of ${stateFolder}: ${end.why}`, {
        hint: `Its log is ${keeperLog(stateFolder)}.`,
      });
    await sleep(PAUSE_MILLISECONDS);
  }
}

/** @returns undefined once a keeper answers, be it another one */
async function startOne(
  client: KeeperClient,
  program: readonly string[],
): Promise<{ readonly why: string; readonly isLocked: boolean } | undefined> {
  const { stateFolder } = client;
  const [file, ...words] = [...program, "keeper", "--state", stateFolder];
  if (file === undefined) throw new NetloomError("keeper-start-failed", "start the keeper: no program given");
  const logged = (readTextIfExists(keeperLog(stateFolder)) ?? "").length;
  const started = await startDetached({
    program: file,
    arguments: words,
    workingFolder: "/",
    logFile: keeperLog(stateFolder),
  });
  let ended: ProcessEnd | undefined;
  const watchEnd = async (): Promise<void> => {
    ended = await started.ended;
  };
  const end = watchEnd();
  const deadline = performance.now() + START_MILLISECONDS;
  while (performance.now() < deadline && ended === undefined) {
    if ((await client.statusIfRunning()) !== undefined) return undefined;
    await Promise.race([end, sleep(20)]);
  }
  if ((await client.statusIfRunning()) !== undefined) return undefined;
  const { exitCode, signal } = ended ?? {};
  const how = signal ?? `exit code ${exitCode}`;
  const what = ended === undefined ? `it does not answer within ${START_MILLISECONDS / 1000} s` : `it ended (${how})`;
  return { why: `${what}${complaint(keeperLog(stateFolder), logged)}`, isLocked: exitCode === LOCKED_EXIT_CODE };
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
