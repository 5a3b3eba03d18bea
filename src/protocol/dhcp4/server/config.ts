/** What a DHCPv4 server for one subnet is told, and whether that can be. */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  type Ipv4Prefix,
  ipv4ToNumber,
  type MacAddress,
  netmaskOf,
  networkOf,
} from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import { FOREVER_SECONDS } from "./lease.ts";

/** Durations in seconds: 1 to 4294967295, which is for ever. */
export interface LeaseSeconds {
  /** For a client that does not ask for a duration. */
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
}

export interface Dhcp4ServerConfig {
  /** Source address and server identifier. */
  readonly serverAddress: Ipv4Address;
  readonly serverMac: MacAddress;
  /** The clients' link. */
  readonly subnet: Ipv4Prefix;
  readonly range: { readonly first: Ipv4Address; readonly last: Ipv4Address };
  readonly leaseSeconds: LeaseSeconds;
  /** What clients are told beside address and duration. Subnet mask and broadcast address are added. */
  readonly options: Dhcp4Options;
  /** No other server gives addresses on this link: clients that this one does not know get an answer, too. */
  readonly authoritative: boolean;
  /** Give the address at once to a client that wishes it (RFC 4039); only where there is one server. */
  readonly rapidCommit: boolean;
  /** Bytes of IP that a frame of the link carries; default 1500. */
  readonly mtuBytes?: number;
}

/** Options that the server sets itself: they belong to one dialogue, not to a configuration. */
const OWN: ReadonlySet<number> = new Set(
  [
    DHCP4_OPTION.requestedAddress,
    DHCP4_OPTION.leaseTime,
    DHCP4_OPTION.overload,
    DHCP4_OPTION.messageType,
    DHCP4_OPTION.serverIdentifier,
    DHCP4_OPTION.parameterRequestList,
    DHCP4_OPTION.message,
    DHCP4_OPTION.maximumMessageSize,
    DHCP4_OPTION.renewalTime,
    DHCP4_OPTION.rebindingTime,
    DHCP4_OPTION.clientIdentifier,
    DHCP4_OPTION.rapidCommit,
    DHCP4_OPTION.relayAgentInformation,
    DHCP4_OPTION.subnetSelection,
  ].map(({ code }) => code),
);

/** @throws NetloomError bad-dhcp-server */
export function checkConfig({ subnet, range, serverAddress, leaseSeconds, options }: Dhcp4ServerConfig): void {
  const refuse = (reason: string): NetloomError =>
    new NetloomError("bad-dhcp-server", `DHCP server of ${formatPrefix(networkOf(subnet))}: ${reason}`);
  for (const address of [serverAddress, range.first, range.last])
    if (!contains(subnet, address)) throw refuse(`${address} is not of that subnet`);
  if (ipv4ToNumber(range.first) > ipv4ToNumber(range.last))
    throw refuse(`the range ${range.first}-${range.last} begins behind its end`);
  const { minimum, maximum } = leaseSeconds;
  for (const seconds of [minimum, leaseSeconds.default, maximum]) {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > FOREVER_SECONDS)
      throw refuse(`a duration of ${seconds} s is not 1 to ${FOREVER_SECONDS}`);
  }
  if (minimum > leaseSeconds.default || leaseSeconds.default > maximum)
    throw refuse(`the durations ${minimum}, ${leaseSeconds.default} and ${maximum} s do not rise`);
  const own = [...options.keys()].find((code) => OWN.has(code));
  if (own !== undefined) throw refuse(`option ${own} cannot be set: the server answers it itself`);
}

/** Addresses that nobody gets: the subnet's two ends, the server's own, and the routers that clients are told. */
export function excludedAddresses({ subnet, serverAddress, options }: Dhcp4ServerConfig): ReadonlySet<Ipv4Address> {
  const routers = options.get(DHCP4_OPTION.routers.code);
  const told = routers === undefined ? [] : (DHCP4_OPTION.routers.codec.decode(routers) ?? []);
  const ends = subnet.length < 31 ? [networkOf(subnet).address, broadcastOf(subnet)] : [];
  return new Set([serverAddress, ...told, ...ends]);
}

/** In the order for a client that states no wishes; the mask must precede the routers (RFC 2132 §3.3). */
export function offeredOptions({ subnet, options }: Dhcp4ServerConfig): Dhcp4Options {
  const offered = new Map<number, Uint8Array>([
    optionEntry(DHCP4_OPTION.subnetMask, netmaskOf(subnet.length)),
    optionEntry(DHCP4_OPTION.broadcastAddress, broadcastOf(subnet)),
  ]);
  for (const [code, value] of options) offered.set(code, value);
  return offered;
}
