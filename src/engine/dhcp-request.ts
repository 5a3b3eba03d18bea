/**
 * `netloom dhcp request`: an interface of this host gets its address from a DHCP server for as long as a process asks
 * for it. What the lease makes of the interface is a unit of its own: recorded, verified, taken back at the end.
 */
import type { MacAddress } from "../base/address.ts";
import { equalValues } from "../base/equal.ts";
import { messageOf, NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { compileLease, compileUnleased, type LeasedInterface } from "../compile/dhcp-lease.ts";
import { extendAddress } from "../kernel/address-lifetime.ts";
import { observe } from "../kernel/observe.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientEvent } from "../protocol/dhcp4/client/input-output.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../protocol/dhcp4/client/lease.ts";
import { clientNow, DhcpClient } from "../services/dhcp4-client.ts";
import { type Desired, EMPTY } from "../state/object.ts";
import { readStoredLease, removeStoredLease, type StoredLease, writeStoredLease } from "../store/client-lease.ts";
import { UnitStore } from "../store/unit.ts";
import { makeReadable } from "./attachments.ts";
import { Healer } from "./heal.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";

/** Who asks, and what for, beside the interface's own hardware address. */
export type DhcpWishes = Pick<Dhcp4ClientConfig, "clientIdentifier" | "hostName" | "wantedOptions">;

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

/** No lease here has a service. */
const NO_SERVICES: ServiceHost = { converge: () => Promise.resolve() };

/** @throws NetloomError unfit-interface */
async function findInterface(name: string): Promise<Interface> {
  const host = (await observe({ namespaces: [{ name: "" }], files: [] })).namespaces[""];
  const link = host?.links.find((candidate) => candidate.name === name);
  const unfit = (reason: string, hint: string): NetloomError =>
    new NetloomError("unfit-interface", `dhcp request ${name}: ${reason}`, { hint });
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

/**
 * Ask once, and change nothing on the host: nobody renews the lease, and it is not given back.
 * @throws NetloomError unfit-interface, link-down, no-dhcp-server after `timeoutSeconds` or when `signal` says so
 */
export async function requestOnce(
  interfaceName: string,
  wishes: DhcpWishes,
  {
    timeoutSeconds,
    signal,
    logger,
  }: { readonly timeoutSeconds: number; readonly signal: AbortSignal; readonly logger: Logger },
): Promise<Dhcp4Lease> {
  const found = await findInterface(interfaceName);
  if (!found.up) {
    throw new NetloomError("link-down", `dhcp request ${interfaceName}: the interface is down`, {
      hint: `Set it up (ip link set ${interfaceName} up), or leave out --once: then netloom does.`,
    });
  }
  const answer = Promise.withResolvers<Dhcp4Lease>();
  let trouble = "no DHCP server answered";
  const fail = (reason: string): void =>
    answer.reject(
      new NetloomError("no-dhcp-server", `dhcp request ${interfaceName}: ${reason}`, {
        hint: "`netloom doctor` and `tcpdump -ni IF port 67 or port 68` show what is on the link; --timeout waits longer.".replace(
          "IF",
          interfaceName,
        ),
      }),
    );
  const timer = setTimeout(() => fail(`${trouble} within ${timeoutSeconds} s`), timeoutSeconds * 1000);
  const abort = (): void => fail("it was interrupted");
  signal.addEventListener("abort", abort);
  try {
    using client = new DhcpClient({
      interfaceIndex: found.index,
      config: { ...wishes, mac: found.macAddress, linkMtuBytes: found.mtuBytes, announce: false },
      onEvent: (event) => {
        if (event.event === "bound") answer.resolve(event.lease);
        else if (event.event === "offered") trouble = `${event.server} offered ${event.address} but did not confirm it`;
        else if (event.event === "refused") trouble = `${event.server ?? "a server"} refused the request`;
        else if (event.event === "conflict")
          trouble = `${event.macAddress} has the address ${event.address} already, and no server gave another`;
      },
      logger,
    });
    client.start();
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

export interface DhcpSessionOptions {
  readonly stateFolder: string;
  readonly interfaceName: string;
  readonly wishes: DhcpWishes;
  /** Of the routes. */
  readonly metric: number;
  readonly logger: Logger;
  /** The lease stands on the host now, anew or for longer; `steps` is what was changed for it. */
  readonly onLease: (lease: Dhcp4Lease, steps: Outcome["steps"]) => void;
  /** The address was taken away again. */
  readonly onLoss: (event: LeaseLoss) => void;
}

type LeaseLoss = Extract<Dhcp4ClientEvent, { readonly event: "lost" }>;

/**
 * Hold a lease until `stop` says so, then give everything back and tell the server.
 * @throws NetloomError unfit-interface, conflict, apply-failed; what was applied until then is taken back
 */
export async function holdLease(options: DhcpSessionOptions, stop: AbortSignal): Promise<void> {
  const { interfaceName, stateFolder, wishes, logger } = options;
  const unit = UnitStore.open(stateFolder, dhcpUnitName(interfaceName));
  for (const note of await makeReadable(unit)) logger.warn(note);
  // What a kill left: the interface is looked at as it was before.
  await reconcile(unit, EMPTY, { services: NO_SERVICES });
  const { index, macAddress, mtuBytes } = await findInterface(interfaceName);
  const target: LeasedInterface = {
    unit: unit.name,
    name: interfaceName,
    index,
    macAddress,
    mtuBytes,
    metric: options.metric,
  };
  const stored = readStoredLease(stateFolder, interfaceName);
  const session = new Session(options, target, unit, stop);
  try {
    await session.open();
    using client = new DhcpClient({
      interfaceIndex: index,
      config: {
        ...wishes,
        mac: macAddress,
        linkMtuBytes: mtuBytes,
        ...(stored?.macAddress === macAddress
          ? { remembered: { address: stored.address, leaseEnded: (stored.endMilliseconds ?? Infinity) <= Date.now() } }
          : {}),
      },
      onEvent: (event) => session.take(event),
      logger,
    });
    client.start();
    try {
      await session.ended;
    } finally {
      await session.leave();
      client.release();
    }
  } finally {
    await session.giveBack();
  }
}

/** Applies what happens to the lease, one thing after the other, and keeps what was applied as it is meanwhile. */
class Session {
  readonly ended: Promise<void>;
  readonly #options: DhcpSessionOptions;
  readonly #target: LeasedInterface;
  readonly #unit: UnitStore;
  readonly #healer: Healer;
  readonly #end = Promise.withResolvers<void>();
  #turn: Promise<void> = Promise.resolve();
  #applied: Desired | undefined;
  /** As the record has it: how long the address was to be used when it came. */
  #validSeconds: number | undefined;
  #over = false;

  constructor(options: DhcpSessionOptions, target: LeasedInterface, unit: UnitStore, stop: AbortSignal) {
    this.#options = options;
    this.#target = target;
    this.#unit = unit;
    this.ended = this.#end.promise;
    if (stop.aborted) this.#end.resolve();
    stop.addEventListener("abort", () => this.#end.resolve(), { once: true });
    this.#healer = new Healer({
      stateFolder: options.stateFolder,
      services: NO_SERVICES,
      exclusively: (_, work) => this.#inTurn(work),
      report: ({ kind, ...fields }) => options.logger.info(kind, fields),
      log: options.logger,
    });
  }

  /** The interface up. */
  async open(): Promise<void> {
    await this.#become(compileUnleased(this.#target));
  }

  take(event: Dhcp4ClientEvent): void {
    switch (event.event) {
      case "bound":
      case "extended":
        this.#enqueue(() => this.#apply(event.lease, event.endSeconds));
        return;
      case "lost":
        this.#enqueue(() => this.#giveUp(event));
        return;
      default:
    }
  }

  /** The address is used no more; the link stays up, so that the server can be told. What was begun is finished first. */
  async leave(): Promise<void> {
    await this.#settle();
    await this.#become(compileUnleased(this.#target));
    const { stateFolder, interfaceName } = this.#options;
    const stored = readStoredLease(stateFolder, interfaceName);
    if (stored !== undefined) this.#remember({ ...stored, endMilliseconds: Date.now() });
  }

  /** The interface is as it was before. */
  async giveBack(): Promise<void> {
    await this.#settle();
    await reconcile(this.#unit, EMPTY, { services: NO_SERVICES });
  }

  async #settle(): Promise<void> {
    this.#over = true;
    await this.#healer[Symbol.asyncDispose]();
    await this.#turn;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#inTurn(work).catch((error: unknown) => {
      this.#over = true;
      this.#end.reject(error);
    });
  }

  /** @returns false: it is over, and the work was not begun */
  async #inTurn(work: () => Promise<void>): Promise<boolean> {
    const earlier = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await earlier;
    try {
      if (this.#over) return false;
      await work();
      return true;
    } finally {
      resolve();
    }
  }

  async #become(desired: Desired): Promise<Outcome["steps"]> {
    if (equalValues(this.#applied, desired)) return [];
    const source = JSON.stringify({ lease: { interface: this.#options.interfaceName } });
    const { steps } = await reconcile(this.#unit, desired, { services: NO_SERVICES, source });
    this.#applied = desired;
    if (!this.#over) this.#healer.add(this.#unit.name);
    return steps;
  }

  async #apply(lease: Dhcp4Lease, endSeconds: number): Promise<void> {
    const left = endSeconds - clientNow();
    if (left <= 0) return;
    const { address, prefixLength: length } = lease;
    const { index, macAddress } = this.#target;
    const forEver = lease.leaseSeconds === INFINITE_LEASE_SECONDS;
    const end = forEver ? {} : { endMilliseconds: Math.round(Date.now() + left * 1000) };
    this.#remember({ address, macAddress, ...end });
    const validSeconds = Math.ceil(left);
    this.#validSeconds ??= validSeconds;
    const steps = await this.#become(compileLease(this.#target, lease, this.#validSeconds));
    // A step that made the address gave it its time; one that stood already gets more.
    if (!forEver && !steps.some(({ after }) => after?.kind === "address"))
      await extendAddress(index, { address, length }, validSeconds);
    this.#options.onLease(lease, steps);
  }

  async #giveUp(event: LeaseLoss): Promise<void> {
    // A lease that has ended is still wished for, one that was refused is not.
    if (event.reason === "refused") removeStoredLease(this.#options.stateFolder, this.#options.interfaceName);
    this.#validSeconds = undefined;
    await this.#become(compileUnleased(this.#target));
    this.#options.onLoss(event);
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
