/**
 * The list of all services that shall run, by unit, kept in STATE/services.json for the next keeper. What it says
 * stands in the units' records as well: when it cannot be read, it is made anew from those.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import { isService, SERVICE_KINDS, type ServiceObject, type StateObject } from "../../state/object.ts";
import { readTextIfExists, removeDurably, setFileAside, writeAtomic } from "../../store/atomic-file.ts";
import { takeLock } from "../../store/lock.ts";
import { isUnreadable, UnitStore } from "../../store/unit.ts";

export type ServiceList = Readonly<Record<string, readonly ServiceObject[]>>;

interface FoundList {
  readonly units: ServiceList;
  /** Why the file could not be read; `units` is what the records say then. */
  readonly trouble?: string;
}

/** Changes nothing. @throws NetloomError unknown-version */
export function findServiceList(stateFolder: string): FoundList {
  try {
    return { units: readList(stateFolder) };
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return { units: servicesOfRecords(stateFolder), trouble: error.message };
  }
}

/**
 * For the keeper: a file that cannot be read is set aside, and the list made anew takes its place.
 * @param onAside is told what happened, for people
 * @throws NetloomError unknown-version
 */
export function takeServiceList(stateFolder: string, onAside: (message: string) => void): ServiceList {
  const { units, trouble } = findServiceList(stateFolder);
  if (trouble === undefined) return units;
  const aside = setFileAside(listFile(stateFolder));
  writeServiceList(stateFolder, units);
  onAside(`${trouble}; it was set aside as ${basename(aside)} and made anew from the records`);
  return units;
}

/** Whether the last keeper had anything to run. */
export function hasServiceList(stateFolder: string): boolean {
  return existsSync(listFile(stateFolder));
}

/** An empty list leaves no file. */
export function writeServiceList(stateFolder: string, units: ServiceList): void {
  if (Object.keys(units).length === 0) removeDurably(listFile(stateFolder));
  else writeAtomic(listFile(stateFolder), JSON.stringify({ version: 1, units }));
}

const listFile = (stateFolder: string): string => join(stateFolder, "services.json");

function readList(stateFolder: string): ServiceList {
  const path = listFile(stateFolder);
  const text = readTextIfExists(path);
  if (text === undefined) return {};
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (cause) {
    throw new NetloomError("corrupt-store", `read ${path}: it is not JSON`, { cause });
  }
  if (!isRecord(stored) || !("version" in stored))
    throw new NetloomError("corrupt-store", `read ${path}: it has no version`);
  if (stored["version"] !== 1) {
    throw new NetloomError("unknown-version", `read ${path}: it is of version ${String(stored["version"])}, not 1`, {
      hint: "It was written by another version of netloom: use that one, at least to destroy what it applied.",
    });
  }
  const units = stored["units"];
  if (!isRecord(units) || !Object.values(units).every((list) => Array.isArray(list) && list.every(isServiceObject)))
    throw new NetloomError("corrupt-store", `read ${path}: it lists no services`);
  return units as ServiceList;
}

/** What the records of all units say, and the journals of changes that were cut off. */
function servicesOfRecords(stateFolder: string): ServiceList {
  const units: Record<string, readonly ServiceObject[]> = {};
  for (const name of UnitStore.list(stateFolder)) {
    if (isServedElsewhere(stateFolder, name)) continue;
    const services = servicesOf(UnitStore.open(stateFolder, name));
    if (services.length > 0) units[name] = services;
  }
  return units;
}

function servicesOf(unit: UnitStore): ServiceObject[] {
  try {
    const made = unit.readJournal()?.steps.map((step) => step.after) ?? [];
    const objects: readonly (StateObject | undefined)[] = [...(unit.readRecord()?.desired.objects ?? []), ...made];
    return [...new Map(objects.filter(isService).map((service) => [service.key, service])).values()];
  } catch (error) {
    // The status tells what is wrong with it, and its next command finds in the kernel what it owns.
    if (isUnreadable(error)) return [];
    throw error;
  }
}

/** A bind in the foreground holds its unit's lock as long as it serves the guest. */
function isServedElsewhere(stateFolder: string, unit: string): boolean {
  const path = join(stateFolder, "locks", unit);
  if (!existsSync(path)) return false;
  try {
    takeLock(path, "find its services").release();
    return false;
  } catch (error) {
    if (error instanceof NetloomError && error.code === "locked") return true;
    throw error;
  }
}

function isServiceObject(value: unknown): value is ServiceObject {
  return isRecord(value) && typeof value["key"] === "string" && SERVICE_KINDS.has(value["kind"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCorrupt(error: unknown): error is NetloomError {
  return error instanceof NetloomError && error.code === "corrupt-store";
}
