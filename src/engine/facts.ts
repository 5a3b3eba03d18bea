/** What compiling a network file must know of this host, read from the host. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { hasCode } from "../base/errors.ts";
import type { Facts, HostLink, HostRoute, NamespaceFacts, PlaceFacts } from "../compile/facts.ts";
import { requiredFiles } from "../compile/required-files.ts";
import { hasBridgeFilter, hasLinkKind, hasNetdevEgress, missingCapabilities } from "../kernel/features.ts";
import { findForeignForwardDrops, findForeignInputDrops } from "../kernel/foreign-filter.ts";
import { observe } from "../kernel/observe.ts";
import { readResolvConf } from "../kernel/resolv-conf.ts";
import { isMarked, markedKey } from "../state/mark.ts";
import type { ObservedLink, ObservedNamespace } from "../state/snapshot.ts";
import type { Model } from "../model/model.ts";
import { bootFacts } from "./boot-facts.ts";
import { uplinkFacts } from "./uplink-facts.ts";

const TABLE_LOCAL = 255;

/** They pass only frames to their own MAC address. */
const KINDS_WITH_ONE_MAC = new Set(["macvlan", "macvtap", "ipvlan", "ipvtap"]);

/**
 * @param ownedKeys keys of objects that netloom made for this file earlier: they are not in its way
 * @param parametersBefore values that kernel parameters had before netloom, by path
 * @param stateFolder with the leases of uplinks; absent: none is known
 */
export async function gatherFacts(
  model: Model,
  ownedKeys: ReadonlySet<string>,
  parametersBefore: ReadonlyMap<string, string> = new Map(),
  stateFolder?: string,
): Promise<Facts> {
  const names = [...new Set(model.networks.map(({ namespace }) => namespace).filter((name) => name !== ""))];
  const [snapshot, foreignForwardDrops, foreignInputDrops, dummy, netdevEgress, bridgeFilter] = await Promise.all([
    observe({ namespaces: ["", ...names].map((name) => ({ name })), files: [] }),
    findForeignForwardDrops(),
    asksOfInput(model) ? findForeignInputDrops() : undefined,
    // Whoever may not ask only looks at the plan, and most kernels have it.
    missingCapabilities().length > 0 ? true : hasLinkKind("dummy"),
    missingCapabilities().length > 0 || !bindsMacvtap(model) ? undefined : hasNetdevEgress(),
    missingCapabilities().length > 0 || !model.networks.some(({ guard }) => guard) ? undefined : hasBridgeFilter(),
  ]);
  const forwardsByInterface = existsSync("/proc/sys/net/ipv6/conf/all/force_forwarding");
  const parameter = (path: string): string | undefined => parametersBefore.get(path) ?? readParameter(path);
  const { links, routes } = placeFacts(snapshot.namespaces[""] ?? undefined, ownedKeys, (link) =>
    forwardsByInterface ? false : parameter(`net/ipv6/conf/${link.name}/accept_ra`) === "1",
  );
  const namespaces: Record<string, NamespaceFacts> = {};
  for (const name of names) {
    const observed = snapshot.namespaces[name];
    if (observed === null || observed === undefined) continue;
    // Nobody who is in one of them forwards there, and nobody who is asked about routers' advertisements.
    const place = placeFacts(observed, ownedKeys, () => false);
    namespaces[name] = { ...place, ours: ownedKeys.has(`${model.name}/namespace/${name}`) };
  }
  return {
    links,
    routes,
    ...(names.length === 0 ? {} : { namespaces }),
    resolver: readResolvConf(""),
    uplinks: uplinkFacts(model, links, stateFolder),
    foreignForwardDrops,
    ...(foreignInputDrops === undefined ? {} : { foreignInputDrops }),
    forwardedIpv6: parameter("net/ipv6/conf/all/forwarding") === "1",
    features: {
      dummy,
      ...(netdevEgress === undefined ? {} : { netdevEgress }),
      ...(bridgeFilter === undefined ? {} : { bridgeFilter }),
      ipv6: existsSync("/proc/sys/net/ipv6"),
      forwardsByInterface,
    },
    ...(await bootFacts(model)),
    missingFiles: requiredFiles(model)
      .map(({ path }) => path)
      .filter((path) => !isReadable(path)),
  };
}

function placeFacts(
  observed: Pick<ObservedNamespace, "links" | "addresses" | "routes"> = { links: [], addresses: [], routes: [] },
  ownedKeys: ReadonlySet<string>,
  acceptsAdvertisements: (link: ObservedLink) => boolean,
): PlaceFacts {
  const links: Record<string, HostLink> = {};
  const names = new Map(observed.links.map((link) => [link.index, link.name]));
  for (const link of observed.links) {
    const master = names.get(link.masterIndex ?? 0);
    const unfitPort = unfitness(link);
    links[link.name] = {
      index: link.index,
      marked: isMarked(link.alias),
      ...(master === undefined ? {} : { master }),
      ...(unfitPort === undefined ? {} : { unfitPort }),
      acceptsAdvertisements: acceptsAdvertisements(link),
      mtuBytes: link.mtuBytes,
      up: link.up,
      ...(link.kind === undefined && link.name !== "lo" ? { hardware: true as const } : {}),
      ours: ownedKeys.has(markedKey(link.alias) ?? ""),
      addresses: observed.addresses
        .filter((address) => address.linkIndex === link.index)
        .map(({ address, prefixLength }) => ({ address, length: prefixLength })),
    };
  }
  const routes = observed.routes
    .filter((route) => route.table !== TABLE_LOCAL)
    .map(({ destination, nextHops, metric }): HostRoute => {
      const device = names.get(nextHops[0]?.linkIndex ?? 0);
      return {
        destination,
        ...(device === undefined ? {} : { device }),
        ...(metric === undefined ? {} : { metric }),
      };
    });
  return { links, routes };
}

/** Whether machines ask servers of ours over plain sockets of this host, which its firewall concerns. */
function asksOfInput(model: Model): boolean {
  return model.networks.some(
    ({ namespace, dnsServer, boot }) => namespace === "" && (dnsServer !== undefined || boot !== undefined),
  );
}

function bindsMacvtap(model: Model): boolean {
  return model.machines.some(
    (machine) => machine.kind === "vm" && machine.nics.some(({ binding }) => binding === "macvtap"),
  );
}

/** Undefined: the kernel has no such parameter, or the link went away meanwhile. */
function readParameter(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function unfitness(link: ObservedLink): string | undefined {
  if (link.name === "lo") return "is the loopback";
  if (link.kind === "bridge") return "is a bridge";
  if (link.macAddress === undefined || /^[0:]+$/.test(link.macAddress)) return "is not Ethernet";
  if (link.kind !== undefined && KINDS_WITH_ONE_MAC.has(link.kind))
    return `is a ${link.kind}, which receives only frames to its own MAC address,`;
  // A client of a wireless network sends for itself only.
  return existsSync(`/sys/class/net/${link.name}/phy80211`) ? "is wireless" : undefined;
}

/** Whether we may read that file. */
export function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
