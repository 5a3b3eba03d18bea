/**
 * The DNS server of a network, on its bridge: one for all who have names there, the network's own file and what is
 * attached later. Hosts, clients and records come and go while it works; a change of anything else opens it anew.
 */
import type { Logger } from "../base/logger.ts";
import type { ServiceObject } from "../state/object.ts";
import type { DnsHost, NetworkDnsObject } from "../state/object/network-dns.ts";
import { isServedOn } from "../state/served-on.ts";
import { dnsConfigOf } from "./dns-config.ts";
import { dnsDetails } from "./dns-details.ts";
import { DnsService } from "./dns/server.ts";
import type { LeaseBoard } from "./lease-board.ts";
import { NetworkNames } from "./network-names.ts";

const DNS_PORT = 53;

/** Where it listens. */
interface BridgePlace {
  readonly namespacePath: string;
}

interface Shared {
  readonly board: LeaseBoard;
  readonly logger: Logger;
}

/** Servers by network. */
export class NetworkDnsServers {
  readonly #shared: Shared;
  readonly #networks = new Map<string, NetworkDnsServer>();

  /** @param board tells of the leases whose clients have names */
  constructor(board: LeaseBoard, logger: Logger) {
    this.#shared = { board, logger };
  }

  /**
   * Answer, from now on, with what the object says beside what others say for the same network.
   * @throws NetloomError as {@link DnsService}'s constructor
   */
  async open(object: NetworkDnsObject, place: BridgePlace): Promise<NetworkDnsMember> {
    let server = this.#networks.get(object.network);
    if (server === undefined) {
      server = new NetworkDnsServer(this.#shared);
      this.#networks.set(object.network, server);
    }
    await server.join(object, place);
    return new NetworkDnsMember(server, object);
  }

  /** Those that answer now, by FILE/NETWORK. */
  running(): ReadonlyMap<string, DnsService> {
    return new Map(
      [...this.#networks].flatMap(([network, { service }]) =>
        service === undefined ? [] : [[network, service] as const],
      ),
    );
  }
}

/** What one object has of its network's server. */
class NetworkDnsMember {
  readonly #server: NetworkDnsServer;
  #object: NetworkDnsObject;

  constructor(server: NetworkDnsServer, object: NetworkDnsObject) {
    this.#server = server;
    this.#object = object;
  }

  stats(): object {
    return this.#server.statsFor(this.#object);
  }

  /** Only hosts and records may be others. */
  become(goal: ServiceObject): boolean {
    if (goal.kind !== "dns-network" || !isServedOn(this.#object, goal)) return false;
    this.#object = goal;
    this.#server.rename(goal);
    return true;
  }

  async close(): Promise<void> {
    await this.#server.leave(this.#object);
  }
}

interface RunningServer {
  readonly service: DnsService;
  readonly names: NetworkNames;
  /** Whose settings count. */
  readonly base: NetworkDnsObject;
}

class NetworkDnsServer {
  readonly #shared: Shared;
  readonly #members = new Map<string, NetworkDnsObject>();
  #running: RunningServer | undefined;
  /** One change at a time. */
  #turn: Promise<void> = Promise.resolve();
  #place: BridgePlace | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get service(): DnsService | undefined {
    return this.#running?.service;
  }

  async join(object: NetworkDnsObject, place: BridgePlace): Promise<void> {
    this.#members.set(object.key, object);
    this.#place = place;
    try {
      await this.#follow(object.joins === true);
    } catch (error) {
      if (this.#members.get(object.key) === object) this.#members.delete(object.key);
      throw error;
    }
  }

  async leave(object: NetworkDnsObject): Promise<void> {
    if (this.#members.get(object.key) === object) this.#members.delete(object.key);
    await this.#follow(object.joins === true);
  }

  rename(object: NetworkDnsObject): void {
    this.#members.set(object.key, object);
    const running = this.#running;
    if (running?.base.key !== object.key) {
      running?.names.know(this.#hosts());
      return;
    }
    this.#running = { ...running, base: object };
    running.service.setZones(dnsConfigOf(object).zones);
    running.names.know(this.#hosts(), object.records);
  }

  /** Answers as all members say now. @param isJoined only hosts came or went */
  async #follow(isJoined: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = promise;
    await before;
    try {
      if (isJoined && this.#running !== undefined && this.#base() === this.#running.base)
        this.#running.names.know(this.#hosts());
      else await this.#reopen();
    } finally {
      resolve();
    }
  }

  async #reopen(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.names.close();
    await running?.service.close();
    const [base, place] = [this.#base(), this.#place];
    if (base === undefined || place === undefined) return;
    const { logger, board } = this.#shared;
    const service = new DnsService({
      namespacePath: place.namespacePath,
      listen: base.addresses.map((address) => ({ address, port: DNS_PORT })),
      isAhead: true,
      config: dnsConfigOf(base),
      logger,
      about: { network: base.network },
    });
    const names = new NetworkNames(base, service, board, logger);
    names.know(this.#hosts());
    this.#running = { service, names, base };
  }

  /** Who speaks for the network; what is attached has no server of its own. */
  #base(): NetworkDnsObject | undefined {
    return [...this.#members.values()].find(({ joins }) => joins !== true);
  }

  #hosts(): readonly DnsHost[] {
    const domain = this.#base()?.domain;
    return [...this.#members.values()]
      .sort((a, b) => Number(a.joins === true) - Number(b.joins === true))
      .flatMap((member) => (domain === undefined ? member.hosts : hostsIn(domain, member)));
  }

  statsFor(object: NetworkDnsObject): object {
    const running = this.#running;
    return running === undefined || running.base.key !== object.key ? {} : dnsDetails(running.service.stats());
  }
}

/** What was attached before the network's domain was changed is found in the new one. */
function hostsIn(domain: string, { domain: own, hosts }: NetworkDnsObject): readonly DnsHost[] {
  if (domain === own) return hosts;
  return hosts.map((host) => ({ ...host, name: `${host.name.slice(0, -own.length)}${domain}` }));
}
