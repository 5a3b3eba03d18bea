/** What DHCPv6 options hold (RFC 8415 §21, RFC 3646, RFC 4075, RFC 4704, RFC 5908). Associations: association.ts. */
import { type Ipv6Address, type MacAddress, ipToBytes, macFromBytes, macToBytes } from "../../base/address.ts";
import { concatBytes, utf8Encode } from "../../base/bytes.ts";
import { decodeDomainName, encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import type { Dhcp6Option } from "./message.ts";

/** IANA "DHCPv6 Option Codes" */
export const DHCP6_OPTION = {
  clientIdentifier: 1,
  serverIdentifier: 2,
  nonTemporaryAddresses: 3,
  temporaryAddresses: 4,
  address: 5,
  optionRequest: 6,
  preference: 7,
  elapsedTime: 8,
  relayMessage: 9,
  status: 13,
  rapidCommit: 14,
  vendorClass: 16,
  interfaceIdentifier: 18,
  nameServers: 23,
  searchList: 24,
  prefixDelegation: 25,
  prefix: 26,
  sntpServers: 31,
  informationRefreshTime: 32,
  clientName: 39,
  ntpServer: 56,
  clientLinkLayerAddress: 79,
  solicitMaximum: 82,
  informationMaximum: 83,
  relaySourcePort: 135,
} as const;

/** RFC 8415 §21.13 */
export const DHCP6_STATUS = {
  success: 0,
  unspecifiedFailure: 1,
  noAddressesAvailable: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixAvailable: 6,
} as const;
export type Dhcp6Status = keyof typeof DHCP6_STATUS;

const LONGEST_DUID_BYTES = 130;
const DUID_LINK_LAYER_TIME = 1;
const DUID_LINK_LAYER = 3;
const HARDWARE_ETHERNET = 1;

export function optionsOf(options: readonly Dhcp6Option[], code: number): readonly Uint8Array[] {
  return options.filter((option) => option.code === code).map(({ data }) => data);
}

/** DUID-LL (RFC 8415 §11.4): the same for the same MAC address, always. */
export function linkLayerDuid(mac: MacAddress): Uint8Array {
  return concatBytes([Uint8Array.of(0, DUID_LINK_LAYER, 0, HARDWARE_ETHERNET), macToBytes(mac)]);
}

/** The MAC address that a client made its identifier from, if it did (RFC 8415 §11.2, §11.4). */
export function duidMac(duid: Uint8Array): MacAddress | undefined {
  const start = duid[1] === DUID_LINK_LAYER_TIME ? 8 : 4;
  const isMade = duid[1] === DUID_LINK_LAYER || duid[1] === DUID_LINK_LAYER_TIME;
  if (duid[0] !== 0 || !isMade || duid[2] !== 0 || duid[3] !== HARDWARE_ETHERNET) return undefined;
  return duid.length === start + 6 ? macFromBytes(duid.subarray(start)) : undefined;
}

/** Whether the bytes can be a client's or a server's identifier (RFC 8415 §11.1). */
export function isDuid(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes.length <= LONGEST_DUID_BYTES;
}

/** The codes that a client asks for (RFC 8415 §21.7). */
export function decodeOptionRequest(data: Uint8Array): ReadonlySet<number> {
  const codes = new Set<number>();
  for (let i = 0; i + 1 < data.length; i += 2) codes.add((data[i]! << 8) | data[i + 1]!);
  return codes;
}

/** @param message for a person who reads a capture */
export function encodeStatus(status: Dhcp6Status, message: string): Dhcp6Option {
  const code = DHCP6_STATUS[status];
  return { code: DHCP6_OPTION.status, data: concatBytes([Uint8Array.of(code >>> 8, code), utf8Encode(message)]) };
}

export function encodeNameServers(servers: readonly Ipv6Address[]): Dhcp6Option {
  return { code: DHCP6_OPTION.nameServers, data: concatBytes(servers.map((server) => ipToBytes(server))) };
}

/** @throws NetloomError bad-domain-name */
export function encodeSearchList(domains: readonly string[]): Dhcp6Option {
  return { code: DHCP6_OPTION.searchList, data: concatBytes(domains.map(encodeDomainName)) };
}

/** SNTP servers (RFC 4075): what older clients ask for. */
export function encodeSntpServers(servers: readonly Ipv6Address[]): Dhcp6Option {
  return { code: DHCP6_OPTION.sntpServers, data: concatBytes(servers.map((server) => ipToBytes(server))) };
}

const NTP_SERVER_ADDRESS = 1;

/** NTP servers, each by its address (RFC 5908 §4.1). */
export function encodeNtpServers(servers: readonly Ipv6Address[]): Dhcp6Option {
  const parts = servers.map((server) => [Uint8Array.of(0, NTP_SERVER_ADDRESS, 0, 16), ipToBytes(server)]);
  return { code: DHCP6_OPTION.ntpServer, data: concatBytes(parts.flat()) };
}

/** When who has no address shall ask for settings again (RFC 8415 §21.23). @param seconds at least 600 */
export function encodeRefreshTime(seconds: number): Dhcp6Option {
  const data = Uint8Array.of(seconds >>> 24, seconds >>> 16, seconds >>> 8, seconds);
  return { code: DHCP6_OPTION.informationRefreshTime, data };
}

/** The server does not touch the DNS, whatever the client wishes; it may do that itself (RFC 4704 §4.1). */
const NAME_FLAG_NO_UPDATE = 0x04;
const NAME_FLAG_OVERRIDE = 0x02;
const NAME_FLAG_SERVER = 0x01;

/** What a client calls itself (RFC 4704 §4.2): "vm1", or "vm1.example.org". */
export function decodeClientName(data: Uint8Array): string | Malformed {
  const bytes = data.subarray(1);
  // A name of which only the beginning is told lacks the final zero.
  const whole = bytes.at(-1) === 0 ? bytes : concatBytes([bytes, Uint8Array.of(0)]);
  const decoded = decodeDomainName(whole, 0);
  return decoded instanceof Malformed ? decoded : decoded.name;
}

/** The answer to a client's name: taken note of, without a change of the DNS. */
export function encodeClientNameAnswer(data: Uint8Array): Dhcp6Option {
  const override = ((data[0] ?? 0) & NAME_FLAG_SERVER) === 0 ? 0 : NAME_FLAG_OVERRIDE;
  return {
    code: DHCP6_OPTION.clientName,
    data: concatBytes([Uint8Array.of(NAME_FLAG_NO_UPDATE | override), data.subarray(1)]),
  };
}
