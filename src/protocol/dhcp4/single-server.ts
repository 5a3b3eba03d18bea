/**
 * A DHCPv4 server for exactly one client, without I/O: frames and the time in, frames and events out.
 *
 * It sits on the tap of one VM and knows one address for one MAC address, so there is no pool and no lease
 * file: whatever the client says, the answer follows from the configuration (RFC 2131 §4.3). It works on whole
 * Ethernet frames because the kernel's own stack does not take part: the server address may be one that no
 * interface holds, the renewing guest sends to a gateway's MAC address, and its ARP request for the server would be
 * dropped by the kernel as martian. Hence any destination MAC is taken in, and ARP for the server address is
 * answered here.
 *
 * Everything that does not come from the client's MAC address meets silence.
 */
import { equalBytes } from "../../base/bytes.ts";
import {
  broadcastOf,
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  MAC_BROADCAST,
  type MacAddress,
  macToBytes,
} from "../../base/address.ts";
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp } from "../../wire/arp.ts";
import type { Dhcp4MessageType } from "../../wire/dhcp4/codecs.ts";
import { type Dhcp4Message, encodeDhcp4, HARDWARE_ETHERNET } from "../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../wire/dhcp4/options.ts";
import {
  decodeEthernet,
  encodeEthernet,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  type EthernetFrame,
} from "../../wire/ethernet.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeDhcp4Frame, encodeDhcp4Frame, type ReceivedDhcp4 } from "./frame.ts";
import { maximumReplyBytes, replyTo } from "./reply-message.ts";
import { leaseOptions, type OfferedLease, selectOptions } from "./lease-options.ts";

/** How long a declined address is not offered; with a single one it must be offered again. */
export const DECLINE_HOLD_SECONDS = 10;

/** Bytes of IP datagram that every client and link must take (RFC 2131 §2). */

export interface SingleServerConfig {
  readonly clientMac: MacAddress;
  /** Source address and server identifier; need not be on the client's subnet. */
  readonly serverAddress: Ipv4Address;
  /** Source MAC of frames, and the answer to ARP. */
  readonly serverMac: MacAddress;
  readonly lease: OfferedLease;
}

export interface ReceivedFrame {
  /** An Ethernet frame from its destination MAC on. Not kept. */
  readonly frame: Uint8Array;
  /** The kernel left the UDP checksum to the device (TP_STATUS_CSUMNOTREADY). */
  readonly checksumNotReady: boolean;
}

export type SingleServerEvent =
  | { readonly event: "received"; readonly message: Dhcp4MessageType }
  | {
      readonly event: "sent";
      readonly message: "OFFER" | "ACK" | "NAK";
      /** The address given, or refused; absent in the answer to INFORM. */
      readonly address?: Ipv4Address;
      /** Options that the client wanted and its maximum message size leaves no room for. */
      readonly omittedOptions: readonly number[];
    }
  | { readonly event: "answered-arp" }
  | { readonly event: "released"; readonly address: Ipv4Address }
  | { readonly event: "declined"; readonly address: Ipv4Address; readonly holdSeconds: number }
  /** Nothing was sent, and why. */
  | { readonly event: "ignored"; readonly reason: string };

export interface SingleServerOutput {
  /** To be sent as they are, in order. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly SingleServerEvent[];
}

function ignored(reason: string): SingleServerOutput {
  return { frames: [], events: [{ event: "ignored", reason }] };
}

interface Reply {
  readonly type: "OFFER" | "ACK" | "NAK";
  /** Given in `yiaddr`, or refused by a NAK. */
  readonly address?: Ipv4Address;
  readonly options: Dhcp4Options;
  /** Copied into `ciaddr` (RFC 2131 table 3). */
  readonly clientAddress: Ipv4Address;
  readonly destinationMac: MacAddress;
  readonly destination: Ipv4Address;
}

export class SingleDhcp4Server {
  readonly #config: SingleServerConfig;
  readonly #clientMacBytes: Uint8Array;
  readonly #offered: Dhcp4Options;
  readonly #localDestinations: ReadonlySet<Ipv4Address>;
  #holdUntilSeconds = Number.NEGATIVE_INFINITY;

  /** @throws NetloomError bad-dhcp-lease, bad-option or bad-domain-name when the lease cannot be put into options */
  constructor(config: SingleServerConfig) {
    const { address, prefixLength } = config.lease;
    this.#config = config;
    this.#clientMacBytes = macToBytes(config.clientMac);
    this.#offered = leaseOptions(config.lease);
    this.#localDestinations = new Set([
      IPV4_BROADCAST,
      config.serverAddress,
      config.lease.broadcast ?? broadcastOf({ address, length: prefixLength }),
    ]);
  }

  /**
   * Handle one received frame. `nowSeconds` is any clock that does not go back.
   *
   * Never throws, whatever the frame holds.
   */
  handle({ frame, checksumNotReady }: ReceivedFrame, nowSeconds: number): SingleServerOutput {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return ignored(ethernet.reason);
    if (ethernet.source !== this.#config.clientMac) return ignored("a frame from another MAC address");
    if (ethernet.etherType === ETHERTYPE_ARP) return this.#handleArp(ethernet);
    if (ethernet.etherType !== ETHERTYPE_IPV4) return ignored("neither IPv4 nor ARP");
    const received = decodeDhcp4Frame(ethernet, checksumNotReady);
    if (received instanceof Malformed) return ignored(received.reason);
    return this.#handleDhcp(received, nowSeconds);
  }

  #handleArp(ethernet: EthernetFrame): SingleServerOutput {
    const { clientMac, serverAddress, serverMac } = this.#config;
    const packet = decodeArp(ethernet.payload);
    if (packet instanceof Malformed) return ignored(packet.reason);
    if (packet.operation !== ARP_REQUEST || packet.targetAddress !== serverAddress)
      return ignored("ARP for another address");
    if (packet.senderMac !== clientMac) return ignored("ARP from another MAC address");
    const answer = encodeArp({
      operation: ARP_REPLY,
      senderMac: serverMac,
      senderAddress: serverAddress,
      targetMac: clientMac,
      targetAddress: packet.senderAddress,
    });
    const frame = encodeEthernet({
      destination: clientMac,
      source: serverMac,
      etherType: ETHERTYPE_ARP,
      payload: answer,
    });
    return { frames: [frame], events: [{ event: "answered-arp" }] };
  }

  #handleDhcp(received: ReceivedDhcp4, nowSeconds: number): SingleServerOutput {
    const { message, destination } = received;
    if (message.operation !== "request") return ignored("a message of another server");
    if (message.hardwareType !== HARDWARE_ETHERNET || !equalBytes(message.hardwareAddress, this.#clientMacBytes)) {
      return ignored("another client's hardware address");
    }
    if (message.relayAddress !== IPV4_ANY) return ignored("a relayed message: this server has one link only");
    if (!this.#localDestinations.has(destination)) return ignored("sent to another server's address");
    const type = readOption(message.options, DHCP4_OPTION.messageType);
    if (type === undefined) return ignored("no DHCP message type");
    const output = this.#answer(type, received, nowSeconds);
    return { frames: output.frames, events: [{ event: "received", message: type }, ...output.events] };
  }

  #answer(type: Dhcp4MessageType, received: ReceivedDhcp4, nowSeconds: number): SingleServerOutput {
    const { message } = received;
    switch (type) {
      case "DISCOVER":
        if (nowSeconds < this.#holdUntilSeconds) return ignored("the address was declined a moment ago");
        return this.#send(message, this.#grant("OFFER", message, IPV4_ANY));
      case "REQUEST":
        return this.#handleRequest(message);
      case "INFORM":
        return this.#handleInform(received);
      case "RELEASE":
        return this.#handleRelease(message);
      case "DECLINE":
        return this.#handleDecline(message, nowSeconds);
      case "OFFER":
      case "ACK":
      case "NAK":
        return ignored(`${type} is a server's message`);
    }
  }

  /** RFC 2131 §4.3.2. Without a server identifier the client is in INIT-REBOOT, RENEWING or REBINDING. */
  #handleRequest(message: Dhcp4Message): SingleServerOutput {
    const chosen = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    if (chosen !== undefined && chosen !== this.#config.serverAddress)
      return ignored("the client chose another server");
    const requested = readOption(message.options, DHCP4_OPTION.requestedAddress);
    const wanted = message.clientAddress === IPV4_ANY ? requested : message.clientAddress;
    if (wanted === undefined) return ignored("REQUEST names no address");
    if (wanted !== this.#config.lease.address) return this.#send(message, this.#refuse(wanted));
    return this.#send(message, this.#grant("ACK", message, message.clientAddress));
  }

  /** RFC 2131 §4.3.5: settings without an address; nothing of a lease in it. */
  #handleInform({ message, source }: ReceivedDhcp4): SingleServerOutput {
    const destination = message.clientAddress === IPV4_ANY ? source : message.clientAddress;
    if (destination === IPV4_ANY) return ignored("INFORM from a client without an address");
    const offered = new Map(this.#offered);
    offered.delete(DHCP4_OPTION.renewalTime.code);
    offered.delete(DHCP4_OPTION.rebindingTime.code);
    return this.#send(message, {
      type: "ACK",
      options: selectOptions(offered, readOption(message.options, DHCP4_OPTION.parameterRequestList)),
      clientAddress: message.clientAddress,
      destinationMac: this.#config.clientMac,
      destination,
    });
  }

  #handleRelease(message: Dhcp4Message): SingleServerOutput {
    const { serverAddress, lease } = this.#config;
    const server = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    if (server !== serverAddress) return ignored("RELEASE to another server");
    if (message.clientAddress !== lease.address) return ignored("RELEASE of another address");
    return { frames: [], events: [{ event: "released", address: lease.address }] };
  }

  #handleDecline(message: Dhcp4Message, nowSeconds: number): SingleServerOutput {
    const { serverAddress, lease } = this.#config;
    const server = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    if (server !== serverAddress) return ignored("DECLINE to another server");
    const declined = readOption(message.options, DHCP4_OPTION.requestedAddress);
    if (declined !== lease.address) return ignored("DECLINE of another address");
    this.#holdUntilSeconds = nowSeconds + DECLINE_HOLD_SECONDS;
    return { frames: [], events: [{ event: "declined", address: declined, holdSeconds: DECLINE_HOLD_SECONDS }] };
  }

  #grant(type: "OFFER" | "ACK", message: Dhcp4Message, clientAddress: Ipv4Address): Reply {
    const { clientMac, lease } = this.#config;
    const wishes = readOption(message.options, DHCP4_OPTION.parameterRequestList);
    const options = new Map([
      optionEntry(DHCP4_OPTION.leaseTime, lease.leaseSeconds),
      ...selectOptions(this.#offered, wishes),
    ]);
    const common = { type, address: lease.address, options, clientAddress };
    // RFC 2131 §4.1: to the address that the client has, else as its broadcast flag says.
    if (clientAddress === IPV4_ANY && message.broadcast) {
      return { ...common, destinationMac: MAC_BROADCAST, destination: IPV4_BROADCAST };
    }
    return { ...common, destinationMac: clientMac, destination: lease.address };
  }

  /** A NAK is always broadcast: the client's address may be the very thing that is wrong (RFC 2131 §4.1). */
  #refuse(address: Ipv4Address): Reply {
    return {
      type: "NAK",
      address,
      options: new Map([optionEntry(DHCP4_OPTION.message, `${address} is not this client's address`)]),
      clientAddress: IPV4_ANY,
      destinationMac: MAC_BROADCAST,
      destination: IPV4_BROADCAST,
    };
  }

  #send(request: Dhcp4Message, reply: Reply): SingleServerOutput {
    const { serverAddress, serverMac } = this.#config;
    const clientIdentifier = request.options.get(DHCP4_OPTION.clientIdentifier.code);
    const options = new Map([
      optionEntry(DHCP4_OPTION.messageType, reply.type),
      optionEntry(DHCP4_OPTION.serverIdentifier, serverAddress),
    ]);
    // RFC 6842: returned unaltered in every answer.
    if (clientIdentifier !== undefined) options.set(DHCP4_OPTION.clientIdentifier.code, clientIdentifier);
    for (const [code, value] of reply.options) options.set(code, value);
    const encoded = encodeDhcp4(
      replyTo(request, {
        clientAddress: reply.clientAddress,
        yourAddress: reply.type === "NAK" ? IPV4_ANY : reply.address,
        options,
      }),
      maximumReplyBytes(request, this.#config.lease.mtuBytes),
    );
    const { destinationMac, destination } = reply;
    return {
      frames: [
        encodeDhcp4Frame(encoded.bytes, { sourceMac: serverMac, destinationMac, source: serverAddress, destination }),
      ],
      events: [
        {
          event: "sent",
          message: reply.type,
          ...(reply.address === undefined ? {} : { address: reply.address }),
          omittedOptions: encoded.omittedOptions,
        },
      ],
    };
  }
}
