/** What all parts of one planning run share. */
import { equalValues } from "../base/equal.ts";
import { NetloomError } from "../base/errors.ts";
import type { Desired } from "../state/desired.ts";
import { nameOf, type StateObject } from "../state/object.ts";
import type { AddressObject, LinkObject, RouteObject } from "../state/object/kernel.ts";
import type { ObservedLink, Snapshot } from "../state/snapshot.ts";
import type { OwnershipRecord, Step } from "../state/step.ts";
import { markedKey, markOf } from "../state/mark.ts";
import { identityOf, isSameThing } from "./identity.ts";
import { type Known, knownObjects } from "./known.ts";
import { type Match, matchLinks } from "./match.ts";
import { View } from "./view.ts";

export interface PlanInput {
  readonly desired: Desired;
  readonly snapshot: Snapshot;
  readonly record?: OwnershipRecord;
  /** Steps of a change that was cut off; each may have been done or not. */
  readonly pending?: readonly Step[];
}

/** Why something cannot be done, and what the person can do about it. */
export interface Conflict {
  readonly key: string;
  readonly message: string;
  readonly remedy: string;
}

/** A step before it is put in order and described. */
export interface Draft {
  readonly key: string;
  readonly before: StateObject | undefined;
  readonly after: StateObject | undefined;
  /** Objects that vanish by this step besides `before`; later steps make those anew that are still wanted. */
  readonly along: StateObject[];
  /** Place among steps of its phase, as the network file or the record lists things. */
  readonly rank: number;
}

export class Context {
  readonly view: View;
  readonly desired = new Map<string, StateObject>();
  readonly absent = new Map<string, StateObject>();
  readonly known: Map<string, Known>;
  /** Observed link by key. */
  readonly links: Map<string, Match>;
  /** Key by observed link. */
  readonly keys = new Map<ObservedLink, string>();
  /** Identities that the desired state speaks for: who was there before under another key has no say. */
  readonly claimed = new Set<string>();
  /** Those among them that are to be away. */
  readonly absentIdentities = new Set<string>();
  /** Identities of what is ours or was touched by us already. */
  readonly owned = new Map<string, Known>();
  /** Observed links that this plan deletes, and namespaces. */
  readonly goneLinks = new Set<ObservedLink>();
  readonly goneNamespaces = new Set<string>();
  /** Links whose step takes them down for a moment, which costs them routes and IPv6 addresses. */
  readonly bounced = new Map<ObservedLink, Draft>();
  /** Links that lose their last IPv4 address, and with it all IPv4 routes. */
  readonly flushed = new Map<ObservedLink, Draft>();
  readonly drafts: Draft[] = [];
  readonly conflicts: Conflict[] = [];
  readonly notes: string[] = [];
  readonly originals: Record<string, StateObject> = {};
  readonly #ranks = new Map<string, number>();
  #names: Map<string, string> | undefined;
  #masters: Set<string> | undefined;

  constructor(input: PlanInput) {
    this.view = new View(input.snapshot);
    this.known = knownObjects(input.record, input.pending ?? []);
    for (const key of this.known.keys()) this.#ranks.set(key, this.#ranks.size);
    for (const object of input.desired.objects) {
      if (this.desired.has(object.key)) {
        throw new NetloomError("internal", `plan ${nameOf(object)}: the key ${object.key} is used twice`);
      }
      this.desired.set(object.key, object);
      this.claimed.add(identityOf(object));
    }
    for (const object of input.desired.absent) {
      this.absent.set(object.key, object);
      this.absentIdentities.add(identityOf(object));
      this.claimed.add(identityOf(object));
    }
    let position = this.#ranks.size;
    for (const key of this.absent.keys()) this.#ranks.set(key, position++);
    for (const key of this.desired.keys()) this.#ranks.set(key, position++);
    for (const entry of this.known.values()) {
      for (const object of entry.objects) this.owned.set(identityOf(object), entry);
      if (entry.original !== undefined) this.owned.set(identityOf(entry.original), entry);
    }
    this.links = matchLinks(this.desired, this.known, this.view);
    for (const [key, match] of this.links) this.keys.set(match.link, key);
  }

  /** Note a step. Deletions run in the reverse order of the things' making. */
  draft(
    key: string,
    before: StateObject | undefined,
    after: StateObject | undefined,
    along: StateObject[] = [],
  ): Draft {
    const rank = this.#ranks.get(key) ?? 0;
    const draft: Draft = { key, before, after, along, rank: after === undefined ? -rank : rank };
    this.drafts.push(draft);
    return draft;
  }

  conflict(key: string, message: string, remedy: string): void {
    this.conflicts.push({ key, message, remedy });
  }

  /** Keep what stood there before us, unless the record has it already. */
  keepOriginal(object: StateObject, original: StateObject): void {
    const entry = this.known.get(object.key);
    if (isSameThing(entry?.recorded?.original, object)) return;
    const before = [entry, this.owned.get(identityOf(object))].map((candidate) => candidate?.original);
    this.originals[object.key] = before.find((candidate) => isSameThing(candidate, object)) ?? original;
  }

  /** Tell when something that stood as wanted has disappeared, by no doing of ours. */
  noteLoss(object: StateObject): void {
    const entry = this.known.get(object.key);
    if (entry?.uncertain === false && equalValues(entry.recorded?.object, object)) {
      this.notes.push(`${nameOf(object)} has disappeared: it is made again`);
    }
  }

  /** Whether the namespace is there now and stays. */
  namespaceStays(name: string): boolean {
    return this.view.namespace(name) !== undefined && !this.goneNamespaces.has(name);
  }

  linkStays(key: string): boolean {
    const match = this.links.get(key);
    return match !== undefined && !this.goneLinks.has(match.link);
  }

  /**
   * What the device that will have this name at the end of the plan is called now; undefined when it is not
   * there yet, or when the present bearer of the name goes.
   */
  presentNameOf(namespace: string, futureName: string): string | undefined {
    const key = this.#futureNames().get(`${namespace}/${futureName}`);
    if (key !== undefined) {
      const match = this.links.get(key);
      return match === undefined || match.namespace !== namespace || this.goneLinks.has(match.link)
        ? undefined
        : match.link.name;
    }
    const bearer = this.view.namespace(namespace)?.linksByName.get(futureName);
    return bearer === undefined || this.keys.has(bearer) ? undefined : futureName;
  }

  #futureNames(): ReadonlyMap<string, string> {
    if (this.#names === undefined) {
      this.#names = new Map();
      for (const entry of this.known.values()) {
        if (entry.original?.kind === "link")
          this.#names.set(`${entry.original.namespace}/${entry.original.name}`, entry.key);
      }
      for (const object of this.desired.values()) {
        if (object.kind !== "link") continue;
        const { original } = this.known.get(object.key) ?? {};
        if (original?.kind === "link") this.#names.delete(`${original.namespace}/${original.name}`);
      }
      for (const object of this.desired.values()) {
        if (object.kind === "link") this.#names.set(`${object.namespace}/${object.name}`, object.key);
      }
    }
    return this.#names;
  }

  /** The key in the mark of another unit's bridge, where a link of ours is or becomes its port. */
  borrowedKey(link: ObservedLink | undefined): string | undefined {
    const key = markedKey(link?.alias);
    if (key === undefined) return undefined;
    this.#masters ??= new Set(this.#linksOfOurs().flatMap(({ masterKey }) => masterKey ?? []));
    return this.#masters.has(key) ? key : undefined;
  }

  /** Another unit's link as it stands; undefined: there is none. */
  borrowedLink(key: string): LinkObject | undefined {
    const place = this.view.withAlias(markOf(key))[0];
    if (place === undefined) return undefined;
    const { name, index } = place.link;
    const link = { type: "adopted", adoptedIndex: index } as const;
    return { kind: "link", key, origin: "", namespace: place.namespace, name, link };
  }

  #linksOfOurs(): LinkObject[] {
    const known = [...this.known.values()].flatMap((entry) => [...entry.objects, entry.original]);
    return [...this.desired.values(), ...known].filter((object): object is LinkObject => object?.kind === "link");
  }

  /** The desired or recorded link of that key; undefined for links of others. */
  linkObject(key: string): LinkObject | undefined {
    const wanted = this.desired.get(key);
    if (wanted?.kind === "link") return wanted;
    const entry = this.known.get(key);
    const object = entry?.objects.findLast((candidate) => candidate.kind === "link") ?? entry?.original;
    return object?.kind === "link" ? object : undefined;
  }
}

/** Keys of the links that an object stands on. */
export function linkKeysOf(object: StateObject): readonly string[] {
  if ("linkKey" in object) return [object.linkKey];
  switch (object.kind) {
    case "route":
      return object.nextHops.flatMap((hop) => (hop.linkKey === undefined ? [] : [hop.linkKey]));
    case "vm":
      return object.nics.map((nic) => nic.tapKey);
    default:
      return [];
  }
}

export function isIpv6(object: AddressObject | RouteObject): boolean {
  return (object.kind === "address" ? object.address : object.destination.address).includes(":");
}

/** The namespace an object lives in; files live in none. */
export function namespaceOf(object: StateObject): string | undefined {
  if (object.kind === "file") return undefined;
  return object.kind === "namespace" ? object.name : object.namespace;
}
