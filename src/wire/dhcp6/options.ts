/** What DHCPv6 options hold (RFC 8415 §21, RFC 3646). */
import { type Ipv6Address, type MacAddress, ipFromBytes, ipToBytes, macToBytes } from "../../base/address.ts";
import { concatBytes, utf8Encode } from "../../base/bytes.ts";
import { encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { decodeDhcp6Options, type Dhcp6Option, encodeDhcp6Options } from "./message.ts";

/** IANA "DHCPv6 Option Codes" */
export const DHCP6_OPTION = {
  clientIdentifier: 1,
  serverIdentifier: 2,
  nonTemporaryAddresses: 3,
  temporaryAddresses: 4,
  address: 5,
  optionRequest: 6,
  preference: 7,
  status: 13,
  rapidCommit: 14,
  nameServers: 23,
  searchList: 24,
  prefixDelegation: 25,
} as const;

/** RFC 8415 §21.13 */
export const DHCP6_STATUS = {
  success: 0,
  noAddressesAvailable: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixAvailable: 6,
} as const;
export type Dhcp6Status = keyof typeof DHCP6_STATUS;

const LONGEST_DUID_BYTES = 130;
const DUID_LINK_LAYER = 3;
const HARDWARE_ETHERNET = 1;

/** An identity association of a client, with the addresses that it names. */
export interface IdentityAssociation {
  /** Told back as it came. */
  readonly identifier: number;
  readonly addresses: readonly Ipv6Address[];
}

export function optionsOf(options: readonly Dhcp6Option[], code: number): readonly Uint8Array[] {
  return options.filter((option) => option.code === code).map(({ data }) => data);
}

/** DUID-LL (RFC 8415 §11.4): the same for the same MAC address, always. */
export function linkLayerDuid(mac: MacAddress): Uint8Array {
  return concatBytes([Uint8Array.of(0, DUID_LINK_LAYER, 0, HARDWARE_ETHERNET), macToBytes(mac)]);
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

export function decodeIdentityAssociation(data: Uint8Array): IdentityAssociation | Malformed {
  if (data.length < 12) return new Malformed("DHCPv6 option IA_NA: shorter than 12 bytes");
  const options = decodeDhcp6Options(data.subarray(12));
  if (options instanceof Malformed) return options;
  const addresses: Ipv6Address[] = [];
  for (const address of optionsOf(options, DHCP6_OPTION.address)) {
    if (address.length < 24) return new Malformed("DHCPv6 option IAADDR: shorter than 24 bytes");
    addresses.push(ipFromBytes(address.subarray(0, 16)) as Ipv6Address);
  }
  return { identifier: new DataView(data.buffer, data.byteOffset).getUint32(0), addresses };
}

/** Durations in seconds, 0xffffffff is forever. */
export function encodeIdentityAssociation(
  code: number,
  identifier: number,
  { renewSeconds, rebindSeconds }: { readonly renewSeconds: number; readonly rebindSeconds: number },
  inside: readonly Dhcp6Option[],
): Dhcp6Option {
  const head = new DataView(new ArrayBuffer(12));
  head.setUint32(0, identifier);
  head.setUint32(4, renewSeconds);
  head.setUint32(8, rebindSeconds);
  return { code, data: concatBytes([new Uint8Array(head.buffer), encodeDhcp6Options(inside)]) };
}

export function encodeAddress(address: Ipv6Address, preferredSeconds: number, validSeconds: number): Dhcp6Option {
  const data = new Uint8Array(24);
  data.set(ipToBytes(address), 0);
  const view = new DataView(data.buffer);
  view.setUint32(16, preferredSeconds);
  view.setUint32(20, validSeconds);
  return { code: DHCP6_OPTION.address, data };
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
