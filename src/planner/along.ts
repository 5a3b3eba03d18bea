/** What vanishes together with a link or a namespace: kept with the step, so that it can be undone entirely. */
import type { StateObject } from "../state/object.ts";
import { type Context, linkKeysOf, namespaceOf } from "./context.ts";
import { deviceOf, identityOf } from "./identity.ts";
import type { Match } from "./match.ts";
import { readBack, readLink } from "./read-back.ts";

/** Our objects by what they stand on. */
export class Standing {
  readonly #byLink = new Map<string, StateObject[]>();
  readonly #byNamespace = new Map<string, StateObject[]>();

  constructor(context: Context) {
    const seen = new Set<string>();
    const add = (object: StateObject): void => {
      const identity = identityOf(object);
      if (seen.has(identity)) return;
      seen.add(identity);
      for (const key of linkKeysOf(object)) push(this.#byLink, key, object);
      const namespace = namespaceOf(object);
      if (namespace === undefined || object.kind === "namespace") return;
      push(this.#byNamespace, namespace, object);
      const key = deviceKey(context, object);
      if (key !== undefined) push(this.#byLink, key, object);
    };
    for (const entry of context.known.values()) entry.objects.forEach(add);
    for (const object of context.desired.values()) add(object);
  }

  onLink(key: string): readonly StateObject[] {
    return this.#byLink.get(key) ?? [];
  }

  inNamespace(name: string): readonly StateObject[] {
    return this.#byNamespace.get(name) ?? [];
  }
}

/** Key of the link that a parameter belongs to. */
function deviceKey(context: Context, object: StateObject): string | undefined {
  const device = object.kind === "sysctl" ? deviceOf(object.path) : undefined;
  if (object.kind !== "sysctl" || device === undefined) return undefined;
  const link = context.view.namespace(object.namespace)?.linksByName.get(device);
  return link === undefined ? undefined : context.keys.get(link);
}

function push(map: Map<string, StateObject[]>, key: string, object: StateObject): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [object]);
  else list.push(object);
}

/** What goes with these links, as observed now: the links after the first, and what stands on all of them. */
export function alongLinks(
  context: Context,
  standing: Standing,
  links: readonly { readonly key: string; readonly match: Match }[],
): StateObject[] {
  const found: StateObject[] = [];
  for (const { key, match } of links.slice(1)) {
    const object = context.linkObject(key);
    if (object !== undefined) found.push(readLink(context, object, match));
  }
  const seen = new Set<StateObject>();
  for (const { key } of links) {
    for (const object of standing.onLink(key)) {
      const observed = seen.has(object) ? undefined : presentState(context, object);
      seen.add(object);
      if (observed !== undefined) found.push(observed);
    }
  }
  return found;
}

/** What goes with a namespace, as observed now; `deleted` are the keys of links that have a step of their own. */
export function alongNamespace(
  context: Context,
  standing: Standing,
  namespace: string,
  deleted: ReadonlySet<string>,
): StateObject[] {
  const found: StateObject[] = [];
  for (const object of standing.inNamespace(namespace)) {
    if (object.kind === "link" && (deleted.has(object.key) || context.links.get(object.key)?.namespace !== namespace))
      continue;
    if ([...linkKeysOf(object), deviceKey(context, object) ?? ""].some((key) => deleted.has(key))) continue;
    const observed = presentState(context, object);
    if (observed !== undefined) found.push(observed);
  }
  return found;
}

/** As {@link readBack}, but a device's parameter is the one of the device that has the name now. */
function presentState(context: Context, object: StateObject): StateObject | undefined {
  if (object.kind !== "sysctl") return readBack(context, object);
  const value = context.view.namespace(object.namespace)?.observed.sysctls[object.path];
  return typeof value === "string" ? { ...object, value } : undefined;
}
