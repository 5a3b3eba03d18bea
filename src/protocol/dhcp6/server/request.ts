/** What a server reads in a packet before it thinks about leases: who asks, from which link, and for what. */
import { contains, type Ipv6Address, type MacAddress, parseIpv6, isLinkLocal6 } from "../../../base/address.ts";
import { type IdentityAssociation, decodeAssociations } from "../../../wire/dhcp6/association.ts";
import { decodeDhcp6, DHCP6_SERVER_PORT, type Dhcp6Message } from "../../../wire/dhcp6/message.ts";
import { DHCP6_OPTION, duidMac, optionsOf } from "../../../wire/dhcp6/options.ts";
import { linkAddressOf, type RelayHeader, relayedMac, unwrapRelayed } from "../../../wire/dhcp6/relay.ts";
import type { EthernetFrame } from "../../../wire/ethernet.ts";
import { type Ipv6Packet } from "../../../wire/ipv6.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { decodeUdp } from "../../../wire/udp.ts";
import { identifierFault, NEEDS_SERVER } from "../identifiers.ts";
import type { Dhcp6ServerConfig } from "./config.ts";

const ALL_AGENTS = parseIpv6("ff02::1:2");
/** Which only relays send to (RFC 8415 §7.1). */
const ALL_SERVERS = parseIpv6("ff05::1:3");
/** Far more than any client has. */
const MOST_ASSOCIATIONS = 16;

export interface Request6 {
  readonly message: Dhcp6Message;
  readonly relays: readonly RelayHeader[];
  readonly associations: readonly IdentityAssociation[];
  /** One character for each byte; "" for a client that does not tell it. */
  readonly duid: string;
  readonly mac: MacAddress | undefined;
  /** Of its relay, an address; "" for a client on our own link. */
  readonly link: string;
  /** Whom the packet comes from, where the answer goes. */
  readonly from: { readonly mac: MacAddress; readonly address: Ipv6Address; readonly port: number };
  readonly destination: Ipv6Address;
  /** Sent to us alone, which nobody has been allowed (RFC 8415 §18.4). */
  readonly isUnicast: boolean;
}

/** Malformed: not to be answered, and why. */
export function readRequest(
  config: Dhcp6ServerConfig,
  frame: EthernetFrame,
  packet: Ipv6Packet,
  checksumNotReady: boolean,
): Request6 | Malformed {
  const { source, destination } = packet;
  const isGroup = destination === ALL_AGENTS || destination === ALL_SERVERS;
  if (!isGroup && destination !== config.linkAddress && !config.addresses.includes(destination))
    return new Malformed("to another node");
  if (source.startsWith("ff") || source === "::") return new Malformed("not from a node's address");
  const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
  if (datagram instanceof Malformed) return datagram;
  if (datagram.destinationPort !== DHCP6_SERVER_PORT) return new Malformed("UDP datagram: not to port 547");
  const relayed = unwrapRelayed(datagram.payload);
  if (relayed instanceof Malformed) return relayed;
  const { relays } = relayed;
  const message = decodeDhcp6(relayed.message);
  if (message instanceof Malformed) return message;
  const fault = identifierFault(message, config.duid) ?? linkFault(config, relays);
  if (fault !== undefined) return new Malformed(`${message.type}: ${fault}`);
  const isUnicast = relays.length === 0 && destination !== ALL_AGENTS;
  if (isUnicast && !NEEDS_SERVER.has(message.type)) return new Malformed(`${message.type}: not to all servers`);
  if (relays.length === 0 && !isUnicast && !isLinkLocal6(source))
    return new Malformed(`${message.type}: not from a link-local address`);
  const associations = decodeAssociations(message.options);
  if (associations instanceof Malformed) return associations;
  if (associations.length > MOST_ASSOCIATIONS) return new Malformed(`${message.type}: too many associations`);
  const [client = new Uint8Array()] = optionsOf(message.options, DHCP6_OPTION.clientIdentifier);
  return {
    message,
    relays,
    associations,
    duid: String.fromCharCode(...client),
    mac: relays.length === 0 ? frame.source : (relayedMac(relays) ?? duidMac(client)),
    link: relays.length === 0 ? "" : (linkAddressOf(relays) ?? "::"),
    from: { mac: frame.source, address: source, port: datagram.sourcePort },
    destination,
    isUnicast,
  };
}

function linkFault({ prefixes }: Dhcp6ServerConfig, relays: readonly RelayHeader[]): string | undefined {
  const link = linkAddressOf(relays);
  if (link === undefined || prefixes.some((prefix) => contains(prefix, link))) return undefined;
  return "relayed from a link that is not served";
}
