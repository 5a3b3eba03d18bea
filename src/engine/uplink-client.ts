/** The DHCP client of an uplink, of either family, as one of the keeper's services. */
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { linkStateOf } from "../kernel/read-interface.ts";
import type { Service, ServiceReport } from "../services/service.ts";
import { nameOf } from "../state/object.ts";
import type { Dhcp6ClientObject, DhcpClientObject } from "../state/object/lease-client.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import type { HeldLease, UplinkFamily } from "./uplink-families.ts";

const FIRST_RETRY_MILLISECONDS = 2000;
const LONGEST_RETRY_MILLISECONDS = 60_000;

export interface UplinkClientOptions {
  readonly stateFolder: string;
  /** What the lease says, and files are compiled from, is other than before. */
  readonly onChange: (interfaceName: string) => void;
  readonly logger: Logger;
}

export class UplinkClient<Object extends DhcpClientObject | Dhcp6ClientObject, Lease> implements Service {
  readonly object: Object;
  readonly #family: UplinkFamily<Object, Lease>;
  readonly #options: UplinkClientOptions;
  #running: { readonly session: HeldLease<Lease>; readonly lock: Lock } | undefined;
  #trouble: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMilliseconds = FIRST_RETRY_MILLISECONDS;
  /** Ends once a lease that could not be applied is given back. */
  #givingUp: Promise<void> = Promise.resolve();
  /** What files were compiled from. */
  #told: string | undefined;

  constructor(object: Object, family: UplinkFamily<Object, Lease>, options: UplinkClientOptions) {
    this.object = object;
    this.#family = family;
    this.#options = options;
  }

  /** Also begins anew on an interface that took the place of another one. After a lease that could not be applied it waits. */
  async start(): Promise<void> {
    if (this.#retry !== undefined) return;
    await this.#givingUp;
    try {
      if (this.#running !== undefined) {
        const link = await linkStateOf(this.object.interfaceName);
        if (link?.index === this.#running.session.interfaceIndex) return;
        await this.#end((session) => session.letGo());
      }
      await this.#begin();
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  async resume(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      this.#options.logger.error("does not start", { service: nameOf(this.object), reason: messageOf(error) });
    }
  }

  async stop(): Promise<void> {
    this.#forgetRetry();
    await this.#givingUp;
    await this.#end((session) => session.giveBack());
  }

  /** The address stays: the kernel takes it away when the lease ends, unless another keeper goes on with it. */
  async release(): Promise<void> {
    this.#forgetRetry();
    await this.#givingUp;
    await this.#end((session) => session.letGo());
  }

  report(): ServiceReport {
    const details = { interface: this.object.interfaceName };
    if (this.#running === undefined)
      return { state: "failed", reason: this.#trouble ?? "it was not started yet", details };
    const { state, lease, nextAttempt } = this.#running.session;
    const next = nextAttempt === undefined ? undefined : new Date(nextAttempt).toISOString();
    if (state === "ipv6-only")
      return {
        state: "running",
        reason: `the network does without IPv4${next === undefined ? "" : `: asked again ${next}`}`,
        details: { ...details, client: state },
      };
    if (lease === undefined)
      return {
        state: "starting",
        reason: state === "stopped" ? "the link has no carrier" : "no lease yet",
        details: { ...details, client: state },
      };
    const renewal = next === undefined ? {} : { renewal: next };
    return {
      state: "running",
      ...(this.#trouble === undefined ? {} : { reason: this.#trouble }),
      details: { ...details, client: state, ...this.#family.details(lease), ...renewal },
    };
  }

  /** What hung on the lease could not be brought up to it; undefined: it was. */
  setTrouble(trouble: string | undefined): void {
    if (this.#running !== undefined) this.#trouble = trouble;
  }

  async #begin(): Promise<void> {
    const { stateFolder, logger } = this.#options;
    const lockPath = join(stateFolder, "locks", this.#family.unitName(this.object.interfaceName));
    const lock = takeLock(lockPath, nameOf(this.object));
    try {
      const session = await this.#family.open(this.object, stateFolder, logger, {
        onLease: (lease) => this.#onLease(lease),
        onLoss: () => this.#onChange([]),
        onFailure: (error) => this.#onFailure(error),
      });
      this.#running = { session, lock };
      logger.info("asks for a lease", { service: nameOf(this.object) });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async #end(how: (session: HeldLease<Lease>) => Promise<void>): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    try {
      await how(running.session);
    } finally {
      running.lock.release();
    }
  }

  #onLease(lease: Lease): void {
    this.#retryMilliseconds = FIRST_RETRY_MILLISECONDS;
    const { interfaceName } = this.object;
    this.#options.logger.info(`${this.#family.protocol} lease`, {
      interface: interfaceName,
      ...this.#family.summary(lease),
    });
    this.#onChange(this.#family.told(lease));
  }

  #onChange(told: unknown): void {
    const text = JSON.stringify(told);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onChange(this.object.interfaceName);
  }

  /** The lease is given back and asked for again later: what is in its way may be gone then. */
  #onFailure(error: unknown): void {
    const { logger } = this.#options;
    this.#trouble = messageOf(error);
    logger.error(`${this.#family.protocol} lease not applied`, {
      interface: this.object.interfaceName,
      reason: this.#trouble,
    });
    this.#givingUp = this.#giveUp();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.resume();
    }, this.#retryMilliseconds);
    this.#retryMilliseconds = Math.min(this.#retryMilliseconds * 2, LONGEST_RETRY_MILLISECONDS);
  }

  /** Never rejects. */
  async #giveUp(): Promise<void> {
    try {
      await this.#end((session) => session.giveBack());
    } catch (error) {
      this.#options.logger.error(`${this.#family.protocol} lease not given back`, { reason: messageOf(error) });
    }
  }

  #forgetRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}
