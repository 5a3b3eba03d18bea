/**
 * The addresses that a server gives out, and who has which. Every look-up is one in a map, and finding an address that
 * is free costs the same whatever the pool's size: an offer that nobody took up comes first, then addresses that nobody
 * ever had, then the one that has been free for longest, so that a client that comes back finds its own.
 *
 * Offers that nobody takes up are bounded in number. With more of them, or when nothing else is free, the oldest offer's
 * address is offered to the next client too, and the first of the two to request it has it: who only asks for offers
 * takes nothing away from the others.
 */
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber } from "../../../base/address.ts";
import { type Accounts, NO_ACCOUNT } from "./accounts.ts";
import { type Binding, Bindings, leaseOf, Range } from "./bindings.ts";
import type { Layout, RangePlace } from "./layout.ts";
import { type ClientKey, type Lease } from "./lease.ts";

export class Pool {
  /** In the order in which addresses are given out. */
  readonly ranges: readonly Range[];
  readonly #layout: Layout;
  readonly #offerLimit: number;
  readonly #byPlace: ReadonlyMap<RangePlace, Range>;
  readonly #bindings = new Bindings();
  /** What a client had, by the row of what it is offered now: it loses the one when it takes up the other. */
  readonly #former = new Map<number, Binding>();
  #offers = 0;

  constructor(layout: Layout, offerLimit: number, nowSeconds: number) {
    this.#layout = layout;
    this.#offerLimit = offerLimit;
    this.ranges = layout.ranges.map((place) => new Range(place, layout.addressesOf(place), this.#bindings, nowSeconds));
    this.#byPlace = new Map(this.ranges.map((range) => [range.place, range]));
  }

  /** Where leases are. */
  get accounts(): Accounts {
    return this.#bindings.accounts;
  }

  /** What the client has or last had, as long as nobody else has got it since. */
  find(client: ClientKey): Binding | undefined {
    return this.#bindings.of(client);
  }

  /** What is known of an address. */
  at(address: Ipv4Address): Binding | undefined {
    return this.#bindings.at(address);
  }

  /** Any address of these ranges for a client that has none; undefined when all are in use. */
  allocate(client: ClientKey, ranges: readonly Range[], nowSeconds: number): Binding | undefined {
    const binding = this.#anyFree(ranges, nowSeconds) ?? this.#oldestOffer(ranges);
    if (binding !== undefined) this.#give(binding, client, nowSeconds);
    return binding;
  }

  /** That address, if it is of these ranges and free. */
  claim(
    client: ClientKey,
    wanted: Ipv4Address | undefined,
    ranges: readonly Range[],
    nowSeconds: number,
  ): Binding | undefined {
    if (wanted === undefined) return undefined;
    const place = this.#layout.rangeOf(ipv4ToNumber(wanted));
    const range = place === undefined ? undefined : this.#byPlace.get(place);
    if (range === undefined || !ranges.includes(range) || !this.#layout.isGivenOut(wanted)) return undefined;
    const known = this.#bindings.at(wanted);
    if (known !== undefined && known.endSeconds > nowSeconds) return undefined;
    const binding = known ?? this.#bindings.create(wanted, range);
    this.#give(binding, client, nowSeconds);
    return binding;
  }

  /** Whether an address of these ranges was offered to one client and then, before it came back, to another one. */
  isContested(address: Ipv4Address, ranges: readonly Range[]): boolean {
    const binding = this.#bindings.at(address);
    return binding?.range !== undefined && binding.isOffer && binding.isContested && ranges.includes(binding.range);
  }

  /** An address that {@link isContested}, for one of those that it was offered to. */
  contest(client: ClientKey, address: Ipv4Address, nowSeconds: number): Binding | undefined {
    const binding = this.#bindings.at(address);
    if (binding !== undefined) this.#give(binding, client, nowSeconds);
    return binding;
  }

  /** A host's own address, unless somebody else still has it. `clients`: what the host is or was known as. */
  reserved(clients: readonly [ClientKey, ClientKey], address: Ipv4Address, nowSeconds: number): Binding | undefined {
    const known = this.#bindings.at(address);
    const isOurs = known !== undefined && clients.includes(known.client);
    if (known !== undefined && !isOurs && known.endSeconds > nowSeconds) return undefined;
    const place = this.#layout.placeOf(address);
    if (place === undefined) return undefined;
    const binding = known ?? this.#bindings.create(address, place);
    if (!binding.isSameAs(this.#bindings.of(clients[0]))) this.#give(binding, clients[0], nowSeconds);
    return binding;
  }

  #give(binding: Binding, client: ClientKey, nowSeconds: number): void {
    const isContested = binding.state === "offered" && binding.client !== "" && binding.endSeconds > nowSeconds;
    this.#unlist(binding);
    this.#former.delete(binding.row);
    const former = this.#bindings.of(client);
    if (former !== undefined && !former.isSameAs(binding)) this.#former.set(binding.row, former);
    binding.client = client;
    binding.state = "offered";
    binding.hostName = "";
    binding.endSeconds = 0;
    binding.isProbed = false;
    binding.isContested = isContested;
    binding.setAccounts(NO_ACCOUNT, NO_ACCOUNT);
  }

  #forget(binding: Binding): void {
    binding.client = "";
    this.#former.delete(binding.row);
  }

  #anyFree(ranges: readonly Range[], nowSeconds: number): Binding | undefined {
    for (const range of ranges) {
      const lapsed = this.#bindings.rings.first(range.lapsed);
      if (lapsed !== undefined) return this.#bindings.row(lapsed);
    }
    if (this.#offers >= this.#offerLimit) return undefined;
    for (const range of ranges) {
      const fresh = this.#fresh(range);
      if (fresh !== undefined) return fresh;
    }
    for (const range of ranges) {
      const ended = range.ended.take(nowSeconds);
      if (ended !== undefined) return this.#bindings.row(ended);
    }
    return undefined;
  }

  #fresh(range: Range): Binding | undefined {
    while (range.nextFresh <= range.place.last) {
      const address = ipv4FromNumber(range.nextFresh++);
      if (this.#layout.isGivenOut(address) && this.#bindings.at(address) === undefined)
        return this.#bindings.create(address, range);
    }
    return undefined;
  }

  #oldestOffer(ranges: readonly Range[]): Binding | undefined {
    for (const range of ranges) {
      const offer = this.#firstOffer(range);
      if (offer !== undefined) return offer;
    }
    return undefined;
  }

  #firstOffer({ offers }: Range): Binding | undefined {
    const row = this.#bindings.rings.first(offers);
    return row === undefined ? undefined : this.#bindings.row(row);
  }

  /** Take an address out of the list that it is in. */
  #unlist(binding: Binding): void {
    if (binding.isOffer) this.#offers--;
    binding.isOffer = false;
    binding.uncount();
    this.#bindings.rings.remove(binding.row);
  }

  /** Tell the time; now and then, so that finding a free address stays quick. */
  turn(nowSeconds: number): void {
    for (const range of this.ranges) {
      range.ended.turn(nowSeconds);
      for (let offer = this.#firstOffer(range); ; offer = this.#firstOffer(range)) {
        if (offer === undefined || offer.endSeconds > nowSeconds) break;
        this.#unlist(offer);
        this.#bindings.rings.push(range.lapsed, offer.row);
      }
    }
  }

  /** Hold an address for its client, who has to request it before then. */
  offer(binding: Binding, endSeconds: number): void {
    this.#unlist(binding);
    binding.state = "offered";
    binding.endSeconds = endSeconds;
    if (binding.range === undefined) return;
    this.#bindings.rings.push(binding.range.offers, binding.row);
    binding.isOffer = true;
    binding.count();
    this.#offers++;
  }

  /** A lease that is offered anew lasts as long as the offer. */
  prolong(binding: Binding, endSeconds: number): void {
    binding.endSeconds = Math.max(binding.endSeconds, endSeconds);
  }

  /**
   * The address is its client's until then.
   * @returns what the client had before, and has not any more
   */
  lease(binding: Binding, endSeconds: number, nowSeconds: number): Binding | undefined {
    // One that is prolonged is found to be so when its old end comes.
    const isListed = binding.isCounted && !binding.isOffer && endSeconds >= binding.endSeconds;
    if (!isListed) this.#unlist(binding);
    const former = this.#former.get(binding.row);
    this.#former.delete(binding.row);
    binding.state = "leased";
    binding.endSeconds = endSeconds;
    binding.isProbed = true;
    binding.isContested = false;
    binding.count();
    if (!isListed) this.#schedule(binding);
    return former === undefined || former.client !== binding.client ? undefined : this.dismiss(former, nowSeconds);
  }

  /** An address that its client does not use any more, because it has another one. Undefined if it had ended. */
  dismiss(binding: Binding, nowSeconds: number): Binding | undefined {
    const wasLeased = binding.state === "leased" && binding.endSeconds > nowSeconds;
    if (wasLeased || binding.state === "offered") this.free(binding, nowSeconds);
    this.#forget(binding);
    return wasLeased ? binding : undefined;
  }

  /** The address is free, and remembered as the client's. */
  free(binding: Binding, nowSeconds: number): void {
    this.#unlist(binding);
    if (binding.state === "leased") binding.state = "released";
    binding.endSeconds = Math.floor(nowSeconds);
    this.#schedule(binding);
  }

  /** Nobody gets the address until then. */
  quarantine(binding: Binding, endSeconds: number): void {
    this.#unlist(binding);
    this.#forget(binding);
    binding.hostName = "";
    binding.state = "declined";
    binding.endSeconds = endSeconds;
    this.#schedule(binding);
  }

  #schedule(binding: Binding): void {
    binding.range?.ended.schedule(binding.row);
  }

  /**
   * Take up what was known before a restart; a later one of the same address counts.
   * @returns false for an address that is not given out any more
   */
  restore(lease: Lease): boolean {
    const place = this.#layout.rangeOf(ipv4ToNumber(lease.address));
    const isReserved = this.#layout.isReserved(lease.address);
    if (!isReserved && (place === undefined || !this.#layout.isGivenOut(lease.address))) return false;
    const range = isReserved || place === undefined ? undefined : this.#byPlace.get(place);
    const home = range ?? place ?? this.#layout.placeOf(lease.address);
    const binding =
      this.#bindings.at(lease.address) ?? (home === undefined ? undefined : this.#bindings.create(lease.address, home));
    if (binding === undefined) return false;
    this.#unlist(binding);
    this.#former.delete(binding.row);
    // The client had another address before; that one keeps its end, but is nobody's.
    const other = this.#bindings.of(lease.client);
    if (other !== undefined && !other.isSameAs(binding)) other.client = "";
    binding.client = lease.client;
    binding.state = lease.state;
    binding.hardware = lease.hardware;
    binding.hostName = lease.hostName;
    binding.startSeconds = lease.startSeconds;
    binding.endSeconds = lease.endSeconds;
    binding.isProbed = true;
    if (lease.state === "leased") binding.count();
    this.#schedule(binding);
    return true;
  }

  /** How many addresses of the ranges are given, and how many nobody gets for now as somebody else uses them. */
  use(nowSeconds: number): { readonly given: number; readonly declined: number } {
    let [given, declined] = [0, 0];
    for (const { range, state, endSeconds } of this.#bindings.all()) {
      if (range === undefined || endSeconds <= nowSeconds) continue;
      if (state === "leased") given++;
      else if (state === "declined") declined++;
    }
    return { given, declined };
  }

  /** All that must be known after a restart, also what has ended: a client that comes back gets its address again. */
  *leases(): Generator<Lease> {
    for (const binding of this.#bindings.all()) if (binding.state !== "offered") yield leaseOf(binding, binding.state);
  }
}
