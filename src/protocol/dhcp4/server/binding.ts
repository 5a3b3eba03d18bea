/** An address of a pool with what is known of it. A pool has as many as it has addresses in use, so each is kept small. */
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber } from "../../../base/address.ts";
import { Expiry } from "../../leases/expiry.ts";
import type { Place, RangePlace } from "./layout.ts";
import type { ClientKey, Lease, LeaseState } from "./lease.ts";
import { Ring, type Timed } from "../../leases/ring.ts";

export class Range {
  readonly place: RangePlace;
  readonly ended: Expiry<Binding>;
  /** In the order in which they end, as all last for the same time. */
  readonly offers = new Ring();
  nextFresh: number;

  constructor(place: RangePlace, nowSeconds: number) {
    this.place = place;
    this.nextFresh = place.first;
    this.ended = new Expiry(nowSeconds);
  }
}

export class Binding implements Timed {
  endSeconds = 0;
  previous: Timed | undefined = undefined;
  next: Timed | undefined = undefined;
  state: LeaseState | "offered" = "offered";
  hostName = "";
  startSeconds = 0;
  /** It is in its range's ring of offers. */
  isOffer = false;
  /** Nobody else was found to use it since it became the client's. */
  isProbed = false;
  /** It was taken from another client that may still request it. */
  isContested = false;
  /** What its client had before and loses when it takes this one up. */
  former: Binding | undefined = undefined;
  readonly #home: Range | Place;
  /** Of 32 bits with a sign: these take no memory beside the field. */
  readonly #address: number;
  #client: ClientKey = "";
  /** Undefined where the client's key ends in it, as that of nearly all does. */
  #hardware: string | undefined = "";

  /** @param home the range, or the place of an address that is not given to anybody who comes: a host's own */
  constructor(address: Ipv4Address, home: Range | Place) {
    this.#address = ipv4ToNumber(address) | 0;
    this.#home = home;
  }

  get address(): Ipv4Address {
    return ipv4FromNumber(this.#address >>> 0);
  }

  /** Absent where the address is not given to anybody who comes. */
  get range(): Range | undefined {
    return this.#home instanceof Range ? this.#home : undefined;
  }

  get place(): Place {
    return this.#home instanceof Range ? this.#home.place : this.#home;
  }

  get client(): ClientKey {
    return this.#client;
  }

  set client(client: ClientKey) {
    const { hardware } = this;
    this.#client = client;
    this.hardware = hardware;
  }

  /** As of the client's last ACK. */
  get hardware(): string {
    return this.#hardware ?? this.#client.slice(1);
  }

  set hardware(hardware: string) {
    const isInKey = hardware.length + 1 === this.#client.length && this.#client.endsWith(hardware);
    this.#hardware = isInKey ? undefined : hardware;
  }
}

/** A copy that does not change. */
export function leaseOf(binding: Binding, state: LeaseState): Lease {
  const { address, client, hardware, hostName, startSeconds, endSeconds } = binding;
  return { address, state, client, hardware, hostName, startSeconds, endSeconds };
}
