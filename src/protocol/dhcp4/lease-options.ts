/** From a lease to the options of a reply: which there are, and which of them a client gets in what order. */
import { contains, type Ipv4Address, type Ipv4Prefix, IPV4_ANY, netmaskOf } from "../../base/address.ts";
import { fromHex } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import type { ClasslessRoute } from "../../wire/dhcp4/codecs.ts";
import { DHCP4_OPTION, optionEntry } from "../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../wire/dhcp4/options.ts";

/** What a client is told with its address. Durations in seconds. */
export interface OfferedLease {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly router?: Ipv4Address;
  /** Further routes (options 121 and 249); an off-link gateway needs its on-link route, gateway 0.0.0.0, before it. */
  readonly routes: readonly { readonly destination: Ipv4Prefix; readonly gateway: Ipv4Address }[];
  readonly broadcast?: Ipv4Address;
  readonly nameServers: readonly Ipv4Address[];
  readonly searchDomains: readonly string[];
  readonly domainName?: string;
  readonly hostName?: string;
  /** 68 to 65535. */
  readonly mtuBytes?: number;
  /** 1 to 4294967295; the largest means for ever. */
  readonly leaseSeconds: number;
  /** Further options by code (42, 66, 67, 224 to 254) with their value in hexadecimal. */
  readonly options?: readonly { readonly code: number; readonly hex: string }[];
}

const INFINITE_SECONDS = 0xffffffff;
const MINIMUM_MTU_BYTES = 68;

/**
 * Every option that the lease has to give, in the order for a client that states no wishes. An option of
 * `lease.options` takes the place of one that netloom would make itself.
 * @throws NetloomError bad-dhcp-lease when a value is out of its range, bad-option or bad-domain-name when an
 * option cannot hold it
 */
export function leaseOptions(lease: OfferedLease): Dhcp4Options {
  checkRanges(lease);
  const { router, broadcast, nameServers, searchDomains, domainName, hostName, mtuBytes, leaseSeconds } = lease;
  const options = new Map<number, Uint8Array>();
  const add = ([code, bytes]: readonly [number, Uint8Array]): void => void options.set(code, bytes);
  // The mask stands first: it must precede the router (RFC 2132 §3.3).
  add(optionEntry(DHCP4_OPTION.subnetMask, netmaskOf(lease.prefixLength)));
  if (router !== undefined) add(optionEntry(DHCP4_OPTION.routers, [router]));
  if (nameServers.length > 0) add(optionEntry(DHCP4_OPTION.nameServers, nameServers));
  if (hostName !== undefined) add(optionEntry(DHCP4_OPTION.hostName, hostName));
  if (domainName !== undefined) add(optionEntry(DHCP4_OPTION.domainName, domainName));
  if (mtuBytes !== undefined) add(optionEntry(DHCP4_OPTION.interfaceMtu, mtuBytes));
  if (broadcast !== undefined) add(optionEntry(DHCP4_OPTION.broadcastAddress, broadcast));
  if (leaseSeconds !== INFINITE_SECONDS) {
    add(optionEntry(DHCP4_OPTION.renewalTime, Math.floor(leaseSeconds / 2)));
    add(optionEntry(DHCP4_OPTION.rebindingTime, Math.floor((leaseSeconds * 7) / 8)));
  }
  if (searchDomains.length > 0) add(optionEntry(DHCP4_OPTION.domainSearch, searchDomains));
  const routes = classlessRoutesOf(lease);
  if (routes.length > 0) {
    add(optionEntry(DHCP4_OPTION.classlessRoutes, routes));
    add(optionEntry(DHCP4_OPTION.microsoftClasslessRoutes, routes));
  }
  for (const { code, hex } of lease.options ?? []) options.set(code, fromHex(hex));
  return options;
}

function checkRanges(lease: OfferedLease): void {
  const whole = (value: number, low: number, high: number): boolean =>
    Number.isInteger(value) && value >= low && value <= high;
  const refuse = (what: string): NetloomError => new NetloomError("bad-dhcp-lease", `lease ${lease.address}: ${what}`);
  if (!whole(lease.prefixLength, 0, 32)) throw refuse(`prefix length ${lease.prefixLength} is not 0 to 32`);
  if (!whole(lease.leaseSeconds, 1, INFINITE_SECONDS)) {
    throw refuse(`duration of ${lease.leaseSeconds} s is not 1 to ${INFINITE_SECONDS}`);
  }
  if (lease.mtuBytes !== undefined && !whole(lease.mtuBytes, MINIMUM_MTU_BYTES, 0xffff)) {
    throw refuse(`MTU ${lease.mtuBytes} is not ${MINIMUM_MTU_BYTES} to 65535`);
  }
  for (const { code } of lease.options ?? []) {
    if (!isCustomOption(code)) throw refuse(`option ${code} is not one of 42, 66, 67, 224 to 254`);
  }
}

function isCustomOption(code: number): boolean {
  return code === 42 || code === 66 || code === 67 || (Number.isInteger(code) && code >= 224 && code <= 254);
}

/**
 * The value of option 121. A client that takes it ignores option 3 (RFC 3442), so the default route is in it, at
 * the end; and as a client installs the routes one by one, a gateway off the link has the route that puts it on
 * the link before it. Empty when option 3 alone says everything.
 */
function classlessRoutesOf(lease: OfferedLease): ClasslessRoute[] {
  const { router } = lease;
  const given = lease.routes.filter(({ destination }) => destination.length > 0);
  const defaults: ClasslessRoute[] = lease.routes.filter(({ destination }) => destination.length === 0);
  if (defaults.length === 0 && router !== undefined) {
    defaults.push({ destination: { address: IPV4_ANY, length: 0 }, gateway: router });
  }
  const routes: ClasslessRoute[] = [];
  const reachable: Ipv4Prefix[] = [{ address: lease.address, length: lease.prefixLength }];
  for (const route of [...given, ...defaults]) {
    if (route.gateway === IPV4_ANY) reachable.push(route.destination);
    else if (!reachable.some((prefix) => contains(prefix, route.gateway))) {
      const onLink: Ipv4Prefix = { address: route.gateway, length: 32 };
      routes.push({ destination: onLink, gateway: IPV4_ANY });
      reachable.push(onLink);
    }
    routes.push(route);
  }
  const plainDefault = lease.routes.length === 0 && routes.length <= 1;
  return plainDefault ? [] : routes;
}

/**
 * The options that a client asked for, in the order of its wishes, after the mask that everybody gets
 * (RFC 2131 §4.3.1). Without wishes all, except Microsoft's second number of option 121.
 */
export function selectOptions(offered: Dhcp4Options, wishes: readonly number[] | undefined): Dhcp4Options {
  const mask = DHCP4_OPTION.subnetMask.code;
  const codes = wishes ?? [...offered.keys()].filter((code) => code !== DHCP4_OPTION.microsoftClasslessRoutes.code);
  const selected = new Map<number, Uint8Array>();
  for (const code of [mask, ...codes]) {
    const value = offered.get(code);
    if (value !== undefined) selected.set(code, value);
  }
  return selected;
}
