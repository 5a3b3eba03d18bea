/** Steps for namespaces and links: what is made, changed, made anew because it cannot be changed, and deleted. */
import { covers } from "../base/equal.ts";
import { isMarked } from "../state/mark.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { ObservedLink } from "../state/snapshot.ts";
import { alongLinks, alongNamespace, Standing } from "./along.ts";
import type { Context } from "./context.ts";
import { isAdopted } from "./known.ts";
import { kernelKind, type Match } from "./match.ts";
import { inNamespace } from "./names.ts";
import { readLink } from "./read-back.ts";

/** Decide which namespaces go; they take with them what is inside. */
export function planNamespaces(context: Context): void {
  for (const object of context.desired.values()) {
    if (object.kind !== "namespace") continue;
    const view = context.view.namespace(object.name);
    if (view === undefined) {
      context.noteLoss(object);
      context.draft(object.key, undefined, object);
    } else if (!context.owned.has(`namespace|${object.name}`)) {
      context.conflict(
        object.key,
        `namespace ${object.name} exists and is not netloom's`,
        `Give ${object.origin} another name, or remove the namespace: ip netns delete ${object.name}`,
      );
    } else if (view.linksByName.get("lo")?.up === false) {
      // Taken down by somebody, or never set up: a kill came between.
      context.draft(object.key, object, object);
    }
  }
  for (const entry of context.known.values()) {
    for (const object of entry.objects) {
      if (object.kind !== "namespace" || context.claimed.has(`namespace|${object.name}`)) continue;
      if (context.view.namespace(object.name) !== undefined) context.goneNamespaces.add(object.name);
      else if (context.view.isBroken(object.name)) context.draft(entry.key, object, undefined);
    }
  }
}

export function planLinks(context: Context): void {
  const again = new Set<string>();
  findGone(context, again);
  if (context.goneLinks.size > 0 || context.goneNamespaces.size > 0) deleteGone(context, again);
  const bearers = new Map<string, LinkObject>();
  for (const object of context.desired.values()) {
    if (object.kind !== "link") continue;
    const place = `${object.namespace}\u0000${object.name}`;
    const other = bearers.get(place);
    bearers.set(place, object);
    if (other === undefined) planLink(context, object);
    else refuseNamesakes(context, object, other);
  }
  for (const entry of context.known.values()) {
    if (entry.original?.kind === "link" && !context.desired.has(entry.key)) restoreLink(context, entry.original);
  }
}

function deleteGone(context: Context, again: ReadonlySet<string>): void {
  const standing = new Standing(context);
  const deleted = deleteLinks(context, standing, again);
  for (const entry of context.known.values()) {
    for (const object of entry.objects) {
      if (object.kind !== "namespace" || !context.goneNamespaces.has(object.name)) continue;
      context.draft(entry.key, object, undefined, alongNamespace(context, standing, object.name, deleted));
    }
  }
}

/** Fill `goneLinks`: what is no longer wanted and what must be made `again`; both ends of a veth pair go together, and what stands on a link with it. */
function findGone(context: Context, again: Set<string>): void {
  for (const [key, match] of context.links) {
    const wanted = context.desired.get(key);
    const object = context.linkObject(key);
    if (object === undefined || isAdopted(object)) continue;
    if (wanted?.kind !== "link") {
      if (context.known.has(key)) context.goneLinks.add(match.link);
    } else if (!fits(context, wanted, match)) {
      again.add(key);
      context.goneLinks.add(match.link);
    }
  }
  for (const key of context.links.keys()) {
    const peer = context.links.get(peerKeyOf(context.linkObject(key)) ?? "");
    const match = context.links.get(key);
    if (peer !== undefined && match !== undefined && context.goneLinks.has(match.link))
      context.goneLinks.add(peer.link);
  }
  for (const [key, match] of context.links) {
    const type = context.linkObject(key)?.link;
    const parent = type !== undefined && "parentKey" in type ? context.links.get(type.parentKey) : undefined;
    if (parent !== undefined && context.goneLinks.has(parent.link)) context.goneLinks.add(match.link);
  }
}

/** Whether the observed link can become the wanted one by changes in place. */
function fits(context: Context, wanted: LinkObject, match: Match): boolean {
  if (match.namespace !== wanted.namespace || match.link.kind !== kernelKind(wanted)) return false;
  const type = wanted.link;
  if (type.type === "tap") {
    const recorded = context.known.get(wanted.key)?.recorded?.object;
    const before = recorded?.kind === "link" && recorded.link.type === "tap" ? recorded.link.queues : type.queues;
    return (
      before === type.queues &&
      (type.ownerUid === undefined || type.ownerUid === match.link.ownerUid) &&
      (type.groupGid === undefined || type.groupGid === match.link.groupGid)
    );
  }
  if ("parentKey" in type) {
    const parent = context.links.get(type.parentKey);
    return (
      parent !== undefined &&
      match.link.linkIndex === parent.link.index &&
      (match.link.macvlanMode === undefined || match.link.macvlanMode === type.mode)
    );
  }
  if (type.type !== "veth" && type.type !== "veth-peer") return true;
  const peer = context.links.get(type.peerKey);
  const peerWanted = context.desired.get(type.peerKey);
  if (peer === undefined || peerWanted?.kind !== "link" || peer.namespace !== peerWanted.namespace) return false;
  return match.link.linkIndex === undefined || match.link.linkIndex === peer.link.index;
}

function peerKeyOf(object: LinkObject | undefined): string | undefined {
  return object?.link.type === "veth" || object?.link.type === "veth-peer" ? object.link.peerKey : undefined;
}

/**
 * One step for each link that goes, except those that go with their other end, their parent or their namespace.
 * @returns the keys of the links that have a step, and of those that go with them
 */
function deleteLinks(context: Context, standing: Standing, again: ReadonlySet<string>): Set<string> {
  const deleted = new Set<string>();
  const handled = new Set<ObservedLink>();
  const children = childrenInGoneNamespaces(context);
  for (const [key, match] of context.links) {
    const object = context.linkObject(key);
    if (object === undefined || handled.has(match.link) || !context.goneLinks.has(match.link)) continue;
    const peerKey = peerKeyOf(object);
    const peer = peerKey === undefined ? undefined : context.links.get(peerKey);
    if (object.link.type === "veth-peer" && peer !== undefined) continue;
    handled.add(match.link);
    const inside = context.goneNamespaces.has(match.namespace);
    if (inside && (peer === undefined || context.goneNamespaces.has(peer.namespace)) && !again.has(key)) continue;
    const gone = [{ key, match }];
    if (peer !== undefined && peerKey !== undefined) {
      handled.add(peer.link);
      gone.push({ key: peerKey, match: peer });
    }
    gone.push(...gone.flatMap((end) => children.get(end.key) ?? []));
    for (const end of gone) deleted.add(end.key);
    context.draft(key, readLink(context, object, match), undefined, alongLinks(context, standing, gone));
  }
  return deleted;
}

/** Macvlans and macvtaps by their parent's key, as far as they have no step of their own because their namespace goes. */
function childrenInGoneNamespaces(context: Context): Map<string, { readonly key: string; readonly match: Match }[]> {
  const children = new Map<string, { readonly key: string; readonly match: Match }[]>();
  for (const [key, match] of context.links) {
    const type = context.linkObject(key)?.link;
    if (type === undefined || !("parentKey" in type) || !context.goneNamespaces.has(match.namespace)) continue;
    const siblings = children.get(type.parentKey);
    if (siblings === undefined) children.set(type.parentKey, [{ key, match }]);
    else siblings.push({ key, match });
  }
  return children;
}

function planLink(context: Context, object: LinkObject): void {
  const match = context.links.get(object.key);
  if (object.link.type === "adopted" && match === undefined) {
    context.conflict(
      object.key,
      `link ${object.name}: there is no interface with index ${object.link.adoptedIndex}${inNamespace(object.namespace)} any more`,
      `Check that ${object.origin} is there: ip link show`,
    );
    return;
  }
  if (match !== undefined && isMerePort(object) && match.link.name !== object.name) {
    planLink(context, { ...object, name: match.link.name });
    return;
  }
  if (!nameIsFree(context, object) || lacksMaster(context, object)) return;
  if (match === undefined || context.goneLinks.has(match.link)) {
    if (match === undefined && object.link.type !== "veth-peer" && context.namespaceStays(object.namespace))
      context.noteLoss(object);
    context.draft(object.key, undefined, object);
    return;
  }
  const before = readLink(context, object, match);
  if (isAdopted(object)) context.keepOriginal(object, before);
  changeLink(context, before, object, match);
}

/** A port of another unit's bridge waits for that bridge. */
function lacksMaster(context: Context, { key, name, namespace, masterKey }: LinkObject): boolean {
  if (typeof masterKey !== "string" || masterKey.startsWith("foreign:")) return false;
  if (context.linkObject(masterKey) !== undefined || context.borrowedLink(masterKey) !== undefined) return false;
  context.conflict(
    key,
    `link ${name}${inNamespace(namespace)}: the bridge ${masterKey} that it is to be a port of does not exist`,
    "Apply the file that declares the network",
  );
  return true;
}

function refuseNamesakes(context: Context, object: LinkObject, other: LinkObject): void {
  context.conflict(
    object.key,
    `link ${object.name}${inNamespace(object.namespace)} is wanted twice: as ${object.link.type} and as ${other.link.type}`,
    "Give one of them another name",
  );
}

function restoreLink(context: Context, original: LinkObject): void {
  const match = context.links.get(original.key);
  if (match === undefined) {
    context.notes.push(`${original.name}${inNamespace(original.namespace)} is gone: nothing can be given back to it`);
    return;
  }
  const observed = readLink(context, original, match);
  const ours = context.known.get(original.key)?.objects ?? [];
  if (!ours.some((object) => object.kind === "link" && isMerePort(object))) {
    changeLink(context, observed, original, match);
    return;
  }
  const { learning: _learning, ...rest } = observed;
  changeLink(context, observed, { ...rest, masterKey: original.masterKey ?? null }, match);
}

/** A link of somebody else that only gets a master: whatever else becomes of it meanwhile, its name too, is not ours. */
function isMerePort(object: LinkObject): boolean {
  const { macAddress, mtuBytes, up } = object;
  return isAdopted(object) && typeof object.masterKey === "string" && (macAddress ?? mtuBytes ?? up) === undefined;
}

function changeLink(context: Context, observed: LinkObject, after: LinkObject, match: Match): void {
  let before = observed;
  const master = masterOf(context, match);
  if (master !== undefined && context.goneLinks.has(master) && typeof after.masterKey === "string") {
    const { learning: _learning, ...rest } = before;
    const alone: LinkObject = { ...rest, masterKey: null };
    context.draft(after.key, before, alone);
    before = alone;
  }
  if (!match.unmarked && covers(after, before)) return;
  const draft = context.draft(after.key, before, after);
  if (bounces(before, after)) context.bounced.set(match.link, draft);
}

function masterOf(context: Context, match: Match): ObservedLink | undefined {
  const { masterIndex } = match.link;
  return masterIndex === undefined ? undefined : context.view.namespace(match.namespace)?.linksByIndex.get(masterIndex);
}

/** Whether this change takes the link down for a moment: names, and MACs of links of others, need that. */
function bounces(before: LinkObject, after: LinkObject): boolean {
  if (before.up === false) return false;
  const otherMac = isAdopted(after) && after.macAddress !== undefined && after.macAddress !== before.macAddress;
  return before.name !== after.name || otherMac || after.up === false;
}

/** A name is free, ours already, or set free by this plan; else a conflict is noted. */
function nameIsFree(context: Context, object: LinkObject): boolean {
  const bearer = context.view.namespace(object.namespace)?.linksByName.get(object.name);
  if (bearer === undefined || context.goneLinks.has(bearer) || context.goneNamespaces.has(object.namespace))
    return true;
  const key = context.keys.get(bearer);
  if (key === object.key) return true;
  const other = key === undefined ? undefined : context.desired.get(key);
  if (other?.kind === "link" && other.name !== object.name) return true;
  const ours = isMarked(bearer.alias);
  context.conflict(
    object.key,
    `link ${object.name}${inNamespace(object.namespace)} exists and ${ours ? "belongs to another file, bind or state folder of netloom" : "is not netloom's"}`,
    ours
      ? `Give ${object.origin} another name, or end what it belongs to (netloom status; destroy or unbind): ${bearer.alias}`
      : `Give ${object.origin} another name, or remove the link: ip ${option(object.namespace)}link delete ${object.name}`,
  );
  return false;
}

/** What must exist before anything can be put into a namespace. */
export function checkNamespaces(context: Context): void {
  const made = new Set<string>();
  for (const object of context.desired.values()) if (object.kind === "namespace") made.add(object.name);
  const missing = new Set<string>();
  for (const object of context.desired.values()) {
    if (object.kind === "namespace" || object.kind === "file") continue;
    const { namespace } = object;
    if (made.has(namespace) || missing.has(namespace) || context.view.namespace(namespace) !== undefined) continue;
    missing.add(namespace);
    context.conflict(
      object.key,
      `namespace ${namespace} does not exist`,
      `${object.origin} needs it: create it first (ip netns add ${namespace}), or check the name with ip netns list`,
    );
  }
}

function option(namespace: string): string {
  return namespace === "" ? "" : `-n ${namespace} `;
}
