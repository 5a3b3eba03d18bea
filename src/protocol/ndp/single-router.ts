/**
 * A router for exactly one guest, without I/O: it advertises, and answers neighbour solicitations for the addresses
 * that are ours on the guest's wire. It forwards nothing; where packets go is said by the MAC address that it tells.
 *
 * A solicitation is answered at once and to the guest alone: the delay of RFC 4861 §6.2.6 keeps many routers from
 * answering together, and here is one. Unsolicited advertisements follow §6.2.4. Everything that does not come from
 * the guest's MAC address meets silence.
 */
import { type Ipv6Address, parseIpv6 } from "../../base/address.ts";
import { encodeEthernet, ETHERTYPE_IPV6, type EthernetFrame } from "../../wire/ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6, type Icmpv6Message, IP_PROTOCOL_ICMPV6 } from "../../wire/icmpv6.ts";
import { encodeIpv6, type Ipv6Packet } from "../../wire/ipv6.ts";
import { Malformed } from "../../wire/malformed.ts";
import {
  decodeSolicitation,
  encodeNeighbourAdvertisement,
  encodeRouterAdvertisement,
  NDP_HOP_LIMIT,
  type RouterAdvertisement,
} from "../../wire/ndp.ts";
import { type GuestPlace6, lifetimeOf } from "../guest-lease6.ts";

const ALL_NODES = parseIpv6("ff02::1");
const UNSPECIFIED = parseIpv6("::");
/** The longest that RFC 4861 allows: while we are away the guest keeps its route. */
const ROUTER_LIFETIME_SECONDS = 9000;
/** MaxRtrAdvInterval and its bounds; MinRtrAdvInterval is a third of it (RFC 4861 §6.2.1). */
const DEFAULT_INTERVAL_SECONDS = 600;
const SHORTEST_INTERVAL_SECONDS = 9;
const INITIAL_INTERVAL_SECONDS = 16;
const INITIAL_ADVERTISEMENTS = 3;
const HOP_LIMIT = 64;

export type SingleRouterEvent =
  | { readonly event: "received"; readonly message: "ROUTER-SOLICITATION" | "NEIGHBOUR-SOLICITATION" }
  | { readonly event: "sent"; readonly message: "ROUTER-ADVERTISEMENT" | "NEIGHBOUR-ADVERTISEMENT" }
  | { readonly event: "ignored"; readonly reason: string };

export interface SingleRouterOutput {
  readonly frames: readonly Uint8Array[];
  readonly events: readonly SingleRouterEvent[];
}

const ignored = (reason: string): SingleRouterOutput => ({ frames: [], events: [{ event: "ignored", reason }] });

export class SingleRouter {
  readonly #place: GuestPlace6;
  readonly #random: () => number;
  readonly #advertisement: Icmpv6Message;
  readonly #farewell: Icmpv6Message;
  #initialLeft = INITIAL_ADVERTISEMENTS;
  #nextSeconds: number;

  /**
   * @param random from 0 to below 1, as Math.random
   * @throws NetloomError bad-domain-name
   */
  constructor(place: GuestPlace6, nowSeconds: number, random: () => number) {
    this.#place = place;
    this.#random = random;
    this.#nextSeconds = nowSeconds;
    this.#advertisement = encodeRouterAdvertisement(advertisementOf(place, ROUTER_LIFETIME_SECONDS));
    this.#farewell = encodeRouterAdvertisement(advertisementOf(place, 0));
  }

  /** @param packet what the frame holds, decoded; ICMPv6 */
  handle(frame: EthernetFrame, packet: Ipv6Packet): SingleRouterOutput {
    const { clientMac } = this.#place;
    if (frame.source !== clientMac) return ignored("from another MAC address");
    if (packet.hopLimit !== NDP_HOP_LIMIT) return ignored("hop limit is not 255: it has crossed a router");
    const message = decodeIcmpv6(packet.payload, packet);
    if (message instanceof Malformed) return ignored(message.reason);
    const solicitation = decodeSolicitation(message);
    if (solicitation === undefined) return ignored("not a solicitation");
    if (solicitation instanceof Malformed) return ignored(solicitation.reason);
    if (packet.source.startsWith("ff")) return ignored("from a group's address");
    const unspecified = packet.source === UNSPECIFIED;
    if (unspecified && solicitation.sourceMac !== undefined) return ignored("a link-layer address of no address");
    const destination = unspecified ? ALL_NODES : packet.source;
    if (solicitation.kind === "router") {
      return {
        frames: [this.#frame(this.#place.routerAddress, destination, this.#advertisement)],
        events: [
          { event: "received", message: "ROUTER-SOLICITATION" },
          { event: "sent", message: "ROUTER-ADVERTISEMENT" },
        ],
      };
    }
    const targetMac = this.#macOf(solicitation.target);
    if (targetMac === undefined) return ignored("for an address that is not ours");
    const answer = encodeNeighbourAdvertisement({
      target: solicitation.target,
      targetMac,
      router: solicitation.target === this.#place.routerAddress,
      solicited: !unspecified,
    });
    return {
      frames: [this.#frame(solicitation.target, destination, answer)],
      events: [
        { event: "received", message: "NEIGHBOUR-SOLICITATION" },
        { event: "sent", message: "NEIGHBOUR-ADVERTISEMENT" },
      ],
    };
  }

  /** Seconds at which {@link advertise} wants to be called. */
  nextDeadline(): number {
    return this.#nextSeconds;
  }

  /** The unsolicited advertisement that is due. */
  advertise(nowSeconds: number): SingleRouterOutput {
    if (nowSeconds < this.#nextSeconds) return { frames: [], events: [] };
    const longest = longestInterval(lifetimeOf(this.#place.lease));
    const interval = longest / 3 + this.#random() * (longest - longest / 3);
    if (this.#initialLeft > 0) this.#initialLeft--;
    this.#nextSeconds = nowSeconds + (this.#initialLeft > 0 ? Math.min(INITIAL_INTERVAL_SECONDS, interval) : interval);
    return {
      frames: [this.#frame(this.#place.routerAddress, ALL_NODES, this.#advertisement)],
      events: [{ event: "sent", message: "ROUTER-ADVERTISEMENT" }],
    };
  }

  /** Says that this is a router no more: for an end that is meant. */
  farewell(): readonly Uint8Array[] {
    return [this.#frame(this.#place.routerAddress, ALL_NODES, this.#farewell)];
  }

  #macOf(target: Ipv6Address) {
    const { routerAddress, routerMac, serverAddress, serverMac } = this.#place;
    if (target === routerAddress) return routerMac;
    return target === serverAddress ? serverMac : undefined;
  }

  /** To the guest's MAC address also where the address is a group's (RFC 6085). */
  #frame(source: Ipv6Address, destination: Ipv6Address, message: Icmpv6Message): Uint8Array {
    const envelope = { source, destination };
    return encodeEthernet({
      destination: this.#place.clientMac,
      source: this.#place.serverMac,
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

/** Prefixes of a short life are told anew well before it ends, also where an advertisement is lost. */
function longestInterval(lifetimeSeconds: number): number {
  return Math.min(DEFAULT_INTERVAL_SECONDS, Math.max(SHORTEST_INTERVAL_SECONDS, lifetimeSeconds / 3));
}

function advertisementOf(place: GuestPlace6, lifetimeSeconds: number): RouterAdvertisement {
  const { lease, routerMac } = place;
  const seconds = lifetimeOf(lease);
  return {
    hopLimit: HOP_LIMIT,
    managed: lease.addresses.length > 0,
    other: lease.nameServers.length > 0 || lease.searchDomains.length > 0,
    lifetimeSeconds: lease.defaultRouter ? lifetimeSeconds : 0,
    ...(routerMac === undefined ? {} : { sourceMac: routerMac }),
    ...(lease.mtuBytes === undefined ? {} : { mtuBytes: lease.mtuBytes }),
    prefixes: lease.prefixes.map((prefix) => ({ ...prefix, validSeconds: seconds, preferredSeconds: seconds })),
    routes: lease.routes.map((destination) => ({ destination, lifetimeSeconds })),
    nameServers: lease.nameServers,
    searchDomains: lease.searchDomains,
    dnsLifetimeSeconds: lifetimeSeconds,
  };
}
