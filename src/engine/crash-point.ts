/**
 * Places where a test may kill the process, to prove that the next command resumes or undoes. With
 * NETLOOM_CRASH_AT=N in the environment the Nth place reached ends the process by SIGKILL; without it this
 * does nothing. Steps are executed one at a time while it is set, so that every step has a place of its own.
 */
const target = Number(process.env["NETLOOM_CRASH_AT"] ?? 0);
let reached = 0;

/** Whether a test asked for a crash: then nothing may be batched. */
export const stepByStep: boolean = target > 0;

export function crashPoint(): void {
  if (target === 0) return;
  reached++;
  if (reached === target) process.kill(process.pid, "SIGKILL");
}
