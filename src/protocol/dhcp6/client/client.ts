/**
 * A DHCPv6 client without I/O (RFC 8415 §18.2): frames, the time and wishes in, frames and events out. It asks for an
 * address, a prefix, both in one dialogue, or, when nothing is wished for, for settings.
 *
 * SOLICITING → REQUESTING → BOUND → RENEWING → REBINDING, and CONFIRMING in the place of the first two for a client that
 * has a lease from before.
 *
 * Only what carries the transaction it has begun, its own identifier and a server's moves it; everything else is
 * reported as ignored and kept nowhere.
 */
import type { Ipv6Address } from "../../../base/address.ts";
import { equalBytes } from "../../../base/bytes.ts";
import type { StatusCode } from "../../../wire/dhcp6/assignment.ts";
import type { AssociationKind } from "../../../wire/dhcp6/association.ts";
import { DHCP6_OPTION, optionsOf } from "../../../wire/dhcp6/options.ts";
import { readNumber } from "../../../wire/dhcp6/settings.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { type Answer, faultOf, leaseOf, offerOf, readAnswer } from "./answer.ts";
import { decodeServerFrame, encodeClientFrame } from "./frames.ts";
import type { Dhcp6ClientConfig, Dhcp6ClientEvent, Dhcp6ClientInput, Dhcp6ClientOutput } from "./input-output.ts";
import { acceptableLeases, type Dhcp6Lease, endOfLease, firstEnd, settingsOf, withoutEnded } from "./lease.ts";
import { type ClientMessage, encodeClientMessage } from "./messages.ts";
import {
  type Asking,
  byWorth,
  deadlineOf,
  type Dhcp6ClientState,
  endOfExchange,
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
  LONGEST_FIRST_DELAY_SECONDS,
  maximumOf,
  REBIND,
  refreshSeconds,
  RELEASE,
  RENEW,
  REQUEST,
  restartWait,
  type Retransmission,
  SOLICIT,
} from "./timing.ts";

/** A server of this preference is taken at once (RFC 8415 §18.2.1). */
const HIGHEST_PREFERENCE = 255;
/** Advertisements that are kept beside the best, for when its server falls silent. */
const OFFER_LIMIT = 4;

type GrantPhase = Extract<
  Phase6,
  { readonly state: "soliciting" | "requesting" | "confirming" | "renewing" | "rebinding" }
>;

export class Dhcp6Client {
  readonly #config: Dhcp6ClientConfig;
  #phase: Phase6 = { state: "stopped" };
  /** Wished for in the next SOLICIT. */
  #wish: Wish6 = { addresses: [], prefixes: [] };
  /** Refusals and conflicts since the last lease. */
  #refusals = 0;
  #solicitMaximum = SOLICIT.longestSeconds;
  #informationMaximum = INFORMATION.longestSeconds;
  #frames: Uint8Array[] = [];
  #events: Dhcp6ClientEvent[] = [];

  /** @throws NetloomError bad-domain-name for a host name that is none */
  constructor(config: Dhcp6ClientConfig) {
    this.#config = config;
    encodeClientMessage({ type: "SOLICIT", transactionId: 0, elapsedSeconds: 0, ...this.#wish }, config);
  }

  get state(): Dhcp6ClientState {
    return this.#phase.state;
  }

  /**
   * Take one input. `now` in seconds of any clock that does not go back. What is overdue by then is done first, so a
   * lease that has ended is lost before anything else is looked at.
   *
   * Never throws, whatever a frame holds.
   */
  handle(input: Dhcp6ClientInput, now: number): Dhcp6ClientOutput {
    this.#frames = [];
    this.#events = [];
    this.#catchUp(now);
    switch (input.input) {
      case "start":
        this.#start(now);
        break;
      case "frame":
        this.#handleFrame(input.frame, input.checksumNotReady, now);
        // What was confirmed may have to be renewed by now.
        this.#catchUp(now);
        break;
      case "attached":
        this.#attach(now);
        break;
      case "conflict":
        this.#decline(input.address, now);
        break;
      case "release":
        this.#release(now);
        break;
      case "time":
    }
    return { frames: this.#frames, events: this.#events };
  }

  /** When `handle` wants to be called though nothing happens; undefined: never. */
  nextDeadline(): number | undefined {
    return deadlineOf(this.#phase);
  }

  #catchUp(now: number): void {
    for (let due = this.nextDeadline(); due !== undefined && due <= now; due = this.nextDeadline()) this.#onTime(now);
  }

  #start(now: number): void {
    if (this.#phase.state !== "stopped") return;
    const { wishes, random } = this.#config;
    const remembered = this.#remembered();
    if (remembered !== undefined) this.#wish = { addresses: remembered.addresses, prefixes: remembered.prefixes };
    const at = now + random() * LONGEST_FIRST_DELAY_SECONDS;
    if (!wishes.address && wishes.prefix === undefined) this.#phase = { state: "waiting", at, next: "informing" };
    else if (remembered === undefined || endOfLease(remembered) <= now)
      this.#phase = { state: "waiting", at, next: "soliciting" };
    // Who has an address already does not wait to use it: it may be renewed at any time.
    else this.#confirm(withoutEnded(remembered, now), now);
  }

  /** What is held is confirmed and stays meanwhile; what was asked for is asked for anew (RFC 8415 §18.2.12). */
  #attach(now: number): void {
    const phase = this.#phase;
    switch (phase.state) {
      case "bound":
      case "renewing":
      case "rebinding":
      case "confirming":
        this.#confirm(phase.lease, now);
        return;
      case "soliciting":
      case "requesting":
        if ("lease" in phase && phase.lease !== undefined) this.#confirm(phase.lease, now);
        else this.#solicit(now);
        return;
      case "informing":
      case "informed":
        this.#inform(now);
        return;
      case "stopped":
      case "waiting":
      case "declining":
      case "releasing":
    }
  }

  /** Only what is wished for now. */
  #remembered(): Dhcp6Lease | undefined {
    const { remembered, wishes } = this.#config;
    if (remembered === undefined) return undefined;
    const kept = {
      ...remembered,
      addresses: wishes.address ? remembered.addresses : [],
      prefixes: wishes.prefix === undefined ? [] : remembered.prefixes,
    };
    return kept.addresses.length + kept.prefixes.length === 0 ? undefined : kept;
  }

  /** What the deadline wants. */
  #onTime(now: number): void {
    const phase = this.#phase;
    if ("lease" in phase && phase.lease !== undefined && firstEnd(phase.lease) <= now) {
      this.#dropEnded(phase.lease, now);
      return;
    }
    switch (phase.state) {
      case "stopped":
        return;
      case "waiting":
        if (phase.next === "informing") this.#inform(now);
        else this.#solicit(now);
        return;
      case "informed":
        this.#inform(now);
        return;
      case "bound":
        this.#extend("renewing", phase.lease, now);
        return;
      case "renewing":
        if (phase.lease.rebindAt <= now) this.#extend("rebinding", phase.lease, now);
        else this.#repeat(phase, now);
        return;
      case "soliciting":
        if (!this.#takeOffer(phase, now)) this.#repeat(phase, now);
        return;
      case "confirming":
        if (endOfExchange(phase.exchange) <= now) this.#bind(phase.lease, "bound");
        else this.#repeat(phase, now);
        return;
      case "requesting":
      case "declining":
      case "releasing":
        if (phase.exchange.attempts < (phase.exchange.rule.attempts ?? Infinity)) this.#repeat(phase, now);
        else this.#giveUpAsking(phase, now);
        return;
      case "rebinding":
      case "informing":
        this.#repeat(phase, now);
    }
  }

  /** A part of the lease has reached its end, or all of it. */
  #dropEnded(lease: Dhcp6Lease, now: number): void {
    const phase = this.#phase;
    const left = withoutEnded(lease, now);
    if (left.addresses.length + left.prefixes.length === 0) {
      this.#events.push({ event: "lost", lease, reason: "ended" });
      // Who has been told to leave an address goes on telling so.
      if (phase.state === "declining") this.#phase = { ...phase, lease: left };
      else this.#solicit(now);
      return;
    }
    this.#phase = { ...phase, lease: left } as Phase6;
    if (phase.state !== "confirming") this.#events.push({ event: "changed", lease: left });
  }

  #exchange(rule: Retransmission, now: number, forward = false): Exchange6 {
    const transactionId = Math.floor(this.#config.random() * 2 ** 24);
    return { transactionId, startSeconds: now, rule, forward, attempts: 0, waitSeconds: undefined, nextSeconds: now };
  }

  #solicit(now: number): void {
    const rule = { ...SOLICIT, longestSeconds: this.#solicitMaximum };
    this.#ask({ state: "soliciting", exchange: this.#exchange(rule, now, true), offers: [] }, now);
  }

  #inform(now: number): void {
    const rule = { ...INFORMATION, longestSeconds: this.#informationMaximum };
    this.#ask({ state: "informing", exchange: this.#exchange(rule, now) }, now);
  }

  /** RFC 8415 §18.2.3, §18.2.12: prefixes are asked for with REBIND, at the pace of CONFIRM. */
  #confirm(lease: Dhcp6Lease, now: number): void {
    const message = lease.prefixes.length > 0 ? "REBIND" : "CONFIRM";
    this.#ask({ state: "confirming", exchange: this.#exchange(CONFIRM, now), message, lease }, now);
  }

  #extend(state: "renewing" | "rebinding", lease: Dhcp6Lease, now: number): void {
    const rule = state === "renewing" ? RENEW : REBIND;
    this.#ask({ state, exchange: this.#exchange(rule, now), lease }, now);
  }

  #ask(phase: Asking, now: number): void {
    this.#phase = phase;
    this.#repeat(phase, now);
  }

  /** Ask the phase's question for the first time, or again. */
  #repeat(phase: Asking, now: number): void {
    const { exchange } = phase;
    takeNote(exchange, now, this.#config.random());
    this.#send({
      ...questionOf(phase, this.#wish),
      transactionId: exchange.transactionId,
      elapsedSeconds: now - exchange.startSeconds,
    });
  }

  #send(message: ClientMessage): void {
    this.#frames.push(encodeClientFrame(encodeClientMessage(message, this.#config), this.#config));
    this.#events.push({ event: "sent", message: message.type });
  }

  #ignore(reason: string): void {
    this.#events.push({ event: "ignored", reason });
  }

  #refuse({ status, code, message }: StatusCode): void {
    this.#events.push({ event: "refused", status: status ?? String(code), message });
  }

  /** The best of what was advertised. @returns false: nothing was */
  #takeOffer({ offers }: Extract<Phase6, { readonly state: "soliciting" }>, now: number): boolean {
    const [offer, ...spare] = offers.toSorted(byWorth);
    if (offer === undefined) return false;
    this.#request(offer, spare, now);
    return true;
  }

  #request(offer: Offer6, spare: readonly Offer6[], now: number): void {
    const exchange = this.#exchange(REQUEST, now);
    this.#ask({ state: "requesting", exchange, offer, spare, unbound: new Set() }, now);
  }

  /** Nobody answers. */
  #giveUpAsking(
    phase: Extract<Phase6, { readonly state: "requesting" | "declining" | "releasing" }>,
    now: number,
  ): void {
    switch (phase.state) {
      case "requesting": {
        const [offer, ...spare] = phase.spare;
        if (phase.lease !== undefined) this.#extend("rebinding", phase.lease, now);
        else if (offer !== undefined) this.#request(offer, spare, now);
        else this.#solicit(now);
        return;
      }
      case "declining":
        this.#afterDecline(phase.lease, now);
        return;
      case "releasing":
        this.#phase = { state: "stopped" };
        this.#events.push({ event: "released" });
    }
  }

  #bind(lease: Dhcp6Lease, event: "bound" | "changed"): void {
    this.#phase = { state: "bound", lease };
    this.#refusals = 0;
    this.#wish = { addresses: lease.addresses, prefixes: lease.prefixes };
    this.#events.push({ event, lease });
  }

  /** One who refuses again and again does not make us flood the link. */
  #beginAgain(now: number): void {
    this.#refusals++;
    this.#wish = { addresses: [], prefixes: [] };
    this.#phase = { state: "waiting", at: now + restartWait(this.#refusals), next: "soliciting" };
  }

  /** RFC 8415 §18.2.8 */
  #decline(address: Ipv6Address, now: number): void {
    const phase = this.#phase;
    const lease = "lease" in phase ? phase.lease : undefined;
    if (lease === undefined || !lease.addresses.some((held) => held.address === address))
      return this.#ignore("a conflict for an address that is not held");
    const left = { ...lease, addresses: lease.addresses.filter((held) => held.address !== address) };
    this.#refusals++;
    this.#events.push({ event: "declined", address });
    if (left.addresses.length + left.prefixes.length === 0)
      this.#events.push({ event: "lost", lease, reason: "conflict" });
    else this.#events.push({ event: "changed", lease: left });
    const { serverDuid } = lease;
    this.#ask({ state: "declining", exchange: this.#exchange(DECLINE, now), address, serverDuid, lease: left }, now);
  }

  /** What is left is kept, and another address is asked for along with its renewal. */
  #afterDecline(lease: Dhcp6Lease, now: number): void {
    if (lease.addresses.length + lease.prefixes.length > 0)
      this.#extend(lease.rebindAt <= now ? "rebinding" : "renewing", lease, now);
    else {
      this.#wish = { addresses: [], prefixes: [] };
      this.#phase = { state: "waiting", at: now + restartWait(this.#refusals), next: "soliciting" };
    }
  }

  /** RFC 8415 §18.2.7. A lease from before that nobody confirmed yet is given back as well. */
  #release(now: number): void {
    const phase = this.#phase;
    const lease = "lease" in phase ? phase.lease : undefined;
    if (lease === undefined || lease.addresses.length + lease.prefixes.length === 0) {
      this.#phase = { state: "stopped" };
      this.#events.push({ event: "released" });
      return;
    }
    this.#events.push({ event: "lost", lease, reason: "released" });
    this.#ask({ state: "releasing", exchange: this.#exchange(RELEASE, now), released: lease }, now);
  }

  #handleFrame(frame: Uint8Array, checksumNotReady: boolean, now: number): void {
    const decoded = decodeServerFrame(frame, checksumNotReady, this.#config);
    if (decoded instanceof Malformed) return this.#ignore(decoded.reason);
    const phase = this.#phase;
    if (!("exchange" in phase)) return this.#ignore("nothing was asked");
    const answer = readAnswer(decoded, phase.exchange.transactionId, this.#config);
    if (answer instanceof Malformed) return this.#ignore(answer.reason);
    const told = (code: number): number | undefined => readNumber(answer.options, code);
    this.#solicitMaximum = maximumOf(told(DHCP6_OPTION.solicitMaximum), this.#solicitMaximum);
    this.#informationMaximum = maximumOf(told(DHCP6_OPTION.informationMaximum), this.#informationMaximum);
    if (answer.type === "ADVERTISE") this.#handleAdvertise(answer, phase, now);
    else this.#handleReply(answer, phase, now);
  }

  #handleAdvertise(answer: Answer, phase: Asking, now: number): void {
    if (phase.state !== "soliciting") return this.#ignore("no advertisement is wanted");
    const offer = offerOf(answer);
    if (offer === undefined) {
      this.#refuse(faultOf(answer));
      return this.#ignore("ADVERTISE: it offers nothing");
    }
    if (phase.offers.some(({ serverDuid }) => equalBytes(serverDuid, offer.serverDuid)))
      return this.#ignore("ADVERTISE: of that server there is one already");
    this.#events.push({ event: "advertised", server: offer.server, preference: offer.preference });
    phase.offers.push(offer);
    phase.offers.sort(byWorth);
    phase.offers.splice(OFFER_LIMIT);
    // The first wait is for all servers; afterwards whoever answers is good enough.
    if (offer.preference === HIGHEST_PREFERENCE) {
      const spare = phase.offers.filter((other) => other !== offer);
      this.#request(offer, spare, now);
    } else if (phase.exchange.attempts > 1) this.#takeOffer(phase, now);
  }

  #handleReply(answer: Answer, phase: Asking, now: number): void {
    switch (phase.state) {
      case "informing": {
        const refresh = refreshSeconds(readNumber(answer.options, DHCP6_OPTION.informationRefreshTime));
        this.#phase = { state: "informed", at: now + refresh };
        this.#events.push({ event: "informed", settings: settingsOf(answer.options), server: answer.source });
        return;
      }
      case "releasing":
      case "declining":
        this.#giveUpAsking(phase, now);
        return;
      case "soliciting":
        if (!this.#isRapid(answer)) return this.#ignore("REPLY before anything was requested");
        this.#handleGrant(answer, phase, now);
        return;
      case "requesting":
        if (!equalBytes(phase.offer.serverDuid, answer.serverDuid))
          return this.#ignore("REPLY: of another server than was chosen");
        this.#handleGrant(answer, phase, now);
        return;
      case "confirming":
        if (phase.message === "CONFIRM") this.#handleConfirmation(answer, phase, now);
        else this.#handleGrant(answer, phase, now);
        return;
      case "renewing":
        if (!equalBytes(phase.lease.serverDuid, answer.serverDuid))
          return this.#ignore("REPLY: of another server than was asked");
        this.#handleGrant(answer, phase, now);
        return;
      case "rebinding":
        this.#handleGrant(answer, phase, now);
    }
  }

  /** RFC 8415 §18.2.1 */
  #isRapid({ options }: Answer): boolean {
    return this.#config.rapidCommit === true && optionsOf(options, DHCP6_OPTION.rapidCommit).length > 0;
  }

  #handleConfirmation({ status }: Answer, { lease }: { readonly lease: Dhcp6Lease }, now: number): void {
    if (status.status === "success") return this.#bind(lease, "bound");
    if (status.status !== "notOnLink") return this.#ignore("REPLY: neither yes nor no");
    this.#refuse(status);
    this.#events.push({ event: "lost", lease, reason: "refused" });
    this.#wish = { addresses: [], prefixes: [] };
    this.#solicit(now);
  }

  #handleGrant(answer: Answer, phase: GrantPhase, now: number): void {
    const { status, assignments } = answer;
    // The server will do better later (RFC 8415 §18.2.10); it is asked by multicast already.
    if (status.status === undefined || status.status === "unspecifiedFailure" || status.status === "useMulticast") {
      this.#refuse(status);
      return;
    }
    const before = "lease" in phase ? phase.lease : undefined;
    const isAsked = phase.state === "requesting" || before === undefined;
    const unbound = new Set(
      assignments.filter((assignment) => assignment.status.status === "noBinding").map(({ kind }) => kind),
    );
    if (!isAsked && unbound.size > 0) return this.#requestUnbound(answer, before, unbound, now);
    const lost = phase.state === "requesting" ? phase.unbound : unbound;
    const held = {
      addresses: lost.has("address") ? [] : (before?.addresses ?? []),
      prefixes: lost.has("prefix") ? [] : (before?.prefixes ?? []),
    };
    const lease = leaseOf(answer, held, now);
    if (lease.addresses.length + lease.prefixes.length === 0) return this.#handleNothing(answer, phase, now);
    if (!isAsked && !assignments.some((assignment) => acceptableLeases(assignment).length > 0)) {
      this.#refuse(faultOf(answer));
      return this.#ignore("REPLY: it says nothing of what is held");
    }
    this.#bind(lease, before === undefined || phase.state === "confirming" ? "bound" : "changed");
  }

  /** RFC 8415 §18.2.10.1: the server knows nothing of it, and may give it again. */
  #requestUnbound(answer: Answer, lease: Dhcp6Lease, unbound: ReadonlySet<AssociationKind>, now: number): void {
    const { addresses, prefixes } = lease;
    const { serverDuid, source: server } = answer;
    const offer: Offer6 = { serverDuid, server, preference: 0, given: 0, addresses, prefixes };
    const exchange = this.#exchange(REQUEST, now);
    this.#refuse(faultOf(answer));
    this.#ask({ state: "requesting", exchange, offer, spare: [], lease, unbound }, now);
  }

  /** A reply that gives nothing, or takes back all. */
  #handleNothing(answer: Answer, phase: GrantPhase, now: number): void {
    this.#refuse(faultOf(answer));
    const lease = "lease" in phase ? phase.lease : undefined;
    if (lease !== undefined) this.#events.push({ event: "lost", lease, reason: "refused" });
    const [offer, ...spare] = phase.state === "requesting" ? phase.spare : [];
    if (offer !== undefined) this.#request(offer, spare, now);
    else this.#beginAgain(now);
  }
}
