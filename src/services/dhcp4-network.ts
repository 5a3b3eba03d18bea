/**
 * The DHCPv4 server of a network, on its bridge: one for all who have something to say there, the network's own file
 * and what is attached later. The bridge has the server's address, so the kernel answers ARP for it.
 *
 * Leases are kept in STATE/dhcp/FILE/NETWORK.leases, so that a server that is opened anew, after a kill or with another
 * configuration, goes on where the last one was.
 */
import { dirname, join } from "node:path";
import { type MacAddress, networkOf } from "../base/address.ts";
import { fromHex } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Dhcp4Class, Dhcp4Host, Dhcp4ServerConfig, Dhcp4Settings } from "../protocol/dhcp4/server/config.ts";
import { rangesGiven } from "../state/dhcp-ranges.ts";
import type { DhcpKnownHost, DhcpTold, NetworkDhcpObject } from "../state/object/network-dhcp.ts";
import { forgetLeases, forgetLeasesIfNone } from "../store/forget-leases.ts";
import { createStateFolder } from "../store/state-folder.ts";
import { Dhcp4Service } from "./dhcp4-server.ts";
import { type LeaseBoard, toldLeases4 } from "./lease-board.ts";

/** The very link that it listens on. */
interface BridgePlace {
  readonly namespacePath: string;
  readonly interfaceIndex: number;
  readonly macAddress: MacAddress;
}

/** @param network FILE/NETWORK */
function networkLeaseFile(stateFolder: string, network: string): string {
  return join(stateFolder, "dhcp", `${network}.leases`);
}

/** Servers by network. */
export class NetworkDhcpServers {
  readonly #stateFolder: string;
  readonly #logger: Logger;
  readonly #board: LeaseBoard;
  readonly #networks = new Map<string, NetworkDhcpServer>();
  /** By network, of those whose boot files are served. */
  readonly #boot = new Map<string, Classes>();

  /** @param board hears of all leases */
  constructor(stateFolder: string, logger: Logger, board: LeaseBoard) {
    this.#stateFolder = stateFolder;
    this.#logger = logger;
    this.#board = board;
  }

  /**
   * Serve, from now on, what the object says beside what others say for the same network.
   * @throws NetloomError as the server's constructor
   */
  async open(object: NetworkDhcpObject, place: BridgePlace): Promise<NetworkDhcpMember> {
    let server = this.#networks.get(object.network);
    if (server === undefined) {
      const { network } = object;
      server = new NetworkDhcpServer(networkLeaseFile(this.#stateFolder, network), this.#logger, this.#board, () =>
        this.#boot.get(network),
      );
      this.#networks.set(object.network, server);
    }
    await server.join(object, place);
    return new NetworkDhcpMember(server, object);
  }

  /** What boot clients of the network are told from now on. @param classes undefined: what its object says */
  tellBoot(network: string, classes: Classes | undefined): void {
    if (classes === undefined) this.#boot.delete(network);
    else this.#boot.set(network, classes);
    // Without them its files are not served any more, and soon they are not in its object either.
    if (classes !== undefined) this.#networks.get(network)?.renewBoot();
  }
}

type Classes = NetworkDhcpObject["classes"];

/** What one object has of its network's server. */
class NetworkDhcpMember {
  readonly #server: NetworkDhcpServer;
  readonly #object: NetworkDhcpObject;

  constructor(server: NetworkDhcpServer, object: NetworkDhcpObject) {
    this.#server = server;
    this.#object = object;
  }

  stats(): object {
    return this.#server.statsFor(this.#object);
  }

  /** @param meant whether it ends for good */
  close(meant: boolean): Promise<void> {
    return this.#server.leave(this.#object, meant);
  }
}

interface RunningServer {
  readonly service: Dhcp4Service;
  /** Whose settings count. */
  readonly base: NetworkDhcpObject;
  readonly classes: Classes;
}

class NetworkDhcpServer {
  readonly #leaseFile: string;
  readonly #logger: Logger;
  readonly #board: LeaseBoard;
  readonly #boot: () => Classes | undefined;
  readonly #members = new Map<string, NetworkDhcpObject>();
  /** It gave addresses to whoever asked, and may again. */
  #servedAll = false;
  #running: RunningServer | undefined;
  /** One change at a time. */
  #turn: Promise<void> = Promise.resolve();
  #place: BridgePlace | undefined;

  /** @param boot what boot clients are told instead of what the object says */
  constructor(leaseFile: string, logger: Logger, board: LeaseBoard, boot: () => Classes | undefined) {
    this.#boot = boot;
    this.#leaseFile = leaseFile;
    this.#logger = logger;
    this.#board = board;
  }

  async join(object: NetworkDhcpObject, place: BridgePlace): Promise<void> {
    this.#members.set(object.key, object);
    this.#place = place;
    if (rangesGiven(object).length > 0) this.#servedAll = true;
    try {
      await this.#reopen();
    } catch (error) {
      if (this.#members.get(object.key) === object) this.#members.delete(object.key);
      // What the others say goes on.
      if (this.#members.size > 0) await this.#reopen();
      throw error;
    }
  }

  async leave(object: NetworkDhcpObject, meant: boolean): Promise<void> {
    if (this.#members.get(object.key) === object) this.#members.delete(object.key);
    // Otherwise the others go as well, or it is back at once.
    if (meant || this.#members.size === 0) await this.#reopen();
    if (this.#members.size === 0) this.#board.close(object.network, "dhcp4");
    if (!meant || this.#members.size > 0) return;
    // Where only machines with addresses of their own were served, nothing is worth keeping.
    if (this.#servedAll) forgetLeasesIfNone(this.#leaseFile);
    else forgetLeases(this.#leaseFile);
  }

  /** What boot clients are told may be something else now. */
  renewBoot(): void {
    const running = this.#running;
    if (running === undefined) return;
    const classes = this.#classes(running.base);
    if (JSON.stringify(classes) === JSON.stringify(running.classes)) return;
    running.service.setClasses(classesOf({ ...running.base, classes }));
    this.#running = { ...running, classes };
  }

  #classes({ classes }: NetworkDhcpObject): Classes {
    const boot = this.#boot();
    return boot === undefined ? classes : [...classes.filter(({ boots }) => boots === undefined), ...boot];
  }

  /** With what all members say now; nobody is answered in between. */
  async #reopen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = promise;
    await before;
    try {
      await this.#running?.service.close();
      this.#running = undefined;
      this.#running = this.#open();
    } finally {
      resolve();
    }
  }

  #open(): RunningServer | undefined {
    const place = this.#place;
    const base = this.#base();
    if (place === undefined || base === undefined) return undefined;
    const hosts = this.#hosts(base);
    const classes = this.#classes(base);
    createStateFolder(dirname(this.#leaseFile));
    const service = new Dhcp4Service({
      namespacePath: place.namespacePath,
      interfaceIndex: place.interfaceIndex,
      config: serverConfig({ ...base, classes }, hosts, place.macAddress),
      leaseFile: this.#leaseFile,
      logger: this.#logger,
      about: { network: base.network },
      onLeases: (leases) => this.#board.tell(base.network, toldLeases4(leases)),
    });
    this.#board.open(base.network, "dhcp4", () => toldLeases4(service.leases()));
    return { service, base, classes };
  }

  /** Who speaks for the network. */
  #base(): NetworkDhcpObject | undefined {
    const members = [...this.#members.values()];
    return members.find(({ joins }) => joins !== true) ?? members[0];
  }

  /** Of all members; one that another has already is left out, so that the network is served all the same. */
  #hosts(base: NetworkDhcpObject): readonly DhcpKnownHost[] {
    const known = new Set<string>();
    const hosts: DhcpKnownHost[] = [];
    for (const member of new Set([base, ...this.#members.values()])) {
      for (const host of member.hosts) {
        const marks = [identityText(host), ...(host.address === undefined ? [] : [host.address])];
        if (marks.some((mark) => known.has(mark))) {
          const fields = { network: base.network, host: marks.join(" ") };
          this.#logger.warn("a host is known to the network's DHCP server already", fields);
          continue;
        }
        for (const mark of marks) known.add(mark);
        hosts.push(host);
      }
    }
    return hosts;
  }

  statsFor(object: NetworkDhcpObject): object {
    const running = this.#running;
    if (running === undefined || running.base.key !== object.key) return {};
    const { restored: _, ...counters } = running.service.stats();
    return { ...running.service.pool(), ...counters };
  }
}

function identityText({ mac, clientIdHex, circuitIdHex }: DhcpKnownHost): string {
  return mac ?? (clientIdHex === undefined ? `circuit ${circuitIdHex}` : `client ${clientIdHex}`);
}

function serverConfig(
  object: NetworkDhcpObject,
  hosts: readonly DhcpKnownHost[],
  serverMac: MacAddress,
): Dhcp4ServerConfig {
  const { furtherSubnets = [] } = object;
  const { serverAddress, prefixLength, ranges, leaseSeconds, authoritative, rapidCommit, knownOnly, ignore } = object;
  return {
    serverAddress,
    serverMac,
    subnet: networkOf({ address: serverAddress, length: prefixLength }),
    ranges,
    ...settings(object),
    options: optionsOf(object),
    leaseSeconds,
    hosts: hosts.map(
      (host): Dhcp4Host => ({
        identity: identityOf(host),
        ...(host.name === undefined ? {} : { name: host.name }),
        ...(host.address === undefined ? {} : { address: host.address }),
        ...settings(host),
        ...lasting(host, leaseSeconds),
      }),
    ),
    classes: classesOf(object),
    furtherSubnets: furtherSubnets.map((each) => ({
      subnet: each.subnet,
      ranges: each.ranges,
      ...settings(each),
      ...(each.leaseSeconds === undefined ? {} : { leaseSeconds: each.leaseSeconds }),
      ...(each.gateway === undefined ? {} : { ownAddress: each.gateway }),
      ...(each.relayed === undefined ? {} : { relayed: each.relayed }),
    })),
    ignore,
    knownOnly,
    trustCircuit: object.trustCircuit === true,
    hasPorts: true,
    updatesNames: object.updatesNames === true,
    ...(object.limits === undefined ? {} : { limits: object.limits }),
    authoritative,
    rapidCommit,
    mtuBytes: object.mtuBytes,
    // Machines with addresses of their own wait for nothing.
    ...(rangesGiven(object).length === 0 ? {} : { probe: {} }),
  };
}

function classesOf({ classes, leaseSeconds }: NetworkDhcpObject): Dhcp4Class[] {
  return classes.map((one) => ({
    name: one.name,
    ...(one.vendor === undefined ? {} : { vendorClass: one.vendor }),
    ...(one.user === undefined ? {} : { userClass: one.user }),
    ...(one.architectures === undefined ? {} : { architectures: one.architectures }),
    ...(one.boots === undefined ? {} : { boots: one.boots }),
    ...(one.macPrefix === undefined ? {} : { macPrefix: one.macPrefix }),
    ...(one.range === undefined ? {} : { range: one.range }),
    ...settings(one),
    ...lasting(one, leaseSeconds),
  }));
}

function settings(told: DhcpTold): Omit<Dhcp4Settings, "leaseSeconds"> {
  const { nextServer, serverName, bootFile, bootUrl, bootsIpxe } = told;
  return {
    options: optionsOf(told),
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
    ...(bootUrl === undefined ? {} : { bootUrl }),
    ...(bootsIpxe === undefined ? {} : { bootsIpxe }),
  };
}

function optionsOf({ options }: DhcpTold): ReadonlyMap<number, Uint8Array> {
  return new Map(options.map(({ code, hex }) => [code, fromHex(hex)]));
}

/** A time of its own, be it longer than the network permits or shorter. */
function lasting(
  { leaseSeconds }: { readonly leaseSeconds?: number },
  { minimum }: NetworkDhcpObject["leaseSeconds"],
): Pick<Dhcp4Settings, "leaseSeconds"> {
  if (leaseSeconds === undefined) return {};
  const bounds = { minimum: Math.min(minimum, leaseSeconds), maximum: leaseSeconds };
  return { leaseSeconds: { ...bounds, default: leaseSeconds } };
}

function identityOf({ mac, clientIdHex, circuitIdHex }: DhcpKnownHost): Dhcp4Host["identity"] {
  if (mac !== undefined) return { mac };
  if (clientIdHex !== undefined) return { clientIdentifier: fromHex(clientIdHex) };
  if (circuitIdHex !== undefined) return { circuitId: fromHex(circuitIdHex) };
  throw new NetloomError("bad-dhcp-server", "a host of the DHCP server has neither MAC address nor identifier");
}
