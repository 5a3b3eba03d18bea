/**
 * Places where a test may kill the process, to prove that the next command resumes or undoes. With
 * NETLOOM_CRASH_AT=N in the environment the Nth place reached ends the process by SIGKILL; without it this
 * does nothing. An absolute path instead of N names a file that holds N: a process that lives long can be told
 * later, and counts from then on. Steps are executed one at a time while it is set, so that every step has a place
 * of its own.
 */
import { readFileSync } from "node:fs";

const setting = process.env["NETLOOM_CRASH_AT"] ?? "";
let target = "";
let reached = 0;

/** Whether a test asked for a crash: then nothing may be batched. */
export const stepByStep: boolean = setting !== "";

export function crashPoint(): void {
  if (setting === "") return;
  const wanted = setting.startsWith("/") ? readFileSync(setting, "utf8") : setting;
  if (wanted !== target) reached = 0;
  target = wanted;
  reached++;
  if (reached === Number(target)) process.kill(process.pid, "SIGKILL");
}
