/**
 * Who tells clients of what `netloom netboot` has for them: a DHCP server where nobody else gives addresses, and a
 * proxyDHCP server. That nobody else does is a guess. When a client takes its address from another server, that one
 * gives them from then on.
 */
import { type Ipv4Address, type Ipv4Prefix, type MacAddress, networkOf } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { gatewayOf } from "../kernel/find-interface.ts";
import type { ServedInterface } from "../kernel/read-interface.ts";
import { readResolvConf } from "../kernel/resolv-conf.ts";
import type { AddressRange, Dhcp4ServerConfig } from "../protocol/dhcp4/server/config.ts";
import { bootClasses, type BootFiles, type BootPlace } from "../protocol/pxe/offer.ts";
import type { ProxyConfig, ProxyEvent } from "../protocol/pxe/proxy.ts";
import { Dhcp4Service } from "../services/dhcp4-server.ts";
import { ProxyService } from "../services/netboot/proxy-dhcp.ts";
import { DHCP4_OPTION, optionEntry } from "../wire/dhcp4/option-table.ts";

/** Machines that are set up do not stay. */
const LEASE_SECONDS = { default: 3600, minimum: 120, maximum: 3600 };

/** Who gives the clients their addresses. */
export type AddressGiver =
  | { readonly mode: "proxy"; readonly server: Ipv4Address | undefined }
  | { readonly mode: "pool"; readonly ranges: readonly AddressRange[] };

export interface AnnouncerOptions {
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
  #giver: AddressGiver;
  #files: BootFiles;
  #dhcp: Dhcp4Service | undefined;
  #isClosed = false;
  /** The end of the DHCP server, once there is another one. */
  #yielding: Promise<void> | undefined;

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
      onOtherServer: (server) => this.#yieldTo(server),
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
    resources.move();
    return announcer;
  }

  get giver(): AddressGiver {
    return this.#giver;
  }

  /** Of these files from now on. */
  tell(files: BootFiles): void {
    this.#files = files;
    this.#dhcp?.setClasses(bootClasses(files, this.#options.place));
    this.#proxy.change(this.#proxyConfig());
  }

  #yieldTo(server: Ipv4Address): void {
    const { onGiver, logger } = this.#options;
    if (this.#giver.mode !== "pool") return;
    this.#giver = { mode: "proxy", server };
    logger.warn("another DHCP server answers here: no more addresses are given, only files told of beside it", {
      server,
    });
    onGiver(this.#giver);
    const dhcp = this.#dhcp;
    this.#dhcp = undefined;
    this.#yielding = this.#yield(dhcp);
  }

  async #yield(dhcp: Dhcp4Service | undefined): Promise<void> {
    try {
      await dhcp?.close();
    } catch (error) {
      this.#options.logger.error("leases were not kept", { error: messageOf(error) });
    }
    // It holds the port that was the DHCP server's.
    if (!this.#isClosed) this.#proxy.change(this.#proxyConfig());
  }

  #openDhcp(): Dhcp4Service | undefined {
    if (this.#pool === undefined || this.#giver.mode !== "pool") return undefined;
    const { link, leaseFile, place, logger } = this.#options;
    const config = { ...this.#pool, classes: bootClasses(this.#files, place) };
    return new Dhcp4Service({ interfaceIndex: link.index, config, leaseFile: leaseFile(), logger });
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
    this.#isClosed = true;
    this.#proxy.close();
    await this.#yielding;
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
