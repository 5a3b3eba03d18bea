/**
 * The question whether somebody uses an address: ARP on the link (RFC 5227 §2.1.1, from the address 0.0.0.0, so that
 * nobody learns a wrong one), an ICMP echo through the relay that the client's message came from. The client's message
 * is kept, and answered when the question has got none for long enough; others are not held up by it.
 */
import { type Ipv4Address, IPV4_ANY, MAC_BROADCAST, type MacAddress, parseMac } from "../../../base/address.ts";
import { ARP_REQUEST, decodeArp, encodeArp } from "../../../wire/arp.ts";
import { addWords, finishChecksum } from "../../../wire/checksum.ts";
import { encodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4, type EthernetFrame } from "../../../wire/ethernet.ts";
import { decodeIpv4, encodeIpv4 } from "../../../wire/ipv4.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { Dhcp4Probe } from "./config.ts";

const ARP_SECONDS = 0.3;
const ICMP_SECONDS = 0.8;
const AT_ONCE = 64;
const MAC_NONE = parseMac("00:00:00:00:00:00");
const IP_PROTOCOL_ICMP = 1;
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;

export interface Held {
  readonly address: Ipv4Address;
  /** The client's message: a copy, as the buffer that it came in is used again. */
  readonly frame: Uint8Array;
  /** The client's; undefined when the message came through a relay, as the answer will. */
  readonly sourceMac: MacAddress | undefined;
  /** Of the bridge, as it came. */
  readonly port: number | undefined;
  readonly deadlineSeconds: number;
}

interface ProbeRequest {
  readonly address: Ipv4Address;
  /** What the client sent, and from where. */
  readonly frame: Uint8Array;
  readonly sourceMac: MacAddress;
  readonly port: number | undefined;
  /** By a relay, which is the way to the address, too. */
  readonly isRelayed: boolean;
  readonly nowSeconds: number;
}

export class Prober {
  readonly #server: { readonly serverMac: MacAddress; readonly serverAddress: Ipv4Address };
  readonly #arpSeconds: number;
  readonly #icmpSeconds: number;
  readonly #atOnce: number;
  readonly #held = new Map<Ipv4Address, Held>();

  constructor(
    { arpSeconds = ARP_SECONDS, icmpSeconds = ICMP_SECONDS, atOnce = AT_ONCE }: Dhcp4Probe,
    server: { readonly serverMac: MacAddress; readonly serverAddress: Ipv4Address },
  ) {
    this.#server = server;
    this.#arpSeconds = arpSeconds;
    this.#icmpSeconds = icmpSeconds;
    this.#atOnce = atOnce;
  }

  isUnderWay(address: Ipv4Address): boolean {
    return this.#held.has(address);
  }

  hasRoom(): boolean {
    return this.#held.size < this.#atOnce;
  }

  /** @returns the question, to be sent at once */
  ask({ address, frame, sourceMac, port, isRelayed, nowSeconds }: ProbeRequest): Uint8Array {
    const deadlineSeconds = nowSeconds + (isRelayed ? this.#icmpSeconds : this.#arpSeconds);
    const client = isRelayed ? undefined : sourceMac;
    this.#held.set(address, { address, frame: frame.slice(), sourceMac: client, port, deadlineSeconds });
    return isRelayed ? this.#echoFrame(address, sourceMac) : this.#arpFrame(address);
  }

  #arpFrame(address: Ipv4Address): Uint8Array {
    const { serverMac } = this.#server;
    return encodeEthernet({
      destination: MAC_BROADCAST,
      source: serverMac,
      etherType: ETHERTYPE_ARP,
      payload: encodeArp({
        operation: ARP_REQUEST,
        senderMac: serverMac,
        senderAddress: IPV4_ANY,
        targetMac: MAC_NONE,
        targetAddress: address,
      }),
    });
  }

  #echoFrame(destination: Ipv4Address, relayMac: MacAddress): Uint8Array {
    const { serverMac, serverAddress } = this.#server;
    const echo = new Uint8Array(8);
    echo[0] = ECHO_REQUEST;
    const checksum = finishChecksum(addWords(echo));
    echo[2] = checksum >>> 8;
    echo[3] = checksum;
    const packet = {
      source: serverAddress,
      destination,
      protocol: IP_PROTOCOL_ICMP,
      timeToLive: 64,
      dontFragment: true,
    };
    return encodeEthernet({
      destination: relayMac,
      source: serverMac,
      etherType: ETHERTYPE_IPV4,
      payload: encodeIpv4({ ...packet, payload: echo }),
    });
  }

  /** The client that waits for the address that a frame shows in use; it does not wait any more. */
  inUse(ethernet: EthernetFrame): Held | undefined {
    if (this.#held.size === 0) return undefined;
    const address = ethernet.etherType === ETHERTYPE_ARP ? arpSender(ethernet) : echoSender(ethernet);
    const held = address === undefined ? undefined : this.#held.get(address);
    // A client that kept the address from another time is nobody else.
    if (held === undefined || held.sourceMac === ethernet.source) return undefined;
    this.#held.delete(held.address);
    return held;
  }

  nextDeadline(): number | undefined {
    let earliest: number | undefined;
    for (const { deadlineSeconds } of this.#held.values())
      if (earliest === undefined || deadlineSeconds < earliest) earliest = deadlineSeconds;
    return earliest;
  }

  /** The clients whose questions nobody answered. */
  due(nowSeconds: number): Held[] {
    const due = [...this.#held.values()].filter(({ deadlineSeconds }) => deadlineSeconds <= nowSeconds);
    for (const { address } of due) this.#held.delete(address);
    return due;
  }
}

/** ARP and ICMP, of which the answers to probes are a part. */
export function isAboutAddresses({ etherType, payload }: EthernetFrame): boolean {
  return etherType === ETHERTYPE_ARP || (etherType === ETHERTYPE_IPV4 && payload[9] === IP_PROTOCOL_ICMP);
}

function arpSender({ payload }: EthernetFrame): Ipv4Address | undefined {
  const packet = decodeArp(payload);
  return packet instanceof Malformed ? undefined : packet.senderAddress;
}

function echoSender({ etherType, payload }: EthernetFrame): Ipv4Address | undefined {
  if (etherType !== ETHERTYPE_IPV4) return undefined;
  const packet = decodeIpv4(payload);
  if (packet instanceof Malformed || packet.protocol !== IP_PROTOCOL_ICMP) return undefined;
  return packet.payload[0] === ECHO_REPLY ? packet.source : undefined;
}
