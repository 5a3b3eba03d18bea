/**
 * A DHCPv4 client without I/O (RFC 2131 §4.4): frames, the time and wishes in, frames and events out.
 *
 * INIT → SELECTING → REQUESTING → CHECKING → BOUND → RENEWING → REBINDING, and REBOOTING in the place of the first two
 * for a client that knows its address. CHECKING is ours: the address is probed for by ARP before anybody uses it.
 *
 * It works on whole Ethernet frames, as a client without an address must. Only what carries the transaction it has
 * begun, its own hardware address and a server's usable answer moves it; everything else is reported as ignored and
 * kept nowhere.
 */
import { type Ipv4Address, IPV4_ANY, type MacAddress, macToBytes } from "../../../base/address.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { decodeArp } from "../../../wire/arp.ts";
import { type Dhcp4Message, HARDWARE_ETHERNET } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import { decodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { Malformed } from "../../../wire/malformed.ts";
import {
  decodeReplyFrame,
  type Destination,
  encodeAnnouncement,
  encodeProbe,
  encodeRequestFrame,
  TO_ALL,
} from "./frames.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientEvent, Dhcp4ClientInput, Dhcp4ClientOutput } from "./input-output.ts";
import { type Dhcp4Lease, readLease } from "./lease.ts";
import { type ClientRequest, encodeRequest, identifierBytes } from "./messages.ts";
import {
  addressOf,
  deadlineOf,
  type Dhcp4ClientState,
  type Exchange,
  type Held,
  hold,
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
  readonly #macBytes: Uint8Array;
  readonly #identifier: Uint8Array;
  #phase: Phase = { state: "stopped" };
  /** Wished for in the next DISCOVER. */
  #wish: Ipv4Address | undefined;
  /** NAKs and conflicts since the last lease. */
  #refusals = 0;
  /** When the client began to look for a lease: what `secs` counts from. */
  #beganAt = 0;
  #frames: Uint8Array[] = [];
  #events: Dhcp4ClientEvent[] = [];

  /** @throws NetloomError bad-option when host name or client identifier cannot be put into an option */
  constructor(config: Dhcp4ClientConfig) {
    this.#config = config;
    this.#macBytes = macToBytes(config.mac);
    this.#identifier = identifierBytes(config);
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
    this.#frames = [];
    this.#events = [];
    while (this.#isDue(now)) this.#onTime(now);
    switch (input.input) {
      case "start":
        this.#start(now);
        break;
      case "frame":
        this.#handleFrame(input.frame, input.checksumNotReady, now);
        break;
      case "release":
        this.#release();
        break;
      case "time":
    }
    return { frames: this.#frames, events: this.#events };
  }

  /** When `handle` wants to be called though nothing happens; undefined: never. */
  nextDeadline(): number | undefined {
    return deadlineOf(this.#phase);
  }

  #isDue(now: number): boolean {
    const deadline = this.nextDeadline();
    return deadline !== undefined && deadline <= now;
  }

  #start(now: number): void {
    if (this.#phase.state !== "stopped") return;
    const { remembered } = this.#config;
    this.#wish = remembered?.address;
    this.#beganAt = now;
    if (remembered === undefined || remembered.leaseEnded) this.#discover(now);
    else {
      this.#phase = { state: "rebooting", exchange: this.#exchange(now), address: remembered.address };
      this.#repeat(this.#phase, now);
    }
  }

  /** What the deadline wants. */
  #onTime(now: number): void {
    const phase = this.#phase;
    switch (phase.state) {
      case "stopped":
        return;
      case "init":
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
    this.#beganAt = now + waitSeconds;
    if (waitSeconds > 0) this.#phase = { state: "init", at: now + waitSeconds };
    else this.#discover(now);
  }

  #exchange(now: number): Exchange {
    const transactionId = Math.floor(this.#config.random() * 2 ** 32);
    return { transactionId, startSeconds: now, attempts: 0, nextSeconds: now };
  }

  /** Ask the phase's question for the first time, or again. */
  #repeat(phase: Extract<Phase, { readonly state: "rebooting" | "selecting" | "requesting" }>, now: number): void {
    const { exchange } = phase;
    exchange.attempts++;
    exchange.nextSeconds = now + answerWait(exchange.attempts, this.#config.random());
    const { transactionId } = exchange;
    const elapsedSeconds = now - this.#beganAt;
    switch (phase.state) {
      case "selecting":
        this.#send({
          type: "DISCOVER",
          transactionId,
          elapsedSeconds,
          ...(this.#wish === undefined ? {} : { requestedAddress: this.#wish }),
        });
        return;
      case "rebooting":
        this.#send({ type: "REQUEST", transactionId, elapsedSeconds, requestedAddress: phase.address });
        return;
      case "requesting":
        this.#send({
          type: "REQUEST",
          transactionId,
          // RFC 2131 §3.1: the value of the DISCOVER, so that relays treat both alike.
          elapsedSeconds: phase.elapsedSeconds,
          requestedAddress: phase.offer.address,
          server: phase.offer.server,
        });
    }
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
    this.#frames.push(encodeProbe(this.#config.mac, phase.held.lease.address));
  }

  #bind(held: Held): void {
    this.#phase = { state: "bound", held };
    this.#refusals = 0;
    this.#wish = held.lease.address;
    if (this.#config.announce !== false) this.#frames.push(encodeAnnouncement(this.#config.mac, held.lease.address));
    this.#events.push({ event: "bound", lease: held.lease, endSeconds: held.endAt });
  }

  /** T1, T2, the end, or a repetition in between. */
  #extend(held: Held, now: number): void {
    const { lease } = held;
    if (held.endAt <= now) {
      this.#events.push({ event: "lost", address: lease.address, reason: "ended" });
      this.#beginAgain(0, now);
      return;
    }
    const rebinding = held.rebindAt <= now;
    const state = rebinding ? "rebinding" : "renewing";
    // A transaction of its own each time: an answer then tells from when its lease counts.
    const exchange = this.#exchange(now);
    exchange.nextSeconds = extensionRetry(now, rebinding ? held.endAt : held.rebindAt);
    this.#phase = { state, held, exchange };
    this.#send(
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
    if (!("held" in phase)) return;
    const { lease } = phase.held;
    this.#send(
      {
        type: "RELEASE",
        transactionId: Math.floor(this.#config.random() * 2 ** 32),
        elapsedSeconds: 0,
        clientAddress: lease.address,
        server: lease.server,
      },
      toServer(lease),
    );
    if (phase.state !== "checking") this.#events.push({ event: "lost", address: lease.address, reason: "released" });
  }

  #send(request: ClientRequest, to: Destination = TO_ALL): void {
    this.#frames.push(encodeRequestFrame(encodeRequest(request, this.#config), this.#config.mac, to));
    const address = request.requestedAddress ?? request.clientAddress;
    this.#events.push({ event: "sent", message: request.type, ...(address === undefined ? {} : { address }) });
  }

  #ignore(reason: string): void {
    this.#events.push({ event: "ignored", reason });
  }

  #handleFrame(frame: Uint8Array, checksumNotReady: boolean, now: number): void {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return this.#ignore(ethernet.reason);
    if (ethernet.etherType === ETHERTYPE_ARP) return this.#handleArp(ethernet, now);
    if (ethernet.etherType !== ETHERTYPE_IPV4) return this.#ignore("neither IPv4 nor ARP");
    const message = decodeReplyFrame(ethernet, checksumNotReady);
    if (message instanceof Malformed) return this.#ignore(message.reason);
    const phase = this.#phase;
    if (!("exchange" in phase)) return this.#ignore("nothing was asked");
    const fault = this.#notForUs(message, phase.exchange);
    if (fault !== undefined) return this.#ignore(fault);
    switch (readOption(message.options, DHCP4_OPTION.messageType)) {
      case "OFFER":
        return this.#handleOffer(message, ethernet.source, now);
      case "ACK":
        return this.#handleAck(message, ethernet.source, now);
      case "NAK":
        return this.#handleNak(message, now);
      default:
        return this.#ignore("not a server's message");
    }
  }

  /** Why a message is not an answer to this client. */
  #notForUs(message: Dhcp4Message, exchange: Exchange): string | undefined {
    if (message.operation !== "reply") return "a message of another client";
    if (message.transactionId !== exchange.transactionId) return "another transaction";
    if (message.hardwareType !== HARDWARE_ETHERNET || !equalBytes(message.hardwareAddress, this.#macBytes))
      return "another client's hardware address";
    const identifier = message.options.get(DHCP4_OPTION.clientIdentifier.code);
    // RFC 6842 §3: one that comes back must be ours.
    if (identifier !== undefined && !equalBytes(identifier, this.#identifier)) return "another client's identifier";
    return undefined;
  }

  #handleOffer(message: Dhcp4Message, source: MacAddress, now: number): void {
    const phase = this.#phase;
    if (phase.state !== "selecting" && phase.state !== "requesting") return this.#ignore("no offer is wanted");
    const offer = readLease(message, source);
    if (offer instanceof Malformed) return this.#ignore(`OFFER: ${offer.reason}`);
    if (phase.state === "requesting") {
      const known = [phase.offer, ...phase.spare].some(({ server }) => server === offer.server);
      if (known || phase.spare.length >= SPARE_OFFERS) return this.#ignore("another offer was chosen");
      phase.spare.push(offer);
      return this.#ignore("another offer was chosen; this one is kept");
    }
    this.#events.push({ event: "offered", address: offer.address, server: offer.server });
    this.#request(phase.exchange, offer, [], now - this.#beganAt, now);
  }

  #handleAck(message: Dhcp4Message, source: MacAddress, now: number): void {
    const phase = this.#phase;
    if (!("exchange" in phase) || (phase.state === "selecting" && !this.#isRapid(message)))
      return this.#ignore("ACK before anything was requested");
    const lease = readLease(message, source);
    if (lease instanceof Malformed) return this.#ignore(`ACK: ${lease.reason}`);
    if (phase.state !== "selecting" && lease.address !== addressOf(phase))
      return this.#ignore("ACK: another address than was requested");
    if (phase.state === "requesting" && lease.server !== phase.offer.server)
      return this.#ignore("ACK: another server than was chosen");
    const held = hold(lease, phase.exchange.startSeconds, this.#config.random());
    if (held.endAt <= now) return this.#ignore("ACK: the lease has ended already");
    if (phase.state === "renewing" || phase.state === "rebinding") {
      this.#phase = { state: "bound", held };
      this.#events.push({ event: "extended", lease, endSeconds: held.endAt });
      return;
    }
    this.#phase = { state: "checking", held, probes: 0, nextSeconds: now };
    this.#probe(this.#phase, now);
  }

  /** RFC 4039 §3.1: the answer to a DISCOVER that said so. */
  #isRapid({ options }: Dhcp4Message): boolean {
    return this.#config.rapidCommit === true && readOption(options, DHCP4_OPTION.rapidCommit) === true;
  }

  #handleNak(message: Dhcp4Message, now: number): void {
    const phase = this.#phase;
    if (!("exchange" in phase) || phase.state === "selecting") return this.#ignore("NAK before anything was requested");
    const server = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    const expected = phase.state === "requesting" ? phase.offer.server : undefined;
    if (server === undefined || (expected !== undefined && server !== expected))
      return this.#ignore("NAK: not by the server that was asked");
    const text = readOption(message.options, DHCP4_OPTION.message);
    this.#events.push({ event: "refused", server, ...(text === undefined ? {} : { message: text }) });
    if ("held" in phase) this.#events.push({ event: "lost", address: phase.held.lease.address, reason: "refused" });
    this.#wish = undefined;
    this.#refusals++;
    // One who refuses again and again does not make us flood the link.
    this.#beginAgain(restartWait(this.#refusals), now);
  }

  /** RFC 5227 §2.1.1: somebody who uses the address, or who probes for it at the same time. */
  #handleArp(ethernet: EthernetFrame, now: number): void {
    const phase = this.#phase;
    if (phase.state !== "checking") return this.#ignore("ARP while no address is checked");
    const packet = decodeArp(ethernet.payload);
    if (packet instanceof Malformed) return this.#ignore(packet.reason);
    const { address, server } = phase.held.lease;
    const probing = packet.senderAddress === IPV4_ANY && packet.targetAddress === address;
    if (packet.senderAddress !== address && !probing) return this.#ignore("ARP for another address");
    if (packet.senderMac === this.#config.mac) return this.#ignore("our own ARP");
    this.#events.push({ event: "conflict", address, macAddress: packet.senderMac });
    this.#send({
      type: "DECLINE",
      transactionId: Math.floor(this.#config.random() * 2 ** 32),
      elapsedSeconds: 0,
      requestedAddress: address,
      server,
    });
    this.#wish = undefined;
    this.#refusals++;
    this.#beginAgain(Math.max(DECLINE_WAIT_SECONDS, restartWait(this.#refusals)), now);
  }
}
