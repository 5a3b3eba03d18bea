/**
 * Processes that outlive the one that started them.
 *
 * A process is known by its id together with its start time, so that an id which the kernel gave to
 * somebody else in the meantime is never taken for ours, and never killed. One that has ended but was not
 * yet collected by its parent (a zombie) counts as ended.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, messageOf, NetloomError } from "../base/errors.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the process's start: field 22 of /proc/PID/stat, proc(5). */
  readonly startTicks: number;
}

/** How a child of this process ended; exactly one of the two is set. */
export interface ProcessEnd {
  readonly exitCode?: number;
  readonly signal?: string;
}

interface StartRequest {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Words before all others, of a program that executes the rest in its own place: the pid stays. */
  readonly prefix?: readonly string[];
  /** Network namespace to run in; absent: ours. Entered by nsenter, which execs, so the pid is the program's. */
  readonly namespacePath?: string;
  readonly workingFolder: string;
  /** Standard output and error are appended here; standard input is empty. */
  readonly logFile: string;
  /** Open descriptors that the program gets as 3, 4, …; the caller still closes its own. */
  readonly descriptors?: readonly number[];
}

export interface StartedProcess {
  readonly identity: ProcessIdentity;
  /** Resolves when the process has ended, as long as this process lives to see it. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
}

/**
 * Start a program in a session of its own: no signal of our terminal and no end of ours reaches it.
 * Like `setsid nsenter --net=PATH -- PROGRAM ARGUMENTS >>LOG 2>&1 </dev/null`.
 * @throws NetloomError start-failed when the program (or nsenter) cannot be run at all
 */
export async function startDetached(request: StartRequest): Promise<StartedProcess> {
  const inside = request.namespacePath !== undefined;
  const [program, ...words] = [
    ...(request.prefix ?? []),
    ...(inside ? ["nsenter", `--net=${request.namespacePath}`, "--"] : []),
    request.program,
    ...request.arguments,
  ] as [string, ...string[]];
  const log = openSync(request.logFile, "a", 0o600);
  try {
    const child = spawn(program, words, {
      cwd: request.workingFolder,
      detached: true,
      stdio: ["ignore", log, log, ...(request.descriptors ?? [])],
    });
    // Read at once: before the event loop turns nobody can have collected the child, however soon it ends.
    const stat = child.pid === undefined ? undefined : readStat(child.pid);
    const ended = new Promise<ProcessEnd>((resolve) => {
      child.once("exit", (code, signal) => {
        resolve(signal === null ? { exitCode: code ?? 0 } : { signal });
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    if (child.pid === undefined || stat === undefined) throw new Error("it has no entry in /proc");
    return { identity: { pid: child.pid, startTicks: stat.startTicks }, ended };
  } catch (cause) {
    throw new NetloomError("start-failed", `start ${request.program}: ${messageOf(cause)}`, { cause });
  } finally {
    closeSync(log);
  }
}

/** The identity of a living process; undefined when there is none with that id. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.ended ? undefined : { pid, startTicks: stat.startTicks };
}

/** Whether this very process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identityOf(process.pid)?.startTicks === process.startTicks;
}

/** Wait until the process has ended. @returns whether it has within the time */
export async function waitForEnd(process: ProcessIdentity, timeoutMilliseconds: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMilliseconds;
  for (let pauseMilliseconds = 2; isAlive(process); pauseMilliseconds = Math.min(50, pauseMilliseconds * 2)) {
    if (performance.now() >= deadline) return false;
    await sleep(pauseMilliseconds);
  }
  return true;
}

/**
 * End a process: SIGTERM, and SIGKILL when it is still there after the given time. One that has ended already is fine.
 * @returns which signal it took; undefined when it had ended before
 * @throws NetloomError kill-failed when it survives SIGKILL for two seconds or may not be signalled
 */
export async function endProcess(
  process: ProcessIdentity,
  termMilliseconds: number,
): Promise<"SIGTERM" | "SIGKILL" | undefined> {
  if (!signalProcess(process, "SIGTERM")) return undefined;
  if (await waitForEnd(process, termMilliseconds)) return "SIGTERM";
  if (!signalProcess(process, "SIGKILL")) return "SIGTERM";
  if (await waitForEnd(process, 2000)) return "SIGKILL";
  throw new NetloomError("kill-failed", `kill process ${process.pid}: it is still there two seconds after SIGKILL`);
}

/**
 * Ids of living processes whose arguments satisfy `matches`, e.g. to find one whose starter was killed before it
 * could note the id. Processes that vanish meanwhile or may not be read are left out.
 */
export function findProcesses(matches: (words: readonly string[]) => boolean): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const words = readProc(`/proc/${entry}/cmdline`)?.split("\0");
    if (words === undefined || !matches(words)) continue;
    const identity = identityOf(Number(entry));
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

/** The kernel's random id of this boot: what is known of processes is void after another boot. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Send a signal to this very process. @returns whether there was one to send it to */
function signalProcess(target: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (cause) {
    if (!isAlive(target)) return false;
    throw new NetloomError("kill-failed", `send ${signal} to process ${target.pid}: ${messageOf(cause)}`, { cause });
  }
}

function readStat(pid: number): { ended: boolean; startTicks: number } | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const zombie = fields[0] === "Z" || fields[0] === "X";
  // Its first thread may be a zombie while others, that hold its descriptors, are still on their way out.
  return { ended: zombie && Number(fields[17]) <= 1, startTicks: Number(fields[19]) };
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
