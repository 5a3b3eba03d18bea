/** What is applied, whether the kernel still shows it, and what runs. */
import { messageOf } from "../base/errors.ts";
import { KeeperClient } from "../services/keeper/client.ts";
import { type KeeperStatus, keeperLog } from "../services/keeper/protocol.ts";
import { findServiceList, type ServiceList } from "../services/keeper/service-list.ts";
import { isService, nameOf } from "../state/object.ts";
import { filesSetAside } from "../store/state-folder.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import type { HealStatus } from "./heal.ts";
import { ObservedNamespaces } from "./heal/observed.ts";
import { type Observe, planUnit } from "./reconcile.ts";
import { type ParameterSetters, settersOnce } from "./shared.ts";

interface ObjectStatus {
  readonly key: string;
  /** "bridge lan", "address 10.0.0.1/24 in pod1". */
  readonly name: string;
  readonly origin: string;
}

export interface UnitStatus {
  readonly name: string;
  /** The file, or the options of a bind. */
  readonly source: string;
  /**
   * applied: the kernel shows what was applied. drifted: somebody changed it. unfinished: a change was cut off;
   * repeat the command. unknown: it could not be read.
   */
  readonly state: "applied" | "drifted" | "unfinished" | "unknown";
  readonly objects: readonly ObjectStatus[];
  /** What would have to be done to have it as applied. */
  readonly drift: readonly string[];
  /** The change is undone unless it is confirmed before; milliseconds since 1970. */
  readonly confirmBy?: number;
  /** Services that should run and do not, as nobody runs them: the keeper was killed. */
  readonly unserved?: readonly string[];
  /** Files that could not be read and were set aside. */
  readonly setAside?: readonly string[];
  /** It is healed rarely, because somebody undoes it again and again. Only a daemon knows. */
  readonly fight?: NonNullable<HealStatus["fight"]>;
  /** Why the daemon could not heal it the last time. */
  readonly failure?: string;
}

export interface Status {
  readonly stateFolder: string;
  readonly units: readonly UnitStatus[];
  /** Absent: it does not run. */
  readonly keeper?: KeeperStatus;
  readonly keeperLog: string;
  /** Files of the state folder itself that could not be read and were set aside, or will be by whoever needs them. */
  readonly setAside?: readonly string[];
}

/** What a daemon knows of itself. */
interface StatusSource {
  readonly keeper: KeeperStatus;
  readonly healing: (unit: string) => HealStatus;
}

/** @param daemon who asks is the daemon; absent: a keeper is asked if one runs */
export async function readStatus(stateFolder: string, daemon?: StatusSource): Promise<Status> {
  const keeper = daemon?.keeper ?? (await new KeeperClient(stateFolder).statusIfRunning());
  const setAside = filesSetAside(stateFolder);
  const unserved = keeper === undefined ? listedServices(stateFolder, setAside) : {};
  // All units see one and the same state of each namespace, which is read once.
  const observed = new ObservedNamespaces(() => true);
  const look: Observe = (request) => observed.observe(request);
  const setters = settersOnce(stateFolder);
  const units: UnitStatus[] = [];
  for (const name of UnitStore.list(stateFolder)) {
    const unit = UnitStore.open(stateFolder, name);
    const services = unserved[name]?.map(nameOf);
    units.push({
      ...(await unitStatus(unit, look, setters)),
      ...(services === undefined ? {} : { unserved: services }),
      ...remarks(unit),
      ...daemon?.healing(name),
    });
  }
  return {
    stateFolder,
    units,
    ...(keeper === undefined ? {} : { keeper }),
    keeperLog: keeperLog(stateFolder),
    ...(setAside.length === 0 ? {} : { setAside }),
  };
}

/** @param trouble gets what cannot be read */
function listedServices(stateFolder: string, trouble: string[]): ServiceList {
  try {
    const found = findServiceList(stateFolder);
    if (found.trouble !== undefined) trouble.push(found.trouble);
    return found.units;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    trouble.push(error.message);
    return {};
  }
}

function remarks(unit: UnitStore): Pick<UnitStatus, "confirmBy" | "setAside"> {
  const setAside = unit.setAside();
  let confirmBy: number | undefined;
  try {
    confirmBy = unit.readConfirmation()?.deadline;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    setAside.push(messageOf(error));
  }
  return {
    ...(confirmBy === undefined ? {} : { confirmBy }),
    ...(setAside.length === 0 ? {} : { setAside }),
  };
}

async function unitStatus(unit: UnitStore, look: Observe, setters: () => ParameterSetters): Promise<UnitStatus> {
  try {
    const record = unit.readRecord();
    const journal = unit.readJournal();
    const { desired, source } = record ?? journal ?? { desired: { objects: [], absent: [] }, source: "" };
    const objects = desired.objects.map((object) => ({ key: object.key, name: nameOf(object), origin: object.origin }));
    if (journal !== undefined) {
      return {
        name: unit.name,
        source,
        state: "unfinished",
        objects,
        drift: journal.steps.map((step) => step.summary),
      };
    }
    const { plan } = await planUnit(unit, desired, look, setters);
    const drift = [
      ...plan.conflicts.map((conflict) => conflict.message),
      ...plan.steps.filter((step) => !isService(step.after ?? step.before)).map((step) => step.summary),
    ];
    return { name: unit.name, source, state: drift.length === 0 ? "applied" : "drifted", objects, drift };
  } catch (error) {
    return { name: unit.name, source: "", state: "unknown", objects: [], drift: [messageOf(error)] };
  }
}
