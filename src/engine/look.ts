/** Looks at files of others: what vanishes meanwhile, or may not be looked at, answers as if it were not there. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "../base/errors.ts";

const NOT_THERE = ["ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR"];

export function readIfThere(path: string): string | undefined {
  return orUndefined(() => readFileSync(path, "utf8"));
}

/** Where a symbolic link leads. */
export function linkIfThere(path: string): string | undefined {
  return orUndefined(() => readlinkSync(path));
}

/** The sorted names in a folder. */
export function namesIfThere(folder: string): string[] {
  return orUndefined(() => readdirSync(folder).sort()) ?? [];
}

/** All processes that we see. */
export function processIds(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function orUndefined<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}
