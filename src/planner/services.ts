/** Steps for services: nobody observes them here, so the record is what they are compared with. */
import { isService, type StateObject } from "../state/object.ts";
import { type Context, linkKeysOf } from "./context.ts";
import { equalValues } from "./identity.ts";

export function planServices(context: Context): void {
  for (const object of context.desired.values()) {
    if (!isService(object)) continue;
    const entry = context.known.get(object.key);
    const running = entry?.recorded?.object;
    if (running === undefined) context.draft(object.key, undefined, object);
    else if (losesItsPlace(context, running)) {
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
