/** Messages between relays and servers (RFC 8415 §9, §21.10, §21.18, RFC 6939, RFC 8357): a client's, wrapped. */
import { type Ipv6Address, ipFromBytes, ipToBytes, type MacAddress, macFromBytes } from "../../base/address.ts";
import { concatBytes } from "../../base/bytes.ts";
import { Malformed } from "../malformed.ts";
import { decodeDhcp6Options, type Dhcp6Option, encodeDhcp6Options } from "./message.ts";
import { DHCP6_OPTION, optionsOf } from "./options.ts";

const RELAY_FORW = 12;
const RELAY_REPL = 13;
const HEADER_BYTES = 34;
/** HOP_COUNT_LIMIT (RFC 8415 §7.6): so many relays at most, one behind the other. */
const MOST_RELAYS = 8;
const HARDWARE_ETHERNET = 1;

export interface RelayHeader {
  readonly hopCount: number;
  /** An address of the link that the message came from; "::" where the relay has none there. */
  readonly linkAddress: Ipv6Address;
  /** Whom the relay has the message from. */
  readonly peerAddress: Ipv6Address;
  /** All but the wrapped message. */
  readonly options: readonly Dhcp6Option[];
}

interface Relayed {
  /** From the server's end to the client's; none: the client's own message. */
  readonly relays: readonly RelayHeader[];
  /** The client's message. */
  readonly message: Uint8Array;
}

/** Take a message out of what relays have wrapped it into. Views into `bytes`. */
export function unwrapRelayed(bytes: Uint8Array): Relayed | Malformed {
  const relays: RelayHeader[] = [];
  let message = bytes;
  while (message[0] === RELAY_FORW) {
    if (relays.length === MOST_RELAYS) return new Malformed("DHCPv6 relay message: through too many relays");
    if (message.length < HEADER_BYTES) return new Malformed("DHCPv6 relay message: shorter than 34 bytes");
    const options = decodeDhcp6Options(message.subarray(HEADER_BYTES));
    if (options instanceof Malformed) return options;
    const wrapped = optionsOf(options, DHCP6_OPTION.relayMessage);
    if (wrapped.length !== 1) return new Malformed("DHCPv6 relay message: not exactly one message in it");
    relays.push({
      hopCount: message[1]!,
      linkAddress: ipFromBytes(message.subarray(2, 18)) as Ipv6Address,
      peerAddress: ipFromBytes(message.subarray(18, HEADER_BYTES)) as Ipv6Address,
      options: options.filter(({ code }) => code !== DHCP6_OPTION.relayMessage),
    });
    message = wrapped[0]!;
  }
  return { relays, message };
}

/** Wrap the answer for the way back: each relay gets its own header and what it has to have back. */
export function wrapForRelays({ relays, message }: Relayed): Uint8Array {
  return relays.reduceRight((inner, { hopCount, linkAddress, peerAddress, options }) => {
    const echoed = options.filter(({ code }) => ECHOED.has(code));
    const wrapped = { code: DHCP6_OPTION.relayMessage, data: inner };
    const header = [Uint8Array.of(RELAY_REPL, hopCount), ipToBytes(linkAddress), ipToBytes(peerAddress)];
    return concatBytes([...header, encodeDhcp6Options([...echoed, wrapped])]);
  }, message);
}

const ECHOED: ReadonlySet<number> = new Set([DHCP6_OPTION.interfaceIdentifier, DHCP6_OPTION.relaySourcePort]);

/** The client's link: the address that the relay nearest to it tells (RFC 8415 §13.1). Undefined: none tells one. */
export function linkAddressOf(relays: readonly RelayHeader[]): Ipv6Address | undefined {
  return relays.findLast(({ linkAddress }) => linkAddress !== "::")?.linkAddress;
}

/** The client's MAC address as the relay beside it has seen it (RFC 6939). */
export function relayedMac(relays: readonly RelayHeader[]): MacAddress | undefined {
  const [data] = optionsOf(relays.at(-1)?.options ?? [], DHCP6_OPTION.clientLinkLayerAddress);
  if (data?.length !== 8 || data[0] !== 0 || data[1] !== HARDWARE_ETHERNET) return undefined;
  return macFromBytes(data.subarray(2));
}
