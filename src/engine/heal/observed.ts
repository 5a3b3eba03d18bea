/**
 * What was observed of namespaces lately, good until an event tells of a change there. A unit of a thousand
 * namespaces is planned anew from the one that changed, and units that share a namespace share what was read of it.
 * Reading nft takes programs, so that its tables are read only after an event of nft's own.
 */
import { equalValues } from "../../base/equal.ts";
import { observe, type ObserveRequest } from "../../kernel/observe.ts";
import { observeFilters } from "../../kernel/observe/filters.ts";
import { observeSysctls } from "../../kernel/observe/sysctls.ts";
import { closeDescriptor, openNamespace } from "../../kernel/native.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import type { NftTableName } from "../../netlink/netfilter/table.ts";
import type { ObservedNamespace, ObservedNftTable, Snapshot } from "../../state/snapshot.ts";
import type { ChangeKind } from "../watch/namespace.ts";

type NamespaceRequest = ObserveRequest["namespaces"][number];

type Foreign = Pick<ObservedNamespace, "foreignAccepts" | "foreignChains">;

/** Of one namespace; a part that was forgotten is absent. */
interface Known {
  /** Links, addresses, routes, neighbours and parameters. */
  routing?: ObservedNamespace;
  /** Null: there is none of that name. */
  tables: Map<string, ObservedNftTable | null>;
  foreign?: Foreign;
  /** Counts changes: what was read meanwhile may be older. */
  routingChanges: number;
  filterChanges: number;
}

const keyOf = ({ family, name }: NftTableName): string => `${family} ${name}`;

export class ObservedNamespaces {
  readonly #listens: (namespace: string) => boolean;
  readonly #known = new Map<string, Known>();

  /** @param listens whether changes of the namespace will be told to {@link forget} */
  constructor(listens: (namespace: string) => boolean) {
    this.#listens = listens;
  }

  /** Something changed there. */
  forget(namespace: string, kind: ChangeKind | "all"): void {
    const known = this.#of(namespace);
    if (kind !== "filters") {
      delete known.routing;
      known.routingChanges++;
    }
    if (kind === "routing") return;
    known.tables = new Map();
    delete known.foreign;
    known.filterChanges++;
  }

  /** Read our rules in chains of others again. @returns whether they are other than was known */
  async rereadAccepts(namespace: string): Promise<boolean> {
    const known = this.#of(namespace);
    const before = known.foreign;
    if (before === undefined) return false;
    const changes = known.filterChanges;
    const now = foreignOf(await observeFilters(placeOf(namespace), { tables: [], foreignAccepts: true }));
    if (known.filterChanges !== changes || equalValues(now, before)) return false;
    known.foreign = now;
    return true;
  }

  /** Keep nothing of any other namespace. */
  retain(namespaces: ReadonlySet<string>): void {
    for (const name of this.#known.keys()) if (!namespaces.has(name)) this.#known.delete(name);
  }

  /** As the kernel floor's function of that name, reading only what is not known. */
  async observe(request: ObserveRequest): Promise<Snapshot> {
    const unread: NamespaceRequest[] = [];
    const complete: { readonly entry: NamespaceRequest; readonly routing: ObservedNamespace }[] = [];
    for (const entry of request.namespaces) {
      const routing = this.#known.get(entry.name)?.routing;
      if (routing === undefined) unread.push(entry);
      else complete.push({ entry, routing });
    }
    const asked = new Map(unread.map((entry) => [entry.name, this.#missingOf(entry)]));
    const changes = new Map(unread.map(({ name }) => [name, { ...this.#of(name) }]));
    const fresh = await observe({ ...request, namespaces: [...asked.values()] });
    const namespaces: Record<string, ObservedNamespace | null> = {};
    for (const entry of unread) {
      const observed = fresh.namespaces[entry.name] ?? null;
      if (observed === null) {
        namespaces[entry.name] = null;
        continue;
      }
      const before = changes.get(entry.name);
      const whole = this.#merged(entry, observed, asked.get(entry.name)?.nft ?? []);
      namespaces[entry.name] = whole;
      const known = this.#of(entry.name);
      if (!this.#listens(entry.name)) continue;
      if (known.routingChanges === before?.routingChanges) known.routing = observed;
      if (known.filterChanges === before?.filterChanges) keepFilters(known, entry, whole);
    }
    for (const { entry, routing } of complete) namespaces[entry.name] = await this.#completed(entry, routing);
    return { ...fresh, namespaces };
  }

  #of(namespace: string): Known {
    let known = this.#known.get(namespace);
    if (known === undefined) {
      known = { tables: new Map(), routingChanges: 0, filterChanges: 0 };
      this.#known.set(namespace, known);
    }
    return known;
  }

  /** What has to be read for the request when links and the like are to be read anyway. */
  #missingOf({ name, nft = [], sysctls = [], foreignAccepts = false }: NamespaceRequest): NamespaceRequest & {
    readonly nft: readonly NftTableName[];
  } {
    const { tables, foreign } = this.#of(name);
    return {
      name,
      nft: nft.filter((table) => !tables.has(keyOf(table))),
      sysctls,
      foreignAccepts: foreignAccepts && foreign === undefined,
    };
  }

  /** What was read now with what was known of nft before. */
  #merged(entry: NamespaceRequest, observed: ObservedNamespace, read: readonly NftTableName[]): ObservedNamespace {
    const { tables, foreign } = this.#of(entry.name);
    const readKeys = new Set(read.map(keyOf));
    const kept = (entry.nft ?? []).flatMap((table) => {
      const known = readKeys.has(keyOf(table)) ? null : tables.get(keyOf(table));
      return known === null || known === undefined ? [] : [known];
    });
    return {
      ...observed,
      nftTables: [...observed.nftTables, ...kept],
      ...(foreign ?? foreignOf(observed)),
    };
  }

  /** Links and the like are known: what else was asked for is read where it is not. */
  async #completed(entry: NamespaceRequest, before: ObservedNamespace): Promise<ObservedNamespace> {
    const known = this.#of(entry.name);
    const routing = withSysctls(entry, before);
    if (known.routing === before) known.routing = routing;
    const missing = this.#missingOf(entry);
    const changes = known.filterChanges;
    const read = await observeFilters(placeOf(entry.name), {
      tables: missing.nft,
      foreignAccepts: missing.foreignAccepts === true,
    });
    const whole = this.#merged(entry, { ...routing, ...read }, missing.nft);
    if (known.filterChanges === changes) keepFilters(known, entry, whole);
    return whole;
  }
}

function placeOf(namespace: string): { readonly namespacePath?: string } {
  return namespace === "" ? {} : { namespacePath: namespacePath(namespace) };
}

/** Units that share a namespace look at different parameters of it. */
function withSysctls({ name, sysctls = [] }: NamespaceRequest, observed: ObservedNamespace): ObservedNamespace {
  const missing = sysctls.filter((path) => !(path in observed.sysctls));
  if (missing.length === 0) return observed;
  const namespace = name === "" ? undefined : openNamespace(namespacePath(name));
  try {
    return { ...observed, sysctls: { ...observed.sysctls, ...observeSysctls(namespace, missing, observed.links) } };
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
}

function keepFilters(known: Known, entry: NamespaceRequest, observed: ObservedNamespace): void {
  const tables = new Map(observed.nftTables.map((table) => [keyOf(table), table]));
  for (const name of entry.nft ?? []) known.tables.set(keyOf(name), tables.get(keyOf(name)) ?? null);
  if (entry.foreignAccepts === true) known.foreign = foreignOf(observed);
}

function foreignOf({ foreignAccepts, foreignChains }: Foreign): Foreign {
  return foreignChains === undefined ? { foreignAccepts } : { foreignAccepts, foreignChains };
}
