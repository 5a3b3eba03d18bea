/**
 * How much of the addresses those can take who have none yet, so that nobody who makes up clients as he likes takes all
 * from one place: one port of the bridge, or one circuit of a relay.
 *
 * Who has a lease, and a host that the configuration knows, is never held up.
 */
import type { Ipv4Address } from "../../../base/address.ts";
import type { Accounts } from "./accounts.ts";
import type { Range } from "./bindings.ts";
import type { Dhcp4Limits } from "./config.ts";
import { RateLimit } from "./limits.ts";

/** Where a client is, as accounts. */
export interface Whereabouts {
  readonly port: number;
  readonly circuit: number;
}

/** Frames of clients whose port the bridge does not know come from there, all together. */
export function portName(port: number): string {
  return `port ${port}`;
}

/** Undefined for a client whose circuit no relay has told. */
export function circuitName(relay: Ipv4Address, circuitId: Uint8Array | undefined): string | undefined {
  return circuitId === undefined ? undefined : `${relay} ${String.fromCharCode(...circuitId)}`;
}

export class Newcomers {
  readonly #limits: Required<Dhcp4Limits>;
  readonly #accounts: Accounts;
  readonly #all: RateLimit;

  constructor(limits: Required<Dhcp4Limits>, accounts: Accounts, nowSeconds: number) {
    this.#limits = limits;
    this.#accounts = accounts;
    this.#all = new RateLimit(limits.newLeasesPerSecond, nowSeconds);
  }

  /** @returns which limit keeps a client from getting one of the ranges' addresses */
  refusal(
    { port, circuit, isBehindCircuit }: Whereabouts & { readonly isBehindCircuit: boolean },
    ranges: readonly Range[],
    nowSeconds: number,
  ): keyof Dhcp4Limits | undefined {
    const { leasesPerPort, leasesForEachFree } = this.#limits;
    if (!this.#all.has(nowSeconds)) return "newLeasesPerSecond";
    // Behind a port where a relay is there may be many circuits.
    if (this.#accounts.addresses(isBehindCircuit ? circuit : port) >= leasesPerPort) return "leasesPerPort";
    // Who says how many a port may have means so many; but circuits can be made up as well as clients.
    const isShared = isBehindCircuit || leasesPerPort === Number.POSITIVE_INFINITY;
    let free = 0;
    for (const range of ranges) free += range.addresses - range.taken;
    for (const place of [port, circuit]) {
      if (this.#rate(place, nowSeconds)?.has(nowSeconds) === false) return "newLeasesPerSecondOfPort";
      const isFull = free > 0 && this.#accounts.addresses(place) >= leasesForEachFree * free;
      if (isShared && isFull) return "leasesForEachFree";
    }
    return undefined;
  }

  #rate(place: number, nowSeconds: number): RateLimit | undefined {
    return this.#accounts.newLeases(place, () => new RateLimit(this.#limits.newLeasesPerSecondOfPort, nowSeconds));
  }

  /** One of them gets a lease. */
  admit({ port, circuit }: Whereabouts, nowSeconds: number): void {
    this.#all.take(nowSeconds);
    for (const place of [port, circuit]) this.#rate(place, nowSeconds)?.take(nowSeconds);
  }
}
