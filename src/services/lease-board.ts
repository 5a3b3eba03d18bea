/** Where the DHCP servers of networks tell who holds which lease, and who has to know of it hears that. */
import type { NameClaim } from "../protocol/dns/lease-names.ts";
import type { Lease } from "../protocol/dhcp4/server/lease.ts";
import { formatHardware, formatIdentifier } from "../protocol/dhcp4/server/lease.ts";
import { formatDuid, type Lease6 } from "../protocol/dhcp6/server/lease.ts";

/** A lease, or the end of one. */
export interface ToldLease extends NameClaim {
  readonly isHeld: boolean;
}

/** Each server of a network tells of leases of its own. */
export type LeaseSource = "dhcp4" | "dhcp6";

interface LeaseListener {
  /** These, and none that the source told of before, are there. */
  onAll(source: LeaseSource, leases: Iterable<ToldLease>): void;
  onSome(leases: Iterable<ToldLease>): void;
}

export class LeaseBoard {
  /** What each server knows now, by network. */
  readonly #sources = new Map<string, Map<LeaseSource, () => Iterable<ToldLease>>>();
  readonly #listeners = new Map<string, Set<LeaseListener>>();

  /** A server of the network begins, in place of the one before. @param all whatever it knows when it is asked */
  open(network: string, source: LeaseSource, all: () => Iterable<ToldLease>): void {
    const sources = this.#sources.get(network) ?? new Map<LeaseSource, () => Iterable<ToldLease>>();
    this.#sources.set(network, sources.set(source, all));
    for (const listener of this.#listeners.get(network) ?? []) listener.onAll(source, all());
  }

  /** It gave these leases, or they ended. */
  tell(network: string, leases: Iterable<ToldLease>): void {
    const listeners = this.#listeners.get(network);
    if (listeners === undefined) return;
    const told = [...leases];
    for (const listener of listeners) listener.onSome(told);
  }

  /** It has ended for good: whoever has a lease of it has it no more. */
  close(network: string, source: LeaseSource): void {
    this.#sources.get(network)?.delete(source);
    for (const listener of this.#listeners.get(network) ?? []) listener.onAll(source, []);
  }

  /** Hears of all leases of the network, first of those that are there. */
  follow(network: string, listener: LeaseListener): Disposable {
    const listeners = this.#listeners.get(network) ?? new Set<LeaseListener>();
    this.#listeners.set(network, listeners.add(listener));
    for (const [source, all] of this.#sources.get(network) ?? []) listener.onAll(source, all());
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(network);
      },
    };
  }
}

export function* toldLeases4(leases: Iterable<Lease>): Generator<ToldLease> {
  for (const lease of leases) {
    const { address, hostName, startSeconds, endSeconds, state } = lease;
    const identifier = formatIdentifier(lease);
    const owners = [formatHardware(lease), ...(identifier === undefined ? [] : [identifierOwner(identifier)])];
    yield { address, hostName, owners: known(owners), startSeconds, endSeconds, isHeld: state === "leased" };
  }
}

/** Prefixes have no names. */
export function* toldLeases6(leases: Iterable<Lease6>): Generator<ToldLease> {
  for (const lease of leases) {
    const { kind, address, hostName, mac, startSeconds, endSeconds, state } = lease;
    if (kind === "prefix") continue;
    const duid = formatDuid(lease);
    const owners = known([mac, ...(duid === "" ? [] : [`duid ${duid}`])]);
    yield { address, hostName, owners, startSeconds, endSeconds, isHeld: state === "leased" };
  }
}

/** Whoever calls itself so in option 61, as an owner. @param identifier "01:52:54:00:00:00:10" */
export function identifierOwner(identifier: string): string {
  return `client ${identifier}`;
}

function known(owners: readonly string[]): readonly string[] {
  return owners.filter((owner) => owner !== "");
}
