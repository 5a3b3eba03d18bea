/**
 * What a pod's interface is and has, worked out from what the kernel shows. Everything that a binding takes away
 * from the pod is in it, complete enough to be put back exactly.
 */
import { type Ipv4Address, type Ipv6Address, type MacAddress, familyOf, networkOf } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { ResolverConfiguration } from "../../base/resolv-conf.ts";
import type { AddressObject, LinkType, NeighbourObject, RouteObject } from "../../state/object/kernel.ts";
import { lacksPrefixRoute } from "../../state/prefix-route.ts";
import type {
  ObservedAddress,
  ObservedLink,
  ObservedNamespace,
  ObservedNeighbour,
  ObservedRoute,
} from "../../state/snapshot.ts";

/** The interface of a pod that a guest takes over. */
export interface PodInterface {
  readonly namespace: string;
  /** The name before a binding changes it, "eth0". */
  readonly name: string;
  /** Kernel's interface index; absent for a declared pod that does not exist yet. */
  readonly index?: number;
  /** Key of the link object; stays the same when the binding renames the interface. */
  readonly linkKey: string;
  /** "adopted" for a foreign pod; for a declared one what the network's compiler made it. */
  readonly link: LinkType;
  /** Somebody else made it: what is taken away must come back. */
  readonly foreign: boolean;
  readonly macAddress: MacAddress;
  readonly mtuBytes: number;
  /** IN6_ADDR_GEN_MODE_*; absent: the kernel has no IPv6 there, and none is spoken of. */
  readonly ipv6AddressGeneration?: number;
  /** Both families, in an order in which adding them gives the kernel's order again. */
  readonly addresses: readonly AddressObject[];
  /** Through this interface, on-link ones first; those the kernel derives from addresses included (protocol 2). */
  readonly routes: readonly RouteObject[];
  /** Permanent entries. */
  readonly neighbours: readonly NeighbourObject[];
  /** Next hop of the IPv6 default route, be it learnt from an advertisement; the MAC where it is known. */
  readonly gateway6?: { readonly address: Ipv6Address; readonly macAddress?: MacAddress };
  readonly dns: ResolverConfiguration;
  readonly hostName?: string;
  /** What a person should know about the discovery, one sentence each. */
  readonly notes: readonly string[];
}

/** RTPROT_KERNEL: derived from an address. */
const PROTOCOL_KERNEL = 2;
const PROTOCOL_REDIRECT = 1;
const PROTOCOL_ROUTER_ADVERTISEMENT = 9;
const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;
const IFA_F_SECONDARY = 0x01;
/** nodad, home, permanent, mngtmpaddr, noprefixroute, autojoin: the flags that can be given with an address. */
const SETTABLE_ADDRESS_FLAGS = 0x02 | 0x10 | 0x80 | 0x100 | 0x200 | 0x400;
const NUD_PERMANENT = 0x80;
/** They pass only frames to their own MAC address, which is the guest's then and no longer theirs. */
const KINDS_WITH_ONE_MAC = new Set(["macvlan", "macvtap", "ipvlan", "ipvtap"]);

/**
 * Find the pod's interface and everything that a binding must know of it.
 * @throws NetloomError no-interface, interface-unfit, interface-down, interface-busy, multipath
 */
export function discoverPodInterface(
  observed: ObservedNamespace,
  pod: { namespace: string; interfaceName: string; dns: ResolverConfiguration; hostName?: string },
): PodInterface {
  const { namespace, interfaceName: name } = pod;
  const link = findLink(observed, name, namespace);
  const macAddress = refuseUnfit(observed, link, namespace);
  const context: Context = { namespace, name, index: link.index, linkKey: `pod ${namespace} ${name}` };
  const addresses = discoverAddresses(observed, link, context);
  const gateway6 = discoverGateway6(observed, link.index);
  if (!link.up && addresses.length > 0) {
    throw new NetloomError("interface-down", `bind ${name}: it is down, so its routes are not known`, {
      hint: `Set it up first: ip -n ${namespace} link set ${name} up`,
    });
  }
  return {
    namespace,
    name,
    index: link.index,
    linkKey: context.linkKey,
    link: { type: "adopted", adoptedIndex: link.index },
    foreign: true,
    macAddress,
    mtuBytes: link.mtuBytes,
    ...(link.ipv6AddressGeneration === undefined ? {} : { ipv6AddressGeneration: link.ipv6AddressGeneration }),
    addresses,
    routes: discoverRoutes(observed.routes, context),
    neighbours: observed.neighbours.filter((entry) => entry.linkIndex === link.index).flatMap(permanentOnly(context)),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    dns: pod.dns,
    ...(pod.hostName === undefined ? {} : { hostName: pod.hostName }),
    notes: observed.routes.some((route) => isThrough(route, link.index) && isAdvertised(route))
      ? [`${name} has routes from router advertisements; the kernel learns them again when the pod gets it back`]
      : [],
  };
}

interface Context {
  readonly namespace: string;
  readonly name: string;
  readonly index: number;
  readonly linkKey: string;
}

function findLink(observed: ObservedNamespace, name: string, namespace: string): ObservedLink {
  const link = observed.links.find((candidate) => candidate.name === name);
  if (link !== undefined) return link;
  const names = observed.links.filter((candidate) => candidate.name !== "lo").map((candidate) => candidate.name);
  throw new NetloomError("no-interface", `bind ${name}: there is no such interface in namespace ${namespace}`, {
    hint: names.length === 0 ? "The namespace has no interface but lo." : `It has: ${names.join(", ")}.`,
  });
}

/** The interface's MAC address, when it can be a bridge port. */
function refuseUnfit(observed: ObservedNamespace, link: ObservedLink, namespace: string): MacAddress {
  const mac = link.macAddress;
  if (mac === undefined || /^[0:]+$/.test(mac) || link.kind === "bridge") {
    const what = link.name === "lo" ? "the loopback" : link.kind === "bridge" ? "a bridge" : "not Ethernet";
    throw new NetloomError("interface-unfit", `bind ${link.name}: it is ${what} and cannot be a bridge port`);
  }
  if (link.kind !== undefined && KINDS_WITH_ONE_MAC.has(link.kind)) {
    throw new NetloomError(
      "interface-unfit",
      `bind ${link.name}: a ${link.kind} receives only frames to its own MAC address, a guest behind a bridge would get none`,
    );
  }
  if (link.masterIndex !== undefined) {
    const master = observed.links.find((candidate) => candidate.index === link.masterIndex);
    throw new NetloomError(
      "interface-busy",
      `bind ${link.name}: it is a port of ${master?.name ?? `interface ${link.masterIndex}`} already`,
      { hint: `Take it out first: ip -n ${namespace} link set ${link.name} nomaster` },
    );
  }
  return mac;
}

function discoverAddresses(observed: ObservedNamespace, link: ObservedLink, context: Context): AddressObject[] {
  const mine = observed.addresses.filter((address) => address.linkIndex === link.index && !isTemporary(address));
  const of = (family: 4 | 6): ObservedAddress[] => mine.filter((address) => familyOf(address.address) === family);
  // The kernel lists IPv6 addresses of one scope newest first, so the last one listed is the first to add.
  return [...of(4), ...of(6).toReversed()].map((address) => addressObject(address, observed, link, context));
}

/** Privacy addresses come and go by themselves with the address that they were derived from. */
function isTemporary(address: ObservedAddress): boolean {
  return familyOf(address.address) === 6 && (address.flags & IFA_F_SECONDARY) !== 0;
}

function addressObject(
  address: ObservedAddress,
  observed: ObservedNamespace,
  link: ObservedLink,
  { namespace, linkKey, name }: Context,
): AddressObject {
  const { linkIndex: _linkIndex, flags, ...rest } = address;
  return {
    kind: "address",
    key: `${linkKey} address ${address.address}/${address.prefixLength}`,
    origin: `pod interface ${name}`,
    namespace,
    linkKey,
    ...rest,
    flags: flags & SETTABLE_ADDRESS_FLAGS,
    ...(lacksPrefixRoute(address, link, observed.routes) ? { prefixRoute: false } : {}),
  };
}

function isThrough(route: ObservedRoute, index: number): boolean {
  return route.nextHops.some((hop) => hop.linkIndex === index);
}

function isAdvertised(route: ObservedRoute): boolean {
  return route.protocol === PROTOCOL_ROUTER_ADVERTISEMENT || route.protocol === PROTOCOL_REDIRECT;
}

function discoverRoutes(routes: readonly ObservedRoute[], context: Context): RouteObject[] {
  const mine = routes.filter(
    (route) =>
      isThrough(route, context.index) &&
      !isAdvertised(route) &&
      !(route.protocol === PROTOCOL_KERNEL && route.table === TABLE_LOCAL),
  );
  for (const route of mine) {
    if (route.nextHops.every((hop) => hop.linkIndex === context.index)) continue;
    throw new NetloomError(
      "multipath",
      `bind ${context.name}: the route to ${route.destination.address}/${route.destination.length} also goes through another interface`,
      { hint: "Replace it by a route through one interface." },
    );
  }
  const objects = mine.map((route) => routeObject(route, context));
  // A gateway is only accepted once the route to it stands.
  const isOnLink = (route: RouteObject): boolean => route.nextHops.every((hop) => hop.gateway === undefined);
  return [...objects.filter(isOnLink), ...objects.filter((route) => !isOnLink(route))];
}

function discoverGateway6(observed: ObservedNamespace, index: number): PodInterface["gateway6"] {
  const best = observed.routes
    .filter(
      ({ destination, table, nextHops }) =>
        destination.length === 0 &&
        familyOf(destination.address) === 6 &&
        table === TABLE_MAIN &&
        nextHops.some((hop) => hop.linkIndex === index && hop.gateway !== undefined),
    )
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0];
  const address = best?.nextHops.find((hop) => hop.linkIndex === index)?.gateway;
  if (address === undefined || familyOf(address) !== 6) return undefined;
  const macAddress = observed.neighbours.find(
    (entry) => entry.linkIndex === index && entry.address === address,
  )?.macAddress;
  return { address: address as Ipv6Address, ...(macAddress === undefined ? {} : { macAddress }) };
}

function routeObject(route: ObservedRoute, { namespace, linkKey, name }: Context): RouteObject {
  const { destination, nextHops, ...rest } = route;
  const identity = [destination.address, destination.length, route.table, route.metric ?? 0, route.tos].join("/");
  return {
    kind: "route",
    key: `${linkKey} route ${identity}`,
    origin: `pod interface ${name}`,
    namespace,
    destination,
    nextHops: nextHops.map(({ linkIndex: _linkIndex, ...hop }) => ({ linkKey, ...hop })),
    ...rest,
  };
}

function permanentOnly({ namespace, linkKey, name }: Context): (entry: ObservedNeighbour) => NeighbourObject[] {
  return ({ address, macAddress, state }) => {
    if ((state & NUD_PERMANENT) === 0 || macAddress === undefined) return [];
    return [
      {
        kind: "neighbour",
        key: `${linkKey} neighbour ${address}`,
        origin: `pod interface ${name}`,
        namespace,
        linkKey,
        address,
        macAddress,
        state,
      },
    ];
  };
}

/** Whether the kernel makes this route by itself when the address that it comes from is added. */
export function isDerived(route: RouteObject, pod: PodInterface): boolean {
  if (route.protocol !== PROTOCOL_KERNEL) return false;
  return pod.addresses.some(({ address, prefixLength, peer }) => {
    const subnet = networkOf({ address: peer ?? address, length: prefixLength });
    return route.destination.length === subnet.length && route.destination.address === subnet.address;
  });
}

/** The pod's IPv4 address that a guest is given: the first one of global scope, else the first. */
export function primaryAddress(pod: PodInterface): (AddressObject & { readonly address: Ipv4Address }) | undefined {
  const isIpv4 = (object: AddressObject): object is AddressObject & { readonly address: Ipv4Address } =>
    familyOf(object.address) === 4;
  const addresses = pod.addresses.filter(isIpv4);
  return addresses.find((address) => (address.scope ?? 0) === 0) ?? addresses[0];
}
