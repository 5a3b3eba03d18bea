/**
 * Who tells clients of what `netloom netboot` has for them: a DHCP server where nobody else gives addresses, and a
 * proxyDHCP server. That nobody else does is a guess, which is looked at once more as soon as addresses are given: somebody
 * may have come to it at the same moment. When a client says that it takes its address from another server, and one
 * answers, that one gives them from then on.
 */
import { type Ipv4Address, type Ipv4Prefix, type MacAddress, networkOf } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { gatewayOf } from "../kernel/find-interface.ts";
import type { ServedInterface } from "../kernel/read-interface.ts";
import { readResolvConf } from "../kernel/resolv-conf.ts";
import type { AddressRange, Dhcp4Class, Dhcp4ServerConfig } from "../protocol/dhcp4/server/config.ts";
import { bootClasses, type BootFiles, type BootPlace } from "../protocol/pxe/offer.ts";
import { goesOnBefore, isPeerOffer, PEER_CLASS, peerVendorClass } from "../protocol/pxe/peer.ts";
import type { ProxyConfig, ProxyEvent } from "../protocol/pxe/proxy.ts";
import { Dhcp4Service } from "../services/dhcp4-server.ts";
import { ProxyService } from "../services/netboot/proxy-dhcp.ts";
import { DHCP4_OPTION, optionEntry } from "../wire/dhcp4/option-table.ts";
import { type DhcpOffer, probeDhcp } from "./doctor/dhcp-probe.ts";

/** dnsmasq pings three seconds long what it offers. */
export const LOOK_MILLISECONDS = 3800;

/** Machines that are set up do not stay. */
const LEASE_SECONDS = { default: 3600, minimum: 120, maximum: 3600 };

/** Who gives the clients their addresses. */
export type AddressGiver =
  | { readonly mode: "proxy"; readonly server: Ipv4Address | undefined }
  | { readonly mode: "pool"; readonly ranges: readonly AddressRange[] };

interface AnnouncerOptions {
  readonly interfaceName: string;
  readonly link: ServedInterface;
  readonly address: Ipv4Prefix;
  readonly giver: AddressGiver;
  readonly place: BootPlace;
  readonly files: BootFiles;
  /** Only these get something; default all. */
  readonly known?: ReadonlySet<MacAddress>;
  /** Of the addresses that are given; asked for when there are to be any. */
  readonly leaseFile: () => string;
  readonly onAsked: (event: Extract<ProxyEvent, { event: "asked" }>) => void;
  /** Another server gives the addresses from now on. */
  readonly onGiver: (giver: AddressGiver) => void;
  readonly logger: Logger;
}

type PoolConfig = Omit<Dhcp4ServerConfig, "classes">;

export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions;
  readonly #pool: PoolConfig | undefined;
  readonly #proxy: ProxyService;
  readonly #end = new AbortController();
  #giver: AddressGiver;
  #files: BootFiles;
  #dhcp: Dhcp4Service | undefined;
  /** Whether there is another server is being found out, or it is being given way to. */
  #checking: Promise<void> | undefined;
  /** Named meanwhile. */
  #next: Ipv4Address | undefined;
  /** Whoever it is was not there when the first look began. */
  readonly #named = new AbortController();
  /** Named by a client the last time that nobody was found. */
  #absent: Ipv4Address | undefined;

  private constructor(options: AnnouncerOptions, pool: PoolConfig | undefined) {
    const { link, giver, files, logger, onAsked } = options;
    this.#options = options;
    this.#pool = pool;
    this.#giver = giver;
    this.#files = files;
    this.#proxy = new ProxyService({
      interfaceIndex: link.index,
      config: this.#proxyConfig(),
      onAsked,
      onOtherServer: (server) => this.#check(server),
      onError: (error) => logger.warn("boot requests", { error: error.message }),
    });
  }

  /** Answer until closed. @throws NetloomError as the DHCP server's constructor; SystemCallError */
  static async open(options: AnnouncerOptions): Promise<Announcer> {
    const { giver } = options;
    const pool = giver.mode === "pool" ? await poolConfig(options, giver.ranges) : undefined;
    await using resources = new AsyncDisposableStack();
    const announcer = resources.use(new Announcer(options, pool));
    announcer.#dhcp = announcer.#openDhcp();
    announcer.#check(undefined);
    resources.move();
    return announcer;
  }

  get giver(): AddressGiver {
    return this.#giver;
  }

  /** Of these files from now on. */
  tell(files: BootFiles): void {
    if (this.#end.signal.aborted) return;
    this.#files = files;
    this.#dhcp?.setClasses(this.#classes());
    this.#proxy.change(this.#proxyConfig());
  }

  /** Anybody can send a message that names a server. One question at a time, however many clients name one. */
  #check(named: Ipv4Address | undefined): void {
    if (this.#giver.mode !== "pool" || this.#end.signal.aborted) return;
    if (this.#checking !== undefined) {
      this.#next = named;
      this.#named.abort();
      return;
    }
    this.#checking = this.#lookFor(named).finally(() => {
      this.#checking = undefined;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.#check(next);
    });
  }

  async #lookFor(named: Ipv4Address | undefined): Promise<void> {
    const { interfaceName, address, known, logger } = this.#options;
    const { signal } = this.#end;
    // Who serves only some is no server that another one could leave the rest to.
    const isForAll = known === undefined;
    let isPeer = false;
    const counts = ({ serverIdentifier, vendorClass }: DhcpOffer): boolean => {
      if (serverIdentifier === address.address) return false;
      if (!isForAll || !isPeerOffer(vendorClass) || goesOnBefore(serverIdentifier, address.address)) return true;
      isPeer = true;
      return false;
    };
    try {
      const { offers } = await probeDhcp(interfaceName, {
        milliseconds: LOOK_MILLISECONDS,
        untilFirst: true,
        counts,
        ...(isForAll ? { vendorClass: peerVendorClass(address.address) } : {}),
        signal: named === undefined ? AbortSignal.any([signal, this.#named.signal]) : signal,
      });
      const [offer] = offers;
      if (signal.aborted) return;
      if (offer !== undefined) await this.#yieldTo(offer.serverIdentifier);
      else if (!isPeer && named !== undefined && named !== this.#absent) {
        this.#absent = named;
        logger.warn("a client names another DHCP server, but none answers: addresses are given as before", {
          server: named,
        });
      }
    } catch (error) {
      logger.warn("looking for another DHCP server", { error: messageOf(error) });
    }
  }

  async #yieldTo(server: Ipv4Address): Promise<void> {
    const { onGiver, logger } = this.#options;
    this.#giver = { mode: "proxy", server };
    logger.warn("another DHCP server answers here: no more addresses are given, only files told of beside it", {
      server,
    });
    onGiver(this.#giver);
    const dhcp = this.#dhcp;
    this.#dhcp = undefined;
    try {
      await dhcp?.close();
    } catch (error) {
      logger.error("leases were not kept", { error: messageOf(error) });
    }
    // It holds the port that was the DHCP server's.
    if (!this.#end.signal.aborted) this.#proxy.change(this.#proxyConfig());
  }

  #openDhcp(): Dhcp4Service | undefined {
    if (this.#pool === undefined || this.#giver.mode !== "pool") return undefined;
    const { link, leaseFile, logger } = this.#options;
    const config = { ...this.#pool, classes: this.#classes() };
    return new Dhcp4Service({ interfaceIndex: link.index, config, leaseFile: leaseFile(), logger });
  }

  #classes(): Dhcp4Class[] {
    return [PEER_CLASS, ...bootClasses(this.#files, this.#options.place)];
  }

  #proxyConfig(): ProxyConfig {
    const { link, place, known } = this.#options;
    return {
      ...place,
      mac: link.mac,
      files: this.#files,
      ...(known === undefined ? {} : { known }),
      besideOwnServer: this.#giver.mode === "pool",
    };
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#proxy.close();
    await this.#checking;
    await this.#dhcp?.close();
    this.#dhcp = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function poolConfig(
  { link, address, known }: AnnouncerOptions,
  ranges: readonly AddressRange[],
): Promise<PoolConfig> {
  const gateway = await gatewayOf(link.index);
  const nameServers = readResolvConf("").servers.filter((server): server is Ipv4Address => !server.includes(":"));
  return {
    serverAddress: address.address,
    serverMac: link.mac,
    subnet: networkOf(address),
    ranges,
    leaseSeconds: LEASE_SECONDS,
    options: new Map([
      ...(gateway === undefined ? [] : [optionEntry(DHCP4_OPTION.routers, [gateway])]),
      ...(nameServers.length === 0 ? [] : [optionEntry(DHCP4_OPTION.nameServers, nameServers)]),
    ]),
    ...(known === undefined ? {} : { knownOnly: true, hosts: Array.from(known, (mac) => ({ identity: { mac } })) }),
    authoritative: false,
    uninvited: true,
    rapidCommit: false,
    probe: {},
    mtuBytes: link.mtuBytes,
    ...(link.isBridge ? { hasPorts: true } : {}),
  };
}
