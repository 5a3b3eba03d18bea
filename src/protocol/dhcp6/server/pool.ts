/**
 * The addresses or prefixes of one length that a server gives out, and who has which. Every look-up is one in a map, and
 * finding what is free costs the same whatever the pool's size.
 *
 * A client's first lease is derived from its identifier, so that it gets the same one even from a server that has lost
 * its leases; where that is taken, what nobody ever had comes next, then what has been free for longest. A range may
 * have far more addresses than memory: so many bindings are kept at most, then only what has ended is given anew.
 */
import { type Ipv6Address, type Ipv6Prefix, ipFromBigint, ipToBigint } from "../../../base/address.ts";
import { Expiry } from "../../leases/expiry.ts";
import type { ClientKey6, Lease6, Lease6State } from "./lease.ts";
import { FOREVER_SECONDS } from "../../leases/time.ts";

export interface Binding6 {
  /** Number among all of the pool. */
  readonly row: number;
  readonly address: Ipv6Address;
  readonly length: number;
  kind: Lease6["kind"];
  state: Lease6State;
  client: ClientKey6;
  mac: string;
  /** The relay's link through which it was given, "" for ours; undefined: not known since a restart. */
  link: string | undefined;
  hostName: string;
  startSeconds: number;
  endSeconds: number;
}

export interface PoolRange6 {
  readonly first: Ipv6Address;
  /** At least `first`; of prefixes the last one's first address. */
  readonly last: Ipv6Address;
  /** Bits of each prefix; 128 for addresses. */
  readonly length: number;
  /** Within the range, but never given out. */
  readonly excluded: ReadonlySet<Ipv6Address>;
  /** Each is given to the client that it is kept for, and to nobody else; within the range or not. */
  readonly reserved: readonly Ipv6Prefix[];
  /** Bindings at most, apart from those for reserved ones. */
  readonly limit: number;
}

/** How much of a range is in use, apart from what is reserved. */
export interface PoolUse6 {
  readonly given: number;
  /** Somebody else was found to use them. */
  readonly declined: number;
  /** What there is room for. */
  readonly total: number;
}

/** How many bindings a range has room for: not all of its addresses are ever known at one time. */
export function capacityOf({ first, last, length, excluded, reserved, limit }: PoolRange6): number {
  const shift = BigInt(128 - length);
  const [start, end] = [ipToBigint(first) >> shift, ipToBigint(last) >> shift];
  const theirs = new Set([...excluded, ...reserved.map(({ address }) => address)]);
  const inside = [...theirs].filter(
    (address) => start <= ipToBigint(address) >> shift && ipToBigint(address) >> shift <= end,
  );
  return Math.max(0, Math.min(limit, Number(end - start + 1n) - inside.length));
}

const PROBES = 4;
const SCANNED = 64n;

export class Pool6 {
  readonly #range: PoolRange6;
  readonly #first: bigint;
  readonly #count: bigint;
  readonly #shift: bigint;
  readonly #reserved: ReadonlyMap<Ipv6Address, number>;
  readonly #byAddress = new Map<Ipv6Address, Binding6>();
  readonly #byClient = new Map<ClientKey6, Binding6>();
  readonly #rows: Binding6[] = [];
  readonly #expiry: Expiry;
  #nextFresh = 0n;

  constructor(range: PoolRange6, nowSeconds: number) {
    this.#range = range;
    this.#shift = BigInt(128 - range.length);
    this.#first = ipToBigint(range.first) >> this.#shift;
    this.#count = (ipToBigint(range.last) >> this.#shift) - this.#first + 1n;
    this.#reserved = new Map(range.reserved.map(({ address, length }) => [address, length]));
    this.#expiry = new Expiry(nowSeconds, { endOf: (row) => this.#rows[row]!.endSeconds });
  }

  /** What the client has or last had, as long as nobody else has got it since. */
  find(client: ClientKey6): Binding6 | undefined {
    return this.#byClient.get(client);
  }

  at(address: Ipv6Address): Binding6 | undefined {
    return this.#byAddress.get(address);
  }

  isReserved(address: Ipv6Address): boolean {
    return this.#reserved.has(address);
  }

  /** 128 for an address. */
  lengthOf(address: Ipv6Address): number {
    return this.#reserved.get(address) ?? this.#range.length;
  }

  #contains(address: Ipv6Address): boolean {
    const number = ipToBigint(address);
    const index = (number >> this.#shift) - this.#first;
    return index >= 0n && index < this.#count && (number >> this.#shift) << this.#shift === number;
  }

  #isFree(address: Ipv6Address, nowSeconds: number): boolean {
    if (this.#reserved.has(address) || this.#range.excluded.has(address)) return false;
    const binding = this.#byAddress.get(address);
    return binding === undefined ? !this.#isFull() : binding.endSeconds <= nowSeconds;
  }

  #isFull(): boolean {
    return this.#byAddress.size >= this.#range.limit + this.#reserved.size;
  }

  /**
   * What a client would get that has nothing yet: what it asks for when that is free, else any. Nothing is held.
   * @param taken is spoken for already in the same message
   * @param random of a lease that shall not tell whose it is; from 0 to below 1, as Math.random
   */
  choose(
    client: ClientKey6,
    wanted: readonly Ipv6Address[],
    taken: ReadonlySet<Ipv6Address>,
    nowSeconds: number,
    random?: () => number,
  ): Ipv6Address | undefined {
    this.#expiry.turn(nowSeconds);
    const asked = wanted.find(
      (address) => !taken.has(address) && this.#contains(address) && this.#isFree(address, nowSeconds),
    );
    return asked ?? this.#derive(client, taken, random) ?? this.#anyFresh(taken) ?? this.#anyEnded(taken, nowSeconds);
  }

  #addressAt(index: bigint): Ipv6Address {
    return ipFromBigint((this.#first + index) << this.#shift, 6) as Ipv6Address;
  }

  #isFresh(address: Ipv6Address, taken: ReadonlySet<Ipv6Address>): boolean {
    const isKept = this.#reserved.has(address) || this.#range.excluded.has(address) || taken.has(address);
    return !isKept && !this.#byAddress.has(address) && !this.#isFull();
  }

  #derive(client: ClientKey6, taken: ReadonlySet<Ipv6Address>, random?: () => number): Ipv6Address | undefined {
    for (let probe = 0; probe < PROBES; probe++) {
      const number = random === undefined ? hash(client, probe) : Math.floor(random() * 2 ** 53);
      const address = this.#addressAt(BigInt(number) % this.#count);
      if (this.#isFresh(address, taken)) return address;
    }
    return undefined;
  }

  #anyFresh(taken: ReadonlySet<Ipv6Address>): Ipv6Address | undefined {
    if (this.#isFull()) return undefined;
    // What is only spoken for may be fresh again for the next client, so it is passed over, a few steps far.
    for (let passed = 0n; passed < SCANNED && this.#nextFresh + passed < this.#count; ) {
      const address = this.#addressAt(this.#nextFresh + passed);
      if (this.#isFresh(address, taken)) return address;
      if (taken.has(address) || passed > 0n) passed++;
      else this.#nextFresh++;
    }
    return undefined;
  }

  #anyEnded(taken: ReadonlySet<Ipv6Address>, nowSeconds: number): Ipv6Address | undefined {
    const passed: Binding6[] = [];
    let found: Binding6 | undefined;
    for (let ended = this.#takeEnded(nowSeconds); ended !== undefined; ended = this.#takeEnded(nowSeconds)) {
      if (this.#reserved.has(ended.address)) continue;
      passed.push(ended);
      if (taken.has(ended.address)) continue;
      found = ended;
      break;
    }
    for (const { row } of passed) this.#expiry.schedule(row);
    return found?.address;
  }

  #takeEnded(nowSeconds: number): Binding6 | undefined {
    const row = this.#expiry.take(nowSeconds);
    return row === undefined ? undefined : this.#rows[row];
  }

  /** Make it the client's, who does not hold it yet; {@link hold} says until when. */
  bind(client: ClientKey6, address: Ipv6Address): Binding6 {
    const binding = this.#bindingAt(address);
    this.#own(binding, client);
    binding.hostName = "";
    binding.endSeconds = 0;
    return binding;
  }

  #own(binding: Binding6, client: ClientKey6): void {
    const previous = this.#byClient.get(client);
    // That one keeps its end, but is nobody's.
    if (previous !== undefined && previous !== binding) previous.client = "";
    if (binding.client !== "") this.#byClient.delete(binding.client);
    binding.client = client;
    if (client !== "") this.#byClient.set(client, binding);
  }

  #bindingAt(address: Ipv6Address): Binding6 {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const binding: Binding6 = {
      row: this.#rows.length,
      address,
      length: this.lengthOf(address),
      kind: "address",
      state: "leased",
      client: "",
      mac: "",
      link: undefined,
      hostName: "",
      startSeconds: 0,
      endSeconds: 0,
    };
    this.#rows.push(binding);
    this.#byAddress.set(address, binding);
    return binding;
  }

  hold(binding: Binding6, endSeconds: number): void {
    // One that is prolonged is found to be so when its old end comes.
    const isListed = this.#expiry.isScheduled(binding.row) && endSeconds >= binding.endSeconds;
    binding.state = "leased";
    binding.endSeconds = endSeconds;
    if (!isListed) this.#expiry.schedule(binding.row);
  }

  /** It is free, and remembered as the client's. */
  free(binding: Binding6, nowSeconds: number): void {
    binding.state = "released";
    binding.endSeconds = Math.floor(nowSeconds);
    this.#expiry.schedule(binding.row);
  }

  /** Nobody gets it until then. */
  quarantine(binding: Binding6, endSeconds: number): void {
    this.#own(binding, "");
    binding.hostName = "";
    binding.mac = "";
    binding.state = "declined";
    binding.endSeconds = endSeconds;
    this.#expiry.schedule(binding.row);
  }

  /**
   * Take up what was known before a restart; a later one of the same address counts.
   * @returns false for what the range does not have any more
   */
  restore(lease: Lease6): boolean {
    const { address } = lease;
    const isOurs = this.#contains(address) && lease.length === this.#range.length && !this.#range.excluded.has(address);
    if (!isOurs && this.#reserved.get(address) !== lease.length) return false;
    const binding = this.#bindingAt(address);
    this.#own(binding, lease.client);
    binding.kind = lease.kind;
    binding.state = lease.state;
    binding.mac = lease.mac;
    binding.link = undefined;
    binding.hostName = lease.hostName;
    binding.startSeconds = lease.startSeconds;
    binding.endSeconds = lease.endSeconds;
    this.#expiry.schedule(binding.row);
    return true;
  }

  /** Of what anybody may get. */
  use(nowSeconds: number): PoolUse6 {
    let [given, declined] = [0, 0];
    for (const binding of this.#byAddress.values()) {
      if (this.#reserved.has(binding.address) || !isHeld(binding, nowSeconds)) continue;
      if (binding.state === "declined") declined++;
      else given++;
    }
    return { given, declined, total: capacityOf(this.#range) };
  }

  /** All that must be known after a restart, also what has ended: a client that comes back gets its own again. */
  *leases(): Generator<Lease6> {
    for (const binding of this.#byAddress.values()) yield leaseOf(binding);
  }
}

/** A copy that does not change. */
export function leaseOf(binding: Binding6): Lease6 {
  const { kind, address, length, state, client, mac, hostName, startSeconds, endSeconds } = binding;
  return { kind, address, length, state, client, mac, hostName, startSeconds, endSeconds };
}

/** Whether a binding's time has come; what is for ever never ends. */
export function isHeld({ state, endSeconds }: Binding6, nowSeconds: number): boolean {
  return state !== "released" && (endSeconds === FOREVER_SECONDS || endSeconds > nowSeconds);
}

/** 53 bits that differ wherever the text does. */
function hash(text: string, seed: number): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (low & 0x1fffff) * 2 ** 32 + (high >>> 0);
}
