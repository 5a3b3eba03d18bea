/**
 * An interface of this host that has its address from a DHCP server. What the lease makes of it is a unit of its own:
 * recorded, verified, kept as it is meanwhile, taken back at the end. Whoever ends without that leaves the address to
 * the kernel until the lease ends, and the next session goes on with it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Ipv4Address, MacAddress } from "../base/address.ts";
import { messageOf, NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { compileLease, compileUnleased, type LeasedInterface } from "../compile/dhcp-lease.ts";
import { extendAddress } from "../kernel/address-lifetime.ts";
import { observe } from "../kernel/observe.ts";
import { CarrierWatch } from "../kernel/carrier.ts";
import { linkStateOf } from "../kernel/read-interface.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientEvent } from "../protocol/dhcp4/client/input-output.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../protocol/dhcp4/client/lease.ts";
import type { Dhcp4ClientState } from "../protocol/dhcp4/client/phase.ts";
import { Alarm, steadySeconds } from "../services/clock.ts";
import { DhcpClient } from "../services/dhcp4-client.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import { readStoredLease, removeStoredLease, type StoredLease, writeStoredLease } from "../store/client-lease.ts";
import { UnitStore } from "../store/unit.ts";
import { makeReadable } from "./attachments.ts";
import { inherit, type Inherited, isRunning } from "./inherited-lease.ts";
import { LeasedUnit, NO_SERVICES } from "./leased-unit.ts";
import { type Outcome, reconcile } from "./reconcile.ts";

/** Who asks, and what for, beside the interface's own hardware address. */
export type DhcpWishes = Pick<
  Dhcp4ClientConfig,
  "clientIdentifier" | "hostName" | "rapidCommit" | "wantedOptions" | "ipv6OnlyOk"
>;

interface Interface {
  readonly index: number;
  readonly macAddress: MacAddress;
  readonly mtuBytes: number;
  readonly up: boolean;
}

/** The unit that keeps what a lease made of the interface. */
export function dhcpUnitName(interfaceName: string): string {
  return `dhcp-${interfaceName}`;
}

/** How often a link without carrier is looked at. */
const CARRIER_MILLISECONDS = 100;

/** @throws NetloomError unfit-interface */
export async function findInterface(name: string): Promise<Interface> {
  const host = (await observe({ namespaces: [{ name: "" }], files: [] })).namespaces[""];
  const link = host?.links.find((candidate) => candidate.name === name);
  const unfit = (reason: string, hint: string): NetloomError =>
    new NetloomError("unfit-interface", `DHCP client of ${name}: ${reason}`, { hint });
  if (link === undefined) throw unfit("there is no such interface", "ip link shows what there is.");
  const { index, macAddress, mtuBytes, up, masterIndex } = link;
  if (macAddress === undefined || macAddress === "00:00:00:00:00:00")
    throw unfit("it has no hardware address", "Only an Ethernet interface can ask a DHCP server.");
  if (masterIndex !== undefined) {
    const master = host?.links.find((candidate) => candidate.index === masterIndex)?.name ?? "another interface";
    throw unfit(`it is a port of ${master}`, `The host's address belongs on ${master}: ask there.`);
  }
  return { index, macAddress, mtuBytes, up };
}

export interface LeaseSessionOptions {
  readonly stateFolder: string;
  readonly interfaceName: string;
  readonly wishes: DhcpWishes;
  /** Of the routes. */
  readonly metric: number;
  readonly logger: Logger;
  /** The lease stands on the host now, anew or for longer; `steps` is what was changed for it. */
  readonly onLease: (lease: Dhcp4Lease, steps: Outcome["steps"]) => void;
  /** The address was taken away again. */
  readonly onLoss: (loss: LeaseLoss) => void;
  /** The network does without IPv4, and nobody is asked until then, in milliseconds since 1970. */
  readonly onIpv6Only?: (untilMilliseconds: number) => void;
  /** A lease could not be applied: nothing more is done until the session is given back. */
  readonly onFailure: (error: unknown) => void;
}

interface LeaseLoss {
  readonly address: Ipv4Address;
  readonly reason: "ended" | "refused" | "released" | "conflict" | "ipv6-only";
}

/** Applies what happens to the lease, one thing after the other. */
export class LeaseSession {
  readonly #options: LeaseSessionOptions;
  readonly #target: LeasedInterface;
  readonly #unit: UnitStore;
  readonly #leased: LeasedUnit;
  readonly #client: DhcpClient;
  /** The address that stands on the interface. */
  #address: Ipv4Address | undefined;
  #lease: Dhcp4Lease | undefined;
  /** As the record has it: how long the address was to be used when it came. */
  #validSeconds: number | undefined;
  /** Of the address of an earlier process that nobody confirmed yet. */
  readonly #inheritedEnd = new Alarm(() => this.#leased.enqueue(() => this.#giveUp("ended")));
  #carrier: CarrierWatch | undefined;

  /**
   * Set the interface up and begin to ask. Where an earlier process left a lease that has not ended, its address stays
   * and is asked for again.
   * @throws NetloomError unfit-interface, conflict, apply-failed; nothing is left then
   */
  static async open(options: LeaseSessionOptions): Promise<LeaseSession> {
    const { stateFolder, interfaceName, logger } = options;
    const unit = UnitStore.open(stateFolder, dhcpUnitName(interfaceName));
    for (const note of await makeReadable(unit)) logger.warn(note);
    const stored = readStoredLease(stateFolder, interfaceName);
    try {
      const inherited = await inherit(unit, stored, () => findInterface(interfaceName));
      // What else a kill left: the interface is looked at as it was before.
      await reconcile(unit, inherited?.desired ?? EMPTY, { services: NO_SERVICES });
      const { index, macAddress, mtuBytes } = await findInterface(interfaceName);
      const target: LeasedInterface = {
        unit: unit.name,
        name: interfaceName,
        index,
        macAddress,
        mtuBytes: inherited?.mtuBytes ?? mtuBytes,
        metric: options.metric,
      };
      const applied = inherited?.desired ?? compileUnleased(target);
      const source = sourceOf(interfaceName);
      if (inherited === undefined) await reconcile(unit, applied, { services: NO_SERVICES, source });
      const session = new LeaseSession(options, target, unit, applied, stored);
      session.#begin(inherited);
      return session;
    } catch (error) {
      await reconcile(unit, EMPTY, { services: NO_SERVICES });
      throw error;
    }
  }

  private constructor(
    options: LeaseSessionOptions,
    target: LeasedInterface,
    unit: UnitStore,
    applied: Desired,
    stored: StoredLease | undefined,
  ) {
    this.#options = options;
    this.#target = target;
    this.#unit = unit;
    this.#client = new DhcpClient({
      interfaceIndex: target.index,
      config: {
        ...options.wishes,
        mac: target.macAddress,
        linkMtuBytes: target.mtuBytes,
        ...(stored?.macAddress === target.macAddress
          ? {
              remembered: {
                address: stored.address,
                leaseEnded: !isRunning(stored),
                ...(stored.from === undefined ? {} : { from: stored.from }),
              },
            }
          : {}),
      },
      onEvent: (event) => this.#take(event),
      logger: options.logger,
    });
    const { stateFolder, interfaceName, logger, onFailure } = options;
    const source = sourceOf(interfaceName);
    this.#leased = new LeasedUnit({ stateFolder, unit, source, applied, logger, onFailure });
  }

  get interfaceIndex(): number {
    return this.#target.index;
  }

  get state(): Dhcp4ClientState {
    return this.#client.state;
  }

  /** What stands on the host; undefined: nothing, or the address of an earlier process that nobody confirmed yet. */
  get lease(): Dhcp4Lease | undefined {
    return this.#lease;
  }

  /** Milliseconds since 1970; undefined: never. */
  get nextAttempt(): number | undefined {
    const deadline = this.#client.nextDeadline();
    return deadline === undefined ? undefined : Date.now() + (deadline - steadySeconds()) * 1000;
  }

  /** The address is used no more, the server is told, and the interface is as it was before. What was begun is finished first. */
  async giveBack(): Promise<void> {
    try {
      await this.#settle();
      const { stateFolder, interfaceName } = this.#options;
      if ((await linkStateOf(interfaceName))?.index !== this.#target.index) return;
      // The link stays up, so that the server can be told.
      await this.#leased.become(compileUnleased(this.#target));
      const stored = readStoredLease(stateFolder, interfaceName);
      if (stored !== undefined) this.#remember({ ...stored, endMilliseconds: Date.now() });
      this.#client.release();
    } finally {
      this.#client[Symbol.dispose]();
      await reconcile(this.#unit, EMPTY, { services: NO_SERVICES });
    }
  }

  /** Stop, and leave all as it is to whoever comes next. */
  async letGo(): Promise<void> {
    await this.#settle();
    this.#client[Symbol.dispose]();
  }

  #begin(inherited: Inherited | undefined): void {
    if (inherited !== undefined) {
      const { address, endMilliseconds } = inherited;
      this.#address = address.address as Ipv4Address;
      this.#validSeconds = address.validSeconds;
      this.#inheritedEnd.set(steadySeconds() + ((endMilliseconds ?? Infinity) - Date.now()) / 1000);
    }
    void this.#startWithCarrier();
  }

  /** A device that was just set up loses what is sent before its link is there. Never rejects. */
  async #startWithCarrier(): Promise<void> {
    try {
      this.#carrier = new CarrierWatch({
        linkIndex: this.#target.index,
        onReturn: () => this.#client.attached(),
        logger: this.#options.logger,
      });
      let link = await linkStateOf(this.#target.name);
      while (!this.#leased.isOver && link?.running === false) {
        await sleep(CARRIER_MILLISECONDS);
        link = await linkStateOf(this.#target.name);
      }
      if (this.#leased.isOver) return;
      this.#carrier.begin(link?.carrierUpCount ?? 0);
      this.#client.start();
    } catch (error) {
      this.#leased.fail(error);
    }
  }

  #take(event: Dhcp4ClientEvent): void {
    switch (event.event) {
      case "bound":
      case "extended":
        this.#leased.enqueue(() => this.#apply(event.lease, event.endSeconds));
        return;
      case "lost":
        this.#leased.enqueue(() => this.#giveUp(event.reason));
        return;
      // Where nobody confirmed the address of an earlier process the client has none to lose.
      case "refused":
      case "conflict":
        this.#leased.enqueue(() => this.#giveUp(event.event));
        return;
      case "ipv6-only":
        this.#leased.enqueue(() => this.#giveUp(event.event));
        this.#options.onIpv6Only?.(Date.now() + (event.untilSeconds - steadySeconds()) * 1000);
        return;
      default:
    }
  }

  async #settle(): Promise<void> {
    this.#carrier?.[Symbol.dispose]();
    this.#inheritedEnd[Symbol.dispose]();
    await this.#leased.settle();
  }

  async #apply(lease: Dhcp4Lease, endSeconds: number): Promise<void> {
    const left = endSeconds - steadySeconds();
    if (left <= 0) return;
    this.#inheritedEnd[Symbol.dispose]();
    const { address, prefixLength: length, nameServers: servers, server, serverMac } = lease;
    const { index, macAddress } = this.#target;
    const forEver = lease.leaseSeconds === INFINITE_LEASE_SECONDS;
    const end = forEver ? {} : { endMilliseconds: Math.round(Date.now() + left * 1000) };
    this.#remember({
      address,
      macAddress,
      ...end,
      from: { server, serverMac },
      resolver: { servers, search: searchOf(lease) },
    });
    const validSeconds = Math.ceil(left);
    if (this.#address !== address) this.#validSeconds = undefined;
    this.#validSeconds ??= validSeconds;
    const steps = await this.#leased.become(compileLease(this.#target, lease, this.#validSeconds));
    this.#address = address;
    // A step that made the address gave it its time; one that stood already gets more.
    if (!forEver && !steps.some(({ after }) => after?.kind === "address"))
      await extendAddress(index, { address, length }, validSeconds);
    this.#lease = lease;
    this.#options.onLease(lease, steps);
  }

  async #giveUp(reason: LeaseLoss["reason"]): Promise<void> {
    this.#inheritedEnd[Symbol.dispose]();
    // A lease that has ended is still wished for, one that was refused is not.
    if (reason === "refused" || reason === "conflict" || reason === "ipv6-only")
      removeStoredLease(this.#options.stateFolder, this.#options.interfaceName);
    const address = this.#address;
    if (address === undefined) return;
    this.#address = undefined;
    this.#lease = undefined;
    this.#validSeconds = undefined;
    await this.#leased.become(compileUnleased(this.#target));
    this.#options.onLoss({ address, reason });
  }

  /** Only a restart is quicker by it: a full disk takes nobody's address. */
  #remember(lease: StoredLease): void {
    try {
      writeStoredLease(this.#options.stateFolder, this.#options.interfaceName, lease);
    } catch (error) {
      this.#options.logger.warn("the lease is not kept for a restart", { reason: messageOf(error) });
    }
  }
}

/** RFC 3397 §2: the search list stands in the place of the domain. */
function searchOf({ searchDomains, domainName }: Dhcp4Lease): readonly string[] {
  return searchDomains.length > 0 || domainName === undefined ? searchDomains : [domainName];
}

function sourceOf(interfaceName: string): string {
  return JSON.stringify({ lease: { interface: interfaceName } });
}
