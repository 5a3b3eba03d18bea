/** Who answers a DHCPv4 client on a link: one DISCOVER of a client that does not exist, and the offers to it. */
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  MAC_BROADCAST,
  type MacAddress,
  macFromBytes,
  macToBytes,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { PacketSocket, type ReceivedFrame } from "../../kernel/native.ts";
import { NetlinkError, RouteNetlink } from "../../kernel/netlink.ts";
import { DHCP_CLIENT_FILTER } from "../../kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../netlink/route/link.ts";
import { Malformed } from "../../wire/malformed.ts";
import {
  decodeDhcp4,
  DHCP4_CLIENT_PORT,
  DHCP4_SERVER_PORT,
  encodeDhcp4,
  HARDWARE_ETHERNET,
} from "../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_IPV4 } from "../../wire/ethernet.ts";
import { decodeIpv4, encodeIpv4, IP_PROTOCOL_UDP } from "../../wire/ipv4.ts";
import { decodeUdp, encodeUdp } from "../../wire/udp.ts";

/** Servers that first ping the address that they offer take longer. */
const WAIT_MILLISECONDS = 2000;
const HOPS_TO_LIVE = 64;

export interface DhcpOffer {
  /** Option 54; a server that leaves it out is named by the source of its packet. */
  readonly serverIdentifier: Ipv4Address;
  /** The sender of the frame: the server, or the relay or router before it. */
  readonly serverMac: MacAddress;
  readonly offeredAddress: Ipv4Address;
  /** Option 60 of the server. */
  readonly vendorClass?: string;
}

interface DhcpProbe {
  readonly offers: readonly DhcpOffer[];
  /** Why the question did not get out; absent: it did. */
  readonly trouble?: string;
}

interface ProbeWait {
  /** Default two seconds. */
  readonly milliseconds?: number;
  /** One offer is all that is wanted to know. */
  readonly untilFirst?: boolean;
  /** Other offers are passed over; default none. */
  readonly counts?: (offer: DhcpOffer) => boolean;
  /** Option 60 of the question. */
  readonly vendorClass?: string;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

/**
 * Sends the DISCOVER into the link and gathers offers for a while. Nothing is requested, so a server keeps at most
 * the memory of an offer. What this host itself serves on a bridge is not asked: frames that it sends into its own
 * bridge only leave by the ports.
 *
 * @throws NetloomError no-link; SystemCallError EPERM without CAP_NET_RAW
 */
export async function probeDhcp(
  interfaceName: string,
  { milliseconds = WAIT_MILLISECONDS, untilFirst = false, counts = () => true, vendorClass, signal }: ProbeWait = {},
): Promise<DhcpProbe> {
  const enough = new AbortController();
  const client = { mac: randomMac(), transactionId: randomInt(2 ** 32) };
  const offers: DhcpOffer[] = [];
  let trouble: string | undefined;
  using socket = new PacketSocket({
    interfaceIndex: await findLink(interfaceName),
    filter: DHCP_CLIENT_FILTER,
    batch: 16,
    onFrames: (frames) => {
      for (const frame of frames) {
        const offer = readOffer(frame, client.transactionId);
        if (offer === undefined || !counts(offer)) continue;
        if (!offers.some((known) => known.serverIdentifier === offer.serverIdentifier)) offers.push(offer);
      }
      if (untilFirst && offers.length > 0) enough.abort();
    },
    onError: (error) => {
      trouble ??= error.message;
    },
  });
  const sent = socket.send([discoverFrame({ ...client, vendorClass })]);
  if (sent === 0) return { offers, trouble: trouble ?? "the link's queue is full" };
  await passTime(milliseconds, signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal]));
  return { offers, ...(trouble === undefined ? {} : { trouble }) };
}

async function passTime(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function findLink(name: string): Promise<number> {
  await using netlink = RouteNetlink.open();
  try {
    return (await netlink.get(getLink({ name }), decodeLink)).index;
  } catch (cause) {
    if (!(cause instanceof NetlinkError && (cause.errnoName === "ENODEV" || cause.errnoName === "ERANGE"))) throw cause;
    throw new NetloomError("no-link", `look for a DHCP server on ${name}: there is no such interface`, {
      cause,
      hint: "ip link shows what there is.",
    });
  }
}

/** Locally administered and unicast (IEEE 802 §8.2). */
function randomMac(): MacAddress {
  const bytes = Uint8Array.from(randomBytes(6));
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return macFromBytes(bytes);
}

function discoverFrame(client: {
  readonly mac: MacAddress;
  readonly transactionId: number;
  readonly vendorClass: string | undefined;
}): Uint8Array {
  const { bytes } = encodeDhcp4({
    operation: "request",
    hardwareType: HARDWARE_ETHERNET,
    hardwareAddress: macToBytes(client.mac),
    hops: 0,
    transactionId: client.transactionId,
    elapsedSeconds: 0,
    // Unicast to a MAC address that no link here has would not reach us through a switch.
    broadcast: true,
    clientAddress: IPV4_ANY,
    yourAddress: IPV4_ANY,
    nextServerAddress: IPV4_ANY,
    relayAddress: IPV4_ANY,
    serverName: "",
    bootFile: "",
    options: new Map([
      optionEntry(DHCP4_OPTION.messageType, "DISCOVER"),
      optionEntry(DHCP4_OPTION.parameterRequestList, [
        DHCP4_OPTION.subnetMask.code,
        DHCP4_OPTION.routers.code,
        DHCP4_OPTION.nameServers.code,
        ...(client.vendorClass === undefined ? [] : [DHCP4_OPTION.vendorClass.code]),
      ]),
      ...(client.vendorClass === undefined ? [] : [optionEntry(DHCP4_OPTION.vendorClass, client.vendorClass)]),
    ]),
  });
  const envelope = { source: IPV4_ANY, destination: IPV4_BROADCAST };
  const ports = { sourcePort: DHCP4_CLIENT_PORT, destinationPort: DHCP4_SERVER_PORT };
  return encodeEthernet({
    destination: MAC_BROADCAST,
    source: client.mac,
    etherType: ETHERTYPE_IPV4,
    payload: encodeIpv4({
      ...envelope,
      protocol: IP_PROTOCOL_UDP,
      timeToLive: HOPS_TO_LIVE,
      dontFragment: false,
      payload: encodeUdp({ ...ports, payload: bytes }, envelope),
    }),
  });
}

/** Undefined: it is no offer to this client. */
function readOffer(received: ReceivedFrame, transactionId: number): DhcpOffer | undefined {
  const { buffer, offset, length, checksumNotReady } = received;
  // A copy: what is kept must not change with the socket's buffer.
  const frame = decodeEthernet(buffer.slice(offset, offset + length));
  if (frame instanceof Malformed) return undefined;
  const packet = decodeIpv4(frame.payload);
  if (packet instanceof Malformed) return undefined;
  const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
  if (datagram instanceof Malformed) return undefined;
  const message = decodeDhcp4(datagram.payload);
  if (message instanceof Malformed) return undefined;
  if (message.operation !== "reply" || message.transactionId !== transactionId) return undefined;
  if (readOption(message.options, DHCP4_OPTION.messageType) !== "OFFER") return undefined;
  const vendorClass = readOption(message.options, DHCP4_OPTION.vendorClass);
  return {
    serverIdentifier: readOption(message.options, DHCP4_OPTION.serverIdentifier) ?? packet.source,
    serverMac: frame.source,
    offeredAddress: message.yourAddress,
    ...(vendorClass === undefined ? {} : { vendorClass }),
  };
}
