/** The daemon's work behind its API: changes in turn, healing in between, events of all of it. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { attach, detach } from "../engine/attach.ts";
import { ATTACHMENT, GUEST_RUN } from "../engine/attachments.ts";
import { bind, bindUnitName, unbind } from "../engine/bind.ts";
import { confirmUnits, undoUnconfirmed } from "../engine/confirm.ts";
import { applyFile, destroyFile, planFile, unitToConfirm } from "../engine/file.ts";
import { endGuest, isGuestRun, runGuest } from "../engine/guest-run.ts";
import { Healer } from "../engine/heal.ts";
import type { ServiceHost } from "../engine/service-host.ts";
import { reconcile } from "../engine/reconcile.ts";
import type { UplinkHost } from "../engine/uplink-clients.ts";
import { readStatus } from "../engine/status.ts";
import { summariesOf } from "../engine/summaries.ts";
import { flushAnswers, rememberedAnswers } from "../services/dns-operations.ts";
import type { RunningKeeper } from "../services/keeper/run.ts";
import { EMPTY } from "../state/desired.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import { Confirmations } from "./confirmations.ts";
import { type DaemonEvent, EventRing } from "./events.ts";
import { guestsOf } from "./guests.ts";
import { IdleMemory } from "./memory.ts";
import { Metrics } from "./metrics.ts";
import { ChangeQueue } from "./queue.ts";
import type { Handlers } from "./server.ts";
import { UnitsWatch } from "./units.ts";

/** Units of binds begin so. */
const BIND = "bind-";

interface DaemonOptions {
  readonly stateFolder: string;
  readonly version: string;
  readonly keeper: RunningKeeper;
  readonly log: Logger;
}

export class Daemon implements AsyncDisposable {
  readonly events: EventRing;
  readonly metrics = new Metrics();
  readonly #options: DaemonOptions;
  readonly #queue: ChangeQueue;
  readonly #services: ServiceHost;
  readonly #healing: ServiceHost;
  readonly #healer: Healer;
  readonly #confirmations: Confirmations;
  readonly #units: UnitsWatch;
  readonly #memory = new IdleMemory();
  readonly #startedAt = Date.now();

  constructor(options: DaemonOptions) {
    const { stateFolder, keeper, log } = options;
    this.#options = options;
    this.events = new EventRing(this.#startedAt);
    this.#queue = new ChangeQueue(stateFolder);
    this.#services = {
      converge: (unit, services, { start = true } = {}) =>
        this.#queue.standAside(unit, () => keeper.keeper.converge(unit, services, start)),
    };
    this.#healing = {
      // Whoever ended a guest did not ask for it again.
      converge: (unit, services, { start = true } = {}) =>
        this.#queue.standAside(unit, () => keeper.keeper.converge(unit, services, start, false)),
    };
    this.#healer = new Healer({
      stateFolder,
      services: this.#healing,
      ready: () => this.#queue.idle(),
      exclusively: (unit, work) => this.#queue.tryRun(`heal ${unit}`, unit, locksOf(unit), work),
      report: (event) => this.#tell(event),
      looked: () => this.#memory.worked(),
      tend: (unit, namespaces) =>
        keeper.keeper.tend((service, owner) => owner === unit && namespaces.has(service.object.namespace)),
      log,
    });
    this.#confirmations = new Confirmations(
      stateFolder,
      (unit) => this.#undo(unit),
      (unit, message) => this.#tell({ kind: "undo-failed", unit, message }),
    );
    this.#units = new UnitsWatch(stateFolder, () => this.#findUnits());
  }

  /** Begin to look after what is applied; changes that a kill cut off are brought to their end. */
  start(): void {
    this.#tell({ kind: "started", version: this.#options.version });
    this.#findUnits();
    this.#confirmations.schedule();
    for (const unit of UnitStore.list(this.#options.stateFolder)) {
      if (this.#isCutOffBind(unit)) void this.#undoCutOffBind(unit);
    }
  }

  /** Nothing new begins; a change under way is finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#memory[Symbol.dispose]();
    this.#units[Symbol.dispose]();
    this.#confirmations[Symbol.dispose]();
    await this.#healer[Symbol.asyncDispose]();
    await this.#queue.done();
  }

  metricsText(): string {
    const { keeper, version } = this.#options;
    const units = this.#healer.units();
    return this.metrics.text({
      units: () => units.length,
      fights: () => units.filter((unit) => this.#healer.status(unit).fight !== undefined).length,
      services: () => keeper.keeper.status(),
      startedAt: this.#startedAt,
      version,
    });
  }

  /** Brings files up to the DHCP leases of their uplinks. */
  get uplinkHost(): UplinkHost {
    return {
      services: this.#healing,
      exclusively: (unit, work) => this.#queue.tryRun(`heal ${unit}`, unit, locksOf(unit), work),
      onRecompiled: (unit, steps) => {
        this.#healer.add(unit);
        this.#tell({ kind: "lease-followed", unit, steps: summariesOf(steps) });
      },
    };
  }

  readonly handlers: Handlers = {
    status: async () => {
      const { stateFolder, keeper } = this.#options;
      return readStatus(stateFolder, { keeper: keeper.status(), healing: (unit) => this.#healer.status(unit) });
    },
    plan: async ({ source, text }) => {
      const { plan, unitName, notes } = await planFile(source, this.#options.stateFolder, { text });
      return { name: unitName, steps: plan.steps, conflicts: plan.conflicts, notes };
    },
    apply: ({ source, text, confirmSeconds }) =>
      this.#change(`apply ${source}`, ["lock"], async (elapsed) => {
        const { stateFolder } = this.#options;
        const { outcome, unitName, notes } = await applyFile(source, stateFolder, {
          services: this.#services,
          text,
          ...(confirmSeconds === undefined ? {} : { confirmSeconds }),
        });
        this.#healer.add(unitName);
        this.#confirmations.schedule();
        const milliseconds = elapsed();
        this.#tell({ kind: "applied", unit: unitName, steps: summariesOf(outcome.steps), milliseconds });
        if (confirmSeconds !== undefined) {
          this.#tell({ kind: "unconfirmed", unit: unitName, seconds: confirmSeconds });
        }
        return { name: unitName, steps: outcome.steps, notes, milliseconds };
      }),
    confirm: ({ source }) =>
      this.#change(`confirm ${source ?? "all"}`, ["lock"], async () => {
        const { stateFolder } = this.#options;
        const confirmed = confirmUnits(
          stateFolder,
          source === undefined ? undefined : unitToConfirm(source, stateFolder),
        );
        for (const unit of confirmed) this.#tell({ kind: "confirmed", unit });
        this.#confirmations.schedule();
        return { confirmed };
      }),
    destroy: ({ source }) =>
      this.#change(`destroy ${source}`, ["lock"], async (elapsed) => {
        const { outcome, unitName, notes } = await destroyFile(source, this.#options.stateFolder, {
          services: this.#services,
        });
        this.#healer.remove(unitName);
        this.#tell({ kind: "destroyed", unit: unitName, steps: summariesOf(outcome.steps) });
        return { name: unitName, steps: outcome.steps, notes, milliseconds: elapsed() };
      }),
    bind: (request) => {
      const { namespace, interfaceName } = request;
      const unit = bindUnitName(namespace, interfaceName);
      return this.#change(`bind ${interfaceName} in ${namespace}`, locksOf(unit), async () => {
        const { binding, notes, outcome } = await bind(
          { ...request, stateFolder: this.#options.stateFolder },
          this.#services,
        );
        this.#healer.add(unit);
        this.#tell({ kind: "bound", unit });
        return { binding, notes: [...notes, ...outcome.notes] };
      });
    },
    unbind: ({ namespace, interfaceName }) => {
      const unit = bindUnitName(namespace, interfaceName);
      return this.#change(`unbind ${interfaceName} in ${namespace}`, locksOf(unit), async () => {
        const { stateFolder } = this.#options;
        const { steps, notes } = await unbind({ stateFolder, namespace, interfaceName }, this.#services);
        this.#healer.remove(unit);
        this.#tell({ kind: "unbound", unit });
        return { steps, notes };
      });
    },
    attach: (request) =>
      this.#change(`attach to ${request.network}`, ["lock"], async () => {
        const { attachment, notes } = await attach(this.#options.stateFolder, request, this.#services);
        this.#healer.add(attachment.unit);
        this.#tell({ kind: "attached", unit: attachment.unit });
        return { attachment, notes };
      }),
    detach: (request) =>
      this.#change("detach", ["lock"], async () => {
        const which = "name" in request ? request.name : request.target;
        const { unit, outcome } = await detach(this.#options.stateFolder, which, this.#services);
        this.#healer.remove(unit);
        this.#tell({ kind: "detached", unit });
        return outcome;
      }),
    dnsCache: async ({ network, most }) => rememberedAnswers(this.#options.keeper.names, network, most),
    dnsFlush: async ({ network, name }) => ({
      networks: flushAnswers(this.#options.keeper.names, network, name),
    }),
    vmList: async () => guestsOf(this.#options.keeper.keeper.status()),
    vmRun: async ({ name }) => {
      const { keeper } = this.#options.keeper;
      await keeper.runVm(name);
      return guestsOf(keeper.status());
    },
    vmNew: (request) =>
      this.#change(`run VM ${request.name}`, ["lock"], async () => {
        const { guest, notes } = await runGuest(this.#options.stateFolder, request, this.#services);
        this.#healer.add(guest.unit);
        this.#tell({ kind: "attached", unit: guest.unit });
        return { guest, notes };
      }),
    vmStop: async ({ name, powerdownSeconds }) => {
      const { stateFolder } = this.#options;
      const { keeper } = this.#options.keeper;
      const byHand = isGuestRun(stateFolder, name);
      if (!byHand || powerdownSeconds > 0) await keeper.stopVm(name, powerdownSeconds);
      if (byHand)
        await this.#change(`stop VM ${name}`, ["lock"], async () => {
          const { unit } = await endGuest(stateFolder, name, this.#services);
          this.#healer.remove(unit);
          this.#tell({ kind: "detached", unit });
        });
      return guestsOf(keeper.status());
    },
  };

  async #change<Result>(
    purpose: string,
    locks: readonly string[],
    work: (elapsedMilliseconds: () => number) => Promise<Result>,
  ): Promise<Result> {
    return this.#queue.run(purpose, locks, async () => {
      const started = performance.now();
      const elapsed = (): number => Math.round(performance.now() - started);
      try {
        return await work(elapsed);
      } catch (error) {
        this.#tell({ kind: "change-failed", purpose, message: messageOf(error) });
        throw error;
      } finally {
        this.metrics.countChange((performance.now() - started) / 1000);
      }
    });
  }

  async #undo(unit: string): Promise<void> {
    const { stateFolder } = this.#options;
    await this.#change(`undo ${unit}`, ["lock"], async () => {
      const store = UnitStore.open(stateFolder, unit);
      const outcome = await undoUnconfirmed(store, this.#services);
      if (outcome === undefined) return;
      this.#tell({ kind: "undone", unit, steps: summariesOf(outcome.steps) });
      if (store.readRecord() === undefined) this.#healer.remove(unit);
      else this.#healer.add(unit);
    });
  }

  /** A bind or unbind that a kill cut off while nobody served the guest; whoever is still at it holds the lock. */
  #isCutOffBind(unit: string): boolean {
    try {
      if (!unit.startsWith(BIND) || this.#isOurs(unit)) return false;
      const journal = UnitStore.open(this.#options.stateFolder, unit).readJournal();
      return journal !== undefined && !journal.source.startsWith("/");
    } catch (error) {
      // The status tells what is wrong with it.
      if (isUnreadable(error)) return false;
      throw error;
    }
  }

  /** Never rejects. */
  async #undoCutOffBind(unit: string): Promise<void> {
    try {
      await this.#queue.tryRun(`undo ${unit}`, unit, locksOf(unit), async () => {
        const { steps } = await reconcile(UnitStore.open(this.#options.stateFolder, unit), EMPTY, {
          services: this.#services,
        });
        this.#tell({ kind: "undone", unit, steps: summariesOf(steps) });
      });
    } catch (error) {
      this.#tell({ kind: "undo-failed", unit, message: messageOf(error) });
    }
  }

  /** Units come and go also by commands that work without the daemon. */
  #findUnits(): void {
    const { stateFolder, log } = this.#options;
    const known = new Set(this.#healer.units());
    const found = new Set(UnitStore.list(stateFolder).filter((unit) => this.#isOurs(unit)));
    for (const unit of known) if (!found.has(unit)) this.#healer.remove(unit);
    for (const unit of found) if (!known.has(unit)) this.#healer.add(unit);
    this.#units.update();
    log.debug("units", { found: found.size });
  }

  /** An applied file, what is attached to it, or a bind whose services run here; any other bind is looked after by the process that serves it. */
  #isOurs(unit: string): boolean {
    try {
      const store = UnitStore.open(this.#options.stateFolder, unit);
      const known = store.readRecord() ?? store.readJournal();
      if (known === undefined) return false;
      if (known.source.startsWith("/") || unit.startsWith(ATTACHMENT) || unit.startsWith(GUEST_RUN)) return true;
      return this.#options.keeper.keeper.status().some((entry) => entry.unit === unit);
    } catch (error) {
      // The status tells what is wrong with it.
      if (isUnreadable(error)) return false;
      throw error;
    }
  }

  #tell(event: DaemonEvent): void {
    this.events.add(event);
    this.metrics.countEvent(event);
    const { kind, ...fields } = event;
    const level = kind.endsWith("-failed") || kind === "fight" ? "warn" : "info";
    this.#options.log[level](kind, fields);
  }
}

/** What must be held to change a unit: binds do not wait for each other in commands, nor for files. */
function locksOf(unit: string): readonly string[] {
  return unit.startsWith(BIND) ? [`locks/${unit}`] : ["lock"];
}
