/** The Ethernet frames of a DHCPv4 client: its messages, the probes for its address, and what comes back. */
import {
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  MAC_BROADCAST,
  type MacAddress,
  parseMac,
} from "../../../base/address.ts";
import { ARP_REPLY, ARP_REQUEST, encodeArp } from "../../../wire/arp.ts";
import { type Dhcp4Message, DHCP4_CLIENT_PORT, DHCP4_SERVER_PORT, decodeDhcp4 } from "../../../wire/dhcp4/message.ts";
import { encodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { decodeIpv4, encodeIpv4, IP_PROTOCOL_UDP } from "../../../wire/ipv4.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../../wire/udp.ts";

const MAC_NONE = parseMac("00:00:00:00:00:00");

/** Where a message of the client goes. */
export interface Destination {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly destinationMac: MacAddress;
}

/** To everybody, from nobody yet (RFC 2131 §4.1). */
export const TO_ALL: Destination = {
  source: IPV4_ANY,
  destination: IPV4_BROADCAST,
  destinationMac: MAC_BROADCAST,
};

/** A frame from port 68 to port 67 around an encoded message. */
export function encodeRequestFrame(message: Uint8Array, mac: MacAddress, to: Destination): Uint8Array {
  const datagram = { sourcePort: DHCP4_CLIENT_PORT, destinationPort: DHCP4_SERVER_PORT, payload: message };
  return encodeEthernet({
    destination: to.destinationMac,
    source: mac,
    etherType: ETHERTYPE_IPV4,
    payload: encodeIpv4({
      source: to.source,
      destination: to.destination,
      protocol: IP_PROTOCOL_UDP,
      timeToLive: 64,
      dontFragment: false,
      payload: encodeUdp(datagram, to),
    }),
  });
}

/** What an IPv4 frame to the client port holds. */
export function decodeReplyFrame(frame: EthernetFrame, checksumNotReady: boolean): Dhcp4Message | Malformed {
  const packet = decodeIpv4(frame.payload);
  if (packet instanceof Malformed) return packet;
  if (packet.protocol !== IP_PROTOCOL_UDP) return new Malformed("IPv4 packet: not UDP");
  const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
  if (datagram instanceof Malformed) return datagram;
  if (datagram.destinationPort !== DHCP4_CLIENT_PORT) return new Malformed("UDP datagram: not to port 68");
  return decodeDhcp4(datagram.payload);
}

/** Asks who has the address without saying that anybody here does (RFC 5227 §2.1.1). */
export function encodeProbe(mac: MacAddress, address: Ipv4Address): Uint8Array {
  return arpFrame(mac, ARP_REQUEST, IPV4_ANY, address);
}

/** Tells everybody where the address is now (RFC 2131 §4.4.1: a broadcast ARP reply). */
export function encodeAnnouncement(mac: MacAddress, address: Ipv4Address): Uint8Array {
  return arpFrame(mac, ARP_REPLY, address, address);
}

function arpFrame(mac: MacAddress, operation: number, sender: Ipv4Address, target: Ipv4Address): Uint8Array {
  return encodeEthernet({
    destination: MAC_BROADCAST,
    source: mac,
    etherType: ETHERTYPE_ARP,
    payload: encodeArp({
      operation,
      senderMac: mac,
      senderAddress: sender,
      targetMac: operation === ARP_REPLY ? MAC_BROADCAST : MAC_NONE,
      targetAddress: target,
    }),
  });
}
