/**
 * A unit whose record cannot be read: it is set aside, and what the unit owns is looked up in the kernel, where links,
 * tables and rules carry our mark, and in the list of services that run. What is found becomes a journal, as a cut-off
 * change leaves it, and `apply` and `destroy` start from that. Values that stood there before netloom (kernel
 * parameters, addresses taken away) are lost.
 */
import { existsSync, readdirSync } from "node:fs";
import { observe } from "../kernel/observe.ts";
import { findServiceList } from "../services/keeper/service-list.ts";
import { isMarked, markedKey, markOf } from "../state/mark.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import { isService, nameOf, type StateObject } from "../state/object.ts";
import type { LinkObject, LinkType } from "../state/object/kernel.ts";
import type { ObservedLink, ObservedNamespace, Snapshot } from "../state/snapshot.ts";
import { tableName } from "../state/table-name.ts";
import type { UnitStore } from "../store/unit.ts";

const NAMED_NAMESPACES = "/run/netns";
const FAMILIES = ["ip", "ip6", "inet", "bridge", "netdev"] as const;

/** What the unit's file declares; keys are known by then to be the unit's own. Undefined: that cannot be found out. */
type Declare = (ownedKeys: ReadonlySet<string>) => Promise<Desired | undefined>;

/**
 * Does nothing when record and journal can be read.
 * @param source of the unit, for the journal that takes the record's place
 * @returns what a person should know
 * @throws NetloomError unknown-version
 */
export async function salvage(unit: UnitStore, source: string, declare: Declare): Promise<readonly string[]> {
  const renamed = unit.setCorruptAside();
  if (renamed.length === 0) return [];
  const notes = renamed.map((name) => `${unit.folder}/${name} could not be read and was set aside`);
  if (unit.readRecord() !== undefined) return notes;
  const snapshot = await observeAll(unit.name);
  const links = findLinks(unit.name, snapshot);
  const found: StateObject[] = [...links.values(), ...findTables(unit.name, snapshot)];
  const declared = await declare(new Set([...links.keys(), ...found.map((object) => object.key)]));
  const runs = findServiceList(unit.stateFolder).units[unit.name] ?? [];
  const running = new Set(runs.map(({ key }) => key));
  const others = findDeclared(declared ?? EMPTY, snapshot, links).filter(({ key }) => !running.has(key));
  found.push(...others, ...runs);
  const before = unit.readJournal();
  unit.writeJournal({
    version: 1,
    source: before?.source ?? source,
    desired: before?.desired ?? EMPTY,
    steps: [
      ...found.map((after) => ({ key: after.key, after, summary: `make ${nameOf(after)}`, commands: [] })),
      ...(before?.steps ?? []),
    ],
    originals: before?.originals ?? {},
  });
  notes.push(`${unit.name}: ${found.length} objects of it were found; kernel parameters stay as they are`);
  const left = namespacesLeft(found, links);
  if (left.length > 0) notes.push(`not removed, as nothing says whose they are: namespaces ${left.join(", ")}`);
  return notes;
}

async function observeAll(unitName: string): Promise<Snapshot> {
  const names = existsSync(NAMED_NAMESPACES) ? readdirSync(NAMED_NAMESPACES) : [];
  const places = ["", ...names];
  const links = await observe({ namespaces: places.map((name) => ({ name })), files: [] });
  const concerned = places.filter((name) => name === "" || marked(unitName, links.namespaces[name]).length > 0);
  return observe({
    namespaces: concerned.map((name) => ({
      name,
      nft: tableNames(unitName, links.namespaces[name]),
      foreignAccepts: name === "",
    })),
    files: [],
  });
}

function marked(unitName: string, namespace: ObservedNamespace | null | undefined): ObservedLink[] {
  return (namespace?.links ?? []).filter((link) => markedKey(link.alias)?.startsWith(`${unitName}/`) === true);
}

/** Names that tables of ours may have. */
function tableNames(unitName: string, namespace: ObservedNamespace | null | undefined) {
  const ofLinks = marked(unitName, namespace).flatMap(({ name }) => [
    tableName("bind", name),
    tableName("port", name),
    tableName("guard", name),
  ]);
  const names = [tableName(unitName), ...ofLinks, tableName("bind", "eth0")];
  return names.flatMap((name) => FAMILIES.map((family) => ({ family, name })));
}

function findLinks(unitName: string, snapshot: Snapshot): Map<string, LinkObject> {
  const found = new Map<string, LinkObject>();
  for (const [namespace, observed] of Object.entries(snapshot.namespaces)) {
    for (const link of marked(unitName, observed)) {
      const key = markedKey(link.alias);
      const type = key === undefined ? undefined : typeOf(link, key, snapshot);
      if (key === undefined || type === undefined) continue;
      found.set(key, { kind: "link", key, origin: unitName, namespace, name: link.name, link: type });
    }
  }
  return found;
}

function typeOf(link: ObservedLink, key: string, snapshot: Snapshot): LinkType | undefined {
  const other = (): string => {
    const ends = Object.values(snapshot.namespaces).flatMap((observed) => observed?.links ?? []);
    const peer = ends.find(
      (end) => end !== link && end.index === link.linkIndex && end.linkIndex === link.index && isMarked(end.alias),
    );
    return markedKey(peer?.alias) ?? `${key} other end`;
  };
  switch (link.kind) {
    case "bridge":
    case "dummy":
      return { type: link.kind };
    case "veth":
      return { type: "veth", peerKey: other() };
    case "tun":
      return { type: "tap" };
    case "macvlan":
    case "macvtap":
      return { type: link.kind, parentKey: `${key} parent`, mode: "bridge" };
    default:
      return undefined;
  }
}

function findTables(unitName: string, snapshot: Snapshot): StateObject[] {
  return Object.entries(snapshot.namespaces).flatMap(([namespace, observed]) =>
    (observed?.nftTables ?? []).flatMap((table): StateObject[] => {
      const family = FAMILIES.find((candidate) => candidate === table.family);
      if (!isMarked(table.comment) || family === undefined) return [];
      const key = `${unitName}/found table ${namespace} ${family} ${table.name}`;
      return [{ kind: "nft-table", key, origin: unitName, namespace, family, name: table.name, rules: "" }];
    }),
  );
}

/** Of what carries no mark itself, what stands beside marked things: the namespaces of our links, and rules of ours. */
function findDeclared(
  { objects }: Desired,
  snapshot: Snapshot,
  links: ReadonlyMap<string, LinkObject>,
): readonly StateObject[] {
  const withLinks = new Set([...links.values()].map((link) => link.namespace));
  return objects.filter((object) => {
    if (isService(object)) return true;
    switch (object.kind) {
      case "namespace":
      case "address":
      case "route":
        return withLinks.has(object.kind === "namespace" ? object.name : object.namespace);
      case "foreign-accept":
        return snapshot.namespaces[object.namespace]?.foreignAccepts.includes(markOf(object.key)) === true;
      case "file":
        return true;
      default:
        return false;
    }
  });
}

function namespacesLeft(found: readonly StateObject[], links: ReadonlyMap<string, LinkObject>): string[] {
  const ours = new Set(found.flatMap((object) => (object.kind === "namespace" ? [object.name] : [])));
  const used = new Set([...links.values()].map((link) => link.namespace));
  return [...used].filter((name) => name !== "" && !ours.has(name));
}
