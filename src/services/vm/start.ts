/** Starting a machine's QEMU, finding one that runs already, and ending one. */
import { chmodSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { closeDescriptor, openNamespace, openTap } from "../../kernel/native.ts";
import {
  bootId,
  endProcess,
  findProcesses,
  isAlive,
  type ProcessEnd,
  type ProcessIdentity,
  startDetached,
  waitForEnd,
} from "../../kernel/process.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import type { VmObject } from "../../state/object.ts";
import { qemuArguments } from "./arguments.ts";
import type { VmFolder, VmNote } from "./folder.ts";
import type { AcceleratorChoice } from "./kvm.ts";
import { QmpClient, type QmpEvents } from "./qmp-client.ts";

const QEMU = "qemu-system-x86_64";
/** Generous: QEMU needs a second until it answers on a busy host, and many inside an emulated one. */
const START_MILLISECONDS = 60_000;
/** One that runs already answers at once, or hangs. */
const ADOPT_MILLISECONDS = 5000;

/** A running QEMU and the connection to it. */
export interface RunningVm {
  readonly note: VmNote;
  readonly qmp: QmpClient;
  /** How it ended; absent when somebody else is its parent. */
  readonly ended?: Promise<ProcessEnd>;
}

/**
 * Start the machine's QEMU inside its namespace and wait until it answers. On failure nothing of it is left
 * but its logs.
 * @throws NetloomError vm-start-failed with what QEMU complained of, tap-busy
 */
export async function startVm(
  machine: VmObject,
  folder: VmFolder,
  choice: AcceleratorChoice,
  events: QmpEvents,
): Promise<RunningVm> {
  folder.prepare();
  const taps = openTaps(machine);
  let started: Awaited<ReturnType<typeof startDetached>>;
  try {
    started = await startDetached({
      program: QEMU,
      arguments: qemuArguments(machine, {
        accelerator: choice.accelerator,
        pidFile: folder.file("pid"),
        firstTapDescriptor: 3,
      }),
      namespacePath: namespacePath(machine.namespace),
      workingFolder: folder.path,
      logFile: folder.file("qemuLog"),
      descriptors: taps,
    });
  } finally {
    taps.forEach(closeDescriptor);
  }
  const note: VmNote = {
    version: 1,
    bootId: bootId(),
    process: started.identity,
    accelerator: choice.accelerator,
    acceleratorReason: choice.reason,
    startedAt: Date.now(),
    machine,
  };
  try {
    folder.writeNote(note);
    const qmp = await connectWhileAlive(started.identity, folder, events, START_MILLISECONDS);
    for (const socket of [folder.file("qmpSocket"), folder.file("consoleSocket")]) chmodSync(socket, 0o600);
    return { note, qmp, ended: started.ended };
  } catch (cause) {
    await endProcess(started.identity, 1000);
    const complaint = folder.tailOf("qemuLog", 3);
    throw new NetloomError(
      "vm-start-failed",
      `start VM ${machine.name}: ${complaint === "" ? messageOf(cause) : complaint}`,
      {
        hint: hintFor(complaint),
        cause,
      },
    );
  }
}

/**
 * Take up the machine's QEMU that an earlier keeper started: by its note, or, when the keeper was killed before
 * it could write one, by its command line. Undefined when none runs. Believed only once it answers on QMP.
 * @throws NetloomError vm-unresponsive when its process is there and does not answer
 */
export async function adoptVm(machine: VmObject, folder: VmFolder, events: QmpEvents): Promise<RunningVm | undefined> {
  const process = findVmProcess(folder);
  if (process === undefined) return undefined;
  let qmp: QmpClient;
  try {
    qmp = await connectWhileAlive(process, folder, events, ADOPT_MILLISECONDS);
  } catch (cause) {
    if (!isAlive(process)) return undefined;
    throw new NetloomError(
      "vm-unresponsive",
      `take up VM ${folder.name}: process ${process.pid} runs but does not answer: ${messageOf(cause)}`,
      { cause },
    );
  }
  const noted = folder.readNote();
  if (noted !== undefined && noted.process.pid === process.pid) return { note: noted, qmp };
  const accelerator = (await hasKvm(qmp)) ? "kvm" : "tcg";
  const note: VmNote = {
    version: 1,
    bootId: bootId(),
    process,
    accelerator,
    acceleratorReason: `${accelerator.toUpperCase()}: found running`,
    startedAt: Date.now(),
    machine,
  };
  folder.writeNote(note);
  return { note, qmp };
}

/** The machine's living QEMU process, connected to by nobody yet; undefined when there is none. */
export function findVmProcess(folder: VmFolder): ProcessIdentity | undefined {
  const note = folder.readNote();
  if (note !== undefined && note.bootId === bootId() && isAlive(note.process)) return note.process;
  const pidFile = folder.file("pid");
  return findProcesses((words) => {
    const at = words.indexOf("-pidfile");
    return at > 0 && words[at + 1] === pidFile && words.slice(0, at).some((word) => word.endsWith(QEMU));
  })[0];
}

/** How a machine was brought to its end. */
type StopMeans = "powerdown" | "quit" | "SIGTERM" | "SIGKILL";

/**
 * End a QEMU: by QMP, then SIGTERM, then SIGKILL, each with a bounded wait (2, 3 and 2 s).
 * @param qmp the connection to it; absent: signals only
 * @param powerdownSeconds ask the guest to shut down first and wait that long; 0: do not ask
 * @throws NetloomError kill-failed
 */
export async function stopVm(
  process: ProcessIdentity,
  qmp: QmpClient | undefined,
  powerdownSeconds: number,
): Promise<StopMeans> {
  if (qmp?.isOpen === true) {
    if (powerdownSeconds > 0 && (await commandEnds(process, qmp, "system_powerdown", powerdownSeconds * 1000)))
      return "powerdown";
    if (await commandEnds(process, qmp, "quit", 2000)) return "quit";
  }
  return (await endProcess(process, 3000)) ?? "quit";
}

async function commandEnds(
  process: ProcessIdentity,
  qmp: QmpClient,
  command: string,
  timeoutMilliseconds: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMilliseconds;
  try {
    await qmp.execute(command, {}, Math.min(2000, timeoutMilliseconds));
  } catch (error) {
    // QEMU may close the connection before its answer is out; whether it ends is what counts.
    if (!(error instanceof NetloomError)) throw error;
  }
  return waitForEnd(process, deadline - performance.now());
}

async function connectWhileAlive(
  process: ProcessIdentity,
  folder: VmFolder,
  events: QmpEvents,
  limitMilliseconds: number,
): Promise<QmpClient> {
  const deadline = performance.now() + limitMilliseconds;
  for (;;) {
    try {
      return await QmpClient.open(folder.file("qmpSocket"), 5000, events);
    } catch (error) {
      if (!isAlive(process)) throw new NetloomError("vm-ended", `QEMU of ${folder.name} ended`, { cause: error });
      if (performance.now() >= deadline) throw error;
    }
    await sleep(20);
  }
}

async function hasKvm(qmp: QmpClient): Promise<boolean> {
  const answer = await qmp.execute("query-kvm");
  return typeof answer === "object" && answer !== null && "enabled" in answer && answer.enabled === true;
}

function openTaps(machine: VmObject): number[] {
  const taps: number[] = [];
  const namespace = openNamespace(namespacePath(machine.namespace));
  try {
    for (const nic of machine.nics) {
      try {
        taps.push(
          openTap({
            ...(namespace === undefined ? {} : { namespace }),
            name: nic.tapName,
            mode: "tap",
            vnetHeader: true,
          }),
        );
      } catch (cause) {
        throw new NetloomError("tap-busy", `plug VM ${machine.name} into ${nic.tapName}: ${messageOf(cause)}`, {
          cause,
        });
      }
    }
    return taps;
  } catch (error) {
    taps.forEach(closeDescriptor);
    throw error;
  } finally {
    closeDescriptor(namespace);
  }
}

function hintFor(complaint: string): string {
  if (complaint.includes("failed to execute qemu")) return "Install it: apt-get install qemu-system-x86";
  return "The machine's own folder holds QEMU's whole log, qemu.log.";
}
