/**
 * The IPv6 server of a network, on its bridge: what the network's object says, told by advertisements and by DHCPv6.
 *
 * Leases are kept in STATE/dhcp6/FILE/NETWORK.leases, so that a server that is opened anew, after a kill or with another
 * configuration, goes on where the last one was.
 */
import { SMALLEST_IPV6_MTU_BYTES } from "../wire/ipv6.ts";
import { dirname, join } from "node:path";
import { formatPrefix, type MacAddress } from "../base/address.ts";
import { fromHex } from "../base/bytes.ts";
import type { Logger } from "../base/logger.ts";
import type { Dhcp6ServerConfig } from "../protocol/dhcp6/server/config.ts";
import type { PoolUse6 } from "../protocol/dhcp6/server/pool.ts";
import { partOfLifetime } from "../protocol/guest-lease6.ts";
import { routerConfigOf } from "../protocol/ndp/advertised-link.ts";
import type { RouterConfig } from "../protocol/ndp/router.ts";
import type { ServiceObject } from "../state/object.ts";
import type { Ip6NetworkObject } from "../state/object/network-ip6.ts";
import { forgetLeases, forgetLeasesIfNone } from "../store/forget-leases.ts";
import { createStateFolder } from "../store/state-folder.ts";
import { linkLayerDuid } from "../wire/dhcp6/options.ts";
import { Ip6Service } from "./ip6-network.ts";
import { type LeaseBoard, toldLeases6 } from "./lease-board.ts";

/** RFC 8200 §5, §3. */
const LARGEST_MTU_BYTES = 65_535;

/** The very link that it listens on. */
interface BridgePlace {
  readonly namespacePath: string;
  readonly interfaceIndex: number;
  readonly macAddress: MacAddress;
}

/** What the object offers, for reports. */
export function offersOf({ network, prefixes, range, delegate, hosts }: Ip6NetworkObject): Record<string, unknown> {
  return {
    network,
    prefix: prefixes.map(({ prefix }) => formatPrefix(prefix)).join(", "),
    ...(range === undefined ? {} : { range: `${range.first}-${range.last}` }),
    ...(delegate === undefined ? {} : { delegates: `${formatPrefix(delegate.from)}-${delegate.length}` }),
    hosts: hosts.length,
  };
}

/** What such servers share. */
export interface Ip6Shared {
  readonly stateFolder: string;
  /** Hears of all leases. */
  readonly board: LeaseBoard;
  readonly logger: Logger;
}

/** Serves from its making until {@link close}. */
export class NetworkIp6Server {
  readonly #service: Ip6Service;
  readonly #object: Ip6NetworkObject;
  readonly #board: LeaseBoard;
  readonly #leaseFile: string;
  readonly #macAddress: MacAddress;

  /** @throws NetloomError as {@link Ip6Service}'s constructor */
  constructor(object: Ip6NetworkObject, place: BridgePlace, { stateFolder, board, logger }: Ip6Shared) {
    this.#object = object;
    this.#board = board;
    this.#macAddress = place.macAddress;
    this.#leaseFile = join(stateFolder, "dhcp6", `${object.network}.leases`);
    createStateFolder(dirname(this.#leaseFile));
    const { interfaceName } = object;
    const dhcp = serverConfig(object, place.macAddress);
    this.#service = new Ip6Service({
      namespacePath: place.namespacePath,
      interfaceName,
      interfaceIndex: place.interfaceIndex,
      router: routerOf(object, dhcp),
      dhcp,
      leaseFile: this.#leaseFile,
      routesPrefixes: true,
      onLeases: (leases) => board.tell(object.network, toldLeases6(leases)),
      logger,
    });
    board.open(object.network, "dhcp6", () => toldLeases6(this.#service.leases()));
  }

  stats(): object {
    const { restored: _, ...counters } = this.#service.stats();
    const { addresses, prefixes } = this.#service.pool() ?? {};
    return {
      ...(addresses === undefined ? {} : { addresses: addresses.total, ...use(addresses) }),
      ...(prefixes === undefined ? {} : { prefixes: prefixes.total, delegated: prefixes.given }),
      ...counters,
    };
  }

  /** Goes on as another object: hosts are told what that does not tell any more, and keep the rest meanwhile. */
  async closeFor(goal: ServiceObject): Promise<void> {
    if (goal.kind !== "ip6-network") return this.close(true);
    await this.#service.close({ next: routerOf(goal, serverConfig(goal, this.#macAddress)) });
  }

  /** @param meant whether it ends for good: hosts are told that the router goes */
  async close(meant: boolean): Promise<void> {
    await this.#service.close(meant);
    this.#board.close(this.#object.network, "dhcp6");
    const { range, delegate } = this.#object;
    if (!meant) return;
    // Where only machines with addresses of their own were served, nothing is worth keeping.
    if (range === undefined && delegate === undefined) forgetLeases(this.#leaseFile);
    else forgetLeasesIfNone(this.#leaseFile);
  }
}

function routerOf(object: Ip6NetworkObject, dhcp: Dhcp6ServerConfig): RouterConfig {
  const { managed, defaultRouter: isRouter, prefixes, routes, mtuBytes } = object;
  return routerConfigOf(dhcp, { managed, isRouter, prefixes, routes, mtuBytes });
}

function use({ given, declined, total }: PoolUse6): object {
  return { given, declined, free: total - given - declined };
}

function serverConfig(object: Ip6NetworkObject, serverMac: MacAddress): Dhcp6ServerConfig {
  const { linkAddress, addresses, range, delegate, leaseSeconds } = object;
  const { nameServers, searchDomains, ntpServers, rapidCommit } = object;
  return {
    duid: linkLayerDuid(serverMac),
    serverMac,
    linkAddress,
    mtuBytes: Math.min(Math.max(object.mtuBytes, SMALLEST_IPV6_MTU_BYTES), LARGEST_MTU_BYTES),
    addresses,
    prefixes: object.prefixes.map(({ prefix }) => prefix),
    ...(range === undefined ? {} : { range }),
    ...(delegate === undefined ? {} : { delegate }),
    preferredSeconds: Math.max(1, partOfLifetime(leaseSeconds, 0.75)),
    validSeconds: leaseSeconds,
    nameServers,
    searchDomains,
    ntpServers,
    authoritative: true,
    rapidCommit,
    hosts: object.hosts.map(({ duidHex, ...host }) => ({
      ...host,
      ...(duidHex === undefined ? {} : { duid: fromHex(duidHex) }),
    })),
  };
}
