/** What a server's answer makes of a DHCPv6 client's dialogue (RFC 8415 §18.2.9, §18.2.10). */
import { equalBytes } from "../../../base/bytes.ts";
import type { AssociationKind } from "../../../wire/dhcp6/association.ts";
import { DHCP6_OPTION, optionsOf } from "../../../wire/dhcp6/options.ts";
import { readNumber } from "../../../wire/dhcp6/settings.ts";
import { type Answer, faultOf, leaseOf, offerOf } from "./answer.ts";
import type { Dialogue6 } from "./dialogue.ts";
import { acceptableLeases, type Dhcp6Lease, settingsOf } from "./lease.ts";
import type { Outbox6 } from "./outbox.ts";
import { type Asking, byWorth, type Offer6, type Phase6 } from "./phase.ts";
import { refreshSeconds } from "./timing.ts";

/** A server of this preference is taken at once (RFC 8415 §18.2.1). */
const HIGHEST_PREFERENCE = 255;
/** Advertisements that are kept beside the best, for when its server falls silent. */
const OFFER_LIMIT = 4;

type GrantPhase = Extract<
  Phase6,
  { readonly state: "soliciting" | "requesting" | "confirming" | "renewing" | "rebinding" }
>;

/** Judges the answers to one client's questions. */
export class AnswerTaker {
  readonly #dialogue: Dialogue6;
  readonly #out: Outbox6;
  readonly #rapidCommit: boolean;

  /** @param rapidCommit whether a lease may come without an advertisement */
  constructor(dialogue: Dialogue6, out: Outbox6, rapidCommit: boolean) {
    this.#dialogue = dialogue;
    this.#out = out;
    this.#rapidCommit = rapidCommit;
  }

  /** @param phase whose question it answers */
  take(answer: Answer, phase: Asking, now: number): void {
    this.#dialogue.heedMaxima(answer.options);
    if (answer.type === "ADVERTISE") this.#takeAdvertise(answer, phase, now);
    else this.#takeReply(answer, phase, now);
  }

  #takeAdvertise(answer: Answer, phase: Asking, now: number): void {
    if (phase.state !== "soliciting") return this.#out.ignore("no advertisement is wanted");
    const offer = offerOf(answer);
    if (offer === undefined) {
      this.#out.refuse(faultOf(answer));
      return this.#out.ignore("ADVERTISE: it offers nothing");
    }
    if (phase.offers.some(({ serverDuid }) => equalBytes(serverDuid, offer.serverDuid)))
      return this.#out.ignore("ADVERTISE: of that server there is one already");
    this.#out.tell({ event: "advertised", server: offer.server, preference: offer.preference });
    phase.offers.push(offer);
    phase.offers.sort(byWorth);
    phase.offers.splice(OFFER_LIMIT);
    // The first wait is for all servers; afterwards whoever answers is good enough.
    if (offer.preference === HIGHEST_PREFERENCE) {
      const spare = phase.offers.filter((other) => other !== offer);
      this.#dialogue.request(offer, spare, now);
    } else if (phase.exchange.attempts > 1) this.#dialogue.takeOffer(phase, now);
  }

  #takeReply(answer: Answer, phase: Asking, now: number): void {
    switch (phase.state) {
      case "informing": {
        const refresh = refreshSeconds(readNumber(answer.options, DHCP6_OPTION.informationRefreshTime));
        this.#dialogue.phase = { state: "informed", at: now + refresh };
        this.#out.tell({ event: "informed", settings: settingsOf(answer.options), server: answer.source });
        return;
      }
      case "releasing":
      case "declining":
        this.#dialogue.giveUp(phase, now);
        return;
      case "soliciting":
        if (!this.#isRapid(answer)) return this.#out.ignore("REPLY before anything was requested");
        this.#takeGrant(answer, phase, now);
        return;
      case "requesting":
        if (!equalBytes(phase.offer.serverDuid, answer.serverDuid))
          return this.#out.ignore("REPLY: of another server than was chosen");
        this.#takeGrant(answer, phase, now);
        return;
      case "confirming":
        if (phase.message === "CONFIRM") this.#takeConfirmation(answer, phase, now);
        else this.#takeGrant(answer, phase, now);
        return;
      case "renewing":
        if (!equalBytes(phase.lease.serverDuid, answer.serverDuid))
          return this.#out.ignore("REPLY: of another server than was asked");
        this.#takeGrant(answer, phase, now);
        return;
      case "rebinding":
        this.#takeGrant(answer, phase, now);
    }
  }

  /** RFC 8415 §18.2.1 */
  #isRapid({ options }: Answer): boolean {
    return this.#rapidCommit && optionsOf(options, DHCP6_OPTION.rapidCommit).length > 0;
  }

  #takeConfirmation({ status }: Answer, { lease }: { readonly lease: Dhcp6Lease }, now: number): void {
    if (status.status === "success") return this.#dialogue.bind(lease, "bound");
    if (status.status !== "notOnLink") return this.#out.ignore("REPLY: neither yes nor no");
    this.#out.refuse(status);
    this.#out.tell({ event: "lost", lease, reason: "refused" });
    this.#dialogue.forgetWish();
    this.#dialogue.solicit(now);
  }

  #takeGrant(answer: Answer, phase: GrantPhase, now: number): void {
    const { status, assignments } = answer;
    // The server will do better later (RFC 8415 §18.2.10); it is asked by multicast already.
    if (status.status === undefined || status.status === "unspecifiedFailure" || status.status === "useMulticast") {
      this.#out.refuse(status);
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
    if (lease.addresses.length + lease.prefixes.length === 0) return this.#takeNothing(answer, phase, now);
    if (!isAsked && !assignments.some((assignment) => acceptableLeases(assignment).length > 0)) {
      this.#out.refuse(faultOf(answer));
      return this.#out.ignore("REPLY: it says nothing of what is held");
    }
    this.#dialogue.bind(lease, before === undefined || phase.state === "confirming" ? "bound" : "changed");
  }

  /** RFC 8415 §18.2.10.1: the server knows nothing of it, and may give it again. */
  #requestUnbound(answer: Answer, lease: Dhcp6Lease, unbound: ReadonlySet<AssociationKind>, now: number): void {
    const { addresses, prefixes } = lease;
    const { serverDuid, source: server } = answer;
    const offer: Offer6 = { serverDuid, server, preference: 0, given: 0, addresses, prefixes };
    this.#out.refuse(faultOf(answer));
    this.#dialogue.requestAgain(offer, lease, unbound, now);
  }

  /** A reply that gives nothing, or takes back all. */
  #takeNothing(answer: Answer, phase: GrantPhase, now: number): void {
    this.#out.refuse(faultOf(answer));
    const lease = "lease" in phase ? phase.lease : undefined;
    if (lease !== undefined) this.#out.tell({ event: "lost", lease, reason: "refused" });
    const [offer, ...spare] = phase.state === "requesting" ? phase.spare : [];
    if (offer !== undefined) this.#dialogue.request(offer, spare, now);
    else this.#dialogue.beginAgain(now);
  }
}
