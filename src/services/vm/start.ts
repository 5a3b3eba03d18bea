/** Starting a machine's QEMU, finding one that runs already, and ending one. */
import { chmodSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError, messageOf } from "../../base/errors.ts";
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
import { guestScopeWords } from "../../kernel/guest-scope.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import type { VmObject } from "../../state/object/vm.ts";
import { qemuArguments } from "./arguments.ts";
import type { VmFolder, VmNote } from "./folder.ts";
import { deleteNetdev, listPlugged } from "./hotplug.ts";
import type { AcceleratorChoice } from "./kvm.ts";
import { QmpClient, type QmpEvents } from "./qmp-client.ts";
import { closeTaps, openTaps } from "./taps.ts";
import { vmUuid } from "./uuid.ts";

const QEMU = "qemu-system-x86_64";
/** Of those that a child gets besides standard input, output and error. */
const FIRST_DESCRIPTOR = 3;
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
  /** Why it has no scope of its own among systemd's units, though we are one of them. */
  readonly withoutScope?: string;
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
  const scope = guestScopeWords(`Virtual machine ${machine.name} of netloom`);
  if (scope.length === 0) return startBehind(scope, machine, folder, choice, events);
  try {
    return await startBehind(scope, machine, folder, choice, events);
  } catch (error) {
    if (!(error instanceof NetloomError) || error.code !== "vm-start-failed") throw error;
    // It may be the scope that failed. Whatever is wrong with QEMU itself is told once more.
    const running = await startBehind([], machine, folder, choice, events);
    return { ...running, withoutScope: error.message };
  }
}

async function startBehind(
  prefix: readonly string[],
  machine: VmObject,
  folder: VmFolder,
  choice: AcceleratorChoice,
  events: QmpEvents,
): Promise<RunningVm> {
  folder.prepare();
  const taps = await openTaps(machine, machine.nics);
  let next = FIRST_DESCRIPTOR;
  let started: Awaited<ReturnType<typeof startDetached>>;
  try {
    started = await startDetached({
      program: QEMU,
      arguments: qemuArguments(machine, {
        accelerator: choice.accelerator,
        pidFile: folder.file("pid"),
        uuid: vmUuid(folder.path),
        tapDescriptors: taps.map((queues) => queues.map(() => next++)),
      }),
      prefix,
      namespacePath: namespacePath(machine.namespace),
      workingFolder: folder.path,
      logFile: folder.file("qemuLog"),
      descriptors: taps.flat(),
    });
  } finally {
    closeTaps(taps);
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
      { ...hintFor(complaint), cause },
    );
  }
}

/**
 * Take up the machine's QEMU that an earlier keeper started: by its note, or, when the keeper was killed before
 * it could write one, by its command line. Undefined when none runs. Believed only once it answers on QMP, with
 * the machine's name and UUID; its NICs are those that it shows there.
 * @throws NetloomError vm-unresponsive when its process is there and does not answer, vm-foreign when another does
 */
export async function adoptVm(machine: VmObject, folder: VmFolder, events: QmpEvents): Promise<RunningVm | undefined> {
  const process = findVmProcess(folder);
  if (process === undefined) return undefined;
  let qmp: QmpClient | undefined;
  try {
    qmp = await connectWhileAlive(process, folder, events, ADOPT_MILLISECONDS);
    await checkIdentity(qmp, folder);
    const noted = folder.takeNote();
    const { nics: plugged } = await listPlugged(qmp);
    const known = noted !== undefined && noted.process.pid === process.pid ? noted : undefined;
    const note = known ?? (await freshNote(qmp, process, machine));
    // Of an unplugging that nobody finished: an open tap would be busy.
    for (const { id } of note.machine.nics) if (!plugged.has(id)) await deleteNetdev(qmp, id);
    const present = { ...note.machine, nics: note.machine.nics.filter((nic) => plugged.has(nic.id)) };
    const taken: VmNote = { ...note, machine: present };
    folder.writeNote(taken);
    return { note: taken, qmp };
  } catch (cause) {
    qmp?.close();
    if (!isAlive(process)) return undefined;
    if (cause instanceof NetloomError && cause.code === "vm-foreign") throw cause;
    throw new NetloomError(
      "vm-unresponsive",
      `take up VM ${folder.name}: process ${process.pid} runs but does not answer: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function freshNote(qmp: QmpClient, process: ProcessIdentity, machine: VmObject): Promise<VmNote> {
  const accelerator = (await hasKvm(qmp)) ? "kvm" : "tcg";
  return {
    version: 1,
    bootId: bootId(),
    process,
    accelerator,
    acceleratorReason: `${accelerator.toUpperCase()}: found running`,
    startedAt: Date.now(),
    machine,
  };
}

async function checkIdentity(qmp: QmpClient, folder: VmFolder): Promise<void> {
  const name = textIn(await qmp.execute("query-name"), "name");
  const uuid = textIn(await qmp.execute("query-uuid"), "UUID");
  if (name === folder.name && uuid === vmUuid(folder.path)) return;
  throw new NetloomError(
    "vm-foreign",
    `take up VM ${folder.name}: who answers at ${folder.file("qmpSocket")} is machine ${name} (${uuid})`,
  );
}

function textIn(answer: unknown, name: string): string {
  const value = typeof answer === "object" && answer !== null ? Reflect.get(answer, name) : undefined;
  return typeof value === "string" ? value : "unknown";
}

/** The machine's living QEMU process, connected to by nobody yet; undefined when there is none. */
export function findVmProcess(folder: VmFolder): ProcessIdentity | undefined {
  const note = folder.takeNote();
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

/** Its log may be gone when a person reads this: a start that fails is taken back, folder and all. */
function hintFor(complaint: string): { hint?: string } {
  return complaint.includes("failed to execute qemu") ? { hint: "Install it: apt-get install qemu-system-x86" } : {};
}
