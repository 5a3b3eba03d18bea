/**
 * A DHCPv4 client without I/O (RFC 2131 §4.4): frames, the time and wishes in, frames and events out.
 *
 * INIT → SELECTING → REQUESTING → CHECKING → BOUND → RENEWING → REBINDING, and REBOOTING in the place of the first two
 * for a client that knows its address. CHECKING is ours: the address is probed for by ARP before anybody uses it. So is
 * CONFIRMING: REBOOTING with an address that is in use meanwhile, after the link was gone. IPV6-ONLY: the network does
 * without IPv4 (RFC 8925), and nothing is asked for a while.
 *
 * It works on whole Ethernet frames, as a client without an address must. Only what carries the transaction it has
 * begun, its own hardware address and a server's usable answer moves it; everything else is reported as ignored and
 * kept nowhere.
 */
import type { Ipv4Address, MacAddress } from "../../../base/address.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import { decodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { notForUs, rivalFor } from "./answers.ts";
import { decodeReplyFrame, TO_ALL } from "./frames.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientInput, Dhcp4ClientOutput } from "./input-output.ts";
import { type Dhcp4Lease, ipv6OnlySeconds, readLease } from "./lease.ts";
import { encodeRequest } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import {
  addressOf,
  type Asking,
  deadlineOf,
  type Dhcp4ClientState,
  type Exchange,
  type Held,
  hold,
  type LeaseSource,
  questionOf,
  type Phase,
  toServer,
} from "./phase.ts";
import { answerWait, extensionRetry, restartWait } from "./timing.ts";

/** REQUESTs for an offer; with the waits between them a minute (RFC 2131 §4.4.5, §3.1). */
const REQUEST_ATTEMPTS = 4;
/** REQUESTs for a remembered address: twelve seconds, then it is asked for as if it were unknown. */
const REBOOT_ATTEMPTS = 2;
/** Offers that are kept beside the chosen one, for when its server falls silent. */
const SPARE_OFFERS = 3;
/** RFC 2131 §3.1: the shortest wait after a DECLINE. */
const DECLINE_WAIT_SECONDS = 10;
/** RFC 2131 §2.2 asks for a check, RFC 5227 for one of seven seconds; who is there answers in milliseconds. */
const PROBES = 3;
const PROBE_SECONDS = 0.2;

export class Dhcp4Client {
  readonly #config: Dhcp4ClientConfig;
  #phase: Phase = { state: "stopped" };
  /** A lease from before that nobody has confirmed or refused yet. */
  #unconfirmed: LeaseSource | undefined;
  /** Wished for in the next DISCOVER. */
  #wish: Ipv4Address | undefined;
  /** NAKs and conflicts since the last lease. */
  #refusals = 0;
  /** When the client began to look for a lease: what `secs` counts from. */
  #beganAt = 0;
  readonly #out: Outbox;

  /** @throws NetloomError bad-option when host name or client identifier cannot be put into an option */
  constructor(config: Dhcp4ClientConfig) {
    this.#config = config;
    this.#out = new Outbox(config);
    const { remembered } = config;
    if (remembered?.leaseEnded === false && remembered.from !== undefined)
      this.#unconfirmed = { address: remembered.address, ...remembered.from };
    encodeRequest({ type: "DISCOVER", transactionId: 0, elapsedSeconds: 0 }, config);
  }

  get state(): Dhcp4ClientState {
    return this.#phase.state;
  }

  /**
   * Take one input. `now` in seconds of any clock that does not go back. What is overdue by then is done first, so a
   * lease that has ended is lost before anything else is looked at.
   *
   * Never throws, whatever a frame holds.
   */
  handle(input: Dhcp4ClientInput, now: number): Dhcp4ClientOutput {
    this.#catchUp(now);
    switch (input.input) {
      case "start":
        this.#start(now);
        break;
      case "frame":
        this.#handleFrame(input.frame, input.checksumNotReady, now);
        break;
      case "attached":
        this.#attach(now);
        break;
      case "release":
        this.#release();
        break;
      case "time":
    }
    // An answer to a repeated question may be so late that the lease is to be renewed at once.
    this.#catchUp(now);
    return this.#out.take();
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
    const { remembered } = this.#config;
    this.#wish = remembered?.address;
    this.#beganAt = now;
    if (remembered === undefined || remembered.leaseEnded) this.#discover(now);
    else this.#reboot(remembered.address, now);
  }

  #reboot(address: Ipv4Address, now: number): void {
    this.#phase = { state: "rebooting", exchange: this.#exchange(now), address };
    this.#repeat(this.#phase, now);
  }

  /** It may be another network: what is held or wished for is asked for at once (RFC 2131 §3.2, §3.7). */
  #attach(now: number): void {
    const phase = this.#phase;
    if (phase.state === "stopped") return;
    this.#beganAt = now;
    switch (phase.state) {
      case "bound":
      case "renewing":
      case "rebinding":
      case "confirming":
        this.#phase = { state: "confirming", held: phase.held, exchange: this.#exchange(now) };
        this.#repeat(this.#phase, now);
        return;
      case "checking":
        this.#reboot(phase.held.lease.address, now);
        return;
      case "rebooting":
        this.#reboot(phase.address, now);
        return;
      default:
        this.#discover(now);
    }
  }

  /** What the deadline wants. */
  #onTime(now: number): void {
    const phase = this.#phase;
    switch (phase.state) {
      case "stopped":
        return;
      case "init":
      case "ipv6-only":
        this.#discover(now);
        return;
      case "rebooting":
        if (phase.exchange.attempts < REBOOT_ATTEMPTS) this.#repeat(phase, now);
        else this.#discover(now);
        return;
      case "selecting":
        this.#repeat(phase, now);
        return;
      case "requesting":
        if (phase.exchange.attempts < REQUEST_ATTEMPTS) this.#repeat(phase, now);
        else this.#takeSpare(phase, now);
        return;
      case "confirming":
        if (phase.held.endAt <= now) this.#extend(phase.held, now);
        else if (phase.exchange.attempts < REBOOT_ATTEMPTS) this.#repeat(phase, now);
        // RFC 2131 §3.2: it may be used for what is left of the lease.
        else this.#phase = { state: "bound", held: phase.held };
        return;
      case "checking":
        if (phase.held.endAt <= now) this.#discover(now);
        else if (phase.probes < PROBES) this.#probe(phase, now);
        else this.#bind(phase.held);
        return;
      case "bound":
      case "renewing":
      case "rebinding":
        this.#extend(phase.held, now);
    }
  }

  #discover(now: number): void {
    this.#phase = { state: "selecting", exchange: this.#exchange(now) };
    this.#repeat(this.#phase, now);
  }

  #beginAgain(waitSeconds: number, now: number): void {
    this.#unconfirmed = undefined;
    this.#beganAt = now + waitSeconds;
    if (waitSeconds > 0) this.#phase = { state: "init", at: now + waitSeconds };
    else this.#discover(now);
  }

  #exchange(now: number): Exchange {
    return { transactionId: this.#out.transactionId(), startSeconds: now, attempts: 0, nextSeconds: now };
  }

  /** Ask the phase's question for the first time, or again. */
  #repeat(phase: Asking, now: number): void {
    const { exchange } = phase;
    exchange.attempts++;
    exchange.nextSeconds = now + answerWait(exchange.attempts, this.#config.random());
    this.#out.send(questionOf(phase, now - this.#beganAt, this.#wish));
  }

  /** The chosen server does not answer: the next one that offered something is asked. */
  #takeSpare(phase: Extract<Phase, { readonly state: "requesting" }>, now: number): void {
    const [offer, ...spare] = phase.spare;
    if (offer === undefined) this.#discover(now);
    else this.#request(phase.exchange, offer, spare, phase.elapsedSeconds, now);
  }

  /** RFC 2131 table 5: in the transaction of the offer. */
  #request(asked: Exchange, offer: Dhcp4Lease, spare: Dhcp4Lease[], elapsedSeconds: number, now: number): void {
    const exchange = { ...asked, startSeconds: now, attempts: 0, nextSeconds: now };
    this.#phase = { state: "requesting", exchange, offer, spare, elapsedSeconds };
    this.#repeat(this.#phase, now);
  }

  #probe(phase: Extract<Phase, { readonly state: "checking" }>, now: number): void {
    phase.probes++;
    phase.nextSeconds = now + PROBE_SECONDS;
    this.#out.probe(phase.held.lease.address);
  }

  #bind(held: Held): void {
    this.#phase = { state: "bound", held };
    this.#refusals = 0;
    this.#unconfirmed = undefined;
    this.#wish = held.lease.address;
    this.#out.announce(held.lease.address);
    this.#out.tell({ event: "bound", lease: held.lease, endSeconds: held.endAt });
  }

  /** T1, T2, the end, or a repetition in between. */
  #extend(held: Held, now: number): void {
    const { lease } = held;
    if (held.endAt <= now) {
      this.#out.tell({ event: "lost", address: lease.address, reason: "ended" });
      this.#beginAgain(0, now);
      return;
    }
    const rebinding = held.rebindAt <= now;
    const state = rebinding ? "rebinding" : "renewing";
    // A transaction of its own each time: an answer then tells from when its lease counts.
    const exchange = this.#exchange(now);
    exchange.nextSeconds = extensionRetry(now, rebinding ? held.endAt : held.rebindAt);
    this.#phase = { state, held, exchange };
    this.#out.send(
      {
        type: "REQUEST",
        transactionId: exchange.transactionId,
        elapsedSeconds: now - held.renewAt,
        clientAddress: lease.address,
      },
      rebinding ? { ...TO_ALL, source: lease.address } : toServer(lease),
    );
  }

  #release(): void {
    const phase = this.#phase;
    this.#phase = { state: "stopped" };
    const lease = "held" in phase ? phase.held.lease : this.#unconfirmed;
    this.#unconfirmed = undefined;
    if (lease === undefined) return;
    this.#out.release(lease);
    if ("held" in phase && phase.state !== "checking")
      this.#out.tell({ event: "lost", address: lease.address, reason: "released" });
  }

  #handleFrame(frame: Uint8Array, checksumNotReady: boolean, now: number): void {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return this.#out.ignore(ethernet.reason);
    if (ethernet.etherType === ETHERTYPE_ARP) return this.#handleArp(ethernet, now);
    if (ethernet.etherType !== ETHERTYPE_IPV4) return this.#out.ignore("neither IPv4 nor ARP");
    const message = decodeReplyFrame(ethernet, checksumNotReady);
    if (message instanceof Malformed) return this.#out.ignore(message.reason);
    const phase = this.#phase;
    if (!("exchange" in phase)) return this.#out.ignore("nothing was asked");
    const fault = notForUs(message, phase.exchange.transactionId, this.#config);
    if (fault !== undefined) return this.#out.ignore(fault);
    switch (readOption(message.options, DHCP4_OPTION.messageType)) {
      case "OFFER":
        return this.#handleOffer(message, ethernet.source, now);
      case "ACK":
        return this.#handleAck(message, ethernet.source, now);
      case "NAK":
        return this.#handleNak(message, now);
      default:
        return this.#out.ignore("not a server's message");
    }
  }

  #handleOffer(message: Dhcp4Message, source: MacAddress, now: number): void {
    const phase = this.#phase;
    if (phase.state !== "selecting" && phase.state !== "requesting") return this.#out.ignore("no offer is wanted");
    const pause = this.#ipv6OnlyPause(message);
    if (pause !== undefined) {
      if (phase.state === "selecting") return this.#forgoIpv4(pause, now);
      return this.#out.ignore("another offer was chosen");
    }
    const offer = readLease(message, source);
    if (offer instanceof Malformed) return this.#out.ignore(`OFFER: ${offer.reason}`);
    if (phase.state === "requesting") {
      const known = [phase.offer, ...phase.spare].some(({ server }) => server === offer.server);
      if (known || phase.spare.length >= SPARE_OFFERS) return this.#out.ignore("another offer was chosen");
      phase.spare.push(offer);
      return this.#out.ignore("another offer was chosen; this one is kept");
    }
    this.#out.tell({ event: "offered", address: offer.address, server: offer.server });
    this.#request(phase.exchange, offer, [], now - this.#beganAt, now);
  }

  #handleAck(message: Dhcp4Message, source: MacAddress, now: number): void {
    const phase = this.#phase;
    if (!("exchange" in phase) || (phase.state === "selecting" && !this.#isRapid(message)))
      return this.#out.ignore("ACK before anything was requested");
    const lease = readLease(message, source);
    if (lease instanceof Malformed) return this.#out.ignore(`ACK: ${lease.reason}`);
    if (phase.state !== "selecting" && lease.address !== addressOf(phase))
      return this.#out.ignore("ACK: another address than was requested");
    if (phase.state === "requesting" && lease.server !== phase.offer.server)
      return this.#out.ignore("ACK: another server than was chosen");
    const pause = this.#ipv6OnlyPause(message);
    // One who has chosen or extends a lease goes on with it (RFC 8925 §3.2).
    if (pause !== undefined && ["rebooting", "confirming", "selecting"].includes(phase.state)) {
      this.#out.release(lease);
      if ("held" in phase) this.#out.tell({ event: "lost", address: lease.address, reason: "ipv6-only" });
      return this.#forgoIpv4(pause, now);
    }
    const held = hold(lease, phase.exchange.startSeconds, this.#config.random());
    if (held.endAt <= now) return this.#out.ignore("ACK: the lease has ended already");
    if (phase.state === "renewing" || phase.state === "rebinding" || phase.state === "confirming") {
      if (phase.state === "confirming") this.#out.announce(lease.address);
      this.#phase = { state: "bound", held };
      this.#out.tell({ event: "extended", lease, endSeconds: held.endAt });
      return;
    }
    this.#phase = { state: "checking", held, probes: 0, nextSeconds: now };
    this.#probe(this.#phase, now);
  }

  /** RFC 4039 §3.1: the answer to a DISCOVER that said so. */
  #isRapid({ options }: Dhcp4Message): boolean {
    return this.#config.rapidCommit === true && readOption(options, DHCP4_OPTION.rapidCommit) === true;
  }

  #ipv6OnlyPause({ options }: Dhcp4Message): number | undefined {
    return this.#config.ipv6OnlyOk === true ? ipv6OnlySeconds(options) : undefined;
  }

  #forgoIpv4(seconds: number, now: number): void {
    this.#phase = { state: "ipv6-only", until: now + seconds };
    this.#beganAt = now + seconds;
    this.#unconfirmed = undefined;
    this.#wish = undefined;
    this.#out.tell({ event: "ipv6-only", untilSeconds: now + seconds });
  }

  #handleNak(message: Dhcp4Message, now: number): void {
    const phase = this.#phase;
    if (!("exchange" in phase) || phase.state === "selecting")
      return this.#out.ignore("NAK before anything was requested");
    const server = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    const expected = phase.state === "requesting" ? phase.offer.server : undefined;
    if (server === undefined || (expected !== undefined && server !== expected))
      return this.#out.ignore("NAK: not by the server that was asked");
    const text = readOption(message.options, DHCP4_OPTION.message);
    this.#out.tell({ event: "refused", server, ...(text === undefined ? {} : { message: text }) });
    if ("held" in phase) this.#out.tell({ event: "lost", address: phase.held.lease.address, reason: "refused" });
    this.#wish = undefined;
    this.#refusals++;
    // One who refuses again and again does not make us flood the link.
    this.#beginAgain(restartWait(this.#refusals), now);
  }

  /** RFC 5227 §2.1.1: somebody who uses the address, or who probes for it at the same time. */
  #handleArp(ethernet: EthernetFrame, now: number): void {
    const phase = this.#phase;
    if (phase.state !== "checking") return this.#out.ignore("ARP while no address is checked");
    const { address } = phase.held.lease;
    const rival = rivalFor(address, this.#config.mac, ethernet);
    if (rival instanceof Malformed) return this.#out.ignore(rival.reason);
    this.#out.tell({ event: "conflict", address, macAddress: rival });
    this.#out.decline(phase.held.lease);
    this.#wish = undefined;
    this.#refusals++;
    this.#beginAgain(Math.max(DECLINE_WAIT_SECONDS, restartWait(this.#refusals)), now);
  }
}
