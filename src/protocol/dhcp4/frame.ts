/** DHCPv4 messages in whole Ethernet frames, for servers that work below the kernel's IP stack. */
import type { Ipv4Address, MacAddress } from "../../base/address.ts";
import { type Dhcp4Message, DHCP4_CLIENT_PORT, DHCP4_SERVER_PORT, decodeDhcp4 } from "../../wire/dhcp4/message.ts";
import { encodeEthernet, ETHERTYPE_IPV4, type EthernetFrame } from "../../wire/ethernet.ts";
import { decodeIpv4, encodeIpv4, IP_PROTOCOL_UDP } from "../../wire/ipv4.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../wire/udp.ts";

export interface ReceivedDhcp4 {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly message: Dhcp4Message;
}

export interface Dhcp4Envelope {
  readonly sourceMac: MacAddress;
  readonly destinationMac: MacAddress;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** Default that of clients, 68; relay agents listen on 67 (RFC 2131 §4.1). */
  readonly destinationPort?: number;
}

/** What an IPv4 frame to the server port holds; the client may use any source port. */
export function decodeDhcp4Frame(frame: EthernetFrame, checksumNotReady: boolean): ReceivedDhcp4 | Malformed {
  const packet = decodeIpv4(frame.payload);
  if (packet instanceof Malformed) return packet;
  if (packet.protocol !== IP_PROTOCOL_UDP) return new Malformed("IPv4 packet: not UDP");
  const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
  if (datagram instanceof Malformed) return datagram;
  if (datagram.destinationPort !== DHCP4_SERVER_PORT) return new Malformed("UDP datagram: not to port 67");
  const message = decodeDhcp4(datagram.payload);
  if (message instanceof Malformed) return message;
  return { source: packet.source, destination: packet.destination, message };
}

/** A frame from port 67 around an encoded message. */
export function encodeDhcp4Frame(message: Uint8Array, envelope: Dhcp4Envelope): Uint8Array {
  const { sourceMac, destinationMac, source, destination, destinationPort = DHCP4_CLIENT_PORT } = envelope;
  const datagram = { sourcePort: DHCP4_SERVER_PORT, destinationPort, payload: message };
  return encodeEthernet({
    destination: destinationMac,
    source: sourceMac,
    etherType: ETHERTYPE_IPV4,
    payload: encodeIpv4({
      source,
      destination,
      protocol: IP_PROTOCOL_UDP,
      timeToLive: 64,
      dontFragment: true,
      payload: encodeUdp(datagram, envelope),
    }),
  });
}
