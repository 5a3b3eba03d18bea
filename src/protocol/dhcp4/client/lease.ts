/** What a DHCPv4 server gave: the reply's options checked and turned into values that can be used. */
import {
  broadcastOf,
  contains,
  type Ipv4Address,
  type Ipv4Prefix,
  IPV4_ANY,
  ipv4ToNumber,
  type MacAddress,
  netmaskOf,
  networkOf,
} from "../../../base/address.ts";
import type { ClasslessRoute } from "../../../wire/dhcp4/codecs.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import { Malformed } from "../../../wire/malformed.ts";

/** A lease of that length never ends (RFC 2131 §3.3). */
export const INFINITE_LEASE_SECONDS = 0xffffffff;
/** What every host must take (RFC 791 §3.1); a smaller one is an attack or a mistake. */
const MINIMUM_MTU_BYTES = 576;
/** More than any network has; bounds what a hostile reply makes us keep. */
const LIST_LIMIT = 64;

/** RFC 8925 §3.4, MIN_V6ONLY_WAIT. */
const SHORTEST_IPV6_ONLY_SECONDS = 300;

/** Durations in seconds. */
export interface Dhcp4Lease {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly broadcast?: Ipv4Address;
  /** As option 3 lists them; what is to be used stands in `routes`. */
  readonly routers: readonly Ipv4Address[];
  /**
   * From option 121 (or Microsoft's 249), else a default route through the first router (RFC 3442). Gateway 0.0.0.0:
   * the destination is on the link.
   */
  readonly routes: readonly ClasslessRoute[];
  readonly nameServers: readonly Ipv4Address[];
  readonly domainName?: string;
  readonly searchDomains: readonly string[];
  readonly hostName?: string;
  /** 576 to 65535. */
  readonly mtuBytes?: number;
  readonly ntpServers: readonly Ipv4Address[];
  /** Server identifier. */
  readonly server: Ipv4Address;
  /** Where the reply came from: the server, or the relay before it. */
  readonly serverMac: MacAddress;
  /** 1 to 4294967295; the largest means for ever. */
  readonly leaseSeconds: number;
  /** T1, from the same moment as the lease. */
  readonly renewalSeconds: number;
  /** T2. */
  readonly rebindingSeconds: number;
  /** All that the server sent, as it sent it. */
  readonly options: Dhcp4Options;
}

/** The lease of an OFFER or ACK; the message itself need not be kept. */
export function readLease(message: Dhcp4Message, serverMac: MacAddress): Dhcp4Lease | Malformed {
  const { options, yourAddress: address } = message;
  if (!isUsable(address)) return new Malformed(`the address ${address} is not one that a host can have`);
  const server = readOption(options, DHCP4_OPTION.serverIdentifier);
  if (server === undefined || server === IPV4_ANY) return new Malformed("no server identifier");
  const leaseSeconds = readOption(options, DHCP4_OPTION.leaseTime);
  if (leaseSeconds === undefined || leaseSeconds === 0) return new Malformed("no lease time");
  const prefixLength = prefixLengthOf(address, readOption(options, DHCP4_OPTION.subnetMask));
  if (prefixLength === undefined) return new Malformed("the subnet mask is not contiguous");
  if (isReserved({ address, length: prefixLength }))
    return new Malformed(`the address ${address} is the subnet's own or its broadcast address`);
  const routers = limited(readOption(options, DHCP4_OPTION.routers)).filter(isUsable);
  const domainName = nameOrNothing(readOption(options, DHCP4_OPTION.domainName));
  const hostName = nameOrNothing(readOption(options, DHCP4_OPTION.hostName));
  const mtuBytes = readOption(options, DHCP4_OPTION.interfaceMtu);
  const broadcast = readOption(options, DHCP4_OPTION.broadcastAddress);
  return {
    address,
    prefixLength,
    ...(broadcast === undefined ? {} : { broadcast }),
    routers,
    routes: routesOf(options, routers),
    nameServers: limited(readOption(options, DHCP4_OPTION.nameServers)).filter(isUsable),
    ...(domainName === undefined ? {} : { domainName }),
    searchDomains: limited(readOption(options, DHCP4_OPTION.domainSearch)).filter(isName),
    ...(hostName === undefined ? {} : { hostName }),
    ...(mtuBytes === undefined || mtuBytes < MINIMUM_MTU_BYTES ? {} : { mtuBytes }),
    ntpServers: limited(readOption(options, DHCP4_OPTION.ntpServers)).filter(isUsable),
    server,
    serverMac,
    leaseSeconds,
    ...renewalTimes(options, leaseSeconds),
    options: new Map([...options].map(([code, bytes]) => [code, bytes.slice()])),
  };
}

/** How long a network wants hosts that can to do without IPv4 (RFC 8925); undefined: not at all. */
export function ipv6OnlySeconds(options: Dhcp4Options): number | undefined {
  const seconds = readOption(options, DHCP4_OPTION.ipv6OnlyPreferred);
  return seconds === undefined ? undefined : Math.max(seconds, SHORTEST_IPV6_ONLY_SECONDS);
}

/** Neither of this network, loopback, multicast nor reserved (RFC 6890). */
function isUsable(address: Ipv4Address): boolean {
  const first = ipv4ToNumber(address) >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

/** The subnet's first or last address; with prefixes of 31 and 32 bits there are none (RFC 3021). */
function isReserved(prefix: Ipv4Prefix): boolean {
  if (prefix.length > 30) return false;
  return prefix.address === networkOf(prefix).address || prefix.address === broadcastOf(prefix);
}

/** Without a mask that of the address's class (RFC 950). Undefined: ones stand behind zeros. */
function prefixLengthOf(address: Ipv4Address, mask: Ipv4Address | undefined): number | undefined {
  if (mask === undefined) {
    const first = ipv4ToNumber(address) >>> 24;
    return first < 128 ? 8 : first < 192 ? 16 : 24;
  }
  const length = Math.clz32(~ipv4ToNumber(mask));
  return length > 0 && netmaskOf(length) === mask ? length : undefined;
}

/** T1 and T2 as told where T1 < T2 < lease, else one half and seven eighths (RFC 2131 §4.4.5). */
function renewalTimes(
  options: Dhcp4Options,
  leaseSeconds: number,
): Pick<Dhcp4Lease, "renewalSeconds" | "rebindingSeconds"> {
  if (leaseSeconds === INFINITE_LEASE_SECONDS)
    return { renewalSeconds: INFINITE_LEASE_SECONDS, rebindingSeconds: INFINITE_LEASE_SECONDS };
  const toldRebinding = readOption(options, DHCP4_OPTION.rebindingTime) ?? 0;
  const rebindingSeconds = toldRebinding > 0 && toldRebinding < leaseSeconds ? toldRebinding : (leaseSeconds * 7) / 8;
  const toldRenewal = readOption(options, DHCP4_OPTION.renewalTime) ?? 0;
  const renewalSeconds =
    toldRenewal > 0 && toldRenewal < rebindingSeconds ? toldRenewal : Math.min(leaseSeconds / 2, rebindingSeconds);
  return { renewalSeconds, rebindingSeconds };
}

function routesOf(options: Dhcp4Options, routers: readonly Ipv4Address[]): ClasslessRoute[] {
  const told =
    readOption(options, DHCP4_OPTION.classlessRoutes) ?? readOption(options, DHCP4_OPTION.microsoftClasslessRoutes);
  if (told === undefined)
    return routers.slice(0, 1).map((gateway) => ({ destination: { address: IPV4_ANY, length: 0 }, gateway }));
  const routes = new Map<string, ClasslessRoute>();
  for (const route of told.slice(0, LIST_LIMIT)) {
    const { destination, gateway } = route;
    const isDefault = destination.length === 0;
    // A route into loopback or multicast would break the host.
    if (!isDefault && (!isUsable(destination.address) || contains(destination, "127.0.0.1" as Ipv4Address))) continue;
    if (gateway === IPV4_ANY ? isDefault : !isUsable(gateway)) continue;
    const key = `${destination.address}/${destination.length}`;
    if (!routes.has(key)) routes.set(key, route);
  }
  return [...routes.values()];
}

function limited<T>(values: readonly T[] | undefined): readonly T[] {
  return (values ?? []).slice(0, LIST_LIMIT);
}

/** What may stand in a resolv.conf and on a terminal. */
function isName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?$/.test(text);
}

function nameOrNothing(text: string | undefined): string | undefined {
  return text !== undefined && isName(text) ? text : undefined;
}
