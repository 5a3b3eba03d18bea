/**
 * A DHCPv4 server for one subnet, without I/O: frames and the time in; leases, frames and events out (RFC 2131 §4.3).
 *
 * The answer to a message comes in two parts: leases that have to be kept, and frames to be sent once they are. An
 * address is thus promised only after it is known to survive the server's end. Nothing else is kept: an offer is not a
 * promise, and a client that asks for what an earlier run of the server offered gets it as long as it is free.
 *
 * Time is in seconds since 1970, as leases outlive the process.
 */
import {
  broadcastOf,
  contains,
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Prefix,
  networkOf,
} from "../../../base/address.ts";
import type { Dhcp4MessageType } from "../../../wire/dhcp4/codecs.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import { decodeEthernet, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { decodeDhcp4Frame } from "../frame.ts";
import { checkConfig } from "./check.ts";
import type { Dhcp4ServerConfig } from "./config.ts";
import { type ClientKey, clientKeyOf, hardwareOf, type Lease } from "./lease.ts";
import { type Binding, endOf, leaseOf, Pool } from "./pool.ts";
import { relayInformationOf } from "./relay.ts";
import { type Reply, ReplyEncoder, type Request } from "./reply.ts";
import { excludedAddresses } from "./offered.ts";

/** How long an offered address waits for its client's REQUEST. */
export const OFFER_SECONDS = 60;
/** How long nobody gets an address that a client has found in use by somebody else. */
export const QUARANTINE_SECONDS = 600;
/** RFC 1035 §2.3.4; a longer one is no name. */
const HOST_NAME_LIMIT = 255;

export type Dhcp4ServerEvent =
  | { readonly event: "received"; readonly message: Dhcp4MessageType }
  | {
      readonly event: "sent";
      readonly message: "OFFER" | "ACK" | "NAK";
      /** The address given, or refused; absent in the answer to INFORM. */
      readonly address?: Ipv4Address;
      /** Options that the client wanted and its maximum message size leaves no room for. */
      readonly omittedOptions: readonly number[];
    }
  | { readonly event: "released"; readonly address: Ipv4Address }
  | { readonly event: "declined"; readonly address: Ipv4Address }
  | { readonly event: "exhausted" }
  /** Nothing was sent, and why. */
  | { readonly event: "ignored"; readonly reason: string };

export interface Dhcp4ServerOutput {
  /** What has to be durable before `frames` are sent. */
  readonly leases: readonly Lease[];
  /** To be sent as they are. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Dhcp4ServerEvent[];
}

interface Client extends Request {
  readonly key: ClientKey;
}

function silent(event: Dhcp4ServerEvent): Dhcp4ServerOutput {
  return { leases: [], frames: [], events: [event] };
}

function ignored(reason: string): Dhcp4ServerOutput {
  return silent({ event: "ignored", reason });
}

export class Dhcp4Server {
  readonly #config: Dhcp4ServerConfig;
  readonly #subnet: Ipv4Prefix;
  readonly #destinations: ReadonlySet<Ipv4Address>;
  readonly #pool: Pool;
  readonly #replies: ReplyEncoder;

  /** @throws NetloomError bad-dhcp-server when the settings contradict each other */
  constructor(config: Dhcp4ServerConfig, nowSeconds: number) {
    checkConfig(config);
    this.#config = config;
    this.#subnet = networkOf(config.subnet);
    this.#destinations = new Set([IPV4_BROADCAST, config.serverAddress, broadcastOf(config.subnet)]);
    this.#pool = new Pool({ ...config.ranges[0]!, excluded: excludedAddresses(config) }, nowSeconds);
    this.#replies = new ReplyEncoder(config);
  }

  /**
   * Take up a lease of an earlier run; of two for one address the later call counts.
   * @returns false for an address that this server does not give out any more
   */
  restore(lease: Lease): boolean {
    return this.#pool.restore(lease);
  }

  /** All that {@link restore} has to be told after a restart. May be read while the server works. */
  leases(): Iterable<Lease> {
    return this.#pool.leases();
  }

  /**
   * Handle one received frame. `checksumNotReady`: the kernel left the UDP checksum to the device.
   *
   * Never throws, whatever the frame holds.
   */
  handle(
    { frame, checksumNotReady }: { readonly frame: Uint8Array; readonly checksumNotReady: boolean },
    nowSeconds: number,
  ): Dhcp4ServerOutput {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return ignored(ethernet.reason);
    if (ethernet.etherType !== ETHERTYPE_IPV4) return ignored("not IPv4");
    return this.#handleIpv4(ethernet, checksumNotReady, nowSeconds);
  }

  #handleIpv4(ethernet: EthernetFrame, checksumNotReady: boolean, nowSeconds: number): Dhcp4ServerOutput {
    const received = decodeDhcp4Frame(ethernet, checksumNotReady);
    if (received instanceof Malformed) return ignored(received.reason);
    const { message, source, destination } = received;
    if (message.operation !== "request") return ignored("a message of another server");
    if (!this.#destinations.has(destination)) return ignored("sent to another server's address");
    const type = readOption(message.options, DHCP4_OPTION.messageType);
    if (type === undefined) return ignored("no DHCP message type");
    const relay = relayInformationOf(message.options);
    if (!this.#isOfOurLink(message, relay.linkSelection)) return ignored("relayed from a subnet that is not served");
    const key = clientKeyOf(message);
    if (key === undefined) return ignored("neither client identifier nor hardware address");
    const serverIdentifier = relay.serverIdentifier ?? this.#config.serverAddress;
    const client: Client = { message, source, sourceMac: ethernet.source, serverIdentifier, key };
    const output = this.#answer(type, client, nowSeconds);
    return { ...output, events: [{ event: "received", message: type }, ...output.events] };
  }

  /** RFC 3527 §3, RFC 3011 §2: what is named there counts before the relay's own address. */
  #isOfOurLink({ options, relayAddress }: Dhcp4Message, linkSelection: Ipv4Address | undefined): boolean {
    const link = linkSelection ?? readOption(options, DHCP4_OPTION.subnetSelection) ?? relayAddress;
    return link === IPV4_ANY || contains(this.#subnet, link);
  }

  #answer(type: Dhcp4MessageType, client: Client, nowSeconds: number): Dhcp4ServerOutput {
    switch (type) {
      case "DISCOVER":
        return this.#handleDiscover(client, nowSeconds);
      case "REQUEST":
        return this.#handleRequest(client, nowSeconds);
      case "DECLINE":
        return this.#handleDecline(client, nowSeconds);
      case "RELEASE":
        return this.#handleRelease(client, nowSeconds);
      case "INFORM":
        return this.#handleInform(client);
      case "OFFER":
      case "ACK":
      case "NAK":
        return ignored(`${type} is a server's message`);
    }
  }

  /** RFC 2131 §4.3.1. */
  #handleDiscover(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { options } = client.message;
    const wanted = readOption(options, DHCP4_OPTION.requestedAddress);
    const binding = this.#pool.allocate(client.key, wanted, nowSeconds);
    if (binding === undefined) return silent({ event: "exhausted" });
    if (this.#config.rapidCommit && readOption(options, DHCP4_OPTION.rapidCommit) === true)
      return this.#grant(client, binding, nowSeconds, true);
    // A lease that has not ended stays one: a restart must know of it.
    const state = binding.state === "leased" && binding.endSeconds > nowSeconds ? "leased" : "offered";
    this.#pool.hold(binding, state, Math.max(binding.endSeconds, endOf(nowSeconds, OFFER_SECONDS)));
    return this.#send(client, { type: "OFFER", address: binding.address, seconds: this.#leaseSeconds(client) });
  }

  /** RFC 2131 §4.3.2. Without a server identifier the client is in INIT-REBOOT, RENEWING or REBINDING. */
  #handleRequest(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { options, clientAddress } = client.message;
    const chosen = readOption(options, DHCP4_OPTION.serverIdentifier);
    const isRestart = clientAddress === IPV4_ANY;
    const wanted = isRestart ? readOption(options, DHCP4_OPTION.requestedAddress) : clientAddress;
    const own = this.#pool.find(client.key);
    if (chosen !== undefined && !this.#isOurs(client, chosen)) {
      if (own?.state === "offered") this.#pool.free(own, nowSeconds);
      return ignored("the client chose another server");
    }
    if (wanted === undefined) return ignored("REQUEST names no address");
    if (own !== undefined && own.address === wanted) return this.#grant(client, own, nowSeconds, false);
    if (chosen === undefined && !this.#config.authoritative) {
      // A client that starts on another link than before has to be told; any other may be another server's.
      if (own === undefined && !(isRestart && !contains(this.#subnet, wanted))) return ignored("an unknown client");
    } else if (own === undefined && this.#pool.isFree(wanted, nowSeconds)) {
      const binding = this.#pool.allocate(client.key, wanted, nowSeconds);
      if (binding !== undefined) return this.#grant(client, binding, nowSeconds, false);
    }
    return this.#send(client, { type: "NAK", address: wanted, reason: `${wanted} is not this client's address` });
  }

  #grant(client: Client, binding: Binding, nowSeconds: number, rapid: boolean): Dhcp4ServerOutput {
    const seconds = this.#leaseSeconds(client);
    if (binding.state !== "leased" || binding.endSeconds <= nowSeconds) binding.startSeconds = Math.floor(nowSeconds);
    binding.hardware = hardwareOf(client.message);
    const name = readOption(client.message.options, DHCP4_OPTION.hostName);
    if (name !== undefined) binding.hostName = name.slice(0, HOST_NAME_LIMIT);
    this.#pool.hold(binding, "leased", endOf(nowSeconds, seconds));
    const reply: Reply = { type: "ACK", address: binding.address, seconds, rapid };
    return { ...this.#send(client, reply), leases: [leaseOf({ ...binding, state: "leased" })] };
  }

  /** RFC 2131 §4.3.3. Only who has the address can say that somebody else uses it. */
  #handleDecline(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const binding = this.#namedBinding(client, readOption(client.message.options, DHCP4_OPTION.requestedAddress));
    if (binding === undefined) return ignored("DECLINE of an address that is not this client's");
    this.#pool.quarantine(binding, endOf(nowSeconds, QUARANTINE_SECONDS));
    return {
      leases: [leaseOf({ ...binding, state: "declined" })],
      frames: [],
      events: [{ event: "declined", address: binding.address }],
    };
  }

  /** RFC 2131 §4.3.4: the address is free, and kept for the client as long as there are others. */
  #handleRelease(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const binding = this.#namedBinding(client, client.message.clientAddress);
    if (binding === undefined || binding.state !== "leased")
      return ignored("RELEASE of an address that is not this client's");
    this.#pool.free(binding, nowSeconds);
    return {
      leases: [leaseOf({ ...binding, state: "released" })],
      frames: [],
      events: [{ event: "released", address: binding.address }],
    };
  }

  #namedBinding(client: Client, address: Ipv4Address | undefined): Binding | undefined {
    const server = readOption(client.message.options, DHCP4_OPTION.serverIdentifier);
    if (server === undefined || !this.#isOurs(client, server)) return undefined;
    const own = this.#pool.find(client.key);
    return own !== undefined && own.address === address ? own : undefined;
  }

  /** A lease from before its relay set another identifier is renewed all the same. */
  #isOurs(client: Client, server: Ipv4Address): boolean {
    return server === client.serverIdentifier || server === this.#config.serverAddress;
  }

  /** RFC 2131 §4.3.5: settings without an address; nothing of a lease in it. */
  #handleInform(client: Client): Dhcp4ServerOutput {
    const { clientAddress } = client.message;
    const address = clientAddress === IPV4_ANY ? client.source : clientAddress;
    if (!contains(this.#subnet, address)) return ignored("INFORM from another subnet");
    return this.#send(client, { type: "ACK" });
  }

  #leaseSeconds({ message }: Client): number {
    const { default: usual, minimum, maximum } = this.#config.leaseSeconds;
    const asked = readOption(message.options, DHCP4_OPTION.leaseTime) ?? usual;
    return Math.min(maximum, Math.max(minimum, asked));
  }

  #send(client: Client, reply: Reply): Dhcp4ServerOutput {
    const { frame, omittedOptions } = this.#replies.encode(client, reply);
    const address = reply.address === undefined ? {} : { address: reply.address };
    return {
      leases: [],
      frames: [frame],
      events: [{ event: "sent", message: reply.type, ...address, omittedOptions }],
    };
  }
}
