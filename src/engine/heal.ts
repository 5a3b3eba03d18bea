/**
 * Keeps what is applied as it was applied: hears of changes, looks again at the units that they may concern, and puts
 * back what is ours and was deleted or changed. What is not ours is never touched.
 *
 * An event only says where to look. Looking is a plan from what was applied; an empty one is the usual answer, also
 * to the events that our own changes raise. Events are gathered for a moment, so that a burst of them costs one look.
 */
import { NetloomError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { UnitStore } from "../store/unit.ts";
import { Fights } from "./heal/fights.ts";
import { ObservedNamespaces } from "./heal/observed.ts";
import { LegacyTables } from "./heal/legacy.ts";
import { Stakes } from "./heal/stakes.ts";
import { nameOfStep, type Touched, touchedBy } from "./heal/touched.ts";
import { type Observe, planUnit, reconcile } from "./reconcile.ts";
import { type ParameterSetters, settersOnce } from "./shared.ts";
import type { ServiceHost } from "./service-host.ts";
import { summariesOf } from "./summaries.ts";
import { Watcher } from "./watch.ts";

const GATHER_MILLISECONDS = 30;
const GATHER_AT_MOST_MILLISECONDS = 200;
/** Looking takes at most half of the time, and no event waits longer than this for it. */
const LONGEST_REST_MILLISECONDS = 500;
/** One that takes longer, as it waits for a guest, does not keep the others waiting. */
const PATIENCE_MILLISECONDS = 500;
/** Somebody else holds the unit: a command that will not take long. */
const BUSY_MILLISECONDS = 250;
const FIRST_RETRY_MILLISECONDS = 1000;
const LONGEST_RETRY_MILLISECONDS = 60_000;

export type HealEvent =
  | { readonly kind: "healed"; readonly unit: string; readonly steps: readonly string[]; readonly milliseconds: number }
  /** A change that a kill had cut off was brought to its end. */
  | { readonly kind: "resumed"; readonly unit: string; readonly steps: readonly string[] }
  | { readonly kind: "heal-failed"; readonly unit: string; readonly message: string; readonly hint?: string }
  | { readonly kind: "fight"; readonly unit: string; readonly about: string; readonly pauseMilliseconds: number }
  | { readonly kind: "fight-over"; readonly unit: string }
  /** So many events at once that some were lost; all of the namespace is read again. */
  | { readonly kind: "events-lost"; readonly namespace: string };

export interface HealerOptions {
  readonly stateFolder: string;
  readonly services: ServiceHost;
  /**
   * Do the work while nobody else changes the unit.
   * @returns false: somebody else does just now, and the work was not begun
   */
  readonly exclusively: (unit: string, work: () => Promise<void>) => Promise<boolean>;
  /** Resolves when no change is under way that would look like a mess in the middle. */
  readonly ready?: () => Promise<void>;
  readonly report: (event: HealEvent) => void;
  /** Nothing had to be healed after a change in these namespaces: services there may want to look themselves. */
  readonly tend?: (unit: string, namespaces: ReadonlySet<string>) => Promise<void>;
  /** A look at what may have changed is over. */
  readonly looked?: () => void;
  readonly log: Logger;
  /** Of each socket for events; for tests. */
  readonly receiveBufferBytes?: number;
  /** How often tables of iptables-legacy are looked at; default 10 s. */
  readonly legacyMilliseconds?: number;
}

/** What a unit's keeper should know of its healing. */
export interface HealStatus {
  /** It is healed rarely, because somebody undoes it again and again. */
  readonly fight?: { readonly about: string; readonly sinceSeconds: number; readonly pauseSeconds: number };
  /** Why it could not be healed the last time. */
  readonly failure?: string;
}

interface Failure {
  readonly message: string;
  readonly at: number;
  readonly pauseMilliseconds: number;
}

export class Healer implements AsyncDisposable {
  readonly #options: HealerOptions;
  readonly #watcher: Watcher;
  readonly #observed: ObservedNamespaces;
  readonly #stakes: Stakes;
  readonly #fights = new Fights();
  readonly #failures = new Map<string, Failure>();
  readonly #namespaces = new Set<string>();
  readonly #files = new Set<string>();
  /** To be looked at whatever changed. */
  readonly #units = new Set<string>();
  /** To be looked at again, and when. */
  readonly #later = new Map<string, number>();
  /** Looks that are under way. */
  readonly #looks = new Map<string, Promise<void>>();
  /** To be looked at again when the look that is under way is over. */
  readonly #again = new Set<string>();
  #stakesChanged = false;
  #firstMark: number | undefined;
  #lastMark = 0;
  #restUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #laterTimer: NodeJS.Timeout | undefined;
  readonly #legacy: LegacyTables;
  #pass: Promise<void> | undefined;
  #closed = false;

  constructor(options: HealerOptions) {
    this.#options = options;
    this.#stakes = new Stakes(options.stateFolder);
    this.#watcher = new Watcher({
      log: options.log,
      ...(options.receiveBufferBytes === undefined ? {} : { receiveBufferBytes: options.receiveBufferBytes }),
      onChange: (place) => {
        if ("file" in place) this.#files.add(place.file);
        else {
          this.#observed.forget(place.namespace, place.kind);
          this.#namespaces.add(place.namespace);
        }
        this.#mark();
      },
      onOverrun: (namespace) => options.report({ kind: "events-lost", namespace }),
    });
    this.#observed = new ObservedNamespaces((namespace) => this.#watcher.listens(namespace));
    this.#legacy = new LegacyTables({
      places: () => this.#stakes.legacyAccepts(),
      isChanged: (namespace) => this.#observed.rereadAccepts(namespace),
      onChange: (namespace) => {
        this.#namespaces.add(namespace);
        this.#mark();
      },
      log: options.log,
      ...(options.legacyMilliseconds === undefined ? {} : { everyMilliseconds: options.legacyMilliseconds }),
    });
  }

  /** Look after the unit from now on, and look at it soon: it was applied, or changed by somebody. */
  add(unit: string): void {
    this.#stakes.add(unit);
    this.#failures.delete(unit);
    this.#later.delete(unit);
    this.#units.add(unit);
    this.#stakesChanged = true;
    this.#mark();
  }

  /** Look after it no more: it is gone, or somebody else's. */
  remove(unit: string): void {
    this.#stakes.remove(unit);
    this.#failures.delete(unit);
    this.#later.delete(unit);
    this.#units.delete(unit);
    this.#fights.forget(unit);
    this.#stakesChanged = true;
    this.#mark();
  }

  /** Units that are looked after. */
  units(): string[] {
    return this.#stakes.units();
  }

  status(unit: string): HealStatus {
    const fight = this.#fights.of(unit);
    const failure = this.#failures.get(unit);
    return {
      ...(fight === undefined
        ? {}
        : {
            fight: {
              about: fight.about,
              sinceSeconds: Math.round((performance.now() - fight.since) / 1000),
              pauseSeconds: fight.pauseMilliseconds / 1000,
            },
          }),
      ...(failure === undefined ? {} : { failure: failure.message }),
    };
  }

  /** Resolves once all that was heard of until now has been looked at. */
  async settled(): Promise<void> {
    while (this.#pass !== undefined || this.#firstMark !== undefined || this.#looks.size > 0) {
      if (this.#firstMark !== undefined) this.#begin();
      await this.#pass;
      await Promise.all(this.#looks.values());
    }
  }

  /** No change begins afterwards; one under way is finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#laterTimer);
    this.#legacy[Symbol.dispose]();
    this.#watcher[Symbol.dispose]();
    await this.#pass;
    await Promise.all(this.#looks.values());
  }

  #mark(): void {
    if (this.#closed) return;
    this.#lastMark = performance.now();
    if (this.#firstMark !== undefined) return;
    this.#firstMark = this.#lastMark;
    this.#timer = setTimeout(() => this.#whenGathered(), GATHER_MILLISECONDS);
  }

  #whenGathered(): void {
    const now = performance.now();
    const quiet = this.#lastMark + GATHER_MILLISECONDS;
    const due = Math.max(Math.min(quiet, (this.#firstMark ?? now) + GATHER_AT_MOST_MILLISECONDS), this.#restUntil);
    if (this.#pass === undefined && now >= due - 1) this.#begin();
    else {
      const wait = this.#pass === undefined ? due - now : GATHER_MILLISECONDS;
      this.#timer = setTimeout(() => this.#whenGathered(), wait);
    }
  }

  #begin(): void {
    if (this.#pass !== undefined || this.#closed) return;
    clearTimeout(this.#timer);
    this.#firstMark = undefined;
    const started = performance.now();
    this.#pass = this.#lookAtAll()
      .catch((error: unknown) => this.#options.log.error("healing failed", { reason: messageOf(error) }))
      .finally(() => {
        this.#pass = undefined;
        const ended = performance.now();
        this.#restUntil = ended + Math.min(ended - started, LONGEST_REST_MILLISECONDS);
        this.#scheduleLater();
        this.#options.looked?.();
      });
  }

  async #lookAtAll(): Promise<void> {
    const namespaces = new Set(this.#namespaces);
    const files = new Set(this.#files);
    const units = new Set(this.#units);
    for (const set of [this.#namespaces, this.#files, this.#units]) set.clear();
    for (const unit of units) this.#readStakes(unit);
    const fresh = this.#listen(namespaces);
    for (const name of fresh) {
      this.#observed.forget(name, "all");
      namespaces.add(name);
    }
    const setters = settersOnce(this.#options.stateFolder);
    for (const unit of this.#stakes.units()) {
      if (this.#closed) return;
      if (!units.has(unit) && !this.#stakes.touches(unit, namespaces, files)) continue;
      if (this.#looks.has(unit)) this.#again.add(unit);
      else await this.#withPatience(unit, this.#lookAt(unit, namespaces, setters));
    }
    for (const unit of this.#fights.ended(performance.now())) this.#options.report({ kind: "fight-over", unit });
  }

  async #withPatience(unit: string, look: Promise<void>): Promise<void> {
    const whole = look
      .catch((error: unknown) => this.#options.log.error("healing failed", { unit, reason: messageOf(error) }))
      .finally(() => {
        this.#looks.delete(unit);
        if (this.#again.delete(unit)) this.#units.add(unit);
        // The pass that began it may be over, and nothing scheduled what is left to do.
        if (this.#pass === undefined) this.#scheduleLater();
        if (this.#units.has(unit)) this.#mark();
      });
    this.#looks.set(unit, whole);
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, PATIENCE_MILLISECONDS);
    await Promise.race([whole, patience.promise]);
    clearTimeout(timer);
  }

  #listen(namespaces: ReadonlySet<string>): readonly string[] {
    if (!this.#stakesChanged) return this.#watcher.renew(namespaces);
    this.#stakesChanged = false;
    const request = this.#stakes.request();
    this.#observed.retain(new Set(request.namespaces.map(({ name }) => name)));
    return this.#watcher.update(request);
  }

  #readStakes(unit: string): void {
    try {
      this.#stakes.read(unit);
      this.#stakesChanged = true;
    } catch (error) {
      this.#failed(unit, error);
    }
  }

  async #lookAt(unit: string, namespaces: ReadonlySet<string>, setters: () => ParameterSetters): Promise<void> {
    const failure = this.#failures.get(unit);
    // An event may be what makes it possible again: then it need not wait for the whole pause.
    const retryAt = failure === undefined ? 0 : failure.at + FIRST_RETRY_MILLISECONDS;
    const due = Math.max(this.#fights.pauseUntil(unit), retryAt - 1);
    if (due > performance.now()) {
      this.#later.set(unit, due);
      return;
    }
    try {
      await this.#options.ready?.();
      const touched = await this.#planChange(unit, setters);
      if (touched === undefined) {
        this.#failures.delete(unit);
        await this.#options.tend?.(unit, namespaces);
        return;
      }
      const done = await this.#options.exclusively(unit, () => this.#heal(unit, touched));
      if (done) this.#failures.delete(unit);
      else this.#later.set(unit, performance.now() + BUSY_MILLISECONDS);
    } catch (error) {
      this.#failed(unit, error);
      // A service may stand in a namespace that is gone, which its sockets keep alive.
      await this.#options.tend?.(unit, namespaces);
    }
  }

  /** Where healing would change what; undefined: all is as it was applied. */
  async #planChange(unit: string, setters: () => ParameterSetters): Promise<Touched | undefined> {
    const store = UnitStore.open(this.#options.stateFolder, unit);
    const known = store.readJournal() ?? store.readRecord();
    if (known === undefined) return undefined;
    const observe: Observe = (request) => this.#observed.observe(request);
    const { plan, journal } = await planUnit(store, known.desired, observe, setters);
    if (plan.conflicts.length > 0) {
      throw new NetloomError("conflict", plan.conflicts.map(({ message }) => message).join("; "), {
        hint: plan.conflicts.map(({ remedy }) => remedy).join("; "),
      });
    }
    if (plan.steps.length === 0 && journal === undefined) return undefined;
    return touchedBy(plan.steps, known.desired.objects);
  }

  async #heal(unit: string, touched: Touched): Promise<void> {
    const { services, report } = this.#options;
    const store = UnitStore.open(this.#options.stateFolder, unit);
    const journal = store.readJournal();
    const known = journal ?? store.readRecord();
    // Destroyed while we waited for our turn.
    if (known === undefined) return;
    const started = performance.now();
    const { steps } = await reconcile(store, known.desired, {
      services,
      observe: (request) => {
        for (const [namespace, kind] of touched) this.#observed.forget(namespace, kind);
        return this.#observed.observe(request);
      },
    });
    const summaries = summariesOf(steps);
    if (journal !== undefined) {
      this.#stakes.read(unit);
      this.#stakesChanged = true;
      report({ kind: "resumed", unit, steps: summaries });
      return;
    }
    if (steps.length === 0) return;
    const milliseconds = Math.round(performance.now() - started);
    report({ kind: "healed", unit, steps: summaries, milliseconds });
    const objects = new Map(steps.map((step) => [step.key, nameOfStep(step)]));
    const fight = this.#fights.healed(unit, objects, performance.now());
    if (fight === undefined) return;
    report({ kind: "fight", unit, about: fight.about, pauseMilliseconds: fight.pauseMilliseconds });
  }

  #failed(unit: string, error: unknown): void {
    const message = messageOf(error);
    const hint = error instanceof NetloomError ? error.hint : undefined;
    const before = this.#failures.get(unit);
    const pauseMilliseconds =
      before === undefined
        ? FIRST_RETRY_MILLISECONDS
        : Math.min(before.pauseMilliseconds * 2, LONGEST_RETRY_MILLISECONDS);
    const now = performance.now();
    this.#failures.set(unit, { message, at: now, pauseMilliseconds });
    this.#later.set(unit, now + pauseMilliseconds);
    this.#fights.failed(unit, now);
    if (before?.message === message) return;
    this.#options.report({ kind: "heal-failed", unit, message, ...(hint === undefined ? {} : { hint }) });
  }

  #scheduleLater(): void {
    clearTimeout(this.#laterTimer);
    const times = [...this.#later.values()];
    const fightEnd = this.#fights.nextEnd();
    if (fightEnd !== undefined) times.push(fightEnd);
    if (times.length === 0 || this.#closed) return;
    this.#laterTimer = setTimeout(
      () => {
        const now = performance.now() + 1;
        for (const [unit, due] of this.#later) {
          if (due > now) continue;
          this.#later.delete(unit);
          this.#units.add(unit);
        }
        this.#mark();
      },
      Math.max(0, Math.min(...times) - performance.now()),
    );
  }
}
