/**
 * A DHCPv4 server for the subnets of one link, without I/O: frames and the time in; leases, frames and events out (RFC 2131 §4.3).
 *
 * The answer to a message comes in two parts: leases that have to be kept, and frames to be sent once they are. An
 * address is thus promised only after it is known to survive the server's end. Nothing else is kept: an offer is not a
 * promise, and a client that asks for what an earlier run of the server offered gets it as long as it is free.
 *
 * Time is in seconds since 1970, as leases outlive the process.
 */
import { broadcastOf, type Ipv4Address, IPV4_ANY, IPV4_BROADCAST } from "../../../base/address.ts";
import type { Dhcp4MessageType } from "../../../wire/dhcp4/codecs.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import { decodeEthernet, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { decodeDhcp4Frame, type ReceivedDhcp4 } from "../frame.ts";
import { Answers, type Client } from "./answers.ts";
import { checkConfig } from "./check.ts";
import type { Dhcp4Class, Dhcp4ServerConfig } from "./config.ts";
import { Identifier } from "./identify.ts";
import { Layout, OWN_LINK, type Place } from "./layout.ts";
import { type ClientKey, clientKeyOf, hardwareOf, type Lease } from "./lease.ts";
import { circuitName } from "./newcomers.ts";
import { type Dhcp4ServerOutput, ignored, joined } from "./output.ts";
import { type Held, isAboutAddresses, Prober } from "./probe.ts";
import { NO_RELAY_INFORMATION, relayInformationOf } from "./relay.ts";

export type { Dhcp4ServerEvent, Dhcp4ServerOutput } from "./output.ts";

interface Dhcp4ServerInput {
  readonly frame: Uint8Array;
  readonly checksumNotReady: boolean;
  readonly port?: number | undefined;
}

interface Request {
  readonly type: Dhcp4MessageType | "BOOTP";
  readonly client: Client;
}

/** For what comes with the answers to probes: it is not worth a word. */
const NOTHING: Dhcp4ServerOutput = { leases: [], frames: [], events: [] };

export class Dhcp4Server {
  readonly #serverAddress: Ipv4Address;
  readonly #layout: Layout;
  readonly #destinations: ReadonlySet<Ipv4Address>;
  #config: Dhcp4ServerConfig;
  #identifier: Identifier;
  readonly #prober: Prober | undefined;
  readonly #answers: Answers;
  readonly #trustsCircuit: boolean;
  /** By the address that is kept for whoever is there. */
  readonly #circuits: ReadonlyMap<Ipv4Address, Uint8Array>;
  readonly #startSeconds: number;

  /** @throws NetloomError bad-dhcp-server when the settings contradict each other */
  constructor(config: Dhcp4ServerConfig, nowSeconds: number) {
    checkConfig(config);
    const { serverAddress, probe } = config;
    this.#config = config;
    this.#serverAddress = serverAddress;
    this.#layout = new Layout(config);
    this.#destinations = new Set([
      IPV4_BROADCAST,
      serverAddress,
      ...this.#layout.subnets.filter(({ link }) => link === OWN_LINK).map(({ subnet }) => broadcastOf(subnet)),
    ]);
    this.#identifier = new Identifier(config);
    this.#trustsCircuit = config.trustCircuit === true;
    this.#circuits = new Map(
      (config.hosts ?? []).flatMap(({ identity, address }) =>
        address === undefined || !("circuitId" in identity) ? [] : [[address, identity.circuitId] as const],
      ),
    );
    this.#prober = probe === undefined ? undefined : new Prober(probe, config);
    this.#answers = new Answers(config, this.#layout, this.#prober, nowSeconds);
    this.#startSeconds = nowSeconds;
  }

  /**
   * Tell clients something else from now on.
   * @param classes with the same ranges of addresses, at the same places in the list
   * @throws NetloomError bad-dhcp-server when they contradict the other settings
   */
  setClasses(classes: readonly Dhcp4Class[]): void {
    const config = { ...this.#config, classes };
    checkConfig(config);
    this.#config = config;
    this.#identifier = new Identifier(config);
    this.#answers.setSettings(config);
  }

  /**
   * Take up a lease of an earlier run; of two for one address the later call counts.
   * @returns false for an address that this server does not give out any more
   */
  restore(lease: Lease): boolean {
    return this.#answers.restore(lease, this.#startSeconds);
  }

  /** All that {@link restore} has to be told after a restart. May be read while the server works. */
  leases(): Iterable<Lease> {
    return this.#answers.leases();
  }

  /** How many addresses of the ranges are given, and how many nobody gets for now as somebody else uses them. */
  use(nowSeconds: number): { readonly given: number; readonly declined: number } {
    return this.#answers.use(nowSeconds);
  }

  /**
   * Handle one received frame: a client's message, or the answer to a probe (ARP, ICMP echo reply), where the
   * configuration wishes probes. `checksumNotReady`: the kernel left the UDP checksum to the device. `port`: of the
   * bridge, any number; 0 for one that is not known.
   *
   * Never throws, whatever the frame holds.
   */
  handle({ frame, checksumNotReady, port }: Dhcp4ServerInput, nowSeconds: number): Dhcp4ServerOutput {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return ignored(ethernet.reason);
    const held = this.#prober?.inUse(ethernet);
    if (held !== undefined) return this.#handleConflict(held, nowSeconds);
    if (this.#prober !== undefined && isAboutAddresses(ethernet)) return NOTHING;
    if (ethernet.etherType !== ETHERTYPE_IPV4) return ignored("not IPv4");
    const request = this.#read({ frame, checksumNotReady, port }, ethernet);
    if (typeof request === "string") return ignored(request);
    const output = this.#answers.answer(request.type, request.client, nowSeconds);
    if (output.asksForPort === true) return output;
    return { ...output, events: [{ event: "received", message: request.type }, ...output.events] };
  }

  /** When {@link handleDeadline} has something to do; undefined: not before the next frame. */
  nextDeadline(): number | undefined {
    return this.#prober?.nextDeadline();
  }

  /** Answer the clients that waited for probes which got no answer. */
  handleDeadline(nowSeconds: number): Dhcp4ServerOutput {
    const due = this.#prober?.due(nowSeconds) ?? [];
    for (const { address } of due) this.#answers.passProbe(address);
    return joined(due.map((held) => this.#resume(held, nowSeconds)));
  }

  #handleConflict(held: Held, nowSeconds: number): Dhcp4ServerOutput {
    return joined([this.#answers.failProbe(held.address, nowSeconds), this.#resume(held, nowSeconds)]);
  }

  #resume({ frame, port }: Held, nowSeconds: number): Dhcp4ServerOutput {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return ignored(ethernet.reason);
    // Its checksum was right or not ready when it came.
    const request = this.#read({ frame, checksumNotReady: true, port }, ethernet);
    return typeof request === "string"
      ? ignored(request)
      : this.#answers.answer(request.type, request.client, nowSeconds);
  }

  /** @returns why it gets no answer, if it does not */
  #read({ frame, checksumNotReady, port }: Dhcp4ServerInput, ethernet: EthernetFrame): Request | string {
    const received = decodeDhcp4Frame(ethernet, checksumNotReady);
    if (received instanceof Malformed) return received.reason;
    const { message, source, destination } = received;
    if (message.operation !== "request") return "a message of another server";
    if (!this.#destinations.has(destination)) return "sent to another server's address";
    const type = message.options.has(DHCP4_OPTION.messageType.code)
      ? readOption(message.options, DHCP4_OPTION.messageType)
      : "BOOTP";
    if (type === undefined) return "an unknown DHCP message type";
    const isRelayed = message.relayAddress !== IPV4_ANY;
    // Whoever has no relay may have written it itself (RFC 3046 §2.1).
    const relay = isRelayed || this.#trustsCircuit ? relayInformationOf(message.options) : NO_RELAY_INFORMATION;
    // RFC 3527 §3, RFC 3011 §2: what is named there counts before the relay's own address.
    const linkAddress =
      (isRelayed ? relay.linkSelection : undefined) ??
      readOption(message.options, DHCP4_OPTION.subnetSelection) ??
      message.relayAddress;
    const link = linkAddress === IPV4_ANY ? this.#routedFrom(received) : this.#layout.subnetOf(linkAddress);
    if (linkAddress !== IPV4_ANY && link === undefined) return "relayed from a subnet that is not served";
    const ownKey = clientKeyOf(message);
    if (ownKey === undefined) return "neither client identifier nor hardware address";
    const circuitId = relay.circuitId ?? (isRelayed ? undefined : this.#circuitOfLease(message, ownKey));
    const identity = this.#identifier.identify(message, ownKey, circuitId);
    if (typeof identity === "string") return identity;
    const serverIdentifier = (isRelayed ? relay.serverIdentifier : undefined) ?? this.#serverAddress;
    const circuit = circuitName(message.relayAddress, relay.circuitId);
    const sourceMac = ethernet.source;
    const client = { message, source, sourceMac, serverIdentifier, frame, link, port, circuit, ...identity };
    return { type, client };
  }

  /** A host that is known by its relay's port renews without the relay, and is known by the lease that it has. */
  #circuitOfLease(message: Dhcp4Message, key: ClientKey): Uint8Array | undefined {
    const circuitId = this.#circuits.get(message.clientAddress);
    if (circuitId === undefined) return undefined;
    return this.#answers.isLeased(key, message.clientAddress, hardwareOf(message)) ? circuitId : undefined;
  }

  /** A client of a relayed subnet renews without its relay, by way of the routers (RFC 2131 §4.3.6). */
  #routedFrom({ message, destination }: ReceivedDhcp4): Place | undefined {
    if (destination !== this.#serverAddress || message.clientAddress === IPV4_ANY) return undefined;
    return this.#layout.subnetOf(message.clientAddress);
  }
}
