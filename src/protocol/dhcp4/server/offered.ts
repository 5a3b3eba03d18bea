/** What a configuration means for addresses and options. */
import { broadcastOf, type Ipv4Address, netmaskOf, networkOf } from "../../../base/address.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { Dhcp4ServerConfig } from "./config.ts";

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
