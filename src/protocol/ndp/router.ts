/**
 * Router advertisements for all hosts of a link, without I/O (RFC 4861 §6.2). Neighbour solicitations are the kernel's,
 * which has the addresses.
 *
 * Solicitations are answered after a short random delay, all that came meanwhile together: each host by unicast, or,
 * when there are many or one has no address yet, all by one multicast. Multicasts are at least three seconds apart.
 */
import {
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  ipToBytes,
  macFromBytes,
  parseIpv6,
  isLinkLocal6,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { encodeEthernet, ETHERTYPE_IPV6, type EthernetFrame } from "../../wire/ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6, type Icmpv6Message, IP_PROTOCOL_ICMPV6 } from "../../wire/icmpv6.ts";
import { encodeIpv6, type Ipv6Packet } from "../../wire/ipv6.ts";
import { Malformed } from "../../wire/malformed.ts";
import {
  decodeSolicitation,
  encodeRouterAdvertisement,
  NDP_HOP_LIMIT,
  type RouterAdvertisement,
} from "../../wire/ndp.ts";

const ALL_NODES = parseIpv6("ff02::1");
const ALL_ROUTERS = parseIpv6("ff02::2");
const UNSPECIFIED = parseIpv6("::");
/** RFC 4861 §6.2.1, §10 */
const DEFAULT_INTERVAL = { minimum: 200, maximum: 600 } as const;
const INITIAL_INTERVAL_SECONDS = 16;
const INITIAL_ADVERTISEMENTS = 3;
const SHORTEST_PAUSE_SECONDS = 3;
const LONGEST_DELAY_SECONDS = 0.5;
const LONGEST_LIFETIME_SECONDS = 9000;
/** With more that wait for an answer, one multicast is cheaper for all. */
const UNICAST_ANSWERS = 8;

type Told = Omit<RouterAdvertisement, "sourceMac">;

const SILENCE: Told = {
  hopLimit: 0,
  managed: false,
  other: false,
  lifetimeSeconds: 0,
  prefixes: [],
  routes: [],
  nameServers: [],
  searchDomains: [],
  dnsLifetimeSeconds: 0,
};

export interface RouterConfig {
  /** Link-local source of what is sent. */
  readonly address: Ipv6Address;
  readonly mac: MacAddress;
  readonly told: Told;
  /** Between two multicasts that nobody asked for: random, within these bounds. Default 200 to 600. */
  readonly intervalSeconds?: {
    /** At least 3, at most three quarters of the maximum. */
    readonly minimum: number;
    /** 4 to 1800. */
    readonly maximum: number;
  };
}

export type RouterEvent =
  | { readonly event: "received"; readonly message: "ROUTER-SOLICITATION" }
  | { readonly event: "sent"; readonly message: "ROUTER-ADVERTISEMENT" }
  | { readonly event: "ignored"; readonly reason: string };

interface RouterOutput {
  readonly frames: readonly Uint8Array[];
  readonly events: readonly RouterEvent[];
}

export class Router {
  readonly #config: RouterConfig;
  readonly #interval: { readonly minimum: number; readonly maximum: number };
  readonly #random: () => number;
  readonly #advertisement: Icmpv6Message;
  readonly #waiting = new Map<Ipv6Address, MacAddress>();
  #answerSeconds = Number.POSITIVE_INFINITY;
  #multicastSeconds: number;
  #lastMulticastSeconds = Number.NEGATIVE_INFINITY;
  #initialLeft = INITIAL_ADVERTISEMENTS;

  /**
   * @param random from 0 to below 1, as Math.random
   * @throws NetloomError bad-router, bad-domain-name
   */
  constructor(config: RouterConfig, nowSeconds: number, random: () => number) {
    checkConfig(config);
    this.#config = config;
    this.#interval = config.intervalSeconds ?? DEFAULT_INTERVAL;
    this.#random = random;
    this.#multicastSeconds = nowSeconds;
    this.#advertisement = encodeRouterAdvertisement({ ...config.told, sourceMac: config.mac });
  }

  /**
   * Take in one frame; what it asks for is sent by {@link advertise}. Never throws, whatever the frame holds.
   * @param packet what the frame holds, decoded; ICMPv6
   */
  handle(frame: EthernetFrame, packet: Ipv6Packet, nowSeconds: number): readonly RouterEvent[] {
    const reason = this.#faultOf(packet);
    if (reason !== undefined) return [{ event: "ignored", reason }];
    if (packet.source === UNSPECIFIED || this.#waiting.size >= UNICAST_ANSWERS) this.#multicastSoon(nowSeconds);
    else if (this.#multicastSeconds > nowSeconds + LONGEST_DELAY_SECONDS) {
      if (this.#waiting.size === 0) this.#answerSeconds = nowSeconds + this.#delay();
      this.#waiting.set(packet.source, frame.source);
    }
    return [{ event: "received", message: "ROUTER-SOLICITATION" }];
  }

  /** RFC 4861 §6.1.1. */
  #faultOf(packet: Ipv6Packet): string | undefined {
    const { source, destination, hopLimit } = packet;
    if (hopLimit !== NDP_HOP_LIMIT) return "hop limit is not 255: it has crossed a router";
    if (destination !== ALL_ROUTERS && destination !== this.#config.address) return "to another node";
    if (source.startsWith("ff")) return "from a group's address";
    const message = decodeIcmpv6(packet.payload, packet);
    if (message instanceof Malformed) return message.reason;
    const solicitation = decodeSolicitation(message);
    if (solicitation instanceof Malformed) return solicitation.reason;
    if (solicitation?.kind !== "router") return "not a router solicitation";
    if (source === UNSPECIFIED && solicitation.sourceMac !== undefined) return "a link-layer address of no address";
    return undefined;
  }

  #delay(): number {
    return this.#random() * LONGEST_DELAY_SECONDS;
  }

  #multicastSoon(nowSeconds: number): void {
    const earliest = Math.max(nowSeconds, this.#lastMulticastSeconds + SHORTEST_PAUSE_SECONDS);
    this.#multicastSeconds = Math.min(this.#multicastSeconds, earliest + this.#delay());
  }

  /** Seconds at which {@link advertise} wants to be called. */
  nextDeadline(): number {
    return Math.min(this.#multicastSeconds, this.#answerSeconds);
  }

  /** What is due: the answers to solicitations, or an advertisement to all. */
  advertise(nowSeconds: number): RouterOutput {
    const frames: Uint8Array[] = [];
    if (nowSeconds >= this.#multicastSeconds) {
      this.#waiting.clear();
      this.#planMulticast(nowSeconds);
      frames.push(this.#frame(ALL_NODES, groupMac(ALL_NODES), this.#advertisement));
    }
    if (nowSeconds >= this.#answerSeconds || frames.length > 0) {
      this.#answerSeconds = Number.POSITIVE_INFINITY;
      for (const [address, mac] of this.#waiting) frames.push(this.#frame(address, mac, this.#advertisement));
      this.#waiting.clear();
    }
    return { frames, events: frames.map(() => ({ event: "sent", message: "ROUTER-ADVERTISEMENT" })) };
  }

  #planMulticast(nowSeconds: number): void {
    const { minimum, maximum } = this.#interval;
    const interval = minimum + this.#random() * (maximum - minimum);
    if (this.#initialLeft > 0) this.#initialLeft--;
    this.#lastMulticastSeconds = nowSeconds;
    this.#multicastSeconds =
      nowSeconds + (this.#initialLeft > 0 ? Math.min(INITIAL_INTERVAL_SECONDS, interval) : interval);
  }

  /**
   * Says that this is a router no more, and that addresses of its prefixes are better not used for anything new: for an
   * end that is meant.
   * @param next what is told from now on, of which nothing is taken back; absent: nothing
   */
  farewell(next: Told = SILENCE): Uint8Array {
    const { told, mac } = this.#config;
    const message = encodeRouterAdvertisement({
      ...told,
      sourceMac: mac,
      managed: next.managed,
      other: next.other,
      lifetimeSeconds: Math.min(told.lifetimeSeconds, next.lifetimeSeconds),
      prefixes: told.prefixes
        .filter((one) => !next.prefixes.some((other) => isSame(other.prefix, one.prefix) && covers(other, one)))
        .map((one) => ({ ...one, preferredSeconds: 0 })),
      routes: told.routes
        .filter((one) => !next.routes.some((other) => isSame(other.destination, one.destination)))
        .map((one) => ({ ...one, lifetimeSeconds: 0 })),
      nameServers: told.nameServers.filter((one) => !next.nameServers.includes(one)),
      searchDomains: told.searchDomains.filter((one) => !next.searchDomains.includes(one)),
      dnsLifetimeSeconds: 0,
    });
    return this.#frame(ALL_NODES, groupMac(ALL_NODES), message);
  }

  #frame(destination: Ipv6Address, destinationMac: MacAddress, message: Icmpv6Message): Uint8Array {
    const { address: source, mac } = this.#config;
    const envelope = { source, destination };
    return encodeEthernet({
      destination: destinationMac,
      source: mac,
      etherType: ETHERTYPE_IPV6,
      payload: encodeIpv6({
        ...envelope,
        nextHeader: IP_PROTOCOL_ICMPV6,
        hopLimit: NDP_HOP_LIMIT,
        payload: encodeIcmpv6(message, envelope),
      }),
    });
  }
}

/** Whether hosts that made addresses go on doing so. */
function covers(next: Told["prefixes"][number], before: Told["prefixes"][number]): boolean {
  return next.autonomous || !before.autonomous;
}

function isSame(a: Ipv6Prefix, b: Ipv6Prefix): boolean {
  return a.address === b.address && a.length === b.length;
}

/** RFC 2464 §7 */
function groupMac(group: Ipv6Address): MacAddress {
  return macFromBytes(Uint8Array.of(0x33, 0x33, ...ipToBytes(group).subarray(12)));
}

function checkConfig({ address, told, intervalSeconds = DEFAULT_INTERVAL }: RouterConfig): void {
  const refuse = (reason: string): NetloomError =>
    new NetloomError("bad-router", `router advertisements of ${address}: ${reason}`);
  const { minimum, maximum } = intervalSeconds;
  if (!isLinkLocal6(address)) throw refuse("the address is not link-local");
  if (!(maximum >= 4 && maximum <= 1800)) throw refuse(`a longest interval of ${maximum} s is not 4 to 1800`);
  if (!(minimum >= SHORTEST_PAUSE_SECONDS && minimum <= 0.75 * maximum))
    throw refuse(`a shortest interval of ${minimum} s is not ${SHORTEST_PAUSE_SECONDS} to ${0.75 * maximum}`);
  const lifetime = told.lifetimeSeconds;
  if (lifetime !== 0 && !(lifetime >= maximum && lifetime <= LONGEST_LIFETIME_SECONDS))
    throw refuse(`a router's lifetime of ${lifetime} s is neither 0 nor ${maximum} to ${LONGEST_LIFETIME_SECONDS}`);
  const late = told.prefixes.find(({ preferredSeconds, validSeconds }) => preferredSeconds > validSeconds);
  if (late !== undefined) throw refuse("a prefix is preferred for longer than it is valid");
}
