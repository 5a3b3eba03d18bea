/** Steps for everything that is neither a namespace, a link nor a service: wanted, taken away for us, or no longer wanted. */
import { equalValues } from "../base/equal.ts";
import { NetloomError } from "../base/errors.ts";
import { isMarked } from "../state/mark.ts";
import { isService, nameOf, type StateObject } from "../state/object.ts";
import type { ForeignAcceptObject, NftTableObject } from "../state/object/kernel.ts";
import { differInPrefixRoute } from "../state/prefix-route.ts";
import { type Context, type Draft, isIpv6, linkKeysOf, namespaceOf } from "./context.ts";
import { deviceOf, identityOf, isSameThing } from "./identity.ts";
import type { Known } from "./known.ts";
import { readBack } from "./read-back.ts";

type Round = "first" | "routes";

/**
 * Routes come in a second round, because deleting a link's last IPv4 address costs it its routes: which
 * links that happens to is known after the first.
 */
export function planThings(context: Context): void {
  for (const round of ["first", "routes"] as const) {
    for (const object of context.desired.values()) if (isOf(round, object)) planWanted(context, object);
    for (const object of context.absent.values()) if (isOf(round, object)) planAbsent(context, object);
    for (const entry of context.known.values()) planUnwanted(context, entry, round);
    if (round === "first") findFlushed(context);
  }
}

function isOf(round: Round, object: StateObject): boolean {
  if (isService(object)) return false;
  switch (object.kind) {
    case "namespace":
    case "link":
      return false;
    case "route":
      return round === "routes";
    default:
      return round === "first";
  }
}

function planWanted(context: Context, object: StateObject): void {
  const observed = readBack(context, object);
  if (observed === undefined && object.kind === "foreign-accept" && lacksChain(context, object)) return;
  if (observed === undefined && (object.kind === "nft-table" || object.kind === "file")) context.noteLoss(object);
  if (observed === undefined || goesWithOthers(context, object) || goesWithOthers(context, observed)) {
    context.draft(object.key, undefined, object);
    return;
  }
  const lostWith = lossOf(context, object);
  if (lostWith !== undefined) {
    lostWith.along.push(observed);
    context.draft(object.key, undefined, object);
    return;
  }
  const same = equalValues(object, observed);
  const lacksOnlyRoute =
    object.kind === "address" && observed.kind === "address" && differInPrefixRoute(observed, object);
  if (!context.owned.has(identityOf(object)) && !adoptForeign(context, object, observed, same || lacksOnlyRoute))
    return;
  if (same) return;
  if (object.kind === "sysctl") context.keepOriginal(object, underPresentName(context, observed));
  if (object.kind === "nft-table") noteDrift(context, object);
  if (object.kind === "address" && !lacksOnlyRoute) {
    context.draft(object.key, observed, undefined);
    context.draft(object.key, undefined, object);
  } else context.draft(object.key, observed, object);
}

/** The owner took the chain away, by a flush of everything: nothing drops any more, and it may come back. */
function lacksChain(context: Context, object: ForeignAcceptObject): boolean {
  if (context.view.namespace(object.namespace)?.lacksChain(object) !== true) return false;
  context.notes.push(`${object.chain} of other software is gone: nothing need be accepted in it`);
  return true;
}

/**
 * Something of that identity is there and not known as ours. On a link or in a namespace of ours, and with
 * our mark, it is ours; what happens to be just as wanted is left to its owner; a value is borrowed.
 * @returns false: it is in the way, and the conflict is noted
 */
function adoptForeign(context: Context, object: StateObject, observed: StateObject, same: boolean): boolean {
  if (object.kind === "sysctl") {
    context.keepOriginal(object, underPresentName(context, observed));
    return true;
  }
  if (isOwnTable(context, object) || standsOnOurs(context, object)) return true;
  if (same) {
    context.keepOriginal(object, observed);
    return true;
  }
  if (context.absentIdentities.has(identityOf(object))) return true;
  context.conflict(object.key, `${nameOf(object)} exists and is not netloom's`, remedyFor(object));
  return false;
}

/** A device that will be renamed gets its parameter back under the name that it has before us. */
function underPresentName(context: Context, observed: StateObject): StateObject {
  if (observed.kind !== "sysctl") return observed;
  const device = deviceOf(observed.path);
  const name = device === undefined ? undefined : context.presentNameOf(observed.namespace, device);
  return name === undefined ? observed : { ...observed, path: observed.path.replace(`/${device}/`, `/${name}/`) };
}

function isOwnTable(context: Context, object: StateObject): boolean {
  if (object.kind === "foreign-accept") return true;
  if (object.kind !== "nft-table") return false;
  const table = context.view.namespace(object.namespace)?.nftTable(object.family, object.name);
  return isMarked(table?.comment);
}

function standsOnOurs(context: Context, object: StateObject): boolean {
  const namespace = namespaceOf(object);
  if (namespace !== undefined && context.owned.has(`namespace|${namespace}`)) return object.kind !== "nft-table";
  const links = linkKeysOf(object).map((key) => context.linkObject(key));
  return links.length > 0 && links.every((link) => link !== undefined && link.link.type !== "adopted");
}

function remedyFor(object: StateObject): string {
  switch (object.kind) {
    case "route":
      return `Remove it if nobody needs it (ip route delete), or give ${object.origin} another subnet`;
    case "nft-table":
      return `It belongs to somebody else; if nobody needs it: nft delete table ${object.family} ${object.name}`;
    case "file":
      return `Move it away: ${object.path}`;
    default:
      return `Remove it if nobody needs it; ${object.origin} wants it otherwise`;
  }
}

function noteDrift(context: Context, object: NftTableObject): void {
  const entry = context.known.get(object.key);
  const recorded = entry?.recorded?.object;
  if (entry?.uncertain === false && recorded !== undefined && equalValues(recorded, object)) {
    context.notes.push(`${nameOf(object)} was changed by somebody else: it is loaded again`);
  }
}

/** A thing of others that must not be there while ours are. */
function planAbsent(context: Context, object: StateObject): void {
  const { kind } = object;
  if (kind === "sysctl") {
    const observed = readBack(context, object);
    if (observed !== undefined) context.keepOriginal(object, observed);
    return;
  }
  if (kind !== "address" && kind !== "route" && kind !== "neighbour") {
    throw new NetloomError(
      "internal",
      `plan ${nameOf(object)}: only addresses, routes and neighbours can be taken away for a time`,
    );
  }
  const entry = context.known.get(object.key);
  if (entry?.original !== undefined) context.keepOriginal(object, entry.original);
  if (readBack(context, object) === undefined || goesWithOthers(context, object)) return;
  context.keepOriginal(object, object);
  context.draft(object.key, object, undefined);
}

/** What is no longer wanted: it becomes what it was before us, or goes. */
function planUnwanted(context: Context, entry: Known, round: Round): void {
  const { original } = entry;
  const originalIdentity = original === undefined ? "" : identityOf(original);
  for (const object of entry.objects) {
    const identity = identityOf(object);
    if (!isOf(round, object) || identity === originalIdentity || context.claimed.has(identity)) continue;
    if (object.kind === "sysctl" || goesWithOthers(context, object)) continue;
    const observed = readBack(context, object);
    if (observed !== undefined) context.draft(entry.key, observed, undefined);
    else if (object.kind === "file" && context.view.isBrokenFile(object.path))
      context.draft(entry.key, object, undefined);
  }
  if (original === undefined || !isOf(round, original) || context.claimed.has(originalIdentity)) return;
  if (isSameThing(context.desired.get(entry.key), original)) return;
  if (!hasPlace(context, original)) {
    const linkIsTold = linkKeysOf(original).some((key) => context.known.get(key)?.original !== undefined);
    if (original.kind !== "sysctl" && !linkIsTold) {
      context.notes.push(`${nameOf(original)} cannot be given back: what it stood on is gone`);
    }
    return;
  }
  const observed = readBack(context, original);
  const lostWith = observed === undefined ? undefined : lossOf(context, original);
  if (observed === undefined || lostWith !== undefined) {
    if (observed !== undefined) lostWith?.along.push(observed);
    if (original.kind !== "sysctl") context.draft(entry.key, undefined, original);
  } else if (!equalValues(original, observed)) context.draft(entry.key, observed, original);
}

function hasPlace(context: Context, object: StateObject): boolean {
  const namespace = namespaceOf(object);
  if (namespace !== undefined && !context.namespaceStays(namespace)) return false;
  return linkKeysOf(object).every((key) => key.startsWith("foreign:") || context.linkStays(key));
}

/** Whether the object goes by itself with a link or a namespace that this plan deletes. */
function goesWithOthers(context: Context, object: StateObject): boolean {
  const namespace = namespaceOf(object);
  if (namespace !== undefined && context.goneNamespaces.has(namespace)) return true;
  return linkKeysOf(object).some((key) => {
    const match = context.links.get(key);
    return match !== undefined && context.goneLinks.has(match.link);
  });
}

/** The step that costs a link this address or route, though the link stays. */
function lossOf(context: Context, object: StateObject): Draft | undefined {
  if (object.kind !== "route" && object.kind !== "address") return undefined;
  for (const key of linkKeysOf(object)) {
    const link = context.links.get(key)?.link;
    if (link === undefined) continue;
    const bounced = object.kind === "route" || isIpv6(object) ? context.bounced.get(link) : undefined;
    const flushed = object.kind === "route" && !isIpv6(object) ? context.flushed.get(link) : undefined;
    if ((bounced ?? flushed) !== undefined) return bounced ?? flushed;
  }
  return undefined;
}

function findFlushed(context: Context): void {
  const deleted = new Map<string, { readonly namespace: string; count: number; draft: Draft }>();
  for (const draft of context.drafts) {
    const { before } = draft;
    if (before?.kind !== "address" || draft.after !== undefined || isIpv6(before)) continue;
    const entry = deleted.get(before.linkKey);
    if (entry === undefined) deleted.set(before.linkKey, { namespace: before.namespace, count: 1, draft });
    else {
      entry.count += 1;
      entry.draft = draft;
    }
  }
  for (const [key, { namespace, count, draft }] of deleted) {
    const link = context.links.get(key)?.link;
    if (link === undefined) continue;
    const addresses = context.view.namespace(namespace)?.addressesOf(link.index) ?? [];
    if (addresses.filter((entry) => !entry.address.includes(":")).length === count) context.flushed.set(link, draft);
  }
}
