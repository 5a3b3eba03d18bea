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
import { Malformed } from "../../../wire/malformed.ts";
import { readAnswer } from "./answer.ts";
import { AnswerTaker } from "./answer-taker.ts";
import { Dialogue6 } from "./dialogue.ts";
import { decodeServerFrame } from "./frames.ts";
import type { Dhcp6ClientConfig, Dhcp6ClientInput, Dhcp6ClientOutput } from "./input-output.ts";
import { type Dhcp6Lease, endOfLease, firstEnd, withoutEnded } from "./lease.ts";
import { encodeClientMessage } from "./messages.ts";
import { Outbox6 } from "./outbox.ts";
import { deadlineOf, type Dhcp6ClientState, endOfExchange, type Phase6 } from "./phase.ts";
import { LONGEST_FIRST_DELAY_SECONDS } from "./timing.ts";

export class Dhcp6Client {
  readonly #config: Dhcp6ClientConfig;
  readonly #out: Outbox6;
  readonly #dialogue: Dialogue6;
  readonly #answers: AnswerTaker;

  /** @throws NetloomError bad-domain-name for a host name that is none */
  constructor(config: Dhcp6ClientConfig) {
    this.#config = config;
    this.#out = new Outbox6(config);
    this.#dialogue = new Dialogue6(this.#out, config.random);
    this.#answers = new AnswerTaker(this.#dialogue, this.#out, config.rapidCommit === true);
    encodeClientMessage({ type: "SOLICIT", transactionId: 0, elapsedSeconds: 0, addresses: [], prefixes: [] }, config);
  }

  get state(): Dhcp6ClientState {
    return this.#dialogue.phase.state;
  }

  /**
   * Take one input. `now` in seconds of any clock that does not go back. What is overdue by then is done first, so a
   * lease that has ended is lost before anything else is looked at.
   *
   * Never throws, whatever a frame holds.
   */
  handle(input: Dhcp6ClientInput, now: number): Dhcp6ClientOutput {
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
    return this.#out.take();
  }

  /** When `handle` wants to be called though nothing happens; undefined: never. */
  nextDeadline(): number | undefined {
    return deadlineOf(this.#dialogue.phase);
  }

  #catchUp(now: number): void {
    for (let due = this.nextDeadline(); due !== undefined && due <= now; due = this.nextDeadline()) this.#onTime(now);
  }

  #start(now: number): void {
    if (this.#dialogue.phase.state !== "stopped") return;
    const { wishes, random } = this.#config;
    const remembered = this.#remembered();
    if (remembered !== undefined) this.#dialogue.wishFor(remembered);
    const at = now + random() * LONGEST_FIRST_DELAY_SECONDS;
    if (!wishes.address && wishes.prefix === undefined)
      this.#dialogue.phase = { state: "waiting", at, next: "informing" };
    else if (remembered === undefined || endOfLease(remembered) <= now)
      this.#dialogue.phase = { state: "waiting", at, next: "soliciting" };
    // Who has an address already does not wait to use it: it may be renewed at any time.
    else this.#dialogue.confirm(withoutEnded(remembered, now), now);
  }

  /** What is held is confirmed and stays meanwhile; what was asked for is asked for anew (RFC 8415 §18.2.12). */
  #attach(now: number): void {
    const phase = this.#dialogue.phase;
    switch (phase.state) {
      case "bound":
      case "renewing":
      case "rebinding":
      case "confirming":
        this.#dialogue.confirm(phase.lease, now);
        return;
      case "soliciting":
      case "requesting":
        if ("lease" in phase && phase.lease !== undefined) this.#dialogue.confirm(phase.lease, now);
        else this.#dialogue.solicit(now);
        return;
      case "informing":
      case "informed":
        this.#dialogue.inform(now);
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
    const phase = this.#dialogue.phase;
    if ("lease" in phase && phase.lease !== undefined && firstEnd(phase.lease) <= now) {
      this.#dropEnded(phase.lease, now);
      return;
    }
    switch (phase.state) {
      case "stopped":
        return;
      case "waiting":
        if (phase.next === "informing") this.#dialogue.inform(now);
        else this.#dialogue.solicit(now);
        return;
      case "informed":
        this.#dialogue.inform(now);
        return;
      case "bound":
        this.#dialogue.extend("renewing", phase.lease, now);
        return;
      case "renewing":
        if (phase.lease.rebindAt <= now) this.#dialogue.extend("rebinding", phase.lease, now);
        else this.#dialogue.repeat(phase, now);
        return;
      case "soliciting":
        if (!this.#dialogue.takeOffer(phase, now)) this.#dialogue.repeat(phase, now);
        return;
      case "confirming":
        if (endOfExchange(phase.exchange) <= now) this.#dialogue.bind(phase.lease, "bound");
        else this.#dialogue.repeat(phase, now);
        return;
      case "requesting":
      case "declining":
      case "releasing":
        if (phase.exchange.attempts < (phase.exchange.rule.attempts ?? Infinity)) this.#dialogue.repeat(phase, now);
        else this.#dialogue.giveUp(phase, now);
        return;
      case "rebinding":
      case "informing":
        this.#dialogue.repeat(phase, now);
    }
  }

  /** A part of the lease has reached its end, or all of it. */
  #dropEnded(lease: Dhcp6Lease, now: number): void {
    const phase = this.#dialogue.phase;
    const left = withoutEnded(lease, now);
    if (left.addresses.length + left.prefixes.length === 0) {
      this.#out.tell({ event: "lost", lease, reason: "ended" });
      // Who has been told to leave an address goes on telling so.
      if (phase.state === "declining") this.#dialogue.phase = { ...phase, lease: left };
      else this.#dialogue.solicit(now);
      return;
    }
    this.#dialogue.phase = { ...phase, lease: left } as Phase6;
    if (phase.state !== "confirming") this.#out.tell({ event: "changed", lease: left });
  }

  /** RFC 8415 §18.2.8 */
  #decline(address: Ipv6Address, now: number): void {
    const { lease } = this.#dialogue;
    if (lease === undefined || !lease.addresses.some((held) => held.address === address))
      return this.#out.ignore("a conflict for an address that is not held");
    const left = { ...lease, addresses: lease.addresses.filter((held) => held.address !== address) };
    this.#out.tell({ event: "declined", address });
    if (left.addresses.length + left.prefixes.length === 0)
      this.#out.tell({ event: "lost", lease, reason: "conflict" });
    else this.#out.tell({ event: "changed", lease: left });
    this.#dialogue.decline(address, left, now);
  }

  /** RFC 8415 §18.2.7. A lease from before that nobody confirmed yet is given back as well. */
  #release(now: number): void {
    const { lease } = this.#dialogue;
    if (lease === undefined || lease.addresses.length + lease.prefixes.length === 0) return this.#dialogue.stop();
    this.#out.tell({ event: "lost", lease, reason: "released" });
    this.#dialogue.release(lease, now);
  }

  #handleFrame(frame: Uint8Array, checksumNotReady: boolean, now: number): void {
    const decoded = decodeServerFrame(frame, checksumNotReady, this.#config);
    if (decoded instanceof Malformed) return this.#out.ignore(decoded.reason);
    const phase = this.#dialogue.phase;
    if (!("exchange" in phase)) return this.#out.ignore("nothing was asked");
    const answer = readAnswer(decoded, phase.exchange.transactionId, this.#config);
    if (answer instanceof Malformed) return this.#out.ignore(answer.reason);
    this.#answers.take(answer, phase, now);
  }
}
