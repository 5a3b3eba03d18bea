/** What guests of network files write on their consoles, where netloom keeps it by default. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/network.ts";

export const STATE = "/run/netloom";
/** A guest that boots in 2.5 s alone takes much longer on a busy machine. */
const PATIENCE_SECONDS = 120;

/** What it wrote so far. @param vm its name in the network file */
export function consoleOf(vm: string): string {
  const path = join(STATE, "vm", vm, "console.log");
  return existsSync(path) ? readFileSync(path, "utf8").replaceAll("\r", "") : "";
}

/** Wait until it has checked what it was told to. @returns what it wrote. @throws Error with what it wrote instead */
export async function guestIsDone(vm: string): Promise<string> {
  const wait = until(`${vm} is done`, () => consoleOf(vm).includes("GUEST done"), PATIENCE_SECONDS);
  await wait.catch((cause: unknown) => {
    throw new Error(`the console of ${vm}:\n${consoleOf(vm)}`, { cause });
  });
  return consoleOf(vm);
}
