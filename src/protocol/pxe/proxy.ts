/**
 * A proxyDHCP server without I/O (PXE 2.1 §2.2): it tells boot clients where their file is and leaves addresses to the
 * network's own DHCP server.
 *
 * BIOS firmware gets all in an OFFER: file, server, and in option 43 the word that it need not look further. UEFI
 * firmware that finds no option 43 there asks again on port 4011 and gets it in an ACK. Whoever does not ask to boot
 * gets no answer at all. The machine keeps nothing between messages, so no number of clients fills it.
 */
import { type Ipv4Address, IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, type MacAddress } from "../../base/address.ts";
import {
  decodeDhcp4,
  type Dhcp4Message,
  DHCP4_CLIENT_PORT,
  DHCP4_SERVER_PORT,
  encodeDhcp4,
} from "../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../wire/dhcp4/option-table.ts";
import { decodeEthernet, ETHERTYPE_IPV4 } from "../../wire/ethernet.ts";
import { decodeIpv4, IP_PROTOCOL_UDP } from "../../wire/ipv4.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeUdp } from "../../wire/udp.ts";
import { encodeDhcp4Frame } from "../dhcp4/frame.ts";
import { maximumReplyBytes, replyTo } from "../dhcp4/reply-message.ts";
import { type BootClient, readBootClient } from "./client.ts";
import { goesOnBefore, peerOf } from "./peer.ts";
import { type BootFiles, type BootOffer, type BootPlace, chooseBoot, fitsFileField, USE_BOOT_FILE } from "./offer.ts";

/** Where boot clients ask once they have an address (PXE 2.1 §2.2.3). */
export const PXE_PORT = 4011;

export interface ProxyConfig extends BootPlace {
  readonly mac: MacAddress;
  readonly files: BootFiles;
  /** Only these get an answer; default all. */
  readonly known?: ReadonlySet<MacAddress>;
  /**
   * A DHCP server of ours gives addresses and boot files together: what clients ask it is told in events, and only port
   * 4011 is answered.
   */
  readonly besideOwnServer?: boolean;
}

export type ProxyEvent =
  | {
      readonly event: "asked";
      readonly client: BootClient;
      readonly message: "DISCOVER" | "REQUEST" | "INFORM";
      readonly port: number;
      /** That it has, or asks a DHCP server for. */
      readonly address?: Ipv4Address;
      /** What it was told, or is told by the DHCP server beside; absent: nothing, and `reason` says why. */
      readonly offer?: BootOffer;
      readonly reason?: string;
    }
  /** A client on the link says that it takes its address from another DHCP server, or another one of us that it gives them. */
  | { readonly event: "other-server"; readonly server: Ipv4Address }
  /** Nobody who wants to boot. */
  | { readonly event: "ignored"; readonly reason: string };

export interface ProxyOutput {
  /** None or one, to be sent as it is. */
  readonly frames: readonly Uint8Array[];
  readonly event: ProxyEvent;
}

interface Received {
  readonly message: Dhcp4Message;
  readonly sourceMac: MacAddress;
  readonly source: Ipv4Address;
  readonly sourcePort: number;
  readonly port: number;
}

const ANSWERED = new Set(["DISCOVER", "REQUEST", "INFORM"] as const);
type Asked = typeof ANSWERED extends Set<infer Type> ? Type : never;

export class ProxyDhcp {
  readonly #config: ProxyConfig;

  constructor(config: ProxyConfig) {
    this.#config = config;
  }

  /**
   * Handle one received Ethernet frame. `checksumNotReady`: the kernel left the UDP checksum to the device.
   *
   * Never throws, whatever the frame holds.
   */
  handle(frame: Uint8Array, checksumNotReady: boolean): ProxyOutput {
    const received = this.#read(frame, checksumNotReady);
    if (typeof received === "string") return ignored(received);
    const type = readOption(received.message.options, DHCP4_OPTION.messageType);
    const asked = [...ANSWERED].find((each) => each === type);
    if (asked === undefined) return ignored("a message that asks for nothing");
    const other = this.#config.besideOwnServer === true ? this.#otherServer(received, asked) : undefined;
    if (other !== undefined) return { frames: [], event: { event: "other-server", server: other } };
    const client = readBootClient(received.message);
    if (typeof client === "string") return ignored(client);
    return this.#answer(received, asked, client);
  }

  /** RFC 2131 §4.3.2: whoever is offered addresses names the server of the one that it takes. */
  #otherServer({ message, port }: Received, asked: Asked): Ipv4Address | undefined {
    // A relay may have a server write its own address there (RFC 5107).
    if (port !== DHCP4_SERVER_PORT || message.relayAddress !== IPV4_ANY) return undefined;
    const peer = asked === "DISCOVER" ? peerOf(readOption(message.options, DHCP4_OPTION.vendorClass)) : undefined;
    if (peer !== undefined) return goesOnBefore(peer, this.#config.address) ? peer : undefined;
    if (asked !== "REQUEST") return undefined;
    const server = readOption(message.options, DHCP4_OPTION.serverIdentifier);
    return server === this.#config.address ? undefined : server;
  }

  #answer(received: Received, message: Asked, client: BootClient): ProxyOutput {
    const { known, files, besideOwnServer } = this.#config;
    const address = addressOf(received.message);
    const own = address === undefined ? {} : { address };
    const about = { event: "asked", client, message, port: received.port, ...own } as const;
    const refused = (reason: string): ProxyOutput => ({ frames: [], event: { ...about, reason } });
    if (known !== undefined && (client.mac === undefined || !known.has(client.mac)))
      return refused("not one of the known clients");
    const offer = chooseBoot(client, files, this.#config);
    if (offer === undefined) return refused("the folder has nothing for it");
    // On port 67 a REQUEST is the network's DHCP server's to answer, on 4011 a DISCOVER makes no sense.
    const isMine =
      received.port === PXE_PORT ? message !== "DISCOVER" : message === "DISCOVER" && besideOwnServer !== true;
    const frame = isMine ? this.#encode(received, client, offer) : undefined;
    if (isMine && frame === undefined) return refused("the name of its file has no room in an answer");
    return { frames: frame === undefined ? [] : [frame], event: { ...about, offer } };
  }

  /** @returns why it is not for us, if it is not */
  #read(frame: Uint8Array, checksumNotReady: boolean): Received | string {
    const ethernet = decodeEthernet(frame);
    if (ethernet instanceof Malformed) return ethernet.reason;
    if (ethernet.etherType !== ETHERTYPE_IPV4) return "not IPv4";
    const packet = decodeIpv4(ethernet.payload);
    if (packet instanceof Malformed) return packet.reason;
    if (packet.protocol !== IP_PROTOCOL_UDP) return "not UDP";
    if (packet.destination !== IPV4_BROADCAST && packet.destination !== this.#config.address)
      return "sent to another server's address";
    const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
    if (datagram instanceof Malformed) return datagram.reason;
    const port = datagram.destinationPort;
    if (port !== DHCP4_SERVER_PORT && port !== PXE_PORT) return "to another port";
    const message = decodeDhcp4(datagram.payload);
    if (message instanceof Malformed) return message.reason;
    if (message.operation !== "request") return "a message of another server";
    return { message, source: packet.source, sourceMac: ethernet.source, sourcePort: datagram.sourcePort, port };
  }

  /** @returns undefined: the name of the file does not go in */
  #encode(received: Received, client: BootClient, offer: BootOffer): Uint8Array | undefined {
    const { message, port } = received;
    const { address, mac } = this.#config;
    const { bytes, omittedOptions } = encodeDhcp4(
      replyTo(message, {
        clientAddress: port === PXE_PORT ? message.clientAddress : IPV4_ANY,
        nextServerAddress: offer.nextServer,
        bootFile: fitsFileField(offer.bootFile) ? offer.bootFile : "",
        options: this.#options(received, client, offer),
      }),
      maximumReplyBytes(message),
    );
    if (omittedOptions.includes(DHCP4_OPTION.bootFileName.code) && !fitsFileField(offer.bootFile)) return undefined;
    return encodeDhcp4Frame(bytes, { sourceMac: mac, source: address, sourcePort: port, ...destinationOf(received) });
  }

  #options({ message, port }: Received, client: BootClient, offer: BootOffer): Map<number, Uint8Array> {
    // iPXE takes what it is told as final with or without it; UEFI firmware asks port 4011 when it is missing.
    const isFinal = client.bootClass === "PXEClient" && (client.platform === "bios" || client.isIpxe);
    const options = new Map<number, Uint8Array>([
      optionEntry(DHCP4_OPTION.messageType, port === PXE_PORT ? "ACK" : "OFFER"),
      optionEntry(DHCP4_OPTION.serverIdentifier, this.#config.address),
      optionEntry(DHCP4_OPTION.vendorClass, offer.bootClass),
    ]);
    if (isFinal) options.set(...optionEntry(DHCP4_OPTION.vendorSpecific, USE_BOOT_FILE));
    if (client.machine !== undefined) options.set(DHCP4_OPTION.clientMachine.code, client.machine);
    const wishes = readOption(message.options, DHCP4_OPTION.parameterRequestList) ?? [];
    if (wishes.includes(DHCP4_OPTION.tftpServerName.code))
      options.set(...optionEntry(DHCP4_OPTION.tftpServerName, offer.nextServer));
    if (
      offer.bootClass === "HTTPClient" ||
      !fitsFileField(offer.bootFile) ||
      wishes.includes(DHCP4_OPTION.bootFileName.code)
    )
      options.set(...optionEntry(DHCP4_OPTION.bootFileName, offer.bootFile));
    // RFC 6842, and RFC 3046 §2.2: as they came, option 82 as the last one.
    for (const { code } of [DHCP4_OPTION.clientIdentifier, DHCP4_OPTION.relayAgentInformation]) {
      const value = message.options.get(code);
      if (value !== undefined) options.set(code, value);
    }
    return options;
  }
}

function ignored(reason: string): ProxyOutput {
  return { frames: [], event: { event: "ignored", reason } };
}

function addressOf({ clientAddress, options }: Dhcp4Message): Ipv4Address | undefined {
  const address = clientAddress === IPV4_ANY ? readOption(options, DHCP4_OPTION.requestedAddress) : clientAddress;
  return address === IPV4_ANY ? undefined : address;
}

/** A client without an address hears broadcasts only: what it is offered here has none either. */
function destinationOf({ message, source, sourceMac, sourcePort, port }: Received): {
  destinationMac: MacAddress;
  destination: Ipv4Address;
  destinationPort: number;
} {
  if (message.relayAddress !== IPV4_ANY)
    return { destinationMac: sourceMac, destination: message.relayAddress, destinationPort: DHCP4_SERVER_PORT };
  if (port === PXE_PORT && source !== IPV4_ANY)
    return { destinationMac: sourceMac, destination: source, destinationPort: sourcePort };
  return { destinationMac: MAC_BROADCAST, destination: IPV4_BROADCAST, destinationPort: DHCP4_CLIENT_PORT };
}
