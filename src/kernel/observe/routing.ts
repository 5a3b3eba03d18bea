/** Links, addresses, routes and permanent neighbours of one namespace, in the vocabulary of a snapshot. */
import { familyOf, type IpAddress, type Ipv4Address } from "../../base/address.ts";
import type { NetlinkMessage } from "../../netlink/message.ts";
import { decodeAddress, dumpAddresses } from "../../netlink/route/address.ts";
import { MACVLAN_MODES } from "../../netlink/route/kinds/macvlan.ts";
import { dumpLinks, IFF_ALLMULTI, linkDecoder } from "../../netlink/route/link.ts";
import { decodeNeighbour, dumpNeighbours } from "../../netlink/route/neighbour.ts";
import { NUD_PERMANENT } from "../../netlink/route/neighbour-message.ts";
import { decodeRoute, dumpRoutes, isDerivedLocal } from "../../netlink/route/route.ts";
import type { ObservedAddress, ObservedLink, ObservedNeighbour, ObservedRoute } from "../../state/snapshot.ts";
import { RouteNetlink } from "../netlink.ts";

interface ObservedRouting {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  readonly routes: readonly ObservedRoute[];
  readonly neighbours: readonly ObservedNeighbour[];
}

const TAP = 2;
const MODES = ["private", "vepa", "bridge", "passthru"] as const satisfies readonly (keyof typeof MACVLAN_MODES)[];

/** @param namespace descriptor; undefined: our own */
export async function observeRouting(namespace: number | undefined): Promise<ObservedRouting> {
  await using netlink = RouteNetlink.open(namespace === undefined ? {} : { namespace });
  return {
    links: await netlink.dump(dumpLinks(), observedLink),
    addresses: await netlink.dump(dumpAddresses(), observedAddress),
    routes: await netlink.dump(dumpRoutes(), observedRoute),
    neighbours: await netlink.dump(dumpNeighbours(), observedNeighbour),
  };
}

type Mutable<Value> = { -readonly [Field in keyof Value]: Value[Field] };

const decodeLink = linkDecoder({
  link: ["name", "macAddress", "mtuBytes", "group", "masterIndex", "alias", "linkIndex", "ipv6AddressGeneration"],
  kinds: {
    bridge: ["stpState", "forwardDelayCentiseconds"],
    tun: ["type", "ownerUid", "groupGid", "persistent"],
    macvlan: ["mode"],
    macvtap: ["mode"],
  },
  bridgePort: ["learning"],
});

function observedLink(message: NetlinkMessage): ObservedLink | undefined {
  const link = decodeLink(message);
  if (link === undefined) return undefined;
  const { bridge, tun } = link;
  const mode = (link.macvlan ?? link.macvtap)?.mode;
  const observed: Mutable<ObservedLink> = {
    index: link.index,
    name: link.name ?? "",
    mtuBytes: link.mtuBytes ?? 0,
    up: link.up,
    group: link.group ?? 0,
  };
  if (link.kind !== undefined) observed.kind = link.kind;
  if (link.macAddress !== undefined) observed.macAddress = link.macAddress;
  if (link.masterIndex !== undefined) observed.masterIndex = link.masterIndex;
  if (link.alias !== undefined) observed.alias = link.alias;
  if (link.linkIndex !== undefined) observed.linkIndex = link.linkIndex;
  if (link.ipv6AddressGeneration !== undefined) observed.ipv6AddressGeneration = link.ipv6AddressGeneration;
  if (link.bridgePort?.learning !== undefined) observed.learning = link.bridgePort.learning;
  if (bridge?.stpState !== undefined) observed.stp = bridge.stpState !== 0;
  if (bridge?.forwardDelayCentiseconds !== undefined) {
    observed.forwardDelayCentiseconds = bridge.forwardDelayCentiseconds;
  }
  if ((link.flags & IFF_ALLMULTI) !== 0) observed.allMulticast = true;
  for (const name of MODES) if (MACVLAN_MODES[name] === mode) observed.macvlanMode = name;
  if (tun?.type === TAP) {
    if (tun.ownerUid !== undefined) observed.ownerUid = tun.ownerUid;
    if (tun.groupGid !== undefined) observed.groupGid = tun.groupGid;
    if (tun.persistent !== undefined) observed.persistent = tun.persistent;
  }
  return observed;
}

function observedAddress(message: NetlinkMessage): ObservedAddress | undefined {
  const address = decodeAddress(message);
  if (address === undefined) return undefined;
  const { broadcast, scope = 0, flags = 0, ...rest } = address;
  const observed: Mutable<ObservedAddress> = { ...rest, scope, flags };
  if (broadcast !== undefined && isIpv4(broadcast)) observed.broadcast = broadcast;
  return observed;
}

function isIpv4(address: IpAddress): address is Ipv4Address {
  return familyOf(address) === 4;
}

function observedRoute(message: NetlinkMessage): ObservedRoute | undefined {
  if (isDerivedLocal(message)) return undefined;
  const route = decodeRoute(message);
  if (route === undefined) return undefined;
  const { destination, type = 0, table = 0, tos = 0, protocol = 0, scope = 0 } = route;
  const observed: Mutable<ObservedRoute> = {
    destination,
    nextHops: route.nextHops.map(({ flags, ...nextHop }) => nextHop),
    type,
    table,
    tos,
    protocol,
    scope,
  };
  if (route.metric !== undefined) observed.metric = route.metric;
  if (route.source !== undefined) observed.source = route.source;
  if (route.metrics?.mtuBytes !== undefined) observed.mtuBytes = route.metrics.mtuBytes;
  return observed;
}

function observedNeighbour(message: NetlinkMessage): ObservedNeighbour | undefined {
  const neighbour = decodeNeighbour(message);
  if (neighbour?.state === undefined || (neighbour.state & NUD_PERMANENT) === 0) return undefined;
  const { linkIndex, address, macAddress, state } = neighbour;
  return macAddress === undefined ? { linkIndex, address, state } : { linkIndex, address, macAddress, state };
}
