/**
 * One guest, watched. The connection to QEMU's monitor is the watch: it ends when QEMU ends, also for a guest
 * that an earlier keeper started, whose exit status nobody tells us. Its NICs come and go while it runs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { isAlive, type ProcessEnd, waitForEnd } from "../../kernel/process.ts";
import type { ServiceObject } from "../../state/object.ts";
import type { VmNic, VmObject } from "../../state/object/vm.ts";
import { differsOnlyInNics, keptNics } from "../../state/vm.ts";
import { boundFile } from "../keeper/bounded-file.ts";
import type { Service, ServiceReport } from "../service.ts";
import { describeNics, VmFolder, type VmEnd, type VmNote } from "./folder.ts";
import { GuestNics } from "./guest-nics.ts";
import { chooseAccelerator, kvmCacheFile } from "./kvm.ts";
import { QmpClient } from "./qmp-client.ts";
import { adoptVm, findVmProcess, type RunningVm, startVm, stopVm } from "./start.ts";

/** SeaBIOS, finding that it was not started by power-on, resets once more: that is part of the same reboot. */
const SAME_REBOOT_MILLISECONDS = 500;
/** How often a guest's QEMU is asked whether it is well. */
const LOOK_MILLISECONDS = 5000;
const MAXIMUM_LOG_BYTES = 8 * 1024 * 1024;
/** How long a console that overflowed is spoken of. */
const FLOOD_MILLISECONDS = 60_000;

export class VmService implements Service {
  #object: VmObject;
  readonly #stateFolder: string;
  readonly #folder: VmFolder;
  readonly #log: Logger;
  #phase: "idle" | "starting" | "running" | "stopping" = "idle";
  #note: VmNote | undefined;
  #qmp: QmpClient | undefined;
  #reboots = 0;
  #lastRebootAt = Number.NEGATIVE_INFINITY;
  /** Data of QEMU's SHUTDOWN event, which comes before every orderly end. */
  #shutdownReason: string | undefined;
  #stopAsked = false;
  #trouble: string | undefined;
  /** Its process runs, but could not be taken up. */
  #lost = false;
  /** What is wrong with it as QEMU tells, or that QEMU tells nothing. */
  #condition: string | undefined;
  #look: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #overflows = 0;
  #overflowedAt = Number.NEGATIVE_INFINITY;
  readonly #nics: GuestNics;
  #watch: Promise<void> = Promise.resolve();
  #released = false;

  constructor(object: VmObject, stateFolder: string, log: Logger) {
    this.#object = object;
    this.#stateFolder = stateFolder;
    this.#folder = new VmFolder(stateFolder, object.name);
    this.#log = log;
    this.#nics = new GuestNics({
      machine: () => (this.#phase === "running" ? this.#note?.machine : undefined),
      note: (nics) => this.#noteNics(nics),
      monitor: () => this.#monitor(),
      log,
    });
  }

  get object(): VmObject {
    return this.#object;
  }

  async start(): Promise<void> {
    await this.#look;
    if (this.#phase !== "running") await this.#startOrTakeUp();
    await this.#nics.bring(this.#object.nics);
  }

  async resume(): Promise<void> {
    if (!this.#lost) this.#phase = "starting";
    try {
      const found = await adoptVm(this.#object, this.#folder, this.#events());
      this.#lost = false;
      if (found !== undefined) return this.#follow(found, "taken up");
      this.#phase = "idle";
      this.#note = this.#folder.takeNote();
      if (this.#note === undefined) this.#trouble = "it never started";
      else if (this.#note.end === undefined)
        this.#end({ state: "killed", reason: `it ended while nobody watched${this.#complaint()}` });
    } catch (error) {
      const reason = messageOf(error);
      if (!this.#lost) this.#log.error("cannot take up a guest", { vm: this.#object.name, reason });
      this.#phase = "idle";
      this.#lost = true;
      this.#trouble = reason;
    }
  }

  async change(goal: ServiceObject): Promise<boolean> {
    await this.#look;
    if (goal.kind !== "vm" || !differsOnlyInNics(this.#object, goal)) return false;
    await this.#nics.remove(goal.nics);
    this.#object = goal;
    return true;
  }

  tend(): void {
    if (this.#phase === "idle" && !this.#lost) return;
    if (boundFile(this.#folder.file("consoleLog"), MAXIMUM_LOG_BYTES)) {
      this.#overflows++;
      this.#overflowedAt = performance.now();
    }
    boundFile(this.#folder.file("qemuLog"), MAXIMUM_LOG_BYTES);
    if (this.#look !== undefined || performance.now() < this.#lookedAt + LOOK_MILLISECONDS) return;
    this.#look = this.#lookAfter().finally(() => {
      this.#lookedAt = performance.now();
      this.#look = undefined;
    });
  }

  /** End the guest; its folder with the logs stays. @param powerdownSeconds see {@link stopVm} */
  async halt(powerdownSeconds: number): Promise<void> {
    await this.#look;
    const process =
      this.#note !== undefined && isAlive(this.#note.process) ? this.#note.process : findVmProcess(this.#folder);
    if (process === undefined) return;
    const before = this.#phase;
    this.#phase = "stopping";
    this.#stopAsked = true;
    try {
      const means = await stopVm(process, this.#qmp, powerdownSeconds);
      this.#log.info("guest stopped", { vm: this.#object.name, means });
    } catch (error) {
      this.#phase = before;
      this.#stopAsked = false;
      throw error;
    }
    await this.#watch;
    this.#phase = "idle";
    this.#lost = false;
    if (this.#note?.end === undefined) this.#end(this.#explain({}));
  }

  async stop(): Promise<void> {
    await this.halt(0);
    this.#folder.remove();
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#qmp?.close();
    await this.#look;
    await this.#watch;
  }

  report(): ServiceReport {
    const note = this.#note;
    const details = {
      reboots: this.#reboots,
      ...(note === undefined
        ? {}
        : {
            pid: note.process.pid,
            accelerator: note.accelerator,
            acceleratorReason: note.acceleratorReason,
            startedAt: note.startedAt,
            nics: describeNics(note.machine.nics),
          }),
      ...(this.#overflows === 0 ? {} : { consoleOverflows: this.#overflows }),
      ...(note?.end === undefined ? {} : withoutReason(note.end)),
    };
    if (this.#phase !== "idle") {
      const reason = this.#trouble ?? this.#condition ?? this.#lack() ?? this.#flood();
      return { state: this.#phase, ...(reason === undefined ? {} : { reason }), details };
    }
    if (note?.end !== undefined) return { state: note.end.state, reason: note.end.reason, details };
    return { state: "failed", reason: this.#trouble ?? "it was not started yet", details };
  }

  async #startOrTakeUp(): Promise<void> {
    this.#phase = "starting";
    this.#forget();
    try {
      const found = await adoptVm(this.#object, this.#folder, this.#events());
      if (found !== undefined) return this.#follow(found, "taken up");
      const choice = await chooseAccelerator(this.#object.accelerator, kvmCacheFile(this.#stateFolder));
      this.#follow(await startVm(this.#object, this.#folder, choice, this.#events()), "started");
    } catch (error) {
      this.#phase = "idle";
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  #monitor(): QmpClient {
    if (this.#qmp?.isOpen === true) return this.#qmp;
    throw new NetloomError("vm-unresponsive", "its QEMU does not answer");
  }

  #noteNics(nics: readonly VmNic[]): void {
    if (this.#note === undefined) return;
    this.#note = { ...this.#note, machine: { ...this.#note.machine, nics } };
    this.#folder.writeNote(this.#note);
  }

  /** Never rejects. */
  async #lookAfter(): Promise<void> {
    if (this.#phase === "idle") return this.resume();
    if (this.#phase !== "running" || this.#qmp?.isOpen !== true) return;
    try {
      const answer = await this.#qmp.execute("query-status");
      const status = typeof answer === "object" && answer !== null && "status" in answer ? answer.status : "unknown";
      this.#condition = status === "running" ? undefined : `QEMU says that it is not running: ${String(status)}`;
    } catch (error) {
      if (this.#condition === undefined)
        this.#log.warn("guest does not answer", { vm: this.#object.name, reason: messageOf(error) });
      this.#condition = `its QEMU hangs: ${messageOf(error)}`;
    }
  }

  #lack(): string | undefined {
    const kept = keptNics(this.#object.nics, this.#nics.present());
    const lacking = this.#object.nics.filter((nic) => this.#phase === "running" && !kept.includes(nic));
    if (lacking.length === 0) return undefined;
    return `without ${lacking.map((nic) => `NIC ${nic.id} (${nic.tapName})`).join(" and ")}`;
  }

  #flood(): string | undefined {
    if (performance.now() > this.#overflowedAt + FLOOD_MILLISECONDS) return undefined;
    return `it floods its console: only the last ${MAXIMUM_LOG_BYTES / 1024 / 1024} MiB are kept`;
  }

  #forget(): void {
    this.#lost = false;
    this.#condition = undefined;
    this.#reboots = 0;
    this.#shutdownReason = undefined;
    this.#stopAsked = false;
    this.#trouble = undefined;
    this.#note = undefined;
  }

  #events() {
    return {
      onEvent: (event: string, data: Readonly<Record<string, unknown>>): void => {
        if (event === "SHUTDOWN")
          this.#shutdownReason = typeof data["reason"] === "string" ? data["reason"] : "unknown";
        else if (event === "RESET" && data["guest"] === true) {
          if (performance.now() - this.#lastRebootAt < SAME_REBOOT_MILLISECONDS) return;
          this.#lastRebootAt = performance.now();
          this.#reboots++;
        } else if (event === "DEVICE_DELETED") return this.#nics.went(String(data["device"]));
        else if (event !== "GUEST_PANICKED") return;
        this.#log.info("guest event", { vm: this.#object.name, event, data });
      },
    };
  }

  #follow(running: RunningVm, how: string): void {
    this.#note = running.note;
    this.#qmp = running.qmp;
    this.#phase = "running";
    this.#trouble = undefined;
    this.#log.info(`guest ${how}`, {
      vm: this.#object.name,
      pid: running.note.process.pid,
      accelerator: running.note.acceleratorReason,
    });
    if (running.withoutScope !== undefined)
      this.#log.warn("guest without a scope of its own: killing the service's whole control group ends it", {
        vm: this.#object.name,
        reason: running.withoutScope,
      });
    this.#watch = this.#watchOver(running).catch((error: unknown) => {
      this.#trouble = `it is not watched any more: ${messageOf(error)}`;
      this.#log.error("watch of a guest failed", { vm: this.#object.name, reason: messageOf(error) });
    });
  }

  async #watchOver(running: RunningVm): Promise<void> {
    const { process } = running.note;
    let reason = await running.qmp.closed;
    while (!this.#released && !(await waitForEnd(process, 1000))) {
      // QEMU lives: the connection was lost, or somebody hangs on its monitor.
      this.#trouble = `process ${process.pid} runs but does not answer on QMP: ${reason}`;
      this.#log.warn("guest does not answer", { vm: this.#object.name, reason });
      try {
        this.#qmp = await QmpClient.open(this.#folder.file("qmpSocket"), 5000, this.#events());
        this.#trouble = undefined;
        reason = await this.#qmp.closed;
      } catch (error) {
        if (!(error instanceof NetloomError)) throw error;
        reason = error.message;
        await sleep(1000);
      }
    }
    if (this.#released) return;
    // Our own child's status comes by the event loop shortly after its entry in /proc turned into a zombie.
    const end: ProcessEnd = running.ended === undefined ? {} : await running.ended;
    this.#trouble = undefined;
    if (!this.#stopAsked) this.#phase = "idle";
    this.#end(this.#explain(end));
  }

  #explain(end: ProcessEnd): Omit<VmEnd, "endedAt"> {
    if (this.#stopAsked) return { state: "stopped", reason: "it was told to stop", ...end };
    const orderly = this.#shutdownReason;
    if (orderly === "guest-shutdown") return { state: "exited", reason: "the guest shut itself down", ...end };
    if (orderly === "guest-panic") return { state: "exited", reason: "the guest's kernel panicked", ...end };
    if (end.signal !== undefined)
      return { state: "killed", reason: `QEMU was killed by ${end.signal}${this.#complaint()}`, ...end };
    if (orderly !== undefined)
      return { state: "exited", reason: `QEMU ended (${orderly})${this.#complaint()}`, ...end };
    if (end.exitCode !== undefined)
      return { state: "exited", reason: `QEMU ended with code ${end.exitCode}${this.#complaint()}`, ...end };
    return { state: "killed", reason: `QEMU was killed or crashed${this.#complaint()}` };
  }

  #end(end: Omit<VmEnd, "endedAt">): void {
    if (this.#note === undefined) return;
    this.#note = { ...this.#note, end: { ...end, endedAt: Date.now() } };
    this.#folder.writeNote(this.#note);
    const { state, reason } = end;
    this.#log[state === "killed" ? "error" : "info"]("guest ended", { vm: this.#object.name, state, reason });
  }

  #complaint(): string {
    const lines = this.#folder.tailOf("qemuLog", 2);
    return lines === "" ? "" : `: ${lines.replaceAll("\n", "; ")}`;
  }
}

function withoutReason(end: VmEnd): Omit<VmEnd, "state" | "reason"> {
  const { state: _state, reason: _reason, ...rest } = end;
  return rest;
}
