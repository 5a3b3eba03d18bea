/** netloom's daemon with a state folder of its own, as a program that is measured. */
import { resolve } from "node:path";
import { DaemonClient } from "../../src/daemon/client.ts";
import { Program } from "./program.ts";

export class Daemon implements AsyncDisposable {
  readonly #state: string;
  readonly #cpu: string | undefined;
  #program: Program | undefined;

  /** @param cpu "0"; absent: any */
  constructor(state: string, cpu?: string) {
    this.#state = state;
    this.#cpu = cpu;
  }

  /** For the first time, or anew as after a boot. @returns milliseconds until it served */
  async start(): Promise<number> {
    await this[Symbol.asyncDispose]();
    const began = performance.now();
    const command = [resolve("bin/netloom"), "daemon", "--state", this.#state];
    this.#program = new Program(command, { tells: true, ...(this.#cpu === undefined ? {} : { cpu: this.#cpu }) });
    await this.#program.served();
    return performance.now() - began;
  }

  /** @throws Error before its start */
  get program(): Program {
    if (this.#program === undefined) throw new Error(`the daemon of ${this.#state} was not started`);
    return this.#program;
  }

  /** @throws Error when it does not run */
  async client(): Promise<DaemonClient> {
    const client = await DaemonClient.find(this.#state);
    if (client === undefined) throw new Error(`the daemon of ${this.#state} does not answer`);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }
}
