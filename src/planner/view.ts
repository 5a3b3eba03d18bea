/** The snapshot with the maps that finding things in it quickly takes. */
import type {
  ObservedAddress,
  ObservedLink,
  ObservedNamespace,
  ObservedNeighbour,
  ObservedNftTable,
  ObservedRoute,
  Snapshot,
} from "../state/snapshot.ts";
import type { ForeignAcceptObject } from "../state/object/kernel.ts";
import { routeIdentity } from "./identity.ts";

interface LinkIndex {
  readonly byIndex: ReadonlyMap<number, ObservedLink>;
  readonly byName: ReadonlyMap<string, ObservedLink>;
}

/** Many units are planned from one and the same observed list, which never changes: it is indexed once. */
const linkIndexes = new WeakMap<readonly ObservedLink[], LinkIndex>();
const addressIndexes = new WeakMap<readonly ObservedAddress[], ReadonlyMap<string, ObservedAddress>>();

function indexOfLinks(links: readonly ObservedLink[]): LinkIndex {
  let index = linkIndexes.get(links);
  if (index === undefined) {
    index = {
      byIndex: new Map(links.map((link) => [link.index, link])),
      byName: new Map(links.map((link) => [link.name, link])),
    };
    linkIndexes.set(links, index);
  }
  return index;
}

function indexOfAddresses(addresses: readonly ObservedAddress[]): ReadonlyMap<string, ObservedAddress> {
  let index = addressIndexes.get(addresses);
  if (index === undefined) {
    index = new Map(
      addresses.map((entry) => [addressKey(entry.linkIndex, entry.address, entry.prefixLength, entry.peer), entry]),
    );
    addressIndexes.set(addresses, index);
  }
  return index;
}

class NamespaceView {
  readonly observed: ObservedNamespace;
  readonly linksByIndex: ReadonlyMap<number, ObservedLink>;
  readonly linksByName: ReadonlyMap<string, ObservedLink>;
  #addressesByLink: Map<number, ObservedAddress[]> | undefined;
  #routes: Map<string, ObservedRoute[]> | undefined;
  #routesByLink: Map<number, ObservedRoute[]> | undefined;
  #neighbours: Map<string, ObservedNeighbour> | undefined;
  #nftTables: Map<string, ObservedNftTable> | undefined;
  #accepts: Set<string> | undefined;

  constructor(observed: ObservedNamespace) {
    this.observed = observed;
    ({ byIndex: this.linksByIndex, byName: this.linksByName } = indexOfLinks(observed.links));
  }

  address(
    linkIndex: number,
    address: string,
    prefixLength: number,
    peer: string | undefined,
  ): ObservedAddress | undefined {
    return indexOfAddresses(this.observed.addresses).get(addressKey(linkIndex, address, prefixLength, peer));
  }

  addressesOf(linkIndex: number): readonly ObservedAddress[] {
    if (this.#addressesByLink === undefined) {
      this.#addressesByLink = new Map();
      for (const entry of this.observed.addresses) {
        const list = this.#addressesByLink.get(entry.linkIndex);
        if (list === undefined) this.#addressesByLink.set(entry.linkIndex, [entry]);
        else list.push(entry);
      }
    }
    return this.#addressesByLink.get(linkIndex) ?? [];
  }

  /** Table, destination, metric and type of service as in {@link routeIdentity}; several for IPv6, one for each link. */
  routes(key: string): readonly ObservedRoute[] {
    if (this.#routes === undefined) {
      this.#routes = new Map();
      for (const route of this.observed.routes) {
        const routeKey = routeIdentity(route);
        const list = this.#routes.get(routeKey);
        if (list === undefined) this.#routes.set(routeKey, [route]);
        else list.push(route);
      }
    }
    return this.#routes.get(key) ?? [];
  }

  routesThrough(linkIndex: number): readonly ObservedRoute[] {
    if (this.#routesByLink === undefined) {
      this.#routesByLink = new Map();
      for (const route of this.observed.routes) {
        for (const { linkIndex: through } of route.nextHops) {
          if (through === undefined) continue;
          const list = this.#routesByLink.get(through);
          if (list === undefined) this.#routesByLink.set(through, [route]);
          else list.push(route);
        }
      }
    }
    return this.#routesByLink.get(linkIndex) ?? [];
  }

  neighbour(linkIndex: number, address: string): ObservedNeighbour | undefined {
    this.#neighbours ??= new Map(
      this.observed.neighbours.map((entry) => [`${entry.linkIndex} ${entry.address}`, entry]),
    );
    return this.#neighbours.get(`${linkIndex} ${address}`);
  }

  nftTable(family: string, name: string): ObservedNftTable | undefined {
    this.#nftTables ??= new Map(this.observed.nftTables.map((table) => [`${table.family} ${table.name}`, table]));
    return this.#nftTables.get(`${family} ${name}`);
  }

  /** Whether a chain of iptables' filter table is known to be missing. */
  lacksChain({ family = 4, backend, chain }: ForeignAcceptObject): boolean {
    return this.observed.foreignChains?.includes(`${family} ${backend} ${chain}`) === false;
  }

  hasAccept(comment: string): boolean {
    this.#accepts ??= new Set(this.observed.foreignAccepts);
    return this.#accepts.has(comment);
  }
}

function addressKey(linkIndex: number, address: string, prefixLength: number, peer: string | undefined): string {
  return `${linkIndex} ${address}/${prefixLength} ${peer ?? ""}`;
}

/** Where an observed link is. */
export interface Place {
  readonly namespace: string;
  readonly link: ObservedLink;
}

export class View {
  readonly snapshot: Snapshot;
  readonly #linksByAlias = new Map<string, Place[]>();
  readonly #namespaces = new Map<string, NamespaceView>();

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    for (const [namespace, observed] of Object.entries(snapshot.namespaces)) {
      if (observed === null) continue;
      this.#namespaces.set(namespace, new NamespaceView(observed));
      for (const link of observed.links) {
        if (link.alias === undefined) continue;
        const list = this.#linksByAlias.get(link.alias);
        if (list === undefined) this.#linksByAlias.set(link.alias, [{ namespace, link }]);
        else list.push({ namespace, link });
      }
    }
  }

  withAlias(alias: string): readonly Place[] {
    return this.#linksByAlias.get(alias) ?? [];
  }

  /** Whether a file of the namespace's name is there that is none. */
  isBroken(name: string): boolean {
    return this.snapshot.brokenNamespaces?.includes(name) === true;
  }

  /** Whether there is no such file, but something that writing it makes for a moment. */
  isBrokenFile(path: string): boolean {
    return this.snapshot.brokenFiles?.includes(path) === true;
  }

  /** Undefined: no such namespace. */
  namespace(name: string): NamespaceView | undefined {
    return this.#namespaces.get(name);
  }
}
