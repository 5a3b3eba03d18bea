/**
 * The folder of one machine, STATE/vm/NAME, for its owner only:
 *
 *   qmp.sock console.sock    QEMU's sockets
 *   console.lock             held by whoever is attached to the console
 *   console.log qemu.log     what the guest wrote on its serial port; what QEMU itself complained of
 *   pid                      QEMU's own, locked by it
 *   machine.json             what was started, for whoever takes the guest up again
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import type { ProcessIdentity } from "../../kernel/process.ts";
import type { VmNic, VmObject } from "../../state/object/vm.ts";
import { isMissing, readTextIfExists, setFileAside, writeAtomic } from "../../store/atomic-file.ts";
import { printable } from "./printable.ts";

export const VM_FILES = {
  qmpSocket: "qmp.sock",
  consoleSocket: "console.sock",
  consoleLock: "console.lock",
  consoleLog: "console.log",
  qemuLog: "qemu.log",
  pid: "pid",
  note: "machine.json",
} as const;

/** How a guest came to its end. */
export interface VmEnd {
  /** stopped: by us; exited: by itself; killed: by a signal or a crash. */
  readonly state: "stopped" | "exited" | "killed";
  /** For people. */
  readonly reason: string;
  readonly exitCode?: number;
  readonly signal?: string;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}

/** What is noted of a started guest. */
export interface VmNote {
  readonly version: 1;
  /** What is known of the process is void after another boot. */
  readonly bootId: string;
  readonly process: ProcessIdentity;
  readonly accelerator: "kvm" | "tcg";
  /** Why that accelerator, for people. */
  readonly acceleratorReason: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** With the NICs that may be plugged: one that comes is noted before it is plugged, one that goes after it went. */
  readonly machine: VmObject;
  /** Absent: as far as known it runs. */
  readonly end?: VmEnd;
}

/** What reports show of a guest's NICs. */
export function describeNics(nics: readonly VmNic[]): Pick<VmNic, "id" | "tapName" | "macAddress" | "queues">[] {
  return nics.map(({ id, tapName, macAddress, queues = 1 }) => ({ id, tapName, macAddress, queues }));
}

export class VmFolder {
  readonly name: string;
  readonly path: string;

  constructor(stateFolder: string, name: string) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) {
      throw new NetloomError(
        "bad-name",
        `VM ${JSON.stringify(name)}: a name has 1 to 64 letters, digits, "_", "-" and "." and starts with none of the last two`,
      );
    }
    this.name = name;
    this.path = join(stateFolder, "vm", name);
  }

  /** Names of all machines that the state folder knows, sorted. */
  static list(stateFolder: string): string[] {
    try {
      return readdirSync(join(stateFolder, "vm")).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  file(which: keyof typeof VM_FILES): string {
    return join(this.path, VM_FILES[which]);
  }

  /** Make the folder, and set the logs of an earlier run aside as NAME.log.1. */
  prepare(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    for (const log of [this.file("consoleLog"), this.file("qemuLog")]) {
      try {
        renameSync(log, `${log}.1`);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
  }

  writeNote(note: VmNote): void {
    writeAtomic(this.file("note"), JSON.stringify(note));
  }

  /** @throws NetloomError corrupt-store */
  readNote(): VmNote | undefined {
    const text = readTextIfExists(this.file("note"));
    if (text === undefined) return undefined;
    try {
      const note: VmNote = JSON.parse(text);
      if (note.version === 1) return note;
    } catch (cause) {
      throw new NetloomError("corrupt-store", `read ${this.file("note")}: it is not JSON`, { cause });
    }
    throw new NetloomError("corrupt-store", `read ${this.file("note")}: it is not of version 1`);
  }

  /** As {@link readNote}; a note that cannot be read is set aside and counts as none: its QEMU tells the same again. */
  takeNote(): VmNote | undefined {
    try {
      return this.readNote();
    } catch (error) {
      if (!(error instanceof NetloomError && error.code === "corrupt-store")) throw error;
      setFileAside(this.file("note"));
      return undefined;
    }
  }

  /** The end of one of the logs, without control characters; "" when there is none. */
  tailOf(which: "consoleLog" | "qemuLog", lines: number): string {
    const text = readTextIfExists(this.file(which)) ?? "";
    return printable(text).trimEnd().split("\n").slice(-lines).join("\n").slice(-2000);
  }

  /** Forget the machine. Its QEMU must have ended. The last one takes the folder of all machines along. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    const all = dirname(this.path);
    if (existsSync(all) && readdirSync(all).length === 0) rmdirSync(all);
  }
}
