/** A DHCPv4 client's side of a dialogue, made of the wire codecs: frames to hand to a server, replies to read. */
import {
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  MAC_BROADCAST,
  type MacAddress,
  macToBytes,
} from "../../src/base/address.ts";
import type { Dhcp4MessageType } from "../../src/wire/dhcp4/codecs.ts";
import { type Dhcp4Message, decodeDhcp4, encodeDhcp4 } from "../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry } from "../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, type EthernetFrame } from "../../src/wire/ethernet.ts";
import { decodeIpv4, encodeIpv4, type Ipv4Packet } from "../../src/wire/ipv4.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeUdp, encodeUdp, type UdpDatagram } from "../../src/wire/udp.ts";

export interface ClientMessage {
  readonly type?: Dhcp4MessageType;
  /** Hardware address in the message, and source of the frame unless `frameSource` is given. */
  readonly mac: MacAddress;
  readonly frameSource?: MacAddress;
  readonly frameDestination?: MacAddress;
  readonly source?: Ipv4Address;
  readonly destination?: Ipv4Address;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Further options after the message type. */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  /** Overrides of fields of the message. */
  readonly fields?: Partial<Dhcp4Message>;
}

/** The frame that a client with that message would send; broadcast unless told otherwise. */
export function clientFrame(client: ClientMessage): Uint8Array {
  const type = client.type === undefined ? [] : [optionEntry(DHCP4_OPTION.messageType, client.type)];
  const message: Dhcp4Message = {
    operation: "request",
    hardwareType: 1,
    hardwareAddress: macToBytes(client.mac),
    hops: 0,
    transactionId: 0x12345678,
    elapsedSeconds: 0,
    broadcast: false,
    clientAddress: IPV4_ANY,
    yourAddress: IPV4_ANY,
    nextServerAddress: IPV4_ANY,
    relayAddress: IPV4_ANY,
    serverName: "",
    bootFile: "",
    options: new Map([...type, ...(client.options ?? [])]),
    ...client.fields,
  };
  const envelope = { source: client.source ?? IPV4_ANY, destination: client.destination ?? IPV4_BROADCAST };
  const datagram = {
    sourcePort: client.sourcePort ?? 68,
    destinationPort: client.destinationPort ?? 67,
    payload: encodeDhcp4(message, 1472).bytes,
  };
  return encodeEthernet({
    destination: client.frameDestination ?? MAC_BROADCAST,
    source: client.frameSource ?? client.mac,
    etherType: 0x0800,
    payload: encodeIpv4({
      ...envelope,
      protocol: 17,
      timeToLive: 64,
      dontFragment: false,
      payload: encodeUdp(datagram, envelope),
    }),
  });
}

export interface ServerReply {
  readonly ethernet: EthernetFrame;
  readonly packet: Ipv4Packet;
  readonly datagram: UdpDatagram;
  readonly message: Dhcp4Message;
}

/** A server's frame, every layer of it. @throws Error when one of them is malformed */
export function readReply(frame: Uint8Array): ServerReply {
  const ethernet = checked(decodeEthernet(frame));
  const packet = checked(decodeIpv4(ethernet.payload));
  const datagram = checked(decodeUdp(packet.payload, packet));
  return { ethernet, packet, datagram, message: checked(decodeDhcp4(datagram.payload)) };
}

function checked<T>(decoded: T | Malformed): T {
  if (decoded instanceof Malformed) throw new Error(decoded.reason);
  return decoded;
}
