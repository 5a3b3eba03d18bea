/** DHCPv4 messages in whole Ethernet frames, for servers that work below the kernel's IP stack. */
import { type Ipv4Address, ipv4ToNumber, type MacAddress, macToBytes } from "../../base/address.ts";
import { addWords, finishChecksum } from "../../wire/checksum.ts";
import { type Dhcp4Message, DHCP4_CLIENT_PORT, DHCP4_SERVER_PORT, decodeDhcp4 } from "../../wire/dhcp4/message.ts";
import { ETHERTYPE_IPV4, type EthernetFrame } from "../../wire/ethernet.ts";
import { decodeIpv4, IP_PROTOCOL_UDP } from "../../wire/ipv4.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeUdp } from "../../wire/udp.ts";

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const UDP_BYTES = 8;
const DONT_FRAGMENT = 0x4000;
const TIME_TO_LIVE = 64;

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

/** What {@link wrapDhcp4} wants before the message: headers of Ethernet, IPv4 and UDP. */
export const DHCP4_HEADROOM_BYTES = ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES;

/** A frame from port 67 around an encoded message. */
export function encodeDhcp4Frame(message: Uint8Array, envelope: Dhcp4Envelope): Uint8Array {
  const frame = new Uint8Array(DHCP4_HEADROOM_BYTES + message.length);
  frame.set(message, DHCP4_HEADROOM_BYTES);
  wrapDhcp4(frame, envelope);
  return frame;
}

/** Write the headers of a frame from port 67 into the room before its message: nothing is copied. */
export function wrapDhcp4(frame: Uint8Array, envelope: Dhcp4Envelope): void {
  const { sourceMac, destinationMac, source, destination, destinationPort = DHCP4_CLIENT_PORT } = envelope;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  frame.set(macToBytes(destinationMac), 0);
  frame.set(macToBytes(sourceMac), 6);
  view.setUint16(12, ETHERTYPE_IPV4);
  const [ip, udp] = [ETHERNET_BYTES, ETHERNET_BYTES + IPV4_BYTES];
  const udpBytes = frame.length - udp;
  view.setUint16(ip, 0x4500);
  view.setUint16(ip + 2, IPV4_BYTES + udpBytes);
  view.setUint16(ip + 6, DONT_FRAGMENT);
  view.setUint8(ip + 8, TIME_TO_LIVE);
  view.setUint8(ip + 9, IP_PROTOCOL_UDP);
  view.setUint32(ip + 12, ipv4ToNumber(source));
  view.setUint32(ip + 16, ipv4ToNumber(destination));
  view.setUint16(ip + 10, finishChecksum(addWords(frame.subarray(ip, udp))));
  view.setUint16(udp, DHCP4_SERVER_PORT);
  view.setUint16(udp + 2, destinationPort);
  view.setUint16(udp + 4, udpBytes);
  // The pseudo header is the two addresses, which stand before the UDP header, protocol and length (RFC 768).
  const checksum = finishChecksum(addWords(frame.subarray(ip + 12), IP_PROTOCOL_UDP + udpBytes));
  // 0 would say "no checksum"; its other spelling in one's complement is all ones.
  view.setUint16(udp + 6, checksum === 0 ? 0xffff : checksum);
}
