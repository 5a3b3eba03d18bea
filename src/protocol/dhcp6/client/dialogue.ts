/** The questions of a DHCPv6 client (RFC 8415 §18.2): which one it asks, how often, and what it goes on to when nobody answers. */
import type { Ipv6Address } from "../../../base/address.ts";
import type { AssociationKind } from "../../../wire/dhcp6/association.ts";
import type { Dhcp6Option } from "../../../wire/dhcp6/message.ts";
import { DHCP6_OPTION } from "../../../wire/dhcp6/options.ts";
import { readNumber } from "../../../wire/dhcp6/settings.ts";
import type { Dhcp6Lease } from "./lease.ts";
import type { Outbox6 } from "./outbox.ts";
import {
  type Asking,
  byWorth,
  type Exchange6,
  type Offer6,
  type Phase6,
  questionOf,
  takeNote,
  type Wish6,
} from "./phase.ts";
import {
  CONFIRM,
  DECLINE,
  INFORMATION,
  maximumOf,
  REBIND,
  RELEASE,
  RENEW,
  REQUEST,
  restartWait,
  type Retransmission,
  SOLICIT,
} from "./timing.ts";

const NOTHING: Wish6 = { addresses: [], prefixes: [] };

export class Dialogue6 {
  readonly #out: Outbox6;
  readonly #random: () => number;
  phase: Phase6 = { state: "stopped" };
  /** Wished for in the next SOLICIT. */
  #wish = NOTHING;
  /** Refusals and conflicts since the last lease. */
  #refusals = 0;
  #solicitMaximum = SOLICIT.longestSeconds;
  #informationMaximum = INFORMATION.longestSeconds;

  /** @param random from 0 up to 1, not to be guessed by others */
  constructor(out: Outbox6, random: () => number) {
    this.#out = out;
    this.#random = random;
  }

  /** What the phase holds; undefined: nothing. */
  get lease(): Dhcp6Lease | undefined {
    return "lease" in this.phase ? this.phase.lease : undefined;
  }

  /** What the next SOLICIT names. */
  wishFor({ addresses, prefixes }: Wish6): void {
    this.#wish = { addresses, prefixes };
  }

  forgetWish(): void {
    this.#wish = NOTHING;
  }

  solicit(now: number): void {
    const rule = { ...SOLICIT, longestSeconds: this.#solicitMaximum };
    this.#ask({ state: "soliciting", exchange: this.#exchange(rule, now, true), offers: [] }, now);
  }

  inform(now: number): void {
    const rule = { ...INFORMATION, longestSeconds: this.#informationMaximum };
    this.#ask({ state: "informing", exchange: this.#exchange(rule, now) }, now);
  }

  /** RFC 8415 §18.2.3, §18.2.12: prefixes are asked for with REBIND, at the pace of CONFIRM. */
  confirm(lease: Dhcp6Lease, now: number): void {
    const message = lease.prefixes.length > 0 ? "REBIND" : "CONFIRM";
    this.#ask({ state: "confirming", exchange: this.#exchange(CONFIRM, now), message, lease }, now);
  }

  extend(state: "renewing" | "rebinding", lease: Dhcp6Lease, now: number): void {
    const rule = state === "renewing" ? RENEW : REBIND;
    this.#ask({ state, exchange: this.#exchange(rule, now), lease }, now);
  }

  request(offer: Offer6, spare: readonly Offer6[], now: number): void {
    const exchange = this.#exchange(REQUEST, now);
    this.#ask({ state: "requesting", exchange, offer, spare, unbound: new Set() }, now);
  }

  /** RFC 8415 §18.2.10.1: of a part of the lease the server knows nothing, and may give it again. */
  requestAgain(offer: Offer6, lease: Dhcp6Lease, unbound: ReadonlySet<AssociationKind>, now: number): void {
    const exchange = this.#exchange(REQUEST, now);
    this.#ask({ state: "requesting", exchange, offer, spare: [], lease, unbound }, now);
  }

  /** RFC 8415 §18.2.8. @param lease without the address */
  decline(address: Ipv6Address, lease: Dhcp6Lease, now: number): void {
    this.#refusals++;
    const { serverDuid } = lease;
    this.#ask({ state: "declining", exchange: this.#exchange(DECLINE, now), address, serverDuid, lease }, now);
  }

  /** RFC 8415 §18.2.7 */
  release(released: Dhcp6Lease, now: number): void {
    this.#ask({ state: "releasing", exchange: this.#exchange(RELEASE, now), released }, now);
  }

  /** Ask the phase's question for the first time, or again. */
  repeat(phase: Asking, now: number): void {
    const { exchange } = phase;
    takeNote(exchange, now, this.#random());
    this.#out.send({
      ...questionOf(phase, this.#wish),
      transactionId: exchange.transactionId,
      elapsedSeconds: now - exchange.startSeconds,
    });
  }

  /** The best of what was advertised. @returns false: nothing was */
  takeOffer({ offers }: Extract<Phase6, { readonly state: "soliciting" }>, now: number): boolean {
    const [offer, ...spare] = offers.toSorted(byWorth);
    if (offer === undefined) return false;
    this.request(offer, spare, now);
    return true;
  }

  bind(lease: Dhcp6Lease, event: "bound" | "changed"): void {
    this.phase = { state: "bound", lease };
    this.#refusals = 0;
    this.wishFor(lease);
    this.#out.tell({ event, lease });
  }

  /** Nobody answers, or the answer is of no consequence. */
  giveUp(phase: Extract<Phase6, { readonly state: "requesting" | "declining" | "releasing" }>, now: number): void {
    switch (phase.state) {
      case "requesting": {
        const [offer, ...spare] = phase.spare;
        if (phase.lease !== undefined) this.extend("rebinding", phase.lease, now);
        else if (offer !== undefined) this.request(offer, spare, now);
        else this.solicit(now);
        return;
      }
      case "declining":
        this.#afterDecline(phase.lease, now);
        return;
      case "releasing":
        this.stop();
    }
  }

  /** One who refuses again and again does not make us flood the link. */
  beginAgain(now: number): void {
    this.#refusals++;
    this.#pause(now);
  }

  stop(): void {
    this.phase = { state: "stopped" };
    this.#out.tell({ event: "released" });
  }

  /** How long a server wants waits to be at most, when nobody answers. */
  heedMaxima(options: readonly Dhcp6Option[]): void {
    const told = (code: number): number | undefined => readNumber(options, code);
    this.#solicitMaximum = maximumOf(told(DHCP6_OPTION.solicitMaximum), this.#solicitMaximum);
    this.#informationMaximum = maximumOf(told(DHCP6_OPTION.informationMaximum), this.#informationMaximum);
  }

  /** What is left is kept, and another address is asked for along with its renewal. */
  #afterDecline(lease: Dhcp6Lease, now: number): void {
    if (lease.addresses.length + lease.prefixes.length > 0)
      this.extend(lease.rebindAt <= now ? "rebinding" : "renewing", lease, now);
    else this.#pause(now);
  }

  #pause(now: number): void {
    this.forgetWish();
    this.phase = { state: "waiting", at: now + restartWait(this.#refusals), next: "soliciting" };
  }

  #ask(phase: Asking, now: number): void {
    this.phase = phase;
    this.repeat(phase, now);
  }

  #exchange(rule: Retransmission, now: number, forward = false): Exchange6 {
    const transactionId = Math.floor(this.#random() * 2 ** 24);
    return { transactionId, startSeconds: now, rule, forward, attempts: 0, waitSeconds: undefined, nextSeconds: now };
  }
}
