/** A DHCPv6 server's side of a dialogue, made of the wire codecs: frames to hand to a client, its messages to read. */
import { type Ipv6Address, type MacAddress, parseIpv6, parseMac, parsePrefix } from "../../src/base/address.ts";
import {
  decodeAssociations,
  encodeAddress,
  encodeAssociation,
  encodePrefix,
  type IdentityAssociation,
} from "../../src/wire/dhcp6/association.ts";
import { decodeDhcp6, type Dhcp6Message, type Dhcp6Option, encodeDhcp6 } from "../../src/wire/dhcp6/message.ts";
import {
  decodeOptionRequest,
  DHCP6_OPTION,
  type Dhcp6Status,
  encodeStatus,
  linkLayerDuid,
  optionsOf,
} from "../../src/wire/dhcp6/options.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_IPV6 } from "../../src/wire/ethernet.ts";
import { IP_PROTOCOL_UDP } from "../../src/wire/ipv4.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Packet } from "../../src/wire/ipv6.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeUdp, encodeUdp } from "../../src/wire/udp.ts";

export const CLIENT6 = {
  mac: parseMac("52:54:00:00:00:17"),
  linkAddress: parseIpv6("fe80::5054:ff:fe00:17"),
  identifier: 7,
} as const;
export const CLIENT6_DUID = linkLayerDuid(CLIENT6.mac);
const SERVER_MAC = parseMac("02:00:00:00:00:fe");
export const SERVER6_DUID = linkLayerDuid(SERVER_MAC);

/** "2001:db8::17" or "2001:db8:100::/56" with its durations in seconds. */
type Told6 = readonly [text: string, preferredSeconds: number, validSeconds: number, status?: Dhcp6Status];

export interface Association6 {
  readonly t1?: number;
  readonly t2?: number;
  readonly leases?: readonly Told6[];
  readonly status?: Dhcp6Status;
  readonly identifier?: number;
}

export interface ServerMessage6 {
  readonly type: "ADVERTISE" | "REPLY" | "RECONFIGURE" | "SOLICIT";
  readonly transactionId: number;
  readonly serverDuid?: Uint8Array | null;
  readonly clientDuid?: Uint8Array | null;
  readonly address?: Association6;
  readonly prefix?: Association6;
  readonly preference?: number;
  readonly status?: Dhcp6Status;
  readonly rapid?: boolean;
  readonly options?: readonly Dhcp6Option[];
  readonly source?: Ipv6Address;
  readonly destination?: Ipv6Address;
  readonly destinationPort?: number;
}

const numbers = (code: number, ...data: number[]): Dhcp6Option => ({ code, data: Uint8Array.from(data) });

export function serverFrame6(message: ServerMessage6): Uint8Array {
  const { type, transactionId, serverDuid = SERVER6_DUID, clientDuid = CLIENT6_DUID } = message;
  const options: Dhcp6Option[] = [
    ...(serverDuid === null ? [] : [{ code: DHCP6_OPTION.serverIdentifier, data: serverDuid }]),
    ...(clientDuid === null ? [] : [{ code: DHCP6_OPTION.clientIdentifier, data: clientDuid }]),
    ...(message.address === undefined ? [] : [associationOption("address", message.address)]),
    ...(message.prefix === undefined ? [] : [associationOption("prefix", message.prefix)]),
    ...(message.preference === undefined ? [] : [numbers(DHCP6_OPTION.preference, message.preference)]),
    ...(message.status === undefined ? [] : [encodeStatus(message.status, message.status)]),
    ...(message.rapid === true ? [numbers(DHCP6_OPTION.rapidCommit)] : []),
    ...(message.options ?? []),
  ];
  const { source = parseIpv6("fe80::1"), destination = CLIENT6.linkAddress, destinationPort = 546 } = message;
  const payload = encodeDhcp6({ type, transactionId, options });
  return encodeEthernet({
    destination: CLIENT6.mac,
    source: SERVER_MAC,
    etherType: ETHERTYPE_IPV6,
    payload: encodeIpv6({
      source,
      destination,
      nextHeader: IP_PROTOCOL_UDP,
      hopLimit: 64,
      payload: encodeUdp({ sourcePort: 547, destinationPort, payload }, { source, destination }),
    }),
  });
}

function associationOption(kind: "address" | "prefix", association: Association6): Dhcp6Option {
  const { t1 = 0, t2 = 0, leases = [], status, identifier = CLIENT6.identifier } = association;
  const inside = leases.map(([text, preferred, valid, refused]) => {
    const { address, length } = parsePrefix(text);
    const named = { address: address as Ipv6Address, length };
    const option =
      kind === "address" ? encodeAddress(named.address, preferred, valid) : encodePrefix(named, preferred, valid);
    if (refused === undefined) return option;
    const { code, data } = encodeStatus(refused, "");
    return { ...option, data: Uint8Array.from([...option.data, 0, code, 0, data.length, ...data]) };
  });
  const told = status === undefined ? inside : [...inside, encodeStatus(status, status)];
  return encodeAssociation({ kind, identifier }, { renewSeconds: t1, rebindSeconds: t2 }, told);
}

interface ClientMessage6 {
  readonly destinationMac: MacAddress;
  readonly packet: Ipv6Packet;
  readonly ports: readonly [source: number, destination: number];
  readonly message: Dhcp6Message;
  readonly associations: readonly IdentityAssociation[];
  /** Codes in order. */
  readonly codes: readonly number[];
  readonly wanted: readonly number[];
  readonly elapsedHundredths: number;
  readonly serverDuid: Uint8Array | undefined;
}

/** What a client's frame says. @throws Error unless it is one */
export function readClientFrame6(bytes: Uint8Array): ClientMessage6 {
  const frame = good(decodeEthernet(bytes));
  const packet = good(decodeIpv6(frame.payload));
  const datagram = good(decodeUdp(packet.payload, packet));
  const message = good(decodeDhcp6(datagram.payload));
  const [elapsed] = optionsOf(message.options, DHCP6_OPTION.elapsedTime);
  const [wanted] = optionsOf(message.options, DHCP6_OPTION.optionRequest);
  return {
    destinationMac: frame.destination,
    packet,
    ports: [datagram.sourcePort, datagram.destinationPort],
    message,
    associations: good(decodeAssociations(message.options)),
    codes: message.options.map(({ code }) => code),
    wanted: wanted === undefined ? [] : [...decodeOptionRequest(wanted)],
    elapsedHundredths: elapsed === undefined ? -1 : (elapsed[0]! << 8) | elapsed[1]!,
    serverDuid: optionsOf(message.options, DHCP6_OPTION.serverIdentifier)[0],
  };
}

function good<T>(decoded: T | Malformed): T {
  if (decoded instanceof Malformed) throw new Error(decoded.reason);
  return decoded;
}
