/**
 * What a lease made of an interface, as a unit: changed by one thing after the other, kept as it is meanwhile, and left
 * alone once it is over.
 */
import { equalValues } from "../base/equal.ts";
import type { Logger } from "../base/logger.ts";
import type { Desired } from "../state/desired.ts";
import type { UnitStore } from "../store/unit.ts";
import { Healer } from "./heal.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";

/** No lease has a service. */
export const NO_SERVICES: ServiceHost = { converge: () => Promise.resolve() };

interface LeasedUnitOptions {
  readonly stateFolder: string;
  readonly unit: UnitStore;
  /** Of the record: where the unit comes from. */
  readonly source: string;
  readonly applied: Desired;
  readonly logger: Logger;
  /** Something could not be applied: nothing more is done. */
  readonly onFailure: (error: unknown) => void;
}

export class LeasedUnit {
  readonly #options: LeasedUnitOptions;
  readonly #healer: Healer;
  #applied: Desired;
  #turn: Promise<void> = Promise.resolve();
  #over = false;

  constructor(options: LeasedUnitOptions) {
    const { stateFolder, unit, applied, logger } = options;
    this.#options = options;
    this.#applied = applied;
    this.#healer = new Healer({
      stateFolder,
      services: NO_SERVICES,
      exclusively: (_, work) => this.#inTurn(work),
      report: ({ kind, ...fields }) => logger.info(kind, fields),
      log: logger,
    });
    this.#healer.add(unit.name);
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Once all that came before is done; not at all when it is over by then. */
  enqueue(work: () => Promise<void>): void {
    this.#inTurn(work).catch((error: unknown) => this.fail(error));
  }

  /** Only within a turn, or when it is over. @throws NetloomError as `reconcile` */
  async become(desired: Desired): Promise<Outcome["steps"]> {
    if (equalValues(this.#applied, desired)) return [];
    const { unit, source } = this.#options;
    const { steps } = await reconcile(unit, desired, { services: NO_SERVICES, source });
    this.#applied = desired;
    if (!this.#over) this.#healer.add(unit.name);
    return steps;
  }

  /** Nothing more is done. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.onFailure(error);
  }

  /** It is over; what was begun is finished. */
  async settle(): Promise<void> {
    this.#over = true;
    await this.#healer[Symbol.asyncDispose]();
    await this.#turn;
  }

  /** @returns false: it is over, and the work was not begun */
  async #inTurn(work: () => Promise<void>): Promise<boolean> {
    const earlier = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await earlier;
    try {
      if (this.#over) return false;
      await work();
      return true;
    } finally {
      resolve();
    }
  }
}
