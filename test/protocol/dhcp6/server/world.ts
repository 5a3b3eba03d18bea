/** A DHCPv6 server for one link, and what clients and relays say to it. */
import {
  type Ipv6Address,
  type Ipv6Prefix,
  ipToBytes,
  type MacAddress,
  parseIpv6,
  parseMac,
  parsePrefix,
} from "../../../../src/base/address.ts";
import { concatBytes } from "../../../../src/base/bytes.ts";
import type { Dhcp6ServerConfig } from "../../../../src/protocol/dhcp6/server/config.ts";
import { Dhcp6Server, type Dhcp6ServerOutput } from "../../../../src/protocol/dhcp6/server/server.ts";
import {
  type AssociationKind,
  encodeAddress,
  encodeAssociation,
  encodePrefix,
  NO_TIMES,
} from "../../../../src/wire/dhcp6/association.ts";
import {
  decodeDhcp6,
  decodeDhcp6Options,
  DHCP6_CLIENT_PORT,
  DHCP6_SERVER_PORT,
  type Dhcp6Message,
  type Dhcp6MessageType,
  type Dhcp6Option,
  encodeDhcp6,
  encodeDhcp6Options,
} from "../../../../src/wire/dhcp6/message.ts";
import { DHCP6_OPTION, linkLayerDuid, optionsOf } from "../../../../src/wire/dhcp6/options.ts";
import { decodeEthernet, ETHERTYPE_IPV6, type EthernetFrame } from "../../../../src/wire/ethernet.ts";
import { IP_PROTOCOL_UDP } from "../../../../src/wire/ipv4.ts";
import { decodeIpv6, type Ipv6Packet } from "../../../../src/wire/ipv6.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { decodeUdp, encodeUdp, type UdpDatagram } from "../../../../src/wire/udp.ts";

export const SERVER_MAC = parseMac("02:00:00:00:00:fe");
export const SERVER_DUID = linkLayerDuid(SERVER_MAC);
export const CLIENT_MAC = parseMac("52:54:00:00:00:17");
export const CLIENT_ADDRESS = parseIpv6("fe80::5054:ff:fe00:17");
const ALL_AGENTS = parseIpv6("ff02::1:2");

export const prefix = (text: string): Ipv6Prefix => parsePrefix(text) as Ipv6Prefix;

export const CONFIG: Dhcp6ServerConfig = {
  duid: SERVER_DUID,
  serverMac: SERVER_MAC,
  linkAddress: parseIpv6("fe80::1"),
  addresses: [parseIpv6("2001:db8:1::1")],
  prefixes: [prefix("2001:db8:1::/64")],
  range: { first: parseIpv6("2001:db8:1::10"), last: parseIpv6("2001:db8:1::17") },
  delegate: { from: prefix("2001:db8:100::/54"), length: 56 },
  preferredSeconds: 3000,
  validSeconds: 4000,
  nameServers: [parseIpv6("2001:db8:1::53")],
  searchDomains: ["example.org"],
  ntpServers: [parseIpv6("2001:db8:1::123")],
  authoritative: true,
  rapidCommit: false,
  hosts: [],
};

const { range: _, delegate: __, ...settings } = CONFIG;
/** Gives neither addresses nor prefixes. */
export const STATELESS: Dhcp6ServerConfig = settings;

export function start(changes: Partial<Dhcp6ServerConfig> = {}, nowSeconds = 0): Dhcp6Server {
  return startWith({ ...CONFIG, ...changes }, nowSeconds);
}

export function startWith(config: Dhcp6ServerConfig, nowSeconds = 0): Dhcp6Server {
  let state = 0.1;
  const random = (): number => {
    state = (state * 7.13 + 0.37) % 1;
    return state;
  };
  return new Dhcp6Server(config, nowSeconds, random);
}

export const duid = (mac: MacAddress): Dhcp6Option => ({
  code: DHCP6_OPTION.clientIdentifier,
  data: linkLayerDuid(mac),
});
export const OUR_DUID: Dhcp6Option = { code: DHCP6_OPTION.serverIdentifier, data: SERVER_DUID };
export const RAPID: Dhcp6Option = { code: DHCP6_OPTION.rapidCommit, data: new Uint8Array() };
export const asks = (...codes: number[]): Dhcp6Option => ({
  code: DHCP6_OPTION.optionRequest,
  data: Uint8Array.from(codes.flatMap((code) => [code >> 8, code & 255])),
});

/** An association that names addresses, or prefixes as "2001:db8:100::/56". */
export function ia(kind: AssociationKind, identifier: number, ...named: string[]): Dhcp6Option {
  const inside = named.map((text) =>
    kind === "prefix" ? encodePrefix(prefix(text), 0, 0) : encodeAddress(parseIpv6(text), 0, 0),
  );
  return encodeAssociation({ kind, identifier }, NO_TIMES, inside);
}

interface Relay {
  readonly linkAddress?: string;
  readonly peerAddress?: string;
  readonly options?: readonly Dhcp6Option[];
}

export interface Said {
  readonly mac?: MacAddress;
  /** Default: of the MAC address. */
  readonly client?: Dhcp6Option | "none";
  readonly source?: Ipv6Address;
  readonly destination?: Ipv6Address;
  readonly sourcePort?: number;
  /** From the client's end to the server's. */
  readonly relays?: readonly Relay[];
}

interface Packet {
  readonly frame: EthernetFrame;
  readonly packet: Ipv6Packet;
}

const NEEDS_SERVER: ReadonlySet<Dhcp6MessageType> = new Set(["REQUEST", "RENEW", "RELEASE", "DECLINE"]);

/** Identifiers are added, the server's where the message needs one. */
export function packetOf(type: Dhcp6MessageType, options: readonly Dhcp6Option[], said: Said = {}): Packet {
  const { mac = CLIENT_MAC, client = duid(mac), relays = [] } = said;
  const { source = relays.length > 0 ? parseIpv6("2001:db8:1::2") : CLIENT_ADDRESS, destination = ALL_AGENTS } = said;
  const identifiers = [...(client === "none" ? [] : [client]), ...(NEEDS_SERVER.has(type) ? [OUR_DUID] : [])];
  const own = encodeDhcp6({ type, transactionId: 0xabcdef, options: [...identifiers, ...options] });
  const payload = relays.reduce<Uint8Array>((message, relay, hops) => {
    const { linkAddress = "2001:db8:1::2", peerAddress = CLIENT_ADDRESS, options: told = [] } = relay;
    const header = [Uint8Array.of(12, hops), ipToBytes(parseIpv6(linkAddress)), ipToBytes(parseIpv6(peerAddress))];
    return concatBytes([...header, encodeDhcp6Options([...told, { code: DHCP6_OPTION.relayMessage, data: message }])]);
  }, own);
  return packetOfPayload(payload, {
    mac,
    source,
    destination,
    sourcePort: said.sourcePort ?? (relays.length > 0 ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT),
  });
}

export function packetOfPayload(
  payload: Uint8Array,
  {
    mac,
    source,
    destination,
    sourcePort,
  }: { mac: MacAddress; source: Ipv6Address; destination: Ipv6Address; sourcePort: number },
): Packet {
  const envelope = { source, destination };
  const datagram = { sourcePort, destinationPort: DHCP6_SERVER_PORT, payload };
  const frame = {
    destination: parseMac("33:33:00:01:00:02"),
    source: mac,
    etherType: ETHERTYPE_IPV6,
    payload: new Uint8Array(),
  };
  return {
    frame,
    packet: { ...envelope, nextHeader: IP_PROTOCOL_UDP, hopLimit: 1, payload: encodeUdp(datagram, envelope) },
  };
}

export function say(
  server: Dhcp6Server,
  type: Dhcp6MessageType,
  options: readonly Dhcp6Option[],
  { now = 0, ...said }: Said & { readonly now?: number } = {},
): Dhcp6ServerOutput {
  const { frame, packet } = packetOf(type, options, said);
  return server.handle(frame, packet, false, now);
}

function sound<Value>(value: Value | Malformed): Value {
  if (value instanceof Malformed) throw new Error(value.reason);
  return value;
}

interface Opened {
  readonly frame: EthernetFrame;
  readonly packet: Ipv6Packet;
  readonly datagram: UdpDatagram;
}

export function open(bytes: Uint8Array): Opened {
  const frame = sound(decodeEthernet(bytes));
  const packet = sound(decodeIpv6(frame.payload));
  return { frame, packet, datagram: sound(decodeUdp(packet.payload, packet)) };
}

/** The one answer, of a client that no relay speaks for. */
export function replyOf({ frames, events }: Dhcp6ServerOutput): Dhcp6Message {
  if (frames.length !== 1) throw new Error(`no answer: ${JSON.stringify(events)}`);
  return sound(decodeDhcp6(open(frames[0]!).datagram.payload));
}

const HEAD_BYTES: ReadonlyMap<number, number> = new Map([
  [3, 12],
  [4, 4],
  [25, 12],
]);

/** What is in each association, "7: 2001:db8:1::10 3000/4000", "8: 2001:db8:100::/56 0/0", "9: status 2". */
export function told(message: Dhcp6Message): string[] {
  return message.options.flatMap(({ code, data }) => {
    const head = HEAD_BYTES.get(code);
    if (head === undefined) return [];
    const identifier = new DataView(data.buffer, data.byteOffset).getUint32(0);
    return sound(decodeDhcp6Options(data.subarray(head))).map((option) => `${identifier}: ${textOf(option)}`);
  });
}

function textOf({ code, data }: Dhcp6Option): string {
  const view = new DataView(data.buffer, data.byteOffset);
  const addressAt = (offset: number): string =>
    parseIpv6(Array.from({ length: 8 }, (_, i) => view.getUint16(offset + 2 * i).toString(16)).join(":"));
  if (code === DHCP6_OPTION.status) return `status ${view.getUint16(0)}`;
  if (code === DHCP6_OPTION.address) return `${addressAt(0)} ${view.getUint32(16)}/${view.getUint32(20)}`;
  return `${addressAt(9)}/${data[8]} ${view.getUint32(0)}/${view.getUint32(4)}`;
}

/** Of the message as a whole. */
export function statusOf(message: Dhcp6Message): number | undefined {
  const [data] = optionsOf(message.options, DHCP6_OPTION.status);
  return data === undefined ? undefined : (data[0]! << 8) | data[1]!;
}

/** Solicit and request one address. @returns it */
export function bind(server: Dhcp6Server, mac: MacAddress = CLIENT_MAC, now = 0): string {
  const offered = told(replyOf(say(server, "SOLICIT", [ia("address", 1)], { mac, now })))[0]!;
  const address = offered.slice(3, offered.indexOf(" ", 3));
  const reply = told(replyOf(say(server, "REQUEST", [ia("address", 1, address)], { mac, now })));
  if (reply[0] !== offered) throw new Error(`offered ${offered}, given ${reply.join()}`);
  return address;
}
