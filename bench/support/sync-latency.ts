/** How long the disk takes to keep a little: what nothing that is durable can go below. */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const RECORD = Buffer.alloc(64, 1);

/** Milliseconds of appending to a file and syncing it, in order of size. */
export async function syncLatencies(
  folder: string,
  { perSecond, count }: { readonly perSecond: number; readonly count: number },
): Promise<readonly number[]> {
  const path = join(folder, "sync");
  const descriptor = openSync(path, "a");
  const times: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      writeSync(descriptor, RECORD);
      fdatasyncSync(descriptor);
      const taken = performance.now() - start;
      times.push(taken);
      await sleep(Math.max(0, 1000 / perSecond - taken));
    }
  } finally {
    closeSync(descriptor);
    unlinkSync(path);
  }
  return times.toSorted((a, b) => a - b);
}
