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
const VERSION_AND_LENGTH = 0x4500;
const DONT_FRAGMENT = 0x4000;
const TIME_TO_LIVE_AND_UDP = (64 << 8) | IP_PROTOCOL_UDP;

export interface ReceivedDhcp4 {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly message: Dhcp4Message;
}

interface Dhcp4Envelope {
  readonly sourceMac: MacAddress;
  readonly destinationMac: MacAddress;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** Default that of servers, 67. */
  readonly sourcePort?: number;
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

/** A frame around an encoded message. */
export function encodeDhcp4Frame(message: Uint8Array, envelope: Dhcp4Envelope): Uint8Array {
  const frame = new Uint8Array(DHCP4_HEADROOM_BYTES + message.length);
  frame.set(message, DHCP4_HEADROOM_BYTES);
  wrapDhcp4(frame, envelope);
  return frame;
}

/** Write the headers of a frame into the room before its message: nothing is copied. */
export function wrapDhcp4(frame: Uint8Array, envelope: Dhcp4Envelope): void {
  const { sourceMac, destinationMac, source, destination } = envelope;
  const { sourcePort = DHCP4_SERVER_PORT, destinationPort = DHCP4_CLIENT_PORT } = envelope;
  macToBytes(destinationMac, frame, 0);
  macToBytes(sourceMac, frame, 6);
  writeU16(frame, 12, ETHERTYPE_IPV4);
  const [ip, udp] = [ETHERNET_BYTES, ETHERNET_BYTES + IPV4_BYTES];
  const udpBytes = frame.length - udp;
  const addresses = writeAddress(frame, ip + 12, source) + writeAddress(frame, ip + 16, destination);
  writeU16(frame, ip, VERSION_AND_LENGTH);
  writeU16(frame, ip + 2, IPV4_BYTES + udpBytes);
  writeU16(frame, ip + 6, DONT_FRAGMENT);
  writeU16(frame, ip + 8, TIME_TO_LIVE_AND_UDP);
  const header = VERSION_AND_LENGTH + IPV4_BYTES + udpBytes + DONT_FRAGMENT + TIME_TO_LIVE_AND_UDP;
  writeU16(frame, ip + 10, finishChecksum(header + addresses));
  writeU16(frame, udp, sourcePort);
  writeU16(frame, udp + 2, destinationPort);
  writeU16(frame, udp + 4, udpBytes);
  // The pseudo header is the two addresses, protocol and length (RFC 768).
  const pseudoHeader = addresses + IP_PROTOCOL_UDP + udpBytes;
  const ports = sourcePort + destinationPort + udpBytes;
  const checksum = finishChecksum(addWords(frame, pseudoHeader + ports, DHCP4_HEADROOM_BYTES));
  // 0 would say "no checksum"; its other spelling in one's complement is all ones.
  writeU16(frame, udp + 6, checksum === 0 ? 0xffff : checksum);
}

function writeU16(frame: Uint8Array, offset: number, value: number): void {
  frame[offset] = value >>> 8;
  frame[offset + 1] = value;
}

/** @returns the sum of its words */
function writeAddress(frame: Uint8Array, offset: number, address: Ipv4Address): number {
  const value = ipv4ToNumber(address);
  writeU16(frame, offset, value >>> 16);
  writeU16(frame, offset + 2, value & 0xffff);
  return (value >>> 16) + (value & 0xffff);
}
