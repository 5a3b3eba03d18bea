/** Programs that are measured: started on a CPU of their own, what they cost, and their end. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { hasCode } from "../../src/base/errors.ts";

const STOP_MILLISECONDS = 30_000;

interface ProgramSettings {
  /** "0"; absent: any. */
  readonly cpu?: string;
  /** Whether it tells by its first word that it serves. */
  readonly tells?: boolean;
  /** How long its end is waited for, before it is killed. */
  readonly stopMilliseconds?: number;
}

/** What measures is not on the CPU of what is measured. */
export function moveTo(cpu: string): void {
  execFileSync("taskset", ["-acp", cpu, String(process.pid)], { stdio: "ignore" });
}

export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #stopMilliseconds: number;

  constructor(
    command: readonly string[],
    { cpu, tells = false, stopMilliseconds = STOP_MILLISECONDS }: ProgramSettings = {},
  ) {
    const [file = "", ...words] = cpu === undefined ? command : ["taskset", "-c", cpu, ...command];
    this.#child = spawn(file, words, { stdio: ["ignore", tells ? "pipe" : "ignore", "ignore"] });
    this.#stopMilliseconds = stopMilliseconds;
  }

  /** Of one that tells: until it does. @throws Error when it ends before */
  async served(): Promise<void> {
    const { stdout, spawnargs } = this.#child;
    if (stdout === null) throw new Error(`${spawnargs.join(" ")}: nobody listens to it`);
    const ended = once(this.#child, "exit").then(() => {
      throw new Error(`${spawnargs.join(" ")}: it has ended`);
    });
    await Promise.race([once(stdout, "data"), ended]);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Of all threads that there are, what the kernel did for them included; to the nanosecond. */
  cpuSeconds(): number {
    return this.#list("task")
      .map((thread) => Number(this.#read(`task/${thread}/schedstat`).split(" ")[0]) / 1e9)
      .reduce((sum, value) => sum + value, 0);
  }

  /** The same with threads that have ended, to the hundredth. */
  wholeCpuSeconds(): number {
    // utime and stime: fields 14 and 15 of proc(5).
    const [, , ...fields] = this.#read("stat").split(/\) |\s/);
    return fields.slice(11, 13).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
  }

  residentBytes(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(this.#read("status"))?.[1] ?? 0) * 1024;
  }

  descriptors(): number {
    return this.#list("fd").length;
  }

  threads(): number {
    return this.#list("task").length;
  }

  #list(folder: string): readonly string[] {
    return readdirSync(`/proc/${this.#child.pid}/${folder}`);
  }

  /** "" of a thread that ends meanwhile: what namespaces need is done by threads of a moment. */
  #read(name: string): string {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${name}`, "utf8");
    } catch (error) {
      if (name.startsWith("task/") && hasCode(error, "ENOENT", "ESRCH")) return "";
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill();
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), this.#stopMilliseconds);
    await once(this.#child, "exit");
    clearTimeout(impatience);
  }
}
