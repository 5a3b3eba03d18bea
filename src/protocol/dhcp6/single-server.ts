/**
 * A DHCPv6 server for exactly one guest (RFC 8415 §18.3), without I/O and without state: whatever the guest says, the
 * answer follows from the configuration. Its first identity association gets the lease's addresses, another one none.
 */
import { type Ipv6Address, parseIpv6, isLinkLocal6 } from "../../base/address.ts";
import {
  decodeDhcp6,
  DHCP6_CLIENT_PORT,
  DHCP6_SERVER_PORT,
  type Dhcp6Message,
  type Dhcp6MessageType,
  type Dhcp6Option,
  encodeDhcp6,
} from "../../wire/dhcp6/message.ts";
import {
  decodeAssociations,
  encodeAddress,
  encodeAssociation,
  type IdentityAssociation,
  NO_TIMES,
} from "../../wire/dhcp6/association.ts";
import {
  decodeOptionRequest,
  DHCP6_OPTION,
  encodeNameServers,
  encodeSearchList,
  encodeStatus,
  linkLayerDuid,
  optionsOf,
} from "../../wire/dhcp6/options.ts";
import { encodeEthernet, ETHERTYPE_IPV6, type EthernetFrame } from "../../wire/ethernet.ts";
import { IP_PROTOCOL_UDP } from "../../wire/ipv4.ts";
import { encodeIpv6, type Ipv6Packet } from "../../wire/ipv6.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../wire/udp.ts";
import { type GuestPlace6, lifetimeOf, partOfLifetime } from "../guest-lease6.ts";
import { identifierFault, NEEDS_SERVER } from "./identifiers.ts";

const ALL_SERVERS = parseIpv6("ff02::1:2");
const HOP_LIMIT = 64;
/** Of UDP payload: what every IPv6 link carries in one packet (RFC 8200 §5), without the headers. */
const LARGEST_MESSAGE_BYTES = 1280 - 48;
/** A guest that has us need not wait for other servers. */
const PREFERENCE = 255;

export type SingleServer6Event =
  | { readonly event: "received"; readonly message: Dhcp6MessageType }
  | { readonly event: "sent"; readonly message: "ADVERTISE" | "REPLY" }
  | { readonly event: "declined" | "released"; readonly addresses: readonly Ipv6Address[] }
  | { readonly event: "ignored"; readonly reason: string };

export interface SingleServer6Output {
  readonly frames: readonly Uint8Array[];
  readonly events: readonly SingleServer6Event[];
}

interface Request {
  readonly message: Dhcp6Message;
  readonly associations: readonly IdentityAssociation[];
}

const ignored = (reason: string): SingleServer6Output => ({ frames: [], events: [{ event: "ignored", reason }] });

export class SingleDhcp6Server {
  readonly #place: GuestPlace6;
  readonly #duid: Uint8Array;
  readonly #names: readonly Dhcp6Option[];

  /** @throws NetloomError bad-domain-name */
  constructor(place: GuestPlace6) {
    this.#place = place;
    this.#duid = linkLayerDuid(place.serverMac);
    const { nameServers, searchDomains } = place.lease;
    this.#names = [
      ...(nameServers.length === 0 ? [] : [encodeNameServers(nameServers)]),
      ...(searchDomains.length === 0 ? [] : [encodeSearchList(searchDomains)]),
    ];
  }

  /** @param packet what the frame holds, decoded; UDP */
  handle(frame: EthernetFrame, packet: Ipv6Packet, checksumNotReady: boolean): SingleServer6Output {
    if (frame.source !== this.#place.clientMac) return ignored("from another MAC address");
    const { source, destination } = packet;
    if (!isLinkLocal6(source)) return ignored("not from a link-local address");
    if (destination !== ALL_SERVERS && destination !== this.#place.serverAddress) return ignored("to another node");
    const datagram = decodeUdp(packet.payload, packet, checksumNotReady);
    if (datagram instanceof Malformed) return ignored(datagram.reason);
    if (datagram.destinationPort !== DHCP6_SERVER_PORT) return ignored("UDP datagram: not to port 547");
    const message = decodeDhcp6(datagram.payload);
    if (message instanceof Malformed) return ignored(message.reason);
    const fault = identifierFault(message, this.#duid);
    if (fault !== undefined) return ignored(`${message.type}: ${fault}`);
    const associations = decodeAssociations(message.options);
    if (associations instanceof Malformed) return ignored(associations.reason);
    if (message.type === "INFORMATION-REQUEST" && associations.length > 0)
      return ignored("INFORMATION-REQUEST: it asks for addresses");
    const request = { message, associations };
    if (packet.destination === ALL_SERVERS) return this.#answer(request, packet.source);
    // Nobody allowed unicast (RFC 8415 §18.4).
    if (!NEEDS_SERVER.has(message.type)) return ignored(`${message.type}: not to the group of all servers`);
    return this.#refuseUnicast(request, packet.source);
  }

  #answer(request: Request, client: Ipv6Address): SingleServer6Output {
    const { message } = request;
    const { lease } = this.#place;
    const associations = request.associations.filter(({ kind }) => kind === "address");
    const named = associations.flatMap(addressesOf);
    switch (message.type) {
      case "SOLICIT": {
        // Without an address to give there is nothing to commit to.
        const commit =
          optionsOf(message.options, DHCP6_OPTION.rapidCommit).length > 0 &&
          associations.length > 0 &&
          lease.addresses.length > 0;
        const told = this.#assignments(request);
        if (commit)
          return this.#send("REPLY", request, client, [
            { code: DHCP6_OPTION.rapidCommit, data: new Uint8Array() },
            ...told,
          ]);
        const preference = { code: DHCP6_OPTION.preference, data: Uint8Array.of(PREFERENCE) };
        return this.#send("ADVERTISE", request, client, [preference, ...told]);
      }
      case "REQUEST":
      case "RENEW":
      case "REBIND":
        return this.#send("REPLY", request, client, this.#assignments(request));
      case "CONFIRM": {
        if (named.length === 0) return ignored("CONFIRM: it names no address");
        const known = named.every((address) => lease.addresses.includes(address));
        const status = known
          ? encodeStatus("success", "the addresses are right")
          : encodeStatus("notOnLink", "ask anew");
        return this.#send("REPLY", request, client, [status]);
      }
      case "RELEASE":
      case "DECLINE": {
        const ours = (address: Ipv6Address): boolean => lease.addresses.includes(address);
        const reply = this.#send("REPLY", request, client, [
          encodeStatus("success", "noted"),
          ...associations
            .filter((association) => !addressesOf(association).some(ours))
            .map((association) =>
              encodeAssociation(association, NO_TIMES, [encodeStatus("noBinding", "not this guest's")]),
            ),
        ]);
        const event = message.type === "RELEASE" ? "released" : "declined";
        const addresses = lease.addresses.filter((address) => named.includes(address));
        return addresses.length === 0 ? reply : { ...reply, events: [...reply.events, { event, addresses }] };
      }
      case "INFORMATION-REQUEST":
        return this.#send("REPLY", request, client, this.#asked(message));
      default:
        return ignored(`${message.type}: not for a server`);
    }
  }

  #assignments({ message, associations }: Request): Dhcp6Option[] {
    const first = associations.find(({ kind }) => kind === "address");
    return [
      ...associations.map((association) => {
        if (association.kind === "address") return this.#assign(message.type, association, association === first);
        const status =
          association.kind === "prefix"
            ? encodeStatus("noPrefixAvailable", "no prefixes here")
            : encodeStatus("noAddressesAvailable", "no temporary addresses here");
        return encodeAssociation(association, NO_TIMES, [status]);
      }),
      ...this.#asked(message),
    ];
  }

  #assign(type: Dhcp6MessageType, association: IdentityAssociation, first: boolean): Dhcp6Option {
    const addresses = addressesOf(association);
    const { lease } = this.#place;
    const given = first ? lease.addresses : [];
    const seconds = lifetimeOf(lease);
    const foreign = addresses.filter((address) => !lease.addresses.includes(address));
    if (type === "REQUEST" && foreign.length > 0) {
      return encodeAssociation(association, NO_TIMES, [encodeStatus("notOnLink", "not this guest's address")]);
    }
    // What the guest has and must not use is told with no time left; what it only wishes for is not spoken of.
    const extending = type === "RENEW" || type === "REBIND";
    const withdrawn = extending ? addresses.filter((address) => !given.includes(address)) : [];
    const inside = [
      ...given.map((address) => encodeAddress(address, seconds, seconds)),
      ...withdrawn.map((address) => encodeAddress(address, 0, 0)),
      ...(given.length === 0 ? [encodeStatus("noAddressesAvailable", "no address for this association")] : []),
    ];
    const times =
      given.length === 0
        ? NO_TIMES
        : { renewSeconds: partOfLifetime(seconds, 0.5), rebindSeconds: partOfLifetime(seconds, 0.8) };
    return encodeAssociation(association, times, inside);
  }

  #asked({ options }: Dhcp6Message): readonly Dhcp6Option[] {
    const codes = new Set(
      optionsOf(options, DHCP6_OPTION.optionRequest).flatMap((data) => [...decodeOptionRequest(data)]),
    );
    return this.#names.filter(({ code }) => codes.has(code));
  }

  #refuseUnicast(request: Request, client: Ipv6Address): SingleServer6Output {
    return this.#send("REPLY", request, client, [encodeStatus("useMulticast", "send to ff02::1:2")]);
  }

  #send(
    type: "ADVERTISE" | "REPLY",
    { message }: Request,
    destination: Ipv6Address,
    options: readonly Dhcp6Option[],
  ): SingleServer6Output {
    const { serverAddress: source, serverMac, clientMac } = this.#place;
    const [client] = optionsOf(message.options, DHCP6_OPTION.clientIdentifier);
    const payload = encodeDhcp6({
      type,
      transactionId: message.transactionId,
      options: [
        { code: DHCP6_OPTION.serverIdentifier, data: this.#duid },
        ...(client === undefined ? [] : [{ code: DHCP6_OPTION.clientIdentifier, data: client }]),
        ...options,
      ],
    });
    if (payload.length > LARGEST_MESSAGE_BYTES) return ignored(`${message.type}: the answer exceeds a packet`);
    const datagram = { sourcePort: DHCP6_SERVER_PORT, destinationPort: DHCP6_CLIENT_PORT, payload };
    const frame = encodeEthernet({
      destination: clientMac,
      source: serverMac,
      etherType: ETHERTYPE_IPV6,
      payload: encodeIpv6({
        source,
        destination,
        nextHeader: IP_PROTOCOL_UDP,
        hopLimit: HOP_LIMIT,
        payload: encodeUdp(datagram, { source, destination }),
      }),
    });
    return {
      frames: [frame],
      events: [
        { event: "received", message: message.type },
        { event: "sent", message: type },
      ],
    };
  }
}

function addressesOf({ named }: IdentityAssociation): Ipv6Address[] {
  return named.map(({ address }) => address);
}
