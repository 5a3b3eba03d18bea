/**
 * Keeps the services of all applied files running: takes them up after a restart, converges them to a new list,
 * ends them. What shall run is on disk before it is started and until it has ended, so that no keeper that was
 * killed leaves something behind that the next one does not know.
 */
import { isDeepStrictEqual } from "node:util";
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { openFiles } from "../../kernel/open-files.ts";
import { nameOf, type ServiceObject } from "../../state/object.ts";
import type { Service } from "../service.ts";
import { VmService } from "../vm/machine.ts";
import { refuseBeyondLimit } from "./file-limit.ts";
import type { ServiceStatus } from "./protocol.ts";
import { type ServiceList, writeServiceList } from "./service-list.ts";

/** So few find room, or the kernel says that they do not. */
const FEW_SERVICES = 10;

/** Makes the service of an object, not started yet. */
type ServiceFactory = (object: ServiceObject) => Service;

export class Keeper {
  readonly #stateFolder: string;
  readonly #create: ServiceFactory;
  readonly #log: Logger;
  /** Services by key, by unit. */
  readonly #units = new Map<string, Map<string, Service>>();
  /** What the list on the disk says. */
  #saved: ServiceList = {};
  /** The last change of each unit, and the last one of all: a guest that lets others wait is waited for by its own unit alone. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #wholeTurn: Promise<unknown> = Promise.resolve();
  /** Units that are converged now or soon, one entry for each time. */
  readonly #converging: string[] = [];

  constructor(stateFolder: string, create: ServiceFactory, log: Logger) {
    this.#stateFolder = stateFolder;
    this.#create = create;
    this.#log = log;
  }

  /** Take up what an earlier keeper ran. What cannot be taken up shows in {@link status}. */
  resume(list: ServiceList): Promise<void> {
    return this.#inTurn(async () => {
      this.#saved = list;
      for (const [unit, objects] of Object.entries(list)) {
        this.#units.set(unit, new Map(objects.map((object) => [object.key, this.#create(object)])));
      }
      const services = [...this.#all()].map(({ service }) => service);
      const isGuest = (service: Service): boolean => service.object.kind === "vm";
      for (const service of services.filter((one) => !isGuest(one))) await service.resume();
      // One whose QEMU hangs is given some seconds, and keeps nobody else.
      await Promise.all(services.filter(isGuest).map((guest) => guest.resume()));
    });
  }

  /**
   * Make exactly `wanted` run for the unit: end what is not listed any more or has changed, start what is missing
   * or has ended, leave the rest alone. What can change without an end does. All are tried, whatever fails.
   * @param start false: only end, and unplug, what has to, for now
   * @param revive false: a guest that has ended, by itself or by `vm stop`, stays so
   * @throws NetloomError of what failed; the list is kept all the same, another call tries again
   */
  async converge(unit: string, wanted: readonly ServiceObject[], start = true, revive = true): Promise<void> {
    this.#converging.push(unit);
    try {
      await this.#inTurnOf(unit, () => this.#convergeNow(unit, wanted, start, revive));
    } finally {
      this.#converging.splice(this.#converging.indexOf(unit), 1);
    }
  }

  async #convergeNow(unit: string, wanted: readonly ServiceObject[], start: boolean, revive: boolean): Promise<void> {
    this.#refuseTakenNames(unit, wanted);
    const running = this.#units.get(unit) ?? new Map<string, Service>();
    const starting = start ? wanted.filter(({ key }) => !running.has(key)).length : 0;
    if (starting > FEW_SERVICES) refuseBeyondLimit(unit, starting, openFiles());
    this.#units.set(unit, running);
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    const ended = new Set(revive ? [] : [...running.values()].filter(hasEnded));
    const goals = new Map(wanted.map((object) => [object.key, object]));
    for (const service of guestsFirst([...running.values()])) {
      const { key } = service.object;
      const goal = goals.get(key);
      if (isDeepStrictEqual(service.object, goal)) continue;
      await attempt(async () => {
        if (goal !== undefined && (await service.change?.(goal)) === true) return;
        await service.stop();
        running.delete(key);
      });
    }
    // Others may have taken a name meanwhile, or tidied away a unit that had nothing for a moment.
    this.#refuseTakenNames(unit, wanted);
    this.#units.set(unit, running);
    for (const object of start ? wanted : []) {
      if (!running.has(object.key)) running.set(object.key, this.#create(object));
    }
    this.#save();
    for (const service of start ? guestsFirst([...running.values()]).toReversed() : []) {
      const asWanted = isDeepStrictEqual(service.object, goals.get(service.object.key));
      if (asWanted && !ended.has(service)) await attempt(() => service.start());
    }
    if (failures.length > 0) throw combined(failures);
  }

  /** End the guest of that name; it stays listed, as stopped. @throws NetloomError no-such-vm, kill-failed */
  stopVm(name: string, powerdownSeconds: number): Promise<void> {
    return this.#withVm("stop", name, (service) => service.halt(powerdownSeconds));
  }

  /** End everything and forget the list. All are tried. @throws NetloomError of what did not end */
  stopAll(): Promise<void> {
    return this.#inTurn(async () => {
      const failures: unknown[] = [];
      for (const services of this.#units.values()) {
        for (const service of guestsFirst([...services.values()])) {
          try {
            await service.stop();
            services.delete(service.object.key);
          } catch (error) {
            failures.push(error);
          }
        }
      }
      this.#save();
      if (failures.length > 0) throw combined(failures);
    });
  }

  /** Let go of everything: guests run on, the list stays. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { service } of this.#all()) await service.release();
    });
  }

  /** Start the guest of that name again if it has ended. @throws NetloomError no-such-vm, or why it does not start */
  runVm(name: string): Promise<void> {
    return this.#withVm("run", name, (service) => service.start());
  }

  /**
   * Look after services that may need another start: a DHCP server whose interface was away or was replaced.
   * @param concerned which of them; default all. A unit that is converged just now is seen to by that, and not waited for.
   */
  async tend(concerned: (service: Service, unit: string) => boolean = () => true): Promise<void> {
    for (const { service } of this.#all()) service.tend?.();
    const mayStart = (service: Service, unit: string): boolean =>
      service.object.kind !== "vm" && concerned(service, unit);
    const units = [...this.#units].filter(
      ([unit, services]) =>
        !this.#converging.includes(unit) && [...services.values()].some((one) => mayStart(one, unit)),
    );
    await Promise.all(
      units.map(([unit]) =>
        this.#inTurnOf(unit, async () => {
          for (const service of this.#units.get(unit)?.values() ?? []) {
            if (!mayStart(service, unit)) continue;
            try {
              await service.start();
            } catch (error) {
              this.#log.debug("service does not start", { service: nameOf(service.object), reason: messageOf(error) });
            }
          }
        }),
      ),
    );
  }

  status(): ServiceStatus[] {
    return [...this.#all()].map(({ unit, service }) => {
      const { key, origin, kind } = service.object;
      return { unit, key, origin, kind, name: nameOf(service.object), ...service.report() };
    });
  }

  *#all(): Generator<{ unit: string; service: Service }> {
    for (const [unit, services] of this.#units) {
      for (const service of services.values()) yield { unit, service };
    }
  }

  #refuseTakenNames(unit: string, wanted: readonly ServiceObject[]): void {
    for (const object of wanted) {
      if (object.kind !== "vm") continue;
      for (const other of this.#all()) {
        if (other.unit === unit || other.service.object.kind !== "vm" || other.service.object.name !== object.name)
          continue;
        throw new NetloomError("vm-name-taken", `start VM ${object.name}: ${other.unit} has a machine of that name`, {
          hint: "Give one of them another name.",
        });
      }
    }
  }

  /**
   * A full disk must not forbid ending something: a list that says too much for a while is no harm, one that says too
   * little is. @throws NetloomError write-failed
   */
  #save(): void {
    for (const [unit, services] of this.#units) {
      if (services.size === 0) this.#units.delete(unit);
    }
    const units = Object.fromEntries(
      [...this.#units].map(([unit, services]) => [unit, [...services.values()].map((service) => service.object)]),
    );
    try {
      writeServiceList(this.#stateFolder, units);
      this.#saved = units;
    } catch (error) {
      const says = (unit: string, service: ServiceObject): boolean =>
        this.#saved[unit]?.some((other) => isDeepStrictEqual(other, service)) === true;
      const covered = Object.entries(units).every(([unit, services]) => services.every((one) => says(unit, one)));
      if (!covered || !(error instanceof NetloomError && error.code === "write-failed")) throw error;
      this.#log.warn("list of services is not up to date", { reason: error.message });
    }
  }

  /** @throws NetloomError no-such-vm */
  async #withVm(operation: string, name: string, work: (service: VmService) => Promise<void>): Promise<void> {
    const find = (): { unit: string; service: VmService } => {
      for (const { unit, service } of this.#all())
        if (service instanceof VmService && service.object.name === name) return { unit, service };
      throw noSuchVm(operation, name);
    };
    await this.#wholeTurn;
    return this.#inTurnOf(find().unit, () => work(find().service));
  }

  /** One change of all units, when nothing else changes. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#wholeTurn, ...this.#turns.values()]).then(work);
    this.#wholeTurn = settled(result);
    return result;
  }

  /** One change of the unit at a time. */
  #inTurnOf<T>(unit: string, work: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#wholeTurn, this.#turns.get(unit)]).then(work);
    const turn: Promise<void> = settled(result, () => {
      if (this.#turns.get(unit) === turn) this.#turns.delete(unit);
    });
    this.#turns.set(unit, turn);
    return result;
  }
}

async function settled(work: Promise<unknown>, afterwards?: () => void): Promise<void> {
  try {
    await work;
  } catch {
    // Whoever asked for it has it; the next in turn is not concerned.
  }
  afterwards?.();
}

function noSuchVm(operation: string, name: string): NetloomError {
  return new NetloomError("no-such-vm", `${operation} VM ${name}: no applied file has a machine of that name`, {
    hint: "netloom vm list shows them.",
  });
}

function hasEnded(service: Service): boolean {
  return service.object.kind === "vm" && ["stopped", "exited", "killed"].includes(service.report().state);
}

/** Guests end before what serves them, and start after it. */
function guestsFirst(services: Service[]): Service[] {
  return services.sort((a, b) => Number(b.object.kind === "vm") - Number(a.object.kind === "vm"));
}

function combined(failures: readonly unknown[]): NetloomError {
  const first = failures[0];
  const options =
    first instanceof NetloomError && first.hint !== undefined ? { hint: first.hint, cause: first } : { cause: first };
  return new NetloomError(
    first instanceof NetloomError ? first.code : "service-failed",
    failures.map(messageOf).join("; "),
    options,
  );
}
