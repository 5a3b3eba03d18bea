/** Steps for services: nobody observes them here, so the record is what they are compared with. */
import { equalValues } from "../base/equal.ts";
import { isService, type StateObject } from "../state/object.ts";
import type { VmObject } from "../state/object/vm.ts";
import { differsOnlyInNics, keptNics } from "../state/vm.ts";
import { type Context, linkKeysOf } from "./context.ts";
import type { Known } from "./known.ts";

export function planServices(context: Context): void {
  for (const object of context.desired.values()) {
    if (!isService(object)) continue;
    const entry = context.known.get(object.key);
    const running = entry?.recorded?.object;
    if (running === undefined) context.draft(object.key, undefined, object);
    else if (object.kind === "vm" && running.kind === "vm" && canStayRunning(context, running, object)) {
      planPlugging(context, entry, running, object);
    } else if (losesItsPlace(context, running)) {
      context.draft(object.key, running, undefined);
      context.draft(object.key, undefined, object);
    } else if (entry?.uncertain === true || !equalValues(running, object)) context.draft(object.key, running, object);
  }
  for (const entry of context.known.values()) {
    const object = entry.objects.findLast(isService);
    if (object !== undefined && !context.desired.has(entry.key)) context.draft(entry.key, object, undefined);
  }
}

/** Whether a link or namespace that the running service uses is deleted, be it to be made again. */
function losesItsPlace(context: Context, object: StateObject): boolean {
  if (isService(object) && context.goneNamespaces.has(object.namespace)) return true;
  return linkKeysOf(object).some((key) => {
    const match = context.links.get(key);
    return match !== undefined && context.goneLinks.has(match.link);
  });
}

/** A guest loses and gets NICs while it runs; everything else about it needs a restart. */
function canStayRunning(context: Context, running: VmObject, object: VmObject): boolean {
  return differsOnlyInNics(running, object) && !context.goneNamespaces.has(running.namespace);
}

/**
 * First it gives up what it shall not have, and NICs whose tap goes, be it to be made again; last it gets what is
 * new, and those back.
 */
function planPlugging(context: Context, entry: Known | undefined, running: VmObject, object: VmObject): void {
  const present: VmObject = { ...running, nics: nicsThatMayBePlugged(entry, running) };
  const kept = keptNics(present.nics, object.nics).filter((nic) => tapStays(context, nic.tapKey));
  const reduced: VmObject = { ...running, nics: kept };
  if (kept.length < present.nics.length) context.draft(object.key, present, reduced);
  if (!equalValues(reduced, object)) context.draft(object.key, reduced, object);
  else if (entry?.uncertain === true && kept.length === present.nics.length) {
    context.draft(object.key, running, object);
  }
}

/** After a change that was cut off: those of before it, and those that it was to plug. */
function nicsThatMayBePlugged(entry: Known | undefined, running: VmObject): VmObject["nics"] {
  const others = entry?.uncertain === true ? entry.objects : [];
  const further = others.flatMap((object) => (object.kind === "vm" ? object.nics : []));
  return [...running.nics, ...further.filter((nic) => !running.nics.some((known) => equalValues(known, nic)))];
}

/** A tap that is wanted and is not there was deleted by somebody: what is plugged into it is dead. */
function tapStays(context: Context, key: string): boolean {
  const match = context.links.get(key);
  return match === undefined ? context.desired.get(key)?.kind !== "link" : !context.goneLinks.has(match.link);
}
