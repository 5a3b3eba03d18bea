/**
 * A kernel small enough to be held in the hand: applies steps to a snapshot, as strictly as Linux where order
 * matters. What exists is not created again, a link needs its namespace and master, a route its gateway in
 * reach; an address on a link that is up makes the route to its prefix; a deleted link takes what stands on it along,
 * a link that goes down its routes.
 */
import { contains, networkOf } from "../../src/base/address.ts";
import { fingerprint } from "../../src/planner/fingerprint.ts";
import { routeIdentity } from "../../src/planner/identity.ts";
import { kernelKind } from "../../src/planner/match.ts";
import { differInPrefixRoute } from "../../src/state/prefix-route.ts";
import type { StateObject } from "../../src/state/object.ts";
import type {
  AddressObject,
  FileObject,
  LinkObject,
  NeighbourObject,
  NftTableObject,
  RouteObject,
  SysctlObject,
} from "../../src/state/object/kernel.ts";
import type {
  ObservedAddress,
  ObservedLink,
  ObservedNamespace,
  ObservedNeighbour,
  ObservedNftTable,
  ObservedRoute,
  Snapshot,
} from "../../src/state/snapshot.ts";
import type { Step } from "../../src/state/step.ts";
import { isPrefixRoute, withPrefixRoutes } from "./prefix-routes.ts";

type Writable<T> = { -readonly [P in keyof T]: T[P] };

type Link = Writable<ObservedLink>;

interface Namespace {
  links: Link[];
  addresses: ObservedAddress[];
  routes: ObservedRoute[];
  neighbours: ObservedNeighbour[];
  sysctls: Record<string, string>;
  nftTables: Writable<ObservedNftTable>[];
  foreignAccepts: string[];
}

const DEVICE_PARAMETERS = ["net/ipv4/conf/*/forwarding", "net/ipv4/conf/*/arp_ignore", "net/ipv6/conf/*/disable_ipv6"];

export class FakeKernel {
  readonly #namespaces = new Map<string, Namespace>();
  readonly #files = new Map<string, { content: string; mode: number }>();
  /** The last link made or seen under a key: what the executor's directory knows. */
  readonly #directory = new Map<string, Link>();
  readonly #peers = new Map<string, LinkObject>();
  #nextIndex = 100;

  constructor(snapshot: Snapshot) {
    const copy = structuredClone(snapshot);
    for (const [name, observed] of Object.entries(copy.namespaces)) {
      if (observed !== null) this.#namespaces.set(name, thaw(observed));
    }
    for (const [path, file] of Object.entries(copy.files)) if (file !== null) this.#files.set(path, file);
    for (const namespace of this.#namespaces.values()) {
      for (const link of namespace.links) {
        this.#nextIndex = Math.max(this.#nextIndex, link.index + 1);
        if (link.alias?.startsWith("netloom:") === true) this.#directory.set(link.alias.slice(8), link);
      }
    }
  }

  observe(): Snapshot {
    return structuredClone({
      namespaces: Object.fromEntries([...this.#namespaces].map(([name, state]) => [name, state])),
      files: Object.fromEntries(this.#files),
    });
  }

  /** `objects`: the desired and recorded objects, for adopted links and the names of peers. */
  apply(steps: readonly Step[], objects: readonly StateObject[] = []): void {
    const spoken = steps.flatMap((step) => [step.before, ...(step.along ?? []), step.after]);
    for (const object of [...objects, ...spoken]) {
      if (object?.kind !== "link") continue;
      this.#peers.set(object.key, object);
      if (object.link.type !== "adopted") continue;
      const { adoptedIndex } = object.link;
      const link = this.#namespaces.get(object.namespace)?.links.find((entry) => entry.index === adoptedIndex);
      if (link !== undefined) this.#directory.set(object.key, link);
    }
    for (const step of steps) {
      try {
        this.#step(step);
      } catch (cause) {
        throw new Error(`${step.summary}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
    }
  }

  /** What a kill in the middle of a step can leave: a link without mark and settings, or renamed and down. */
  tear({ before, after }: Step, objects: readonly StateObject[]): void {
    if (after?.kind !== "link") return;
    this.apply([], [...objects, ...(before === undefined ? [] : [before])]);
    if (before === undefined) {
      if (after.link.type !== "veth-peer") this.#makeUnmarked(after);
      return;
    }
    if (before.kind !== "link" || before.name === after.name) return;
    const link = this.#directory.get(after.key);
    if (link === undefined) throw new Error("no such link");
    this.#loseByGoingDown(after.namespace, link);
    link.up = false;
    this.#rename(after.namespace, link, after.name);
  }

  #step({ before, after }: Step): void {
    const object = after ?? before;
    switch (object?.kind) {
      case "namespace":
        return after === undefined ? this.#deleteNamespace(object.name) : this.#createNamespace(object.name);
      case "link":
        if (after?.kind !== "link") return this.#deleteLink(object);
        return before?.kind === "link" ? this.#changeLink(before, after) : this.#createLink(after);
      case "address":
        if (before?.kind === "address" && after?.kind === "address" && differInPrefixRoute(before, after))
          return this.#changePrefixRoute(after);
        if (before?.kind === "address") this.#deleteAddress(before);
        if (after?.kind === "address") this.#createAddress(after);
        return;
      case "route":
        if (after?.kind !== "route") return this.#deleteRoute(object);
        return this.#createRoute(after, before !== undefined);
      case "neighbour":
        return this.#setNeighbour(object, after !== undefined);
      case "sysctl":
        return after?.kind === "sysctl" ? this.#setSysctl(after) : undefined;
      case "nft-table":
        return this.#setTable(object, before !== undefined, after !== undefined);
      case "foreign-accept": {
        const state = this.#inside(object.namespace);
        state.foreignAccepts = state.foreignAccepts.filter((comment) => comment !== `netloom:${object.key}`);
        if (after !== undefined) state.foreignAccepts.push(`netloom:${object.key}`);
        return;
      }
      case "file":
        return this.#setFile(object, before !== undefined, after !== undefined);
      default:
        return;
    }
  }

  #inside(namespace: string): Namespace {
    const state = this.#namespaces.get(namespace);
    if (state === undefined) throw new Error(`no namespace ${namespace}`);
    return state;
  }

  #createNamespace(name: string): void {
    if (this.#namespaces.has(name)) throw new Error("exists");
    const lo: Link = { index: 1, name: "lo", mtuBytes: 65536, up: true, group: 0 };
    const empty = { addresses: [], routes: [], neighbours: [], nftTables: [], foreignAccepts: [] };
    this.#namespaces.set(name, { ...empty, links: [lo], sysctls: { "net/ipv4/ip_forward": "0" } });
  }

  #deleteNamespace(name: string): void {
    const state = this.#inside(name);
    for (const link of state.links.filter(({ kind }) => kind === "veth")) this.#removeLink(name, link);
    this.#namespaces.delete(name);
  }

  #makeLink(object: LinkObject, settings: Partial<Link>): Link {
    const state = this.#inside(object.namespace);
    if (state.links.some((link) => link.name === object.name)) throw new Error(`name ${object.name} is taken`);
    const index = this.#nextIndex++;
    const kind = kernelKind(object);
    const link: Link = {
      index,
      name: object.name,
      ...(kind === undefined ? {} : { kind }),
      macAddress: `02:00:00:00:${hex(index >> 8)}:${hex(index)}` as NonNullable<LinkObject["macAddress"]>,
      mtuBytes: 1500,
      up: false,
      group: 0,
      ...(kind === "bridge" ? { stp: true, forwardDelayCentiseconds: 1500 } : {}),
      ...settings,
    };
    state.links.push(link);
    for (const path of DEVICE_PARAMETERS) state.sysctls[path.replace("*", object.name)] = "0";
    this.#directory.set(object.key, link);
    return link;
  }

  #createLink(object: LinkObject): void {
    const { link: type } = object;
    if (type.type === "adopted") throw new Error("adopted links are not created");
    if (type.type === "veth-peer") {
      const link = this.#directory.get(object.key);
      if (link === undefined) throw new Error("its other end does not exist");
      return this.#set(object, link);
    }
    this.#set(object, this.#makeUnmarked(object));
  }

  #makeUnmarked(object: LinkObject): Link {
    const { link: type } = object;
    const link = this.#makeLink(object, {
      ...(type.type === "tap" ? { persistent: true } : {}),
      ...(type.type === "tap" && type.ownerUid !== undefined ? { ownerUid: type.ownerUid } : {}),
    });
    if (type.type === "veth") {
      const peerObject = this.#peers.get(type.peerKey);
      if (peerObject === undefined) throw new Error(`peer ${type.peerKey} is not known`);
      const peer = this.#makeLink(peerObject, { linkIndex: link.index });
      link.linkIndex = peer.index;
    }
    return link;
  }

  #changeLink(before: LinkObject, after: LinkObject): void {
    const link =
      this.#directory.get(after.key) ?? this.#inside(before.namespace).links.find(({ name }) => name === before.name);
    if (link === undefined) throw new Error("no such link");
    this.#directory.set(after.key, link);
    const mac = after.link.type === "adopted" && after.macAddress !== undefined && after.macAddress !== link.macAddress;
    if (link.up && (link.name !== after.name || mac || after.up === false))
      this.#loseByGoingDown(after.namespace, link);
    if (link.name !== after.name) this.#rename(after.namespace, link, after.name);
    this.#set(after, link);
  }

  #rename(namespace: string, link: Link, name: string): void {
    const state = this.#inside(namespace);
    if (state.links.some((other) => other.name === name)) throw new Error(`name ${name} is taken`);
    for (const [path, value] of Object.entries(state.sysctls)) {
      if (!path.includes(`/${link.name}/`)) continue;
      delete state.sysctls[path];
      state.sysctls[path.replace(`/${link.name}/`, `/${name}/`)] = value;
    }
    link.name = name;
  }

  #set(object: LinkObject, link: Link): void {
    if (object.link.type !== "adopted") link.alias = `netloom:${object.key}`;
    if (object.macAddress !== undefined) link.macAddress = object.macAddress;
    if (object.mtuBytes !== undefined) link.mtuBytes = object.mtuBytes;
    if (object.up !== undefined && object.up !== link.up) {
      link.up = object.up;
      const state = this.#inside(object.namespace);
      state.routes = withPrefixRoutes({ ...state, links: [link] });
    }
    if (object.link.type === "bridge") {
      if (object.link.stp !== undefined) link.stp = object.link.stp;
      if (object.link.forwardDelayCentiseconds !== undefined) {
        link.forwardDelayCentiseconds = object.link.forwardDelayCentiseconds;
      }
    }
    if (object.masterKey === null) {
      delete link.masterIndex;
      delete link.learning;
    } else if (object.masterKey !== undefined) {
      const master = this.#index(object.namespace, object.masterKey);
      if (link.masterIndex !== master) link.learning = true;
      link.masterIndex = master;
    }
    if (object.learning !== undefined) {
      if (link.masterIndex === undefined) throw new Error("learning: not a port");
      link.learning = object.learning;
    }
  }

  #deleteLink(object: LinkObject): void {
    const link =
      this.#directory.get(object.key) ?? this.#inside(object.namespace).links.find(({ name }) => name === object.name);
    if (link === undefined) throw new Error("no such link");
    this.#removeLink(object.namespace, link);
  }

  #removeLink(namespace: string, link: Link): void {
    const state = this.#inside(namespace);
    state.links = state.links.filter((other) => other !== link);
    state.addresses = state.addresses.filter((entry) => entry.linkIndex !== link.index);
    state.neighbours = state.neighbours.filter((entry) => entry.linkIndex !== link.index);
    state.routes = state.routes.filter((route) => !route.nextHops.some((hop) => hop.linkIndex === link.index));
    for (const path of Object.keys(state.sysctls)) if (path.includes(`/${link.name}/`)) delete state.sysctls[path];
    for (const port of state.links) {
      if (port.masterIndex !== link.index) continue;
      delete port.masterIndex;
      delete port.learning;
    }
    for (const [key, known] of this.#directory) if (known === link) this.#directory.delete(key);
    if (link.kind !== "veth") return;
    for (const [name, other] of this.#namespaces) {
      const peer = other.links.find(
        (entry) => entry.kind === "veth" && entry.index === link.linkIndex && entry.linkIndex === link.index,
      );
      if (peer !== undefined) this.#removeLink(name, peer);
    }
  }

  #loseByGoingDown(namespace: string, link: Link): void {
    const state = this.#inside(namespace);
    const here = (route: ObservedRoute): boolean => route.nextHops.some((hop) => hop.linkIndex === link.index);
    state.routes = state.routes.filter((route) => !here(route));
    state.addresses = state.addresses.filter((entry) => entry.linkIndex !== link.index || !entry.address.includes(":"));
  }

  #index(namespace: string, key: string): number {
    const foreign = /^foreign:(\d+)\//.exec(key);
    const index = foreign === null ? this.#directory.get(key)?.index : Number(foreign[1]);
    if (index === undefined || !this.#inside(namespace).links.some((link) => link.index === index))
      throw new Error(`no link ${key}`);
    return index;
  }

  #createAddress(object: AddressObject): void {
    const state = this.#inside(object.namespace);
    const linkIndex = this.#index(object.namespace, object.linkKey);
    const { address, prefixLength } = object;
    const same = (entry: ObservedAddress): boolean =>
      entry.linkIndex === linkIndex && entry.address === address && entry.prefixLength === prefixLength;
    if (state.addresses.some(same)) throw new Error("exists");
    state.addresses.push({
      linkIndex,
      address,
      prefixLength,
      scope: object.scope ?? 0,
      flags: (object.flags ?? 0) | 0x80,
      ...(object.broadcast === undefined ? {} : { broadcast: object.broadcast }),
      ...(object.label === undefined ? {} : { label: object.label }),
    });
    if (object.prefixRoute !== false) this.#changePrefixRoute(object);
  }

  #changePrefixRoute(object: AddressObject): void {
    const state = this.#inside(object.namespace);
    const linkIndex = this.#index(object.namespace, object.linkKey);
    const own = state.addresses.filter((entry) => entry.linkIndex === linkIndex && entry.address === object.address);
    if (object.prefixRoute === false) state.routes = state.routes.filter((route) => !isPrefixRoute(route, own[0]));
    else state.routes = withPrefixRoutes({ ...state, addresses: own });
  }

  #deleteAddress(object: AddressObject): void {
    const state = this.#inside(object.namespace);
    const linkIndex = this.#index(object.namespace, object.linkKey);
    const count = state.addresses.length;
    state.addresses = state.addresses.filter(
      (entry) =>
        entry.linkIndex !== linkIndex || entry.address !== object.address || entry.prefixLength !== object.prefixLength,
    );
    if (state.addresses.length === count) throw new Error("no such address");
    const kept = withPrefixRoutes({ ...state, routes: [] });
    const gone = { linkIndex, address: object.address, prefixLength: object.prefixLength };
    state.routes = state.routes.filter(
      (route) => !isPrefixRoute(route, gone) || kept.some((other) => routeIdentity(other) === routeIdentity(route)),
    );
    if (state.addresses.some((entry) => entry.linkIndex === linkIndex && !entry.address.includes(":"))) return;
    if (object.address.includes(":")) return;
    state.routes = state.routes.filter(
      (route) => route.destination.address.includes(":") || !route.nextHops.some((hop) => hop.linkIndex === linkIndex),
    );
  }

  #createRoute(object: RouteObject, replace: boolean): void {
    const state = this.#inside(object.namespace);
    const nextHops = object.nextHops.map(({ linkKey, ...hop }) => ({
      ...hop,
      ...(linkKey === undefined ? {} : { linkIndex: this.#index(object.namespace, linkKey) }),
    }));
    for (const hop of nextHops) {
      if (hop.linkIndex !== undefined && state.links.find(({ index }) => index === hop.linkIndex)?.up !== true)
        throw new Error("link is down");
      if (hop.gateway === undefined || hop.onlink === true) continue;
      const { gateway } = hop;
      const near = state.addresses.some((entry) =>
        contains(networkOf({ address: entry.address, length: entry.prefixLength }), gateway),
      );
      const routed = state.routes.some(
        (route) => route.nextHops.every((other) => other.gateway === undefined) && contains(route.destination, gateway),
      );
      if (!near && !routed) throw new Error(`gateway ${gateway} is out of reach`);
    }
    const identity = (route: ObservedRoute | RouteObject): string =>
      `${routeIdentity(route)} ${object.destination.address.includes(":") ? JSON.stringify(route.nextHops.map((hop) => ("linkIndex" in hop ? hop.linkIndex : undefined))) : ""}`;
    const wanted: ObservedRoute = {
      destination: object.destination,
      nextHops,
      type: object.type ?? 1,
      table: object.table ?? 254,
      ...(object.metric === undefined ? {} : { metric: object.metric }),
      tos: object.tos ?? 0,
      protocol: object.protocol ?? 3,
      scope: object.scope ?? (nextHops.some((hop) => hop.gateway !== undefined) ? 0 : 253),
      ...(object.source === undefined ? {} : { source: object.source }),
    };
    const others = state.routes.filter((route) => identity(route) !== identity(wanted));
    if (others.length !== state.routes.length && !replace) throw new Error("exists");
    state.routes = [...others, wanted];
  }

  #deleteRoute(object: RouteObject): void {
    const state = this.#inside(object.namespace);
    const indexes = object.nextHops.map(({ linkKey }) =>
      linkKey === undefined ? undefined : this.#index(object.namespace, linkKey),
    );
    const count = state.routes.length;
    state.routes = state.routes.filter(
      (route) =>
        routeIdentity(route) !== routeIdentity(object) || route.nextHops.some((hop, i) => hop.linkIndex !== indexes[i]),
    );
    if (state.routes.length === count) throw new Error("no such route");
  }

  #setNeighbour(object: NeighbourObject, wanted: boolean): void {
    const state = this.#inside(object.namespace);
    const linkIndex = this.#index(object.namespace, object.linkKey);
    state.neighbours = state.neighbours.filter(
      (entry) => entry.linkIndex !== linkIndex || entry.address !== object.address,
    );
    const { address, macAddress } = object;
    if (wanted) state.neighbours.push({ linkIndex, address, macAddress, state: object.state ?? 0x80 });
  }

  #setSysctl(object: SysctlObject): void {
    const state = this.#inside(object.namespace);
    if (state.sysctls[object.path] === undefined) throw new Error("no such parameter");
    state.sysctls[object.path] = object.value;
  }

  #setTable(object: NftTableObject, exists: boolean, wanted: boolean): void {
    const state = this.#inside(object.namespace);
    const others = state.nftTables.filter((table) => table.family !== object.family || table.name !== object.name);
    if (others.length === state.nftTables.length ? exists : !exists)
      throw new Error(exists ? "no such table" : "exists");
    state.nftTables = others;
    const { family, name, rules } = object;
    const comment = `netloom:${fingerprint(rules)}`;
    const listing = `table ${family} ${name} {\n\tcomment "${comment}"\n${rules}\n}\n`;
    if (wanted) state.nftTables.push({ family, name, comment, listing });
  }

  #setFile(object: FileObject, exists: boolean, wanted: boolean): void {
    if (this.#files.has(object.path) !== exists) throw new Error(exists ? "no such file" : "exists");
    if (wanted) this.#files.set(object.path, { content: object.content, mode: object.mode });
    else this.#files.delete(object.path);
  }
}

function thaw(observed: ObservedNamespace): Namespace {
  const sysctls: Record<string, string> = {};
  for (const [path, value] of Object.entries(observed.sysctls)) if (value !== null) sysctls[path] = value;
  return {
    links: [...observed.links],
    addresses: [...observed.addresses],
    routes: [...observed.routes],
    neighbours: [...observed.neighbours],
    sysctls,
    nftTables: [...observed.nftTables],
    foreignAccepts: [...observed.foreignAccepts],
  };
}

function hex(value: number): string {
  return (value & 0xff).toString(16).padStart(2, "0");
}
