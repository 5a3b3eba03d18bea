/**
 * The DHCP clients of a keeper's uplinks, and what hangs on their leases: files that follow one are compiled again
 * when it says something else.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { CreateDhcpClient } from "../services/keeper/create-service.ts";
import type { Keeper } from "../services/keeper/keeper.ts";
import type { Service } from "../services/service.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import type { StateObject } from "../state/object.ts";
import type { Dhcp6ClientObject, DhcpClientObject } from "../state/object/lease-client.ts";
import { knownUnits } from "./attachments.ts";
import { recompileFile } from "./file.ts";
import type { Outcome } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";
import { UplinkClient, type UplinkClientOptions } from "./uplink-client.ts";
import { UPLINK_DHCP4, UPLINK_DHCP6 } from "./uplink-families.ts";

const BUSY_MILLISECONDS = 250;

/** Whoever runs the keeper. */
export interface UplinkHost {
  readonly services: ServiceHost;
  /**
   * Do the work while nobody else changes the unit.
   * @returns false: somebody else does just now, and the work was not begun
   */
  readonly exclusively: (unit: string, work: () => Promise<void>) => Promise<boolean>;
  readonly onRecompiled?: (unit: string, steps: Outcome["steps"]) => void;
}

/** A keeper without a daemon: commands hold the folder's lock for as long as they change something. */
export function keeperHost(stateFolder: string, keeper: Keeper): UplinkHost {
  return {
    services: {
      converge: (unit, services, { start = true } = {}) => keeper.converge(unit, services, start, false),
    },
    async exclusively(unit, work) {
      const lock = takeLockIfFree(join(stateFolder, "lock"), `heal ${unit}`);
      if (lock === undefined) return false;
      try {
        await work();
        return true;
      } finally {
        lock.release();
      }
    },
  };
}

function takeLockIfFree(path: string, purpose: string): Lock | undefined {
  try {
    return takeLock(path, purpose);
  } catch (error) {
    if (error instanceof NetloomError && error.code === "locked") return undefined;
    throw error;
  }
}

/** Whoever tells of a lease, and is told whether files follow it. */
type Follower = Service & { setTrouble(trouble: string | undefined): void };

function isClient(object: StateObject): object is DhcpClientObject | Dhcp6ClientObject {
  return object.kind === "dhcp-client" || object.kind === "dhcp6-client";
}

export class UplinkClients implements Disposable {
  readonly #stateFolder: string;
  readonly #host = Promise.withResolvers<UplinkHost>();
  /** Units that wait for their turn to be compiled again. */
  readonly #waiting = new Set<string>();
  #closed = false;

  constructor(stateFolder: string) {
    this.#stateFolder = stateFolder;
  }

  readonly create: CreateDhcpClient = (object: DhcpClientObject | Dhcp6ClientObject, logger: Logger) => {
    const options: UplinkClientOptions = {
      stateFolder: this.#stateFolder,
      logger,
      onChange: (interfaceName) => void this.#follow(interfaceName, client, logger),
    };
    const client: Follower =
      object.kind === "dhcp-client"
        ? new UplinkClient(object, UPLINK_DHCP4, options)
        : new UplinkClient(object, UPLINK_DHCP6, options);
    return client;
  };

  /** From now on files can be compiled again; what waited for it is. */
  open(host: UplinkHost): void {
    this.#host.resolve(host);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
  }

  /** Never rejects. */
  async #follow(interfaceName: string, client: Follower, logger: Logger): Promise<void> {
    const host = await this.#host.promise;
    const units = knownUnits(this.#stateFolder).filter(({ desired }) =>
      desired.objects.some((object) => isClient(object) && object.interfaceName === interfaceName),
    );
    for (const { unit } of units) {
      if (this.#waiting.has(unit)) continue;
      this.#waiting.add(unit);
      try {
        while (!this.#closed && !(await host.exclusively(unit, () => this.#recompile(unit, host))))
          await sleep(BUSY_MILLISECONDS, undefined, { ref: false });
        client.setTrouble(undefined);
      } catch (error) {
        const reason = `${unit} does not follow the lease: ${messageOf(error)}`;
        client.setTrouble(reason);
        logger.error("file not brought up to the DHCP lease", { unit, reason: messageOf(error) });
      } finally {
        this.#waiting.delete(unit);
      }
    }
  }

  async #recompile(unit: string, { services, onRecompiled }: UplinkHost): Promise<void> {
    // A lease that changes from now on wants another look.
    this.#waiting.delete(unit);
    const outcome = await recompileFile(unit, this.#stateFolder, services);
    if (outcome !== undefined && outcome.steps.length > 0) onRecompiled?.(unit, outcome.steps);
  }
}
