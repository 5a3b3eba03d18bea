/** How an answer goes back: the options that every one has, the way through the relays, and the frames. */
import { type Ipv6Address, isLinkLocal6 } from "../../../base/address.ts";
import { DHCP6_CLIENT_PORT, DHCP6_SERVER_PORT, type Dhcp6Option, encodeDhcp6 } from "../../../wire/dhcp6/message.ts";
import {
  decodeOptionRequest,
  DHCP6_OPTION,
  encodeClientNameAnswer,
  encodeNameServers,
  encodeNtpServers,
  encodeRefreshTime,
  encodeSearchList,
  encodeSntpServers,
  optionsOf,
} from "../../../wire/dhcp6/options.ts";
import { wrapForRelays } from "../../../wire/dhcp6/relay.ts";
import { encodeEthernet, ETHERTYPE_IPV6 } from "../../../wire/ethernet.ts";
import { IP_PROTOCOL_UDP } from "../../../wire/ipv4.ts";
import { encodeIpv6Fragments, SMALLEST_IPV6_MTU_BYTES } from "../../../wire/ipv6.ts";
import { encodeUdp } from "../../../wire/udp.ts";
import type { Dhcp6ServerConfig } from "./config.ts";
import type { Request6 } from "./request.ts";

const HOP_LIMIT = 64;
/** What every IPv6 link carries (RFC 8200 §5): all that is known of the way to a relay. */
/** Of UDP payload, as on every Internet Protocol. */
const LARGEST_MESSAGE_BYTES = 65_507;
/** IRT_DEFAULT and IRT_MINIMUM (RFC 8415 §7.6): who has settings only asks again so often. */
const LONGEST_REFRESH_SECONDS = 86_400;
const SHORTEST_REFRESH_SECONDS = 600;

export class Reply6 {
  readonly #config: Dhcp6ServerConfig;
  readonly #settings: readonly Dhcp6Option[];
  readonly #refreshTime: Dhcp6Option;
  readonly #random: () => number;

  /** @param random from 0 to below 1, as Math.random. @throws NetloomError bad-domain-name */
  constructor(config: Dhcp6ServerConfig, random: () => number) {
    const { nameServers, searchDomains, ntpServers, validSeconds } = config;
    this.#config = config;
    this.#random = random;
    this.#settings = [
      ...(nameServers.length === 0 ? [] : [encodeNameServers(nameServers)]),
      ...(searchDomains.length === 0 ? [] : [encodeSearchList(searchDomains)]),
      ...(ntpServers.length === 0 ? [] : [encodeSntpServers(ntpServers), encodeNtpServers(ntpServers)]),
    ];
    const seconds = Math.max(SHORTEST_REFRESH_SECONDS, Math.min(LONGEST_REFRESH_SECONDS, validSeconds));
    this.#refreshTime = encodeRefreshTime(seconds);
  }

  /** What the client asks for and we have (RFC 8415 §18.3). */
  settingsFor({ message: { type, options } }: Request6): readonly Dhcp6Option[] {
    const codes = new Set(
      optionsOf(options, DHCP6_OPTION.optionRequest).flatMap((data) => [...decodeOptionRequest(data)]),
    );
    const [name] = optionsOf(options, DHCP6_OPTION.clientName);
    return [
      ...this.#settings.filter(({ code }) => codes.has(code)),
      ...(name !== undefined && codes.has(DHCP6_OPTION.clientName) ? [encodeClientNameAnswer(name)] : []),
      ...(type === "INFORMATION-REQUEST" && codes.has(DHCP6_OPTION.informationRefreshTime) ? [this.#refreshTime] : []),
    ];
  }

  /** The frame, or those of its fragments; none when no packet carries it. */
  encode(
    type: "ADVERTISE" | "REPLY",
    { message, relays, from, destination }: Request6,
    options: readonly Dhcp6Option[],
  ): readonly Uint8Array[] {
    const { duid, serverMac, mtuBytes = SMALLEST_IPV6_MTU_BYTES } = this.#config;
    const [client] = optionsOf(message.options, DHCP6_OPTION.clientIdentifier);
    const own = encodeDhcp6({
      type,
      transactionId: message.transactionId,
      options: [
        { code: DHCP6_OPTION.serverIdentifier, data: duid },
        ...(client === undefined ? [] : [{ code: DHCP6_OPTION.clientIdentifier, data: client }]),
        ...options,
      ],
    });
    const payload = wrapForRelays({ relays, message: own });
    if (payload.length > LARGEST_MESSAGE_BYTES) return [];
    const [relay] = relays;
    // RFC 8357: a relay that listens elsewhere says so.
    const relayPort = optionsOf(relay?.options ?? [], DHCP6_OPTION.relaySourcePort).length > 0;
    const port = relayPort ? from.port : relay === undefined ? DHCP6_CLIENT_PORT : DHCP6_SERVER_PORT;
    const envelope = { source: this.#sourceFor(from.address, destination), destination: from.address };
    const datagram = { sourcePort: DHCP6_SERVER_PORT, destinationPort: port, payload };
    const packet = {
      ...envelope,
      nextHeader: IP_PROTOCOL_UDP,
      hopLimit: HOP_LIMIT,
      payload: encodeUdp(datagram, envelope),
    };
    const identification = Math.floor(this.#random() * 2 ** 32);
    const fragments = encodeIpv6Fragments(
      packet,
      relay === undefined ? mtuBytes : SMALLEST_IPV6_MTU_BYTES,
      identification,
    );
    const ethernet = { destination: from.mac, source: serverMac, etherType: ETHERTYPE_IPV6 };
    return fragments.map((fragment) => encodeEthernet({ ...ethernet, payload: fragment }));
  }

  /** The address that was asked, else one of the same reach. */
  #sourceFor(client: Ipv6Address, asked: Ipv6Address): Ipv6Address {
    const { linkAddress, addresses } = this.#config;
    if (asked === linkAddress || addresses.includes(asked)) return asked;
    return isLinkLocal6(client) ? linkAddress : (addresses[0] ?? linkAddress);
  }
}
