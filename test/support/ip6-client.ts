/** A guest's side of IPv6 configuration, made of the wire codecs: frames to hand to our machines. */
import { type Ipv6Address, ipToBytes, type MacAddress, parseIpv6, parseMac } from "../../src/base/address.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import type { GuestPlace6 } from "../../src/protocol/guest-lease6.ts";
import {
  DHCP6_CLIENT_PORT,
  DHCP6_SERVER_PORT,
  type Dhcp6MessageType,
  type Dhcp6Option,
  encodeDhcp6,
} from "../../src/wire/dhcp6/message.ts";
import { encodeAddress, encodeAssociation, NO_TIMES } from "../../src/wire/dhcp6/association.ts";
import { DHCP6_OPTION, linkLayerDuid } from "../../src/wire/dhcp6/options.ts";
import { ETHERTYPE_IPV6, type EthernetFrame } from "../../src/wire/ethernet.ts";
import { encodeIcmpv6, IP_PROTOCOL_ICMPV6 } from "../../src/wire/icmpv6.ts";
import { IP_PROTOCOL_UDP } from "../../src/wire/ipv4.ts";
import type { Ipv6Packet } from "../../src/wire/ipv6.ts";
import { encodeUdp } from "../../src/wire/udp.ts";

export const GUEST_MAC = parseMac("52:54:00:00:00:17");
export const GUEST_ADDRESS = parseIpv6("fe80::5054:ff:fe00:17");
export const SERVER_MAC = parseMac("02:00:00:00:00:fe");
const ALL_SERVERS = parseIpv6("ff02::1:2");
export const GUEST_DUID: Dhcp6Option = { code: DHCP6_OPTION.clientIdentifier, data: linkLayerDuid(GUEST_MAC) };
export const SERVER_DUID: Dhcp6Option = { code: DHCP6_OPTION.serverIdentifier, data: linkLayerDuid(SERVER_MAC) };

/** The server's and router's side, as a pod with a global gateway has it. */
export const PLACE: GuestPlace6 = {
  clientMac: GUEST_MAC,
  routerAddress: parseIpv6("fe80::6e6c:2"),
  routerMac: parseMac("02:00:00:00:00:01"),
  serverAddress: parseIpv6("fe80::6e6c:1"),
  serverMac: SERVER_MAC,
  lease: {
    addresses: [parseIpv6("2001:db8::5")],
    prefixes: [{ prefix: { address: parseIpv6("2001:db8::"), length: 64 }, onLink: true, autonomous: false }],
    defaultRouter: true,
    routes: [],
    nameServers: [parseIpv6("2001:db8::53")],
    searchDomains: ["example.org"],
    mtuBytes: 1440,
    leaseSeconds: 3600,
  },
};

export interface Received {
  readonly frame: EthernetFrame;
  readonly packet: Ipv6Packet;
}

function received(source: MacAddress, packet: Ipv6Packet): Received {
  return {
    frame: { destination: parseMac("33:33:00:00:00:01"), source, etherType: ETHERTYPE_IPV6, payload: new Uint8Array() },
    packet,
  };
}

export function dhcp6Frame(
  type: Dhcp6MessageType,
  options: readonly Dhcp6Option[],
  {
    mac = GUEST_MAC,
    source = GUEST_ADDRESS,
    destination = ALL_SERVERS,
  }: { mac?: MacAddress; source?: Ipv6Address; destination?: Ipv6Address } = {},
): Received {
  const envelope = { source, destination };
  const payload = encodeDhcp6({ type, transactionId: 0xabcdef, options });
  const datagram = { sourcePort: DHCP6_CLIENT_PORT, destinationPort: DHCP6_SERVER_PORT, payload };
  const packet = { ...envelope, nextHeader: IP_PROTOCOL_UDP, hopLimit: 1, payload: encodeUdp(datagram, envelope) };
  return received(mac, packet);
}

/** An IA_NA with addresses that the client has or wants. */
export function association(identifier: number, addresses: readonly string[] = []): Dhcp6Option {
  return encodeAssociation(
    { kind: "address", identifier },
    NO_TIMES,
    addresses.map((address) => encodeAddress(parseIpv6(address), 0, 0)),
  );
}

interface Solicited {
  readonly mac?: MacAddress;
  readonly source?: Ipv6Address;
  readonly hopLimit?: number;
  readonly code?: number;
  readonly options?: Uint8Array;
}

/** @param target absent: a router solicitation */
export function solicitation(target?: Ipv6Address, given: Solicited = {}): Received {
  const { mac = GUEST_MAC, source = GUEST_ADDRESS, hopLimit = 255, code = 0, options = new Uint8Array() } = given;
  const destination = parseIpv6("ff02::2");
  const fixed = target === undefined ? [new Uint8Array(4)] : [new Uint8Array(4), ipToBytes(target)];
  const body = concatBytes([...fixed, options]);
  const message = { type: target === undefined ? 133 : 135, code, body };
  const payload = encodeIcmpv6(message, { source, destination });
  return received(mac, { source, destination, nextHeader: IP_PROTOCOL_ICMPV6, hopLimit, payload });
}
