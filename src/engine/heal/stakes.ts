/** Where the units that are looked after live: which of them a change somewhere may concern, and what to listen to. */
import { namespaceOf } from "../../planner/context.ts";
import { UnitStore } from "../../store/unit.ts";
import { requestOf } from "../reconcile.ts";
import type { WatchedNamespace, WatchRequest } from "../watch.ts";

interface Stake {
  readonly namespaces: ReadonlyMap<string, WatchedNamespace>;
  readonly files: ReadonlySet<string>;
  /** Where it has rules in tables that iptables-legacy speaks to: the kernel tells of no change there. */
  readonly legacyAccepts: ReadonlySet<string>;
}

const NOTHING: Stake = { namespaces: new Map(), files: new Set(), legacyAccepts: new Set() };

export class Stakes {
  readonly #stateFolder: string;
  readonly #units = new Map<string, Stake>();

  constructor(stateFolder: string) {
    this.#stateFolder = stateFolder;
  }

  add(unit: string): void {
    if (!this.#units.has(unit)) this.#units.set(unit, NOTHING);
  }

  remove(unit: string): void {
    this.#units.delete(unit);
  }

  units(): string[] {
    return [...this.#units.keys()];
  }

  /** Read anew what an added unit has. @throws NetloomError corrupt-store */
  read(unit: string): void {
    if (!this.#units.has(unit)) return;
    const store = UnitStore.open(this.#stateFolder, unit);
    const record = store.readRecord();
    const journal = store.readJournal();
    const { namespaces, files } = requestOf(record, journal);
    const objects = [...(record?.desired.objects ?? []), ...(journal?.desired.objects ?? [])];
    const withNeighbours = new Set(objects.filter((object) => object.kind === "neighbour").map(namespaceOf));
    const withLegacy = objects.flatMap((object) =>
      object.kind === "foreign-accept" && object.backend === "legacy" ? [object.namespace] : [],
    );
    this.#units.set(unit, {
      namespaces: new Map(
        namespaces.map((entry) => [entry.name, { ...entry, neighbours: withNeighbours.has(entry.name) }]),
      ),
      files: new Set(files),
      legacyAccepts: new Set(withLegacy),
    });
  }

  /** Namespaces in which nobody tells of changes to some of our rules. */
  legacyAccepts(): ReadonlySet<string> {
    return new Set([...this.#units.values()].flatMap(({ legacyAccepts }) => [...legacyAccepts]));
  }

  /** Whether a change in one of these places may concern the unit. */
  touches(unit: string, namespaces: ReadonlySet<string>, files: ReadonlySet<string>): boolean {
    const stake = this.#units.get(unit) ?? NOTHING;
    return (
      [...namespaces].some((name) => stake.namespaces.has(name)) || [...files].some((path) => stake.files.has(path))
    );
  }

  /** All places of all units. */
  request(): WatchRequest {
    const namespaces = new Map<string, { sysctls: Set<string>; neighbours: boolean }>();
    const files = new Set<string>();
    for (const stake of this.#units.values()) {
      for (const path of stake.files) files.add(path);
      for (const { name, sysctls = [], neighbours = false } of stake.namespaces.values()) {
        const known = namespaces.get(name) ?? { sysctls: new Set<string>(), neighbours: false };
        namespaces.set(name, known);
        for (const path of sysctls) known.sysctls.add(path);
        known.neighbours ||= neighbours;
      }
    }
    return {
      namespaces: Array.from(namespaces, ([name, { sysctls, neighbours }]) => ({
        name,
        sysctls: [...sysctls],
        neighbours,
      })),
      files: [...files],
    };
  }
}
