/** Guests when no keeper runs: what their folders and the process table tell, and stopping one all the same. */
import { NetloomError } from "../../base/errors.ts";
import { SILENT } from "../../base/logger.ts";
import { bootId, isAlive } from "../../kernel/process.ts";
import { isUnreadable } from "../../store/unit.ts";
import type { ServiceReport } from "../service.ts";
import { describeNics, VmFolder, type VmNote } from "./folder.ts";
import { VmService } from "./machine.ts";

export interface UnwatchedVm extends ServiceReport {
  readonly name: string;
}

/** All machines that the state folder knows, sorted by name. */
export function listUnwatchedVms(stateFolder: string): UnwatchedVm[] {
  return VmFolder.list(stateFolder).map((name) => {
    let note: VmNote | undefined;
    try {
      note = new VmFolder(stateFolder, name).readNote();
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return { name, state: "failed", reason: error.message, details: {} };
    }
    if (note === undefined) return { name, state: "failed", reason: "it never started", details: {} };
    const details = {
      pid: note.process.pid,
      accelerator: note.accelerator,
      acceleratorReason: note.acceleratorReason,
      startedAt: note.startedAt,
      nics: describeNics(note.machine.nics),
    };
    if (note.end !== undefined) return { name, state: note.end.state, reason: note.end.reason, details };
    if (note.bootId === bootId() && isAlive(note.process))
      return { name, state: "running", reason: "nobody watches it: the keeper does not run", details };
    return { name, state: "killed", reason: "it ended while nobody watched", details };
  });
}

/** @throws NetloomError no-such-vm, corrupt-store, kill-failed */
export async function stopUnwatchedVm(stateFolder: string, name: string, powerdownSeconds: number): Promise<void> {
  const note = VmFolder.list(stateFolder).includes(name) ? new VmFolder(stateFolder, name).readNote() : undefined;
  if (note === undefined)
    throw new NetloomError("no-such-vm", `stop VM ${name}: ${stateFolder} knows no machine of that name`, {
      hint: "netloom vm list shows them.",
    });
  const guest = new VmService(note.machine, stateFolder, SILENT);
  await guest.resume();
  await guest.halt(powerdownSeconds);
  await guest.release();
}
