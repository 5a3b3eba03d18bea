/** The Ethernet frames of a DHCPv6 client: its messages to all servers of the link, and what comes back. */
import { type Ipv6Address, parseIpv6, parseMac } from "../../../base/address.ts";
import { decodeDhcp6, DHCP6_CLIENT_PORT, DHCP6_SERVER_PORT, type Dhcp6Message } from "../../../wire/dhcp6/message.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_IPV6 } from "../../../wire/ethernet.ts";
import { IP_PROTOCOL_UDP } from "../../../wire/ipv4.ts";
import { decodeIpv6, encodeIpv6 } from "../../../wire/ipv6.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../../wire/udp.ts";
import type { ClientIdentity6 } from "./messages.ts";

const ALL_SERVERS = parseIpv6("ff02::1:2");
const ALL_SERVERS_MAC = parseMac("33:33:00:01:00:02");
/** A link's own: no router passes it on. */
const HOP_LIMIT = 1;

/** To all servers and relays, always: servers are asked by unicast no more (RFC 9915 §1.1). */
export function encodeClientFrame(message: Uint8Array, { mac, linkAddress }: ClientIdentity6): Uint8Array {
  const envelope = { source: linkAddress, destination: ALL_SERVERS };
  const datagram = { sourcePort: DHCP6_CLIENT_PORT, destinationPort: DHCP6_SERVER_PORT, payload: message };
  return encodeEthernet({
    destination: ALL_SERVERS_MAC,
    source: mac,
    etherType: ETHERTYPE_IPV6,
    payload: encodeIpv6({
      ...envelope,
      nextHeader: IP_PROTOCOL_UDP,
      hopLimit: HOP_LIMIT,
      payload: encodeUdp(datagram, envelope),
    }),
  });
}

export interface ServerMessage6 {
  readonly message: Dhcp6Message;
  readonly source: Ipv6Address;
}

/** What a frame to the client holds. */
export function decodeServerFrame(
  bytes: Uint8Array,
  checksumNotReady: boolean,
  { linkAddress }: ClientIdentity6,
): ServerMessage6 | Malformed {
  const frame = decodeEthernet(bytes);
  if (frame instanceof Malformed) return frame;
  if (frame.etherType !== ETHERTYPE_IPV6) return new Malformed("not IPv6");
  const packet = decodeIpv6(frame.payload);
  if (packet instanceof Malformed) return packet;
  if (packet.nextHeader !== IP_PROTOCOL_UDP) return new Malformed("IPv6 packet: not UDP");
  // RFC 8415 §16: what comes to a group is no answer.
  if (packet.destination !== linkAddress) return new Malformed("IPv6 packet: to another node");
  const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
  if (datagram instanceof Malformed) return datagram;
  if (datagram.destinationPort !== DHCP6_CLIENT_PORT) return new Malformed("UDP datagram: not to port 546");
  const message = decodeDhcp6(datagram.payload);
  return message instanceof Malformed ? message : { message, source: packet.source };
}
