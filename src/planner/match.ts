/**
 * Which observed link is which of ours.
 *
 * The alias says it ("netloom:KEY"), where record or journal know of that key: another file may use it too. Where a kill came between creating a link and naming it, or somebody
 * cleared the alias, the record's index or the unfinished steps do, and for one end of a veth pair the other
 * end. A link that was adopted is found by its index. A name alone proves nothing.
 */
import { markOf } from "../state/mark.ts";
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { ObservedLink } from "../state/snapshot.ts";
import { isAdopted, type Known } from "./known.ts";
import type { Place, View } from "./view.ts";

export interface Match extends Place {
  /** Found only by what an unfinished change was to make: it does not carry our alias yet. */
  readonly unmarked: boolean;
}

/** The kernel's kind (IFLA_INFO_KIND) of a link that we make. */
export function kernelKind(object: LinkObject): string | undefined {
  switch (object.link.type) {
    case "bridge":
    case "dummy":
    case "macvlan":
    case "macvtap":
      return object.link.type;
    case "veth":
    case "veth-peer":
      return "veth";
    case "tap":
      return "tun";
    case "adopted":
      return undefined;
  }
}

/** By key of the link object; links that do not exist are missing. */
export function matchLinks(
  desired: ReadonlyMap<string, StateObject>,
  known: ReadonlyMap<string, Known>,
  view: View,
): Map<string, Match> {
  const matches = new Map<string, Match>();
  const candidates = new Map<string, LinkObject[]>();
  const add = (object: StateObject | undefined): void => {
    if (object?.kind !== "link") return;
    const list = candidates.get(object.key);
    if (list === undefined) candidates.set(object.key, [object]);
    else list.push(object);
  };
  for (const object of desired.values()) add(object);
  for (const entry of known.values()) {
    for (const object of entry.objects) add(object);
    add(entry.original);
  }
  for (const [key, objects] of candidates) {
    const match = matchOne(key, objects, known.get(key), view);
    if (match !== undefined) matches.set(key, match);
  }
  for (const [key, objects] of candidates) {
    const match = matches.get(key);
    if (match === undefined) continue;
    for (const object of objects) {
      if (object.link.type !== "veth" && object.link.type !== "veth-peer") continue;
      const { peerKey } = object.link;
      if (matches.has(peerKey)) continue;
      const peer = otherEnd(match, candidates.get(peerKey) ?? [], view);
      if (peer !== undefined) matches.set(peerKey, peer);
    }
  }
  return matches;
}

function matchOne(
  key: string,
  objects: readonly LinkObject[],
  known: Known | undefined,
  view: View,
): Match | undefined {
  const adopted = objects.find(isAdopted);
  if (adopted !== undefined) return matchAdopted(adopted, known, view);
  if (known === undefined) return undefined;
  const marked = view.withAlias(markOf(key));
  const named = marked.find(({ namespace, link }) =>
    objects.some((object) => object.namespace === namespace && object.name === link.name),
  );
  const place = named ?? marked[0];
  if (place !== undefined) return { ...place, unmarked: false };
  const { recorded } = known;
  if (recorded?.index !== undefined && recorded.object?.kind === "link") {
    const link = view.namespace(recorded.object.namespace)?.linksByIndex.get(recorded.index);
    if (link !== undefined && mayBe(recorded.object, link)) {
      return { namespace: recorded.object.namespace, link, unmarked: false };
    }
  }
  if (!known.uncertain) return undefined;
  for (const object of known.objects) {
    if (object.kind !== "link") continue;
    const link = view.namespace(object.namespace)?.linksByName.get(object.name);
    if (link !== undefined && mayBe(object, link)) return { namespace: object.namespace, link, unmarked: true };
  }
  return undefined;
}

function mayBe(object: LinkObject, link: ObservedLink): boolean {
  return kernelKind(object) === link.kind && (link.alias === undefined || link.alias === markOf(object.key));
}

/**
 * Interface indexes are given out anew in a new namespace: once touched by us, the MAC must fit too, or the name of a
 * link that has none.
 */
function matchAdopted(object: LinkObject, known: Known | undefined, view: View): Match | undefined {
  if (object.link.type !== "adopted") return undefined;
  const link = view.namespace(object.namespace)?.linksByIndex.get(object.link.adoptedIndex);
  if (link === undefined) return undefined;
  const past = [...(known?.objects ?? []), known?.original].filter((entry) => entry?.kind === "link");
  const fits = past.some((entry) =>
    entry.macAddress === undefined ? entry.name === link.name : entry.macAddress === link.macAddress,
  );
  return past.length === 0 || fits ? { namespace: object.namespace, link, unmarked: false } : undefined;
}

function otherEnd(end: Match, objects: readonly LinkObject[], view: View): Match | undefined {
  if (end.link.linkIndex === undefined) return undefined;
  for (const object of objects) {
    const link = view.namespace(object.namespace)?.linksByIndex.get(end.link.linkIndex);
    const mutual = link?.linkIndex === undefined || link.linkIndex === end.link.index;
    if (link !== undefined && mutual && link !== end.link && mayBe(object, link)) {
      return { namespace: object.namespace, link, unmarked: false };
    }
  }
  return undefined;
}
