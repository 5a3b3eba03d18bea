/** How many files this process may open; Node raises the limit to the highest that it is permitted when it starts. */
import { readdirSync, readFileSync } from "node:fs";

export interface OpenFiles {
  readonly limit: number;
  readonly open: number;
}

/** As /proc/self shows it (RLIMIT_NOFILE, getrlimit(2)). */
export function openFiles(): OpenFiles {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return { limit: limit === undefined ? Infinity : Number(limit), open: readdirSync("/proc/self/fd").length };
}
