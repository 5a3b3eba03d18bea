/** A DHCPv4 server's side of a dialogue, made of the wire codecs: frames to hand to a client, requests to read. */
import {
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  type MacAddress,
  MAC_BROADCAST,
  macToBytes,
  netmaskOf,
} from "../../src/base/address.ts";
import { ARP_REPLY, type ArpPacket, decodeArp, encodeArp } from "../../src/wire/arp.ts";
import type { Dhcp4MessageType } from "../../src/wire/dhcp4/codecs.ts";
import { type Dhcp4Message, encodeDhcp4 } from "../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry } from "../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet } from "../../src/wire/ethernet.ts";
import { encodeIpv4 } from "../../src/wire/ipv4.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { encodeUdp } from "../../src/wire/udp.ts";
import { readReply, type ServerReply } from "./dhcp4-client.ts";

export interface ServerMessage {
  readonly type?: Dhcp4MessageType;
  readonly server: Ipv4Address;
  readonly serverMac: MacAddress;
  readonly clientMac: MacAddress;
  readonly transactionId: number;
  readonly address?: Ipv4Address;
  readonly leaseSeconds?: number;
  /** Over those that a lease has. */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  /** Codes to leave out. */
  readonly without?: readonly number[];
  readonly fields?: Partial<Dhcp4Message>;
  readonly destinationPort?: number;
}

/** The frame of a server: OFFER and ACK with mask /24 and a lease of an hour unless told otherwise. */
export function serverFrame(message: ServerMessage): Uint8Array {
  const { type, server, address, leaseSeconds = 3600 } = message;
  const grants = type === "OFFER" || type === "ACK";
  const options = new Map([
    ...(type === undefined ? [] : [optionEntry(DHCP4_OPTION.messageType, type)]),
    optionEntry(DHCP4_OPTION.serverIdentifier, server),
    ...(grants
      ? [optionEntry(DHCP4_OPTION.leaseTime, leaseSeconds), optionEntry(DHCP4_OPTION.subnetMask, netmaskOf(24))]
      : []),
    ...(message.options ?? []),
  ]);
  for (const code of message.without ?? []) options.delete(code);
  const { bytes } = encodeDhcp4(
    {
      operation: "reply",
      hardwareType: 1,
      hardwareAddress: macToBytes(message.clientMac),
      hops: 0,
      transactionId: message.transactionId,
      elapsedSeconds: 0,
      broadcast: false,
      clientAddress: IPV4_ANY,
      yourAddress: grants ? (address ?? IPV4_ANY) : IPV4_ANY,
      nextServerAddress: IPV4_ANY,
      relayAddress: IPV4_ANY,
      serverName: "",
      bootFile: "",
      options,
      ...message.fields,
    },
    1472,
  );
  const envelope = { source: server, destination: grants && address !== undefined ? address : IPV4_BROADCAST };
  return encodeEthernet({
    destination: message.clientMac,
    source: message.serverMac,
    etherType: 0x0800,
    payload: encodeIpv4({
      ...envelope,
      protocol: 17,
      timeToLive: 64,
      dontFragment: false,
      payload: encodeUdp({ sourcePort: 67, destinationPort: message.destinationPort ?? 68, payload: bytes }, envelope),
    }),
  });
}

/** What a client sent: a DHCP message or ARP. @throws Error when it is malformed */
export function readClientFrame(frame: Uint8Array): { dhcp: ServerReply } | { arp: ArpPacket } {
  const ethernet = decodeEthernet(frame);
  if (ethernet instanceof Malformed) throw new Error(ethernet.reason);
  if (ethernet.etherType !== 0x0806) return { dhcp: readReply(frame) };
  const arp = decodeArp(ethernet.payload);
  if (arp instanceof Malformed) throw new Error(arp.reason);
  return { arp };
}

/** Somebody on the link who has the address answers for it; with `operation` 1 and sender 0.0.0.0 he probes for it. */
export function arpFrame(packet: Partial<ArpPacket> & Pick<ArpPacket, "senderMac" | "senderAddress">): Uint8Array {
  return encodeEthernet({
    destination: MAC_BROADCAST,
    source: packet.senderMac,
    etherType: 0x0806,
    payload: encodeArp({
      operation: ARP_REPLY,
      targetMac: MAC_BROADCAST,
      targetAddress: packet.senderAddress,
      ...packet,
    }),
  });
}
