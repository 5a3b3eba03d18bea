/** Kernel parameters as a namespace shows them. */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { hasCode } from "../../base/errors.ts";
import { deviceOf } from "../../planner/identity.ts";
import type { ObservedLink } from "../../state/snapshot.ts";
import { openFileInNamespace, SystemCallError } from "../native.ts";

/**
 * Values by path below /proc/sys, without the newline; a path that the kernel does not have is null.
 * @param namespace descriptor; undefined: our own
 * @param links that were observed there: parameters of other devices are not looked for
 * @throws SystemCallError or Error of open(2) for any other failure than a missing path
 */
export function observeSysctls(
  namespace: number | undefined,
  paths: readonly string[],
  links: readonly ObservedLink[],
): Record<string, string | null> {
  const names = new Set(links.map((link) => link.name));
  const isThere = (device: string | undefined): boolean => device === undefined || names.has(device);
  return Object.fromEntries(
    paths.map((path) => [path, isThere(deviceOf(path)) ? readSysctl(namespace, `/proc/sys/${path}`) : null]),
  );
}

function readSysctl(namespace: number | undefined, path: string): string | null {
  let descriptor: number;
  try {
    descriptor =
      namespace === undefined
        ? openSync(path, constants.O_RDONLY)
        : openFileInNamespace({ namespace, path, flags: constants.O_RDONLY });
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    return readFileSync(descriptor, "utf8").replace(/\n$/, "");
  } finally {
    closeSync(descriptor);
  }
}

function isMissing(error: unknown): boolean {
  if (error instanceof SystemCallError) return error.errnoName === "ENOENT";
  return hasCode(error, "ENOENT");
}
