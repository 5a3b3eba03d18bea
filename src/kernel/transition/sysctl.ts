/** Kernel parameters as seen in a namespace. */
import { closeSync, constants, writeSync } from "node:fs";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { openFileInNamespace } from "../native.ts";

/**
 * `sysctl -w`. @param path relative to /proc/sys @param namespace an open descriptor
 * @throws NetloomError sysctl-failed
 */
export function writeSysctl(namespace: number, path: string, value: string): void {
  try {
    const descriptor = openFileInNamespace({ namespace, path: `/proc/sys/${path}`, flags: constants.O_WRONLY });
    try {
      writeSync(descriptor, `${value}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const parameter = path.replaceAll("/", ".");
    throw new NetloomError("sysctl-failed", `set ${parameter} to ${value}: ${messageOf(cause)}`, { cause });
  }
}
