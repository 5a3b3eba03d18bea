/**
 * What is observed in place of an object, in the object's own words: the same properties that the object
 * specifies, with the values that the kernel shows. Equal to the object when it stands as wanted.
 */
import { markOf } from "../state/mark.ts";
import { isService, type StateObject } from "../state/object.ts";
import type {
  AddressObject,
  FileObject,
  ForeignAcceptObject,
  LinkObject,
  LinkType,
  NeighbourObject,
  NextHop,
  NftTableObject,
  RouteObject,
  SysctlObject,
} from "../state/object/kernel.ts";
import { lacksPrefixRoute } from "../state/prefix-route.ts";
import type { ObservedNextHop, ObservedRoute } from "../state/snapshot.ts";
import type { Context } from "./context.ts";
import { fingerprint } from "./fingerprint.ts";
import { deviceOf, identityOf, routeIdentity } from "./identity.ts";
import type { Match } from "./match.ts";

/** IFA_F_* bits that a person sets: nodad, home, mngtmpaddr, noprefixroute, autojoin (linux/if_addr.h). */
const SETTABLE_ADDRESS_FLAGS = 0x02 | 0x10 | 0x100 | 0x200 | 0x400;
const UNICAST = 1;
const NUD_PERMANENT = 0x80;

/** Undefined: there is no such thing. Services are not observed and give undefined. */
export function readBack(context: Context, object: StateObject): StateObject | undefined {
  if (isService(object)) return undefined;
  switch (object.kind) {
    case "namespace":
      return context.view.namespace(object.name) === undefined ? undefined : object;
    case "link": {
      const match = context.links.get(object.key);
      return match === undefined ? undefined : readLink(context, object, match);
    }
    case "address":
      return readAddress(context, object);
    case "route":
      return readRoute(context, object);
    case "neighbour":
      return readNeighbour(context, object);
    case "sysctl":
      return readSysctl(context, object);
    case "nft-table":
      return readNftTable(context, object);
    case "foreign-accept":
      return readAccept(context, object);
    case "file":
      return readFile(context, object);
  }
}

/**
 * All properties of an adopted link, the specified ones of any other; with the master also what a port loses
 * when it leaves.
 */
export function readLink(context: Context, object: LinkObject, match: Match): LinkObject {
  const { link, namespace } = match;
  const all = object.link.type === "adopted";
  const generation = link.ipv6AddressGeneration;
  return {
    kind: "link",
    key: object.key,
    origin: object.origin,
    namespace,
    name: link.name,
    link: readLinkType(context, object, match),
    ...((all || object.macAddress !== undefined) && link.macAddress !== undefined
      ? { macAddress: link.macAddress }
      : {}),
    ...(all || object.mtuBytes !== undefined ? { mtuBytes: link.mtuBytes } : {}),
    ...(all || object.up !== undefined ? { up: link.up } : {}),
    ...(object.allMulticast === undefined ? {} : { allMulticast: link.allMulticast === true }),
    ...(all || object.masterKey !== undefined ? { masterKey: masterKeyOf(context, match) } : {}),
    ...(link.learning !== undefined &&
    (all || object.learning !== undefined || (object.masterKey !== undefined && !link.learning))
      ? { learning: link.learning }
      : {}),
    ...((all || object.ipv6AddressGeneration !== undefined) && generation !== undefined
      ? { ipv6AddressGeneration: generation }
      : {}),
  };
}

function readLinkType(context: Context, object: LinkObject, { link, namespace }: Match): LinkType {
  const wanted = object.link;
  if (wanted.type === "adopted") return wanted;
  if (wanted.type === "bridge" && link.kind === "bridge") {
    return {
      type: "bridge",
      ...(wanted.forwardDelayCentiseconds !== undefined && link.forwardDelayCentiseconds !== undefined
        ? { forwardDelayCentiseconds: link.forwardDelayCentiseconds }
        : {}),
      ...(wanted.stp !== undefined && link.stp !== undefined ? { stp: link.stp } : {}),
    };
  }
  if (wanted.type === "tap" && link.kind === "tun") {
    return {
      type: "tap",
      ...(wanted.ownerUid !== undefined && link.ownerUid !== undefined ? { ownerUid: link.ownerUid } : {}),
      ...(wanted.groupGid !== undefined && link.groupGid !== undefined ? { groupGid: link.groupGid } : {}),
      ...(wanted.queues === undefined ? {} : { queues: wanted.queues }),
    };
  }
  if ("parentKey" in wanted && (link.kind === "macvlan" || link.kind === "macvtap")) {
    const { linkIndex, macvlanMode: mode = wanted.mode } = link;
    const parentKey = linkIndex === undefined ? "" : keyOfIndex(context, namespace, linkIndex);
    return { type: link.kind, parentKey, mode };
  }
  switch (link.kind) {
    case "bridge":
    case "dummy":
      return { type: link.kind };
    case "tun":
      return { type: "tap" };
    default:
      return wanted;
  }
}

function masterKeyOf(context: Context, match: Match): string | null {
  return match.link.masterIndex === undefined ? null : keyOfIndex(context, match.namespace, match.link.masterIndex);
}

/** Our key of the link with that index; links of others are called "foreign:INDEX/NAME". */
function keyOfIndex(context: Context, namespace: string, index: number): string {
  const link = context.view.namespace(namespace)?.linksByIndex.get(index);
  return (link && context.keys.get(link)) ?? context.borrowedKey(link) ?? `foreign:${index}/${link?.name ?? "?"}`;
}

/** The index that a link key has in the namespace now; undefined when there is no such link. */
function indexOfKey(context: Context, namespace: string, key: string): number | undefined {
  const match = context.links.get(key);
  if (match !== undefined) return match.namespace === namespace ? match.link.index : undefined;
  const foreign = /^foreign:(\d+)\//.exec(key);
  return foreign === null ? undefined : Number(foreign[1]);
}

function readAddress(context: Context, object: AddressObject): AddressObject | undefined {
  const view = context.view.namespace(object.namespace);
  const index = indexOfKey(context, object.namespace, object.linkKey);
  if (view === undefined || index === undefined) return undefined;
  const found = view.address(index, object.address, object.prefixLength, object.peer);
  if (found === undefined) return undefined;
  const {
    broadcast: _broadcast,
    scope: _scope,
    label: _label,
    flags,
    metric: _metric,
    prefixRoute: _route,
    ...rest
  } = object;
  const link = view.linksByIndex.get(index);
  return {
    ...rest,
    ...(object.broadcast !== undefined && found.broadcast !== undefined ? { broadcast: found.broadcast } : {}),
    ...(object.scope === undefined ? {} : { scope: found.scope }),
    ...(object.label !== undefined && found.label !== undefined ? { label: found.label } : {}),
    ...(flags === undefined ? {} : { flags: settable(found.flags) | (flags & ~SETTABLE_ADDRESS_FLAGS) }),
    ...(object.metric !== undefined && found.metric !== undefined ? { metric: found.metric } : {}),
    ...(link !== undefined && lacksPrefixRoute(found, link, view.routesThrough(index)) ? { prefixRoute: false } : {}),
  };
}

function settable(flags: number): number {
  return flags & SETTABLE_ADDRESS_FLAGS;
}

function readRoute(context: Context, object: RouteObject): RouteObject | undefined {
  const found = findRoute(context, object);
  if (found === undefined) return undefined;
  const { nextHops, type, protocol: _protocol, scope: _scope, source, mtuBytes: _mtuBytes, ...rest } = object;
  const sameCount = nextHops.length === found.nextHops.length;
  const hopless = nextHops.length === 0 && found.type !== UNICAST;
  return {
    ...rest,
    nextHops: hopless
      ? []
      : found.nextHops.map((hop, i) => readHop(context, object.namespace, hop, sameCount ? nextHops[i] : undefined)),
    ...(type !== undefined || found.type !== UNICAST ? { type: found.type } : {}),
    ...(object.protocol === undefined ? {} : { protocol: found.protocol }),
    ...(object.scope === undefined ? {} : { scope: found.scope }),
    ...(source !== undefined && found.source !== undefined ? { source: found.source } : {}),
    ...(object.mtuBytes !== undefined && found.mtuBytes !== undefined ? { mtuBytes: found.mtuBytes } : {}),
  };
}

/** The one through the same links; of IPv4 any, since there is only one of its kind. */
function findRoute(context: Context, object: RouteObject): ObservedRoute | undefined {
  const found = context.view.namespace(object.namespace)?.routes(routeIdentity(object)) ?? [];
  const indexes = object.nextHops.map(({ linkKey }) =>
    linkKey === undefined ? undefined : indexOfKey(context, object.namespace, linkKey),
  );
  const same = found.find(
    (route) =>
      route.nextHops.length === indexes.length &&
      route.nextHops.every((hop, i) => object.nextHops[i]?.linkKey === undefined || hop.linkIndex === indexes[i]),
  );
  return same ?? (object.destination.address.includes(":") && indexes.length > 0 ? undefined : found[0]);
}

function readHop(context: Context, namespace: string, found: ObservedNextHop, wanted: NextHop | undefined): NextHop {
  const withLink = found.linkIndex !== undefined && (wanted === undefined || wanted.linkKey !== undefined);
  return {
    ...(withLink ? { linkKey: keyOfIndex(context, namespace, found.linkIndex) } : {}),
    ...(found.gateway === undefined ? {} : { gateway: found.gateway }),
    ...((found.weight ?? 1) !== 1 || wanted?.weight !== undefined ? { weight: found.weight ?? 1 } : {}),
    ...(found.onlink === true || wanted?.onlink !== undefined ? { onlink: found.onlink === true } : {}),
  };
}

function readNeighbour(context: Context, object: NeighbourObject): NeighbourObject | undefined {
  const index = indexOfKey(context, object.namespace, object.linkKey);
  if (index === undefined) return undefined;
  const found = context.view.namespace(object.namespace)?.neighbour(index, object.address);
  if (found?.macAddress === undefined) return undefined;
  const permanent = object.state === undefined && (found.state & NUD_PERMANENT) !== 0;
  return { ...object, macAddress: found.macAddress, ...(permanent ? {} : { state: found.state }) };
}

/**
 * A device's parameter belongs to the device and not to its name: what is read is the one of the link that
 * will have that name when the plan is done.
 */
function readSysctl(context: Context, object: SysctlObject): SysctlObject | undefined {
  const view = context.view.namespace(object.namespace);
  if (view === undefined) return undefined;
  const device = deviceOf(object.path);
  let path = object.path;
  if (device !== undefined) {
    const name = context.presentNameOf(object.namespace, device);
    if (name === undefined) return undefined;
    if (name !== device) path = path.replace(`/${device}/`, `/${name}/`);
  }
  const value = view.observed.sysctls[path];
  return typeof value === "string" ? { ...object, value } : undefined;
}

function readNftTable(context: Context, object: NftTableObject): NftTableObject | undefined {
  const found = context.view.namespace(object.namespace)?.nftTable(object.family, object.name);
  if (found === undefined) return undefined;
  const entry = context.owned.get(identityOf(object));
  const recorded = entry?.recorded;
  const drifted =
    recorded?.object?.kind === "nft-table" &&
    found.comment === markOf(fingerprint(recorded.object.rules)) &&
    recorded.listing !== undefined &&
    found.listing !== undefined &&
    recorded.listing !== found.listing;
  const candidates = [object, ...(entry?.objects ?? [])];
  const loaded = drifted
    ? undefined
    : candidates.find((other) => other.kind === "nft-table" && found.comment === markOf(fingerprint(other.rules)));
  return { ...object, rules: loaded?.kind === "nft-table" ? loaded.rules : rulesOfListing(found.listing) };
}

/** What stands between the braces of `nft list table`, without the comment that we add. */
function rulesOfListing(listing: string | undefined): string {
  const body = /\{\n?([\s\S]*)\}\s*$/.exec(listing ?? "")?.[1] ?? "";
  return body.replace(/^\s*comment "netloom:[^"]*"\n?/m, "");
}

/** The comment says only whose rule it is: what it accepts is what was last made under that key. */
function readAccept(context: Context, object: ForeignAcceptObject): ForeignAcceptObject | undefined {
  if (context.view.namespace(object.namespace)?.hasAccept(markOf(object.key)) !== true) return undefined;
  const latest = context.known.get(object.key)?.objects.at(-1);
  return latest === undefined || identityOf(latest) === identityOf(object) ? object : undefined;
}

function readFile(context: Context, object: FileObject): FileObject | undefined {
  const found = context.view.snapshot.files[object.path];
  return found === undefined || found === null ? undefined : { ...object, content: found.content, mode: found.mode };
}
