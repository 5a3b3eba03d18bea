/**
 * One writer at a time. The lock is the kernel's (flock), so it ends with its holder however that ends; the
 * file's text only tells people who holds it.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { hasCode, NetloomError, reasonOf } from "../base/errors.ts";
import { lockDescriptor } from "../kernel/native.ts";
import { isMissing } from "./atomic-file.ts";

const ATTEMPTS = 1000;

export interface Lock extends Disposable {
  /** Let go; the file is removed. */
  release(): void;
}

/**
 * Take the lock at `path` or say who has it.
 * @param purpose what the holder does, for the message a second one gets: "apply pods.yaml"
 * @throws NetloomError locked
 */
export function takeLock(path: string, purpose: string): Lock {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const descriptor = openIfThere(path);
    // The folder went between the two: its last user tidied up.
    if (descriptor === undefined) continue;
    if (!lockDescriptor(descriptor)) {
      closeSync(descriptor);
      const holder = readFileSync(path, "utf8").trim();
      throw new NetloomError("locked", `${path}: held by ${holder === "" ? "another netloom" : holder}`, {
        hint: "Wait until it has finished, or use another folder with --state DIR.",
      });
    }
    // The holder before us removes the file as it lets go: then what we have locked is not the file any more.
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino) {
      tellHolder(descriptor, `process ${process.pid} (${purpose})\n`);
      const release = (): void => {
        // Its folder may have gone meanwhile, and another one may have come in its place.
        if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino) unlinkSync(path);
        closeSync(descriptor);
      };
      return { release, [Symbol.dispose]: release };
    }
    closeSync(descriptor);
  }
  throw new NetloomError("locked", `${path}: others take and remove it all the time`, { hint: "Try again." });
}

/** On a full disk the lock holds all the same, and `destroy` is what makes room. */
function tellHolder(descriptor: number, text: string): void {
  try {
    ftruncateSync(descriptor, 0);
    writeSync(descriptor, text);
  } catch (error) {
    if (!hasCode(error, "ENOSPC")) throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "a+", 0o600);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new NetloomError("no-state-folder", `take the lock ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: "Give another folder with --state DIR.",
    });
  }
}
