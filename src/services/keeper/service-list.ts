/** The list of all services that shall run, by unit, kept in STATE/services.json for the next keeper. */
import { join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import type { ServiceObject } from "../../state/object.ts";
import { readTextIfExists, removeDurably, writeAtomic } from "../../store/atomic-file.ts";

export type ServiceList = Readonly<Record<string, readonly ServiceObject[]>>;

/** @throws NetloomError corrupt-store */
export function readServiceList(stateFolder: string): ServiceList {
  const path = listFile(stateFolder);
  const text = readTextIfExists(path);
  if (text === undefined) return {};
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (cause) {
    throw new NetloomError("corrupt-store", `read ${path}: it is not JSON`, { cause });
  }
  if (
    typeof stored !== "object" ||
    stored === null ||
    !("version" in stored) ||
    stored.version !== 1 ||
    !("units" in stored)
  ) {
    throw new NetloomError("corrupt-store", `read ${path}: it is not of version 1`);
  }
  return stored.units as ServiceList;
}

/** An empty list leaves no file. */
export function writeServiceList(stateFolder: string, units: ServiceList): void {
  if (Object.keys(units).length === 0) removeDurably(listFile(stateFolder));
  else writeAtomic(listFile(stateFolder), JSON.stringify({ version: 1, units }));
}

const listFile = (stateFolder: string): string => join(stateFolder, "services.json");
