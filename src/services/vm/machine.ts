/**
 * One guest, watched. The connection to QEMU's monitor is the watch: it ends when QEMU ends, also for a guest
 * that an earlier keeper started, whose exit status nobody tells us.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { isAlive, type ProcessEnd, waitForEnd } from "../../kernel/process.ts";
import type { VmObject } from "../../state/object.ts";
import type { Service, ServiceReport } from "../service.ts";
import { VmFolder, type VmEnd, type VmNote } from "./folder.ts";
import { chooseAccelerator, kvmCacheFile } from "./kvm.ts";
import { QmpClient } from "./qmp-client.ts";
import { adoptVm, findVmProcess, type RunningVm, startVm, stopVm } from "./start.ts";

/** SeaBIOS, finding that it was not started by power-on, resets once more: that is part of the same reboot. */
const SAME_REBOOT_MILLISECONDS = 500;

export class VmService implements Service {
  readonly object: VmObject;
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
  #watch: Promise<void> = Promise.resolve();
  #released = false;

  constructor(object: VmObject, stateFolder: string, log: Logger) {
    this.object = object;
    this.#stateFolder = stateFolder;
    this.#folder = new VmFolder(stateFolder, object.name);
    this.#log = log;
  }

  async start(): Promise<void> {
    if (this.#phase === "running") return;
    this.#phase = "starting";
    this.#forget();
    try {
      const found = await adoptVm(this.object, this.#folder, this.#events());
      if (found !== undefined) return this.#follow(found, "taken up");
      const choice = await chooseAccelerator(this.object.accelerator, kvmCacheFile(this.#stateFolder));
      this.#follow(await startVm(this.object, this.#folder, choice, this.#events()), "started");
    } catch (error) {
      this.#phase = "idle";
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  async resume(): Promise<void> {
    this.#phase = "starting";
    try {
      const found = await adoptVm(this.object, this.#folder, this.#events());
      if (found !== undefined) return this.#follow(found, "taken up");
      this.#phase = "idle";
      this.#note = this.#folder.readNote();
      if (this.#note === undefined) this.#trouble = "it never started";
      else if (this.#note.end === undefined)
        this.#end({ state: "killed", reason: `it ended while nobody watched${this.#complaint()}` });
    } catch (error) {
      this.#phase = "idle";
      this.#trouble = messageOf(error);
      this.#log.error("cannot take up a guest", { vm: this.object.name, reason: this.#trouble });
    }
  }

  /** End the guest; its folder with the logs stays. @param powerdownSeconds see {@link stopVm} */
  async halt(powerdownSeconds: number): Promise<void> {
    const process =
      this.#note !== undefined && isAlive(this.#note.process) ? this.#note.process : findVmProcess(this.#folder);
    if (process === undefined) return;
    const before = this.#phase;
    this.#phase = "stopping";
    this.#stopAsked = true;
    try {
      const means = await stopVm(process, this.#qmp, powerdownSeconds);
      this.#log.info("guest stopped", { vm: this.object.name, means });
    } catch (error) {
      this.#phase = before;
      this.#stopAsked = false;
      throw error;
    }
    await this.#watch;
    this.#phase = "idle";
    if (this.#note?.end === undefined) this.#end(this.#explain({}));
  }

  async stop(): Promise<void> {
    await this.halt(0);
    this.#folder.remove();
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#qmp?.close();
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
          }),
      ...(note?.end === undefined ? {} : withoutReason(note.end)),
    };
    if (this.#phase !== "idle")
      return { state: this.#phase, ...(this.#trouble === undefined ? {} : { reason: this.#trouble }), details };
    if (note?.end !== undefined) return { state: note.end.state, reason: note.end.reason, details };
    return { state: "failed", reason: this.#trouble ?? "it was not started yet", details };
  }

  #forget(): void {
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
        } else if (event !== "GUEST_PANICKED") return;
        this.#log.info("guest event", { vm: this.object.name, event, data });
      },
    };
  }

  #follow(running: RunningVm, how: string): void {
    this.#note = running.note;
    this.#qmp = running.qmp;
    this.#phase = "running";
    this.#log.info(`guest ${how}`, {
      vm: this.object.name,
      pid: running.note.process.pid,
      accelerator: running.note.acceleratorReason,
    });
    this.#watch = this.#watchOver(running).catch((error: unknown) => {
      this.#trouble = `it is not watched any more: ${messageOf(error)}`;
      this.#log.error("watch of a guest failed", { vm: this.object.name, reason: messageOf(error) });
    });
  }

  async #watchOver(running: RunningVm): Promise<void> {
    const { process } = running.note;
    let reason = await running.qmp.closed;
    while (!this.#released && !(await waitForEnd(process, 1000))) {
      // QEMU lives: the connection was lost, or somebody hangs on its monitor.
      this.#trouble = `process ${process.pid} runs but does not answer on QMP: ${reason}`;
      this.#log.warn("guest does not answer", { vm: this.object.name, reason });
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
    this.#log[state === "killed" ? "error" : "info"]("guest ended", { vm: this.object.name, state, reason });
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
