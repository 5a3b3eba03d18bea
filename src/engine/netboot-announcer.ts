/**
 * Who tells clients of what `netloom netboot` has for them: a DHCP server where nobody else gives addresses, and a
 * proxyDHCP server. That nobody else does is a guess, which is looked at once more as soon as addresses are given: somebody
 * may have come to it at the same moment. When a client says that it takes its address from another server, and one
 * answers, that one gives them from then on. Behind a link that had no carrier may be another network than before: nobody
 * is given an address until it was looked into.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Ipv4Address, Ipv4Prefix, MacAddress } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { RouteMonitor } from "../kernel/netlink/monitor.ts";
import { linkStateOf, type ServedInterface } from "../kernel/read-interface.ts";
import { IFF_RUNNING } from "../netlink/route/link.ts";
import type { AddressRange, Dhcp4Class } from "../protocol/dhcp4/server/config.ts";
import { bootClasses, type BootFiles, type BootPlace } from "../protocol/pxe/offer.ts";
import { goesOnBefore, isPeerOffer, PEER_CLASS, peerVendorClass } from "../protocol/pxe/peer.ts";
import type { ProxyConfig, ProxyEvent } from "../protocol/pxe/proxy.ts";
import { Dhcp4Service } from "../services/dhcp4-server.ts";
import { ProxyService } from "../services/netboot/proxy-dhcp.ts";
import type { DhcpOffer } from "./doctor/dhcp-probe.ts";
import { type DhcpLook, lookForServer } from "./netboot-look.ts";
import { findRanges, poolConfig } from "./netboot-pool.ts";

/** Before a question is put once more that the link did not carry. */
const RETRY_MILLISECONDS = 1000;

/** Who gives the clients their addresses. */
export type AddressGiver =
  | { readonly mode: "proxy"; readonly server: Ipv4Address | undefined }
  | { readonly mode: "pool"; readonly ranges: readonly AddressRange[] }
  /** Nobody here: the link has no carrier. */
  | { readonly mode: "waiting" }
  /** Nobody here yet: whether somebody else does is being found out. */
  | { readonly mode: "looking" };

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
  /** Somebody else gives the addresses from now on, or nobody. */
  readonly onGiver: (giver: AddressGiver) => void;
  readonly logger: Logger;
}

export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions;
  readonly #proxy: ProxyService;
  readonly #end = new AbortController();
  #giver: AddressGiver;
  #files: BootFiles;
  #dhcp: Dhcp4Service | undefined;
  /** One that was ended keeps its leases. */
  #closing: Promise<void> = Promise.resolve();
  #monitor: RouteMonitor | undefined;
  /** How often the link had one, as far as it is known. */
  #carrierUpCount: number | undefined;
  /** Whether there is another server is being found out, or it is being given way to. */
  #checking: Promise<void> | undefined;
  /** To be found out then; the server that a client named meanwhile. */
  #next: { readonly named: Ipv4Address | undefined } | undefined;
  /** Ends a look that is not needed: whoever was named was not there when it began. */
  #cut: AbortController | undefined;
  /** The last that was told. */
  #trouble: string | undefined;
  /** Named by a client the last time that nobody was found. */
  #absent: Ipv4Address | undefined;

  private constructor(options: AnnouncerOptions) {
    const { link, giver, files, logger, onAsked } = options;
    this.#options = options;
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

  /** Answer until closed. @throws NetloomError as the DHCP server's constructor; SystemCallError; NetlinkError */
  static async open(options: AnnouncerOptions): Promise<Announcer> {
    await using resources = new AsyncDisposableStack();
    const announcer = resources.use(new Announcer(options));
    if (options.giver.mode !== "proxy") await announcer.#begin(options.giver);
    resources.move();
    return announcer;
  }

  async #begin(giver: AddressGiver): Promise<void> {
    const { link, interfaceName, logger } = this.#options;
    this.#monitor = new RouteMonitor({
      kinds: ["link"],
      onEvent: (event) => {
        if (event.kind !== "link" || event.link.index !== link.index) return;
        const { flags, carrierUpCount = 0 } = event.link;
        this.#onLink((flags & IFF_RUNNING) !== 0, carrierUpCount);
      },
      onOverrun: () => this.#onLink(true, undefined),
      onError: (error) => logger.warn("the carrier is not watched", { error: error.message }),
    });
    const state = await linkStateOf(interfaceName);
    if (this.#giver.mode === "proxy") return;
    this.#carrierUpCount = state?.carrierUpCount;
    if (state?.running !== true) return this.#stopGiving({ mode: "waiting" });
    if (giver.mode === "pool") await this.#openDhcp(giver.ranges, "pool");
    else this.#stopGiving({ mode: "looking" });
    this.#check(undefined);
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

  /** @param carrierUpCount undefined: it may have lost its carrier */
  #onLink(isRunning: boolean, carrierUpCount: number | undefined): void {
    if (this.#end.signal.aborted || this.#giver.mode === "proxy") return;
    if (!isRunning) return this.#stopGiving({ mode: "waiting" });
    // Of a short loss nothing is seen but the count.
    const isBack = this.#giver.mode === "waiting" || carrierUpCount !== this.#carrierUpCount;
    this.#carrierUpCount = carrierUpCount;
    if (!isBack) return;
    this.#stopGiving({ mode: "looking" });
    this.#check(undefined);
  }

  /** Anybody can send a message that names a server. One question at a time, however many clients name one. */
  #check(named: Ipv4Address | undefined): void {
    if (this.#giver.mode === "proxy" || this.#end.signal.aborted) return;
    if (this.#checking !== undefined) {
      const isOfLink = named === undefined;
      if (isOfLink || !this.#isLinkNews()) this.#next = { named };
      if (isOfLink || this.#giver.mode === "pool") this.#cut?.abort();
      return;
    }
    this.#checking = this.#lookFor(named).finally(() => {
      this.#checking = undefined;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.#check(next.named);
    });
  }

  /** Never rejects. */
  async #lookFor(named: Ipv4Address | undefined): Promise<void> {
    const { logger } = this.#options;
    const isGiving = this.#giver.mode === "pool";
    try {
      const look = isGiving ? await this.#lookBeside(named) : await this.#lookBefore();
      if (this.#end.signal.aborted) return;
      if (look.found === "server") await this.#yieldTo(look.server);
      // What the link told since then is newer.
      else if (this.#isLinkNews()) return;
      else if (look.found === "no-carrier") this.#stopGiving({ mode: "waiting" });
      else if (isGiving) return;
      else if (look.found === "nobody") await this.#give();
      else throw new Error(look.reason);
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble !== this.#trouble) logger.warn("looking for another DHCP server", { error: trouble });
      this.#trouble = trouble;
      if (!isGiving) await this.#retry();
    }
  }

  #isLinkNews(): boolean {
    return this.#next !== undefined && this.#next.named === undefined;
  }

  /** While nobody is given an address here: whoever answers gives them. */
  #lookBefore(): Promise<DhcpLook> {
    const { interfaceName, address } = this.#options;
    this.#cut = new AbortController();
    return lookForServer(interfaceName, {
      counts: ({ serverIdentifier }) => serverIdentifier !== address.address,
      signal: AbortSignal.any([this.#end.signal, this.#cut.signal]),
    });
  }

  /** While addresses are given here. */
  async #lookBeside(named: Ipv4Address | undefined): Promise<DhcpLook> {
    const { interfaceName, address, known, logger } = this.#options;
    // Who serves only some is no server that another one could leave the rest to.
    const isForAll = known === undefined;
    let isPeer = false;
    const counts = ({ serverIdentifier, vendorClass }: DhcpOffer): boolean => {
      if (serverIdentifier === address.address) return false;
      if (!isForAll || !isPeerOffer(vendorClass) || goesOnBefore(serverIdentifier, address.address)) return true;
      isPeer = true;
      return false;
    };
    const cut = new AbortController();
    this.#cut = named === undefined ? cut : undefined;
    const look = await lookForServer(interfaceName, {
      counts,
      ...(isForAll ? { vendorClass: peerVendorClass(address.address) } : {}),
      signal: AbortSignal.any([this.#end.signal, cut.signal]),
    });
    if (
      look.found === "nobody" &&
      !this.#end.signal.aborted &&
      !isPeer &&
      named !== undefined &&
      named !== this.#absent
    ) {
      this.#absent = named;
      logger.warn("a client names another DHCP server, but none answers: addresses are given as before", {
        server: named,
      });
    }
    return look;
  }

  /** Nobody else answered. */
  async #give(): Promise<void> {
    await this.#closing;
    const ranges = await findRanges(this.#options);
    await this.#openDhcp(ranges, "looking");
    if (this.#dhcp === undefined) return;
    this.#become({ mode: "pool", ranges });
    this.#next ??= { named: undefined };
  }

  async #retry(): Promise<void> {
    const { signal } = this.#end;
    try {
      await sleep(RETRY_MILLISECONDS, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.#next ??= { named: undefined };
  }

  #become(giver: AddressGiver): void {
    if (giver.mode === this.#giver.mode) return;
    this.#giver = giver;
    this.#options.onGiver(giver);
  }

  #stopGiving(giver: AddressGiver): void {
    const dhcp = this.#dhcp;
    this.#dhcp = undefined;
    if (dhcp !== undefined) this.#closing = this.#closeDhcp(dhcp);
    this.#become(giver);
  }

  /** Never rejects. */
  async #closeDhcp(dhcp: Dhcp4Service): Promise<void> {
    try {
      await dhcp.close();
    } catch (error) {
      this.#options.logger.error("leases were not kept", { error: messageOf(error) });
    }
  }

  async #yieldTo(server: Ipv4Address): Promise<void> {
    if (this.#giver.mode === "pool")
      this.#options.logger.warn(
        "another DHCP server answers here: no more addresses are given, only files told of beside it",
        { server },
      );
    this.#monitor?.close();
    this.#stopGiving({ mode: "proxy", server });
    await this.#closing;
    // It holds the port that was the DHCP server's.
    if (!this.#end.signal.aborted) this.#proxy.change(this.#proxyConfig());
  }

  /** Unless the link went, or came, meanwhile. @param mode as it was before */
  async #openDhcp(ranges: readonly AddressRange[], mode: AddressGiver["mode"]): Promise<void> {
    const { link, leaseFile, known, logger } = this.#options;
    const config = await poolConfig(this.#options, ranges, known);
    if (this.#end.signal.aborted || this.#giver.mode !== mode || this.#isLinkNews()) return;
    this.#dhcp = new Dhcp4Service({
      interfaceIndex: link.index,
      config: { ...config, classes: this.#classes() },
      leaseFile: leaseFile(),
      logger,
    });
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
      besideOwnServer: this.#giver.mode !== "proxy",
    };
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#monitor?.close();
    this.#proxy.close();
    await this.#checking;
    await this.#closing;
    await this.#dhcp?.close();
    this.#dhcp = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
