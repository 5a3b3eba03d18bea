/**
 * An interface of this host that has addresses and prefixes from a DHCPv6 server. What the lease makes of it is a unit of
 * its own: recorded, verified, kept as it is meanwhile, taken back at the end. Whoever ends without that leaves the
 * addresses to the kernel until the lease ends, and the next session goes on with it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Ipv6Address, type Ipv6Prefix, type MacAddress, macToBytes } from "../base/address.ts";
import { messageOf, NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import {
  compileLease6,
  LEASED_ADDRESS_FLAGS,
  type LeasedAddress6,
  type LeasedInterface6,
} from "../compile/dhcp6-lease.ts";
import { extendAddress } from "../kernel/address-lifetime.ts";
import { CarrierWatch } from "../kernel/carrier.ts";
import { ipv6Standings, linkLocalOf } from "../kernel/ipv6-addresses.ts";
import { linkStateOf } from "../kernel/read-interface.ts";
import type { Dhcp6ClientConfig, Dhcp6ClientEvent } from "../protocol/dhcp6/client/input-output.ts";
import { type Dhcp6Lease, endOfLease } from "../protocol/dhcp6/client/lease.ts";
import type { Dhcp6ClientState } from "../protocol/dhcp6/client/phase.ts";
import { FOREVER_SECONDS } from "../protocol/leases/time.ts";
import { Alarm, steadySeconds } from "../services/clock.ts";
import { Dhcp6LinkClient } from "../services/dhcp6-client.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import { readStoredLease6, type StoredLease6, writeStoredLease6 } from "../store/client-lease6.ts";
import { UnitStore } from "../store/unit.ts";
import { linkLayerDuid } from "../wire/dhcp6/options.ts";
import { makeReadable } from "./attachments.ts";
import { findInterface } from "./lease-session.ts";
import { LeasedUnit, NO_SERVICES } from "./leased-unit.ts";
import { readIfThere } from "./look.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import { endedNow, formerPrefixesOf, fromStored, toStored, wallMilliseconds } from "./stored-lease6.ts";

/** What is asked for, and by whom, beside the interface's own addresses. */
export type Dhcp6Wishes = Pick<Dhcp6ClientConfig, "wishes" | "hostName" | "rapidCommit" | "wantedOptions"> & {
  /** Default: made of the hardware address. */
  readonly duid?: Uint8Array;
};

/** The unit that keeps what a lease made of the interface. */
export function dhcp6UnitName(interfaceName: string): string {
  return `dhcp6-${interfaceName}`;
}

/** How often an interface without carrier, or whose address is not ready, is looked at. */
const LOOK_MILLISECONDS = 100;
/** How long the kernel may take to find out whether somebody has an address: with its usual settings, 2 s at most. */
const DETECTION_MILLISECONDS = 6000;
/** How long the end waits for a server to say that it knows. */
const RELEASE_MILLISECONDS = 3000;

/** @throws NetloomError unfit-interface */
export async function findInterface6(name: string): ReturnType<typeof findInterface> {
  const found = await findInterface(name);
  if (readIfThere(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`)?.trim() !== "0") {
    throw new NetloomError("unfit-interface", `DHCPv6 client of ${name}: IPv6 is turned off there`, {
      hint: `sysctl -w net/ipv6/conf/${name}/disable_ipv6=0`,
    });
  }
  return found;
}

/** What makes the client one and the same for its server. */
export function identityOf(macAddress: MacAddress, { duid, ...wishes }: Dhcp6Wishes) {
  const bytes = macToBytes(macAddress);
  // The IAID only has to be the interface's own among those of the DUID (RFC 8415 §12).
  const identifier = new DataView(bytes.buffer, 2).getUint32(0);
  return { ...wishes, mac: macAddress, duid: duid ?? linkLayerDuid(macAddress), identifier };
}

export interface Lease6SessionOptions {
  readonly stateFolder: string;
  readonly interfaceName: string;
  readonly wishes: Dhcp6Wishes;
  readonly logger: Logger;
  /** The lease stands on the host now, anew or otherwise than before; `steps` is what was changed for it. */
  readonly onLease: (lease: Dhcp6Lease, steps: Outcome["steps"]) => void;
  /** All of it was taken away again. */
  readonly onLoss: (loss: Lease6Loss) => void;
  /** A lease could not be applied: nothing more is done until the session is given back. */
  readonly onFailure: (error: unknown) => void;
}

interface Lease6Loss {
  readonly lease: Dhcp6Lease;
  readonly reason: "ended" | "refused" | "released" | "conflict";
}

/** Applies what happens to the lease, one thing after the other. */
export class Lease6Session {
  readonly #options: Lease6SessionOptions;
  readonly #target: LeasedInterface6;
  readonly #unit: UnitStore;
  readonly #leased: LeasedUnit;
  #client: Dhcp6LinkClient | undefined;
  #carrier: CarrierWatch | undefined;
  /** As the record has them: how long each address was to be used when it came. */
  #addresses: readonly LeasedAddress6[];
  #lease: Dhcp6Lease | undefined;
  #inheritedEnd: Alarm | undefined;

  /**
   * Set the interface up and begin to ask. Where an earlier process left a lease that has not ended, it stays and is
   * confirmed.
   * @throws NetloomError unfit-interface, conflict, apply-failed; nothing is left then
   */
  static async open(options: Lease6SessionOptions): Promise<Lease6Session> {
    const { stateFolder, interfaceName, logger } = options;
    const unit = UnitStore.open(stateFolder, dhcp6UnitName(interfaceName));
    for (const note of await makeReadable(unit)) logger.warn(note);
    try {
      const { index, macAddress } = await findInterface6(interfaceName);
      const stored = readStoredLease6(stateFolder, interfaceName);
      const remembered = stored?.macAddress === macAddress ? fromStored(stored) : undefined;
      const inherited = inherit(unit, index, remembered);
      // What else a kill left.
      await reconcile(unit, inherited ?? EMPTY, { services: NO_SERVICES });
      const target = { unit: unit.name, name: interfaceName, index, macAddress };
      const applied = inherited ?? compileLease6(target, [], []);
      if (inherited === undefined)
        await reconcile(unit, applied, { services: NO_SERVICES, source: sourceOf(interfaceName) });
      const session = new Lease6Session(options, target, unit, applied, remembered);
      if (inherited !== undefined && remembered !== undefined) session.#endInTime(remembered);
      return session;
    } catch (error) {
      await reconcile(unit, EMPTY, { services: NO_SERVICES });
      throw error;
    }
  }

  private constructor(
    options: Lease6SessionOptions,
    target: LeasedInterface6,
    unit: UnitStore,
    applied: Desired,
    remembered: Dhcp6Lease | undefined,
  ) {
    const { stateFolder, interfaceName, logger, onFailure } = options;
    this.#options = options;
    this.#target = target;
    this.#unit = unit;
    this.#addresses = applied.objects.flatMap((object) => (object.kind === "address" ? [object] : []));
    this.#leased = new LeasedUnit({ stateFolder, unit, source: sourceOf(interfaceName), applied, logger, onFailure });
    void this.#start(remembered);
  }

  get interfaceIndex(): number {
    return this.#target.index;
  }

  /** Before the link can be spoken on: stopped. */
  get state(): Dhcp6ClientState {
    return this.#client?.state ?? "stopped";
  }

  /** What stands on the host; undefined: nothing, or what an earlier process left and nobody confirmed yet. */
  get lease(): Dhcp6Lease | undefined {
    return this.#lease;
  }

  /** Milliseconds since 1970; undefined: never. */
  get nextAttempt(): number | undefined {
    const deadline = this.#client?.nextDeadline();
    return deadline === undefined ? undefined : wallMilliseconds(deadline);
  }

  /** The lease is used no more, the server is told, and the interface is as it was before. What was begun is finished first. */
  async giveBack(): Promise<void> {
    try {
      await this.#settle();
      const { stateFolder, interfaceName } = this.#options;
      if ((await linkStateOf(interfaceName))?.index !== this.#target.index) return;
      // The link stays up, so that the server can be told.
      await this.#leased.become(compileLease6(this.#target, [], []));
      const stored = readStoredLease6(stateFolder, interfaceName);
      if (stored !== undefined) this.#remember(endedNow(stored));
      if (this.#client !== undefined)
        await Promise.race([this.#client.release(), sleep(RELEASE_MILLISECONDS, undefined, { ref: false })]);
    } finally {
      this.#client?.[Symbol.dispose]();
      await reconcile(this.#unit, EMPTY, { services: NO_SERVICES });
    }
  }

  /** Stop, and leave all as it is to whoever comes next. */
  async letGo(): Promise<void> {
    await this.#settle();
    this.#client?.[Symbol.dispose]();
  }

  async #settle(): Promise<void> {
    this.#inheritedEnd?.[Symbol.dispose]();
    this.#carrier?.[Symbol.dispose]();
    await this.#leased.settle();
  }

  /** What nobody could confirm for want of a link ends all the same. */
  #endInTime(remembered: Dhcp6Lease): void {
    const end = (): void => this.#leased.enqueue(() => this.#giveUp({ lease: remembered, reason: "ended" }));
    this.#inheritedEnd = new Alarm(end);
    this.#inheritedEnd.set(endOfLease(remembered));
  }

  /** Once the interface has an address of the link, which no other host has. Never rejects. */
  async #start(remembered: Dhcp6Lease | undefined): Promise<void> {
    const { interfaceName, wishes, logger } = this.#options;
    const { index, macAddress } = this.#target;
    try {
      for (;;) {
        const linkAddress = await linkLocalOf(index);
        if (this.#leased.isOver) return;
        if (linkAddress !== undefined) {
          const onReturn = (): void => this.#client?.attached();
          const carrier = (this.#carrier = new CarrierWatch({ linkIndex: index, onReturn, logger }));
          const link = await linkStateOf(interfaceName);
          if (this.#leased.isOver) return;
          carrier.begin(link?.carrierUpCount ?? 0);
          this.#client = new Dhcp6LinkClient({
            interfaceName,
            interfaceIndex: index,
            config: {
              ...identityOf(macAddress, wishes),
              linkAddress,
              ...(remembered === undefined ? {} : { remembered }),
            },
            onEvent: (event) => this.#take(event),
            logger,
          });
          this.#inheritedEnd?.[Symbol.dispose]();
          this.#client.start();
          return;
        }
        await sleep(LOOK_MILLISECONDS);
      }
    } catch (error) {
      this.#leased.fail(error);
    }
  }

  #take(event: Dhcp6ClientEvent): void {
    switch (event.event) {
      case "bound":
      case "changed":
        this.#leased.enqueue(() => this.#apply(event.lease));
        return;
      case "lost":
        this.#leased.enqueue(() => this.#giveUp(event));
        return;
      default:
    }
  }

  async #apply(lease: Dhcp6Lease): Promise<void> {
    const now = steadySeconds();
    const { index, macAddress } = this.#target;
    const { stateFolder, interfaceName } = this.#options;
    const before = readStoredLease6(stateFolder, interfaceName);
    this.#remember({ ...toStored(lease, macAddress), formerPrefixes: formerPrefixesOf(before, lease) });
    const lasting = lease.addresses.filter(({ validUntil }) => validUntil > now);
    const prefixes = lease.prefixes.filter(({ validUntil }) => validUntil > now);
    const known = new Map(this.#addresses.map((leased) => [leased.address, leased]));
    // The kernel takes away at once what ends by itself and somebody else has; what does not end it keeps, and tells.
    const steps = await this.#become(
      lasting.map(({ address }) => known.get(address) ?? { address }),
      prefixes,
    );
    const made = new Set(steps.flatMap(({ after }) => (after?.kind === "address" ? [after.address] : [])));
    const duplicates = await this.#duplicatesAmong(
      lasting.map(({ address }) => address).filter((address) => made.has(address)),
    );
    for (const { address, preferredUntil, validUntil } of lasting) {
      const seconds = (until: number): number => Math.min(FOREVER_SECONDS, Math.max(0, Math.ceil(until - now)));
      const own = { address, length: 128 };
      const told = { preferredSeconds: seconds(preferredUntil), flags: LEASED_ADDRESS_FLAGS };
      if (!duplicates.includes(address)) await extendAddress(index, own, seconds(validUntil), told);
    }
    // From now on the record has the durations, for when an address is put back.
    const durations = lasting.map(
      ({ address, preferredUntil, validUntil }): LeasedAddress6 =>
        known.get(address) ?? {
          address,
          ...secondsUntil("preferredSeconds", preferredUntil, now),
          ...secondsUntil("validSeconds", validUntil, now),
        },
    );
    if (duplicates.length === 0) await this.#become(durations, prefixes);
    this.#addresses = durations;
    this.#lease = lease;
    if (duplicates.length === 0) this.#options.onLease(lease, steps);
    for (const address of duplicates) this.#client?.conflict(address);
  }

  #become(addresses: readonly LeasedAddress6[], prefixes: readonly Ipv6Prefix[]): Promise<Outcome["steps"]> {
    const named = prefixes.map(({ address, length }) => ({ address, length }));
    return this.#leased.become(compileLease6(this.#target, addresses, named));
  }

  /**
   * Those new ones that somebody else has, which the kernel finds out. Nothing is healed meanwhile.
   */
  async #duplicatesAmong(addresses: readonly Ipv6Address[]): Promise<readonly Ipv6Address[]> {
    let unknown = addresses;
    const duplicates: Ipv6Address[] = [];
    for (let waited = 0; unknown.length > 0 && waited < DETECTION_MILLISECONDS; waited += LOOK_MILLISECONDS) {
      if (waited > 0) await sleep(LOOK_MILLISECONDS);
      if (this.#leased.isOver) break;
      const standings = await ipv6Standings(this.#target.index);
      duplicates.push(...unknown.filter((address) => standings.get(address) === "duplicate"));
      unknown = unknown.filter((address) => standings.get(address) === "tentative");
    }
    return duplicates;
  }

  async #giveUp({ lease, reason }: Lease6Loss): Promise<void> {
    // A lease that has ended is still wished for, one that was refused is not.
    if (reason === "refused" || reason === "conflict") this.#forget();
    this.#lease = undefined;
    this.#addresses = [];
    await this.#leased.become(compileLease6(this.#target, [], []));
    this.#options.onLoss({ lease, reason });
  }

  /** Nothing but its prefixes, which hosts may still use. */
  #forget(): void {
    const stored = readStoredLease6(this.#options.stateFolder, this.#options.interfaceName);
    if (stored === undefined) return;
    const none = { addresses: [], prefixes: [], nameServers: [], searchDomains: [], ntpServers: [] };
    this.#remember({ ...stored, ...none, formerPrefixes: formerPrefixesOf(stored, none) });
  }

  /** Only a restart is quicker by it: a full disk takes nobody's address. */
  #remember(lease: StoredLease6): void {
    try {
      writeStoredLease6(this.#options.stateFolder, this.#options.interfaceName, lease);
    } catch (error) {
      this.#options.logger.warn("the lease is not kept for a restart", { reason: messageOf(error) });
    }
  }
}

function sourceOf(interfaceName: string): string {
  return JSON.stringify({ lease: { interface: interfaceName, family: 6 } });
}

/** What an earlier process applied, if any of it lasts and it is the same interface. */
function inherit(unit: UnitStore, index: number, remembered: Dhcp6Lease | undefined): Desired | undefined {
  const desired = unit.readRecord()?.desired;
  if (desired === undefined || remembered === undefined || endOfLease(remembered) <= steadySeconds()) return undefined;
  const link = desired.objects.find((object) => object.kind === "link");
  return link?.link.type === "adopted" && link.link.adoptedIndex === index ? desired : undefined;
}

function secondsUntil<K extends string>(name: K, until: number, now: number): { readonly [P in K]?: number } {
  return until === Number.POSITIVE_INFINITY
    ? {}
    : ({ [name]: Math.max(0, Math.ceil(until - now)) } as { readonly [P in K]?: number });
}
