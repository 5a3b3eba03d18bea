/**
 * The addresses that a server gives out, and who has which. Every look-up is one in a map, and finding an address that
 * is free costs the same whatever the pool's size: addresses that nobody ever had come first, then the one that has
 * been free for longest, so that a client that comes back finds its own.
 */
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber } from "../../../base/address.ts";
import { Expiry, type Timed } from "./expiry.ts";
import { type ClientKey, FOREVER_SECONDS, type Lease, type LeaseState } from "./lease.ts";

export interface Binding extends Timed {
  readonly address: Ipv4Address;
  state: LeaseState | "offered";
  client: ClientKey;
  hardware: string;
  hostName: string;
  startSeconds: number;
}

export interface PoolRange {
  readonly first: Ipv4Address;
  /** At least `first`. */
  readonly last: Ipv4Address;
  /** Within the range, but never given out: the server's own, a router's. */
  readonly excluded: ReadonlySet<Ipv4Address>;
}

export class Pool {
  readonly #first: number;
  readonly #last: number;
  readonly #excluded: ReadonlySet<Ipv4Address>;
  readonly #byAddress = new Map<Ipv4Address, Binding>();
  readonly #byClient = new Map<ClientKey, Binding>();
  readonly #expiry: Expiry<Binding>;
  #nextFresh: number;

  constructor({ first, last, excluded }: PoolRange, nowSeconds: number) {
    this.#first = ipv4ToNumber(first);
    this.#last = ipv4ToNumber(last);
    this.#excluded = excluded;
    this.#nextFresh = this.#first;
    this.#expiry = new Expiry(nowSeconds);
  }

  /** What the client has or last had, as long as nobody else has got it since. */
  find(client: ClientKey): Binding | undefined {
    return this.#byClient.get(client);
  }

  isFree(address: Ipv4Address, nowSeconds: number): boolean {
    const number = ipv4ToNumber(address);
    if (number < this.#first || number > this.#last || this.#excluded.has(address)) return false;
    const binding = this.#byAddress.get(address);
    return binding === undefined || binding.endSeconds <= nowSeconds;
  }

  /**
   * The client's address: its own, else the one that it asks for when that is free, else any. Undefined when none is
   * free. A binding that is not the client's yet is so from now on, and has ended: the caller says until when it lasts.
   */
  allocate(client: ClientKey, wanted: Ipv4Address | undefined, nowSeconds: number): Binding | undefined {
    this.#expiry.turn(nowSeconds);
    const own = this.#byClient.get(client);
    if (own !== undefined) return own;
    const binding =
      wanted !== undefined && this.isFree(wanted, nowSeconds) ? this.#bindingAt(wanted) : this.#anyFree(nowSeconds);
    if (binding !== undefined) this.#give(binding, client);
    return binding;
  }

  #give(binding: Binding, client: ClientKey): void {
    if (binding.client !== "") this.#byClient.delete(binding.client);
    binding.client = client;
    binding.state = "offered";
    binding.hostName = "";
    binding.endSeconds = 0;
    this.#byClient.set(client, binding);
  }

  #bindingAt(address: Ipv4Address): Binding {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const binding: Binding = {
      address,
      state: "offered",
      client: "",
      hardware: "",
      hostName: "",
      startSeconds: 0,
      endSeconds: 0,
      previous: undefined,
      next: undefined,
    };
    this.#byAddress.set(address, binding);
    return binding;
  }

  #anyFree(nowSeconds: number): Binding | undefined {
    while (this.#nextFresh <= this.#last) {
      const address = ipv4FromNumber(this.#nextFresh++);
      if (!this.#excluded.has(address) && !this.#byAddress.has(address)) return this.#bindingAt(address);
    }
    return this.#expiry.take(nowSeconds);
  }

  /** Hold an address for its client until then. */
  hold(binding: Binding, state: "offered" | "leased", endSeconds: number): void {
    // One that is prolonged is found to be so when its old end comes.
    const isListed = binding.next !== undefined && endSeconds >= binding.endSeconds;
    binding.state = state;
    binding.endSeconds = endSeconds;
    if (!isListed) this.#expiry.schedule(binding);
  }

  /** The address is free, and remembered as the client's. */
  free(binding: Binding, nowSeconds: number): void {
    if (binding.state === "leased") binding.state = "released";
    binding.endSeconds = Math.floor(nowSeconds);
    this.#expiry.schedule(binding);
  }

  /** Nobody gets the address until then. */
  quarantine(binding: Binding, endSeconds: number): void {
    this.#byClient.delete(binding.client);
    binding.client = "";
    binding.hostName = "";
    binding.state = "declined";
    binding.endSeconds = endSeconds;
    this.#expiry.schedule(binding);
  }

  /**
   * Take up what was known before a restart; a later one of the same address counts.
   * @returns false for an address that the range does not have any more
   */
  restore(lease: Lease): boolean {
    const number = ipv4ToNumber(lease.address);
    if (number < this.#first || number > this.#last || this.#excluded.has(lease.address)) return false;
    const binding = this.#bindingAt(lease.address);
    const other = this.#byClient.get(lease.client);
    // The client had another address before; that one keeps its end, but is nobody's.
    if (other !== undefined && other !== binding) other.client = "";
    if (binding.client !== "") this.#byClient.delete(binding.client);
    binding.client = lease.client;
    if (lease.client !== "") this.#byClient.set(lease.client, binding);
    binding.state = lease.state;
    binding.hardware = lease.hardware;
    binding.hostName = lease.hostName;
    binding.startSeconds = lease.startSeconds;
    binding.endSeconds = lease.endSeconds;
    this.#expiry.schedule(binding);
    return true;
  }

  /** All that must be known after a restart, also what has ended: a client that comes back gets its address again. */
  *leases(): Generator<Lease> {
    for (const binding of this.#byAddress.values()) if (isLease(binding)) yield leaseOf(binding);
  }
}

type LeaseBinding = Binding & { state: LeaseState };

function isLease(binding: Binding): binding is LeaseBinding {
  return binding.state !== "offered";
}

/** A copy that does not change. */
export function leaseOf(binding: LeaseBinding): Lease {
  const { address, state, client, hardware, hostName, startSeconds, endSeconds } = binding;
  return { address, state, client, hardware, hostName, startSeconds, endSeconds };
}

/** When something ends that lasts `seconds` from now. */
export function endOf(nowSeconds: number, seconds: number): number {
  return seconds === FOREVER_SECONDS ? FOREVER_SECONDS : Math.ceil(nowSeconds) + seconds;
}
