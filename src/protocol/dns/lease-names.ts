/**
 * Which names the hosts of a network have: those of its file, and what clients call themselves, for as long as they hold
 * their leases.
 *
 * A name belongs to the first who has it: to a host of the file for good, to a client until its last lease ends, and
 * then to the one that has waited longest. A client that is known to be that very host may add addresses to it. Names
 * that programs ask for by themselves are nobody's: who has "wpad" or "isatap" leads others' traffic.
 *
 * Time is in seconds since 1970, as leases outlive the process.
 */
import type { IpAddress } from "../../base/address.ts";
import { FOREVER_SECONDS } from "../leases/time.ts";
import { hostLabelOf } from "../dhcp4/server/names.ts";

/** A lease that lives. */
export interface NameClaim {
  readonly address: IpAddress;
  /** What the client calls itself, in any form. */
  readonly hostName: string;
  /** Whatever the client is known by, such as its MAC address: who shares one of them is the same. */
  readonly owners: readonly string[];
  /** Of the first in a row. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** A name that is not to be had by whoever asks. */
export interface KnownName {
  /** In full, small letters. */
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  /** Who may add the addresses of its leases; none: nobody. */
  readonly owners: readonly string[];
}

/** A name and all that it has now; no address: it is no more. */
export interface NameChange {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
}

/** Leases end one by one; all are looked through at most so often. */
const LEAST_SECONDS_BETWEEN_LOOKS = 1;
/** Leases that have or wait for one name; a client beyond them is in line again with its next renewal. */
const MOST_CLAIMS = 64;
const NOBODYS: ReadonlySet<string> = new Set(["localhost", "wpad", "isatap"]);

interface Held extends NameClaim {
  readonly name: string;
  endSeconds: number;
}

export class LeaseNames {
  readonly #domain: string;
  #known: ReadonlyMap<string, KnownName> = new Map();
  /** By name, those that have waited longest first. */
  readonly #claims = new Map<string, Held[]>();
  readonly #byAddress = new Map<IpAddress, Held>();
  readonly #told = new Map<string, readonly IpAddress[]>();
  #earliestEnd = FOREVER_SECONDS;
  #lookedSeconds = 0;

  /** @param domain that all names of clients are in */
  constructor(domain: string) {
    this.#domain = domain;
  }

  /** From now on these, and no others, are known beside the clients; of two with one name the first counts. */
  know(names: readonly KnownName[]): readonly NameChange[] {
    const before = this.#known;
    this.#known = new Map(names.toReversed().map((known) => [known.name, known]));
    return this.#changesOf([...before.keys(), ...this.#known.keys()]);
  }

  /** A client got a lease, or got it again. */
  hold(claim: NameClaim, nowSeconds: number): readonly NameChange[] {
    const label = hostLabelOf(claim.hostName);
    if (claim.endSeconds > nowSeconds && this.#renew(claim, `${label}.${this.#domain}`)) return [];
    const changed = this.#drop(claim.address);
    if (label === "" || NOBODYS.has(label) || claim.endSeconds <= nowSeconds) return this.#changesOf(changed);
    const held = { ...claim, name: `${label}.${this.#domain}` };
    const others = this.#claims.get(held.name) ?? [];
    if (others.length >= MOST_CLAIMS) return this.#changesOf(changed);
    const at = others.findIndex((other) => other.startSeconds > held.startSeconds);
    others.splice(at === -1 ? others.length : at, 0, held);
    this.#claims.set(held.name, others);
    this.#byAddress.set(held.address, held);
    if (held.endSeconds < this.#earliestEnd) this.#earliestEnd = held.endSeconds;
    return this.#changesOf([...changed, held.name]);
  }

  /** Most often nothing changes but the end: then it keeps its place among those that wait. */
  #renew(claim: NameClaim, name: string): boolean {
    const before = this.#byAddress.get(claim.address);
    const isSame = before?.name === name && before.startSeconds === claim.startSeconds;
    if (before === undefined || !isSame || before.owners.join() !== claim.owners.join()) return false;
    before.endSeconds = claim.endSeconds;
    this.#earliestEnd = Math.min(this.#earliestEnd, claim.endSeconds);
    return true;
  }

  /** A lease ended before its time, or its address is in doubt. */
  release(address: IpAddress): readonly NameChange[] {
    return this.#changesOf(this.#drop(address));
  }

  /** When {@link handleDeadline} has something to do; undefined: not before the next lease. */
  nextDeadline(): number | undefined {
    if (this.#earliestEnd === FOREVER_SECONDS) return undefined;
    return Math.max(this.#earliestEnd, this.#lookedSeconds + LEAST_SECONDS_BETWEEN_LOOKS);
  }

  /** Leases whose time is up have no name any more. */
  handleDeadline(nowSeconds: number): readonly NameChange[] {
    this.#lookedSeconds = nowSeconds;
    const changed: string[] = [];
    let earliest = FOREVER_SECONDS;
    for (const { address, endSeconds } of this.#byAddress.values()) {
      if (endSeconds <= nowSeconds) changed.push(...this.#drop(address));
      else if (endSeconds < earliest) earliest = endSeconds;
    }
    this.#earliestEnd = earliest;
    return this.#changesOf(changed);
  }

  /** The addresses of all clients that asked for a name and hold a lease, whether they have it or wait. */
  holders(): readonly IpAddress[] {
    return [...this.#byAddress.keys()];
  }

  /** @returns the name that lost it, if any */
  #drop(address: IpAddress): readonly string[] {
    const held = this.#byAddress.get(address);
    if (held === undefined) return [];
    this.#byAddress.delete(address);
    const left = this.#claims.get(held.name)?.filter((other) => other !== held) ?? [];
    if (left.length === 0) this.#claims.delete(held.name);
    else this.#claims.set(held.name, left);
    return [held.name];
  }

  #changesOf(names: readonly string[]): readonly NameChange[] {
    return [...new Set(names)].flatMap((name): NameChange[] => {
      const addresses = this.#addressesOf(name);
      const before = this.#told.get(name) ?? [];
      if (addresses.length === before.length && addresses.every((address, index) => address === before[index]))
        return [];
      if (addresses.length === 0) this.#told.delete(name);
      else this.#told.set(name, addresses);
      return [{ name, addresses }];
    });
  }

  #addressesOf(name: string): readonly IpAddress[] {
    const claims = this.#claims.get(name) ?? [];
    const known = this.#known.get(name);
    const owners = known?.owners ?? claims[0]?.owners ?? [];
    const own = claims.filter((claim) => claim.owners.some((owner) => owners.includes(owner)));
    return [...new Set([...(known?.addresses ?? []), ...own.map(({ address }) => address)])];
  }
}
