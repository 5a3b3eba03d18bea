/** Talks to the keeper of a state folder. */
import type { Socket } from "node:net";
import { codeOf, messageOf, NetloomError } from "../../base/errors.ts";
import { ask } from "../../kernel/http.ts";
import { identityOf, waitForEnd } from "../../kernel/process.ts";
import { connectUnixSocket } from "../../kernel/unix-socket.ts";
import type { ServiceObject } from "../../state/object.ts";
import type { RememberedAnswer } from "../dns-operations.ts";
import {
  type DnsCacheRequest,
  type DnsFlushed,
  type DnsFlushRequest,
  type KeeperStatus,
  keeperSocket,
} from "./protocol.ts";

export class KeeperClient {
  readonly stateFolder: string;

  constructor(stateFolder: string) {
    this.stateFolder = stateFolder;
  }

  /** @throws NetloomError keeper-not-running, keeper-gone (it ended meanwhile), keeper-failed */
  async status(): Promise<KeeperStatus> {
    return (await this.#ask("GET", "/status", undefined, 5000)) as KeeperStatus;
  }

  /** Like {@link status}; undefined when no keeper runs. */
  async statusIfRunning(): Promise<KeeperStatus | undefined> {
    try {
      return await this.status();
    } catch (error) {
      if (error instanceof NetloomError && ["keeper-not-running", "keeper-gone"].includes(error.code)) return undefined;
      throw error;
    }
  }

  /**
   * Make exactly these services run for the unit; resolves once they do.
   * @param options.start false: only end what is not listed or has changed
   * @throws NetloomError keeper-not-running, or of the service that did not start
   */
  async putServices(
    unit: string,
    services: readonly ServiceObject[],
    options: { start?: boolean } = {},
  ): Promise<KeeperStatus> {
    return (await this.#ask("PUT", "/services", { unit, services, ...options }, 180_000)) as KeeperStatus;
  }

  /** Start one guest again, as `vm run`. @throws NetloomError keeper-not-running, no-such-vm, or why it does not start */
  async runVm(name: string): Promise<KeeperStatus> {
    return (await this.#ask("POST", "/vm/run", { name }, 180_000)) as KeeperStatus;
  }

  /** End one guest, as `vm stop`. @throws NetloomError keeper-not-running, no-such-vm, kill-failed */
  async stopVm(name: string, powerdownSeconds: number): Promise<KeeperStatus> {
    const limit = 30_000 + powerdownSeconds * 1000;
    return (await this.#ask("POST", "/vm/stop", { name, powerdownSeconds }, limit)) as KeeperStatus;
  }

  /** @throws NetloomError keeper-not-running, no-such-network */
  async dnsCache(request: DnsCacheRequest): Promise<readonly RememberedAnswer[]> {
    return (await this.#ask("POST", "/dns/cache", request, 30_000)) as readonly RememberedAnswer[];
  }

  /** @throws NetloomError keeper-not-running, no-such-network */
  async dnsFlush(request: DnsFlushRequest): Promise<DnsFlushed> {
    return (await this.#ask("POST", "/dns/flush", request, 5000)) as DnsFlushed;
  }

  /** End all services and the keeper itself; resolves once its process has ended. @throws NetloomError keeper-not-running */
  async stop(): Promise<void> {
    const { pid } = await this.status();
    const keeper = identityOf(pid);
    await this.#ask("POST", "/stop", undefined, 180_000);
    if (keeper !== undefined && !(await waitForEnd(keeper, 10_000))) {
      throw new NetloomError("keeper-failed", `stop the keeper of ${this.stateFolder}: process ${pid} does not end`);
    }
  }

  /** End the keeper, but none of its guests; resolves once its process has ended. @throws NetloomError keeper-not-running, daemon-runs */
  async release(): Promise<void> {
    const { pid } = await this.status();
    const keeper = identityOf(pid);
    await this.#ask("POST", "/release", undefined, 5000);
    if (keeper !== undefined && !(await waitForEnd(keeper, 10_000))) {
      throw new NetloomError(
        "keeper-failed",
        `take over from the keeper of ${this.stateFolder}: process ${pid} does not end`,
      );
    }
  }

  async #ask(method: string, path: string, body: unknown, timeoutMilliseconds: number): Promise<unknown> {
    const socket = await this.#connect();
    try {
      const response = await ask(socket, {
        method,
        path,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMilliseconds),
      });
      response.setEncoding("utf8");
      let text = "";
      for await (const piece of response) text += String(piece);
      return unwrap(JSON.parse(text));
    } catch (cause) {
      if (cause instanceof NetloomError) throw cause;
      throw new NetloomError(
        codeOf(cause) === "ECONNRESET" || codeOf(cause) === "EPIPE" ? "keeper-gone" : "keeper-failed",
        `${method} ${path} of the keeper of ${this.stateFolder}: ${messageOf(cause)}`,
        { cause },
      );
    } finally {
      socket.destroy();
    }
  }

  async #connect(): Promise<Socket> {
    try {
      return await connectUnixSocket(keeperSocket(this.stateFolder));
    } catch (cause) {
      const code = codeOf(cause);
      const absent = code === "ENOENT" || code === "ECONNREFUSED";
      throw new NetloomError(
        absent ? "keeper-not-running" : "keeper-failed",
        `keeper of ${this.stateFolder}: ${absent ? "it does not run" : messageOf(cause)}`,
        { cause, ...(absent ? { hint: "netloom apply FILE starts it." } : {}) },
      );
    }
  }
}

function unwrap(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return answer;
  const error = answer.error as { code: string; message: string; hint?: string };
  throw new NetloomError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}
