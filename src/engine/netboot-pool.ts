/** The addresses that `netloom netboot` gives, and what goes with them, as the host has it when they are to be given. */
import { formatPrefix, type Ipv4Address, type Ipv4Prefix, type MacAddress, networkOf } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { gatewayOf } from "../kernel/find-interface.ts";
import type { ServedInterface } from "../kernel/read-interface.ts";
import { readResolvConf } from "../kernel/resolv-conf.ts";
import type { AddressRange, Dhcp4ServerConfig } from "../protocol/dhcp4/server/config.ts";
import { derivePool } from "../services/netboot/pool.ts";
import { DHCP4_OPTION, optionEntry } from "../wire/dhcp4/option-table.ts";

/** Machines that are set up do not stay. */
const LEASE_SECONDS = { default: 3600, minimum: 120, maximum: 3600 };

interface PoolPlace {
  readonly interfaceName: string;
  readonly link: ServedInterface;
  readonly address: Ipv4Prefix;
}

/** @throws NetloomError no-addresses */
export async function findRanges({ interfaceName, link, address }: PoolPlace): Promise<readonly AddressRange[]> {
  const ranges = derivePool(address, [await gatewayOf(link.index)]);
  if (ranges.length > 0) return ranges;
  throw new NetloomError("no-addresses", `netboot on ${interfaceName}: ${formatPrefix(address)} has no free address`, {
    hint: "--proxy leaves addresses to another DHCP server.",
  });
}

/** @param known only these get one; default all */
export async function poolConfig(
  { link, address }: PoolPlace,
  ranges: readonly AddressRange[],
  known: ReadonlySet<MacAddress> | undefined,
): Promise<Omit<Dhcp4ServerConfig, "classes">> {
  const gateway = await gatewayOf(link.index);
  const nameServers = readResolvConf("").servers.filter((server): server is Ipv4Address => !server.includes(":"));
  return {
    serverAddress: address.address,
    serverMac: link.mac,
    subnet: networkOf(address),
    ranges,
    leaseSeconds: LEASE_SECONDS,
    options: new Map([
      ...(gateway === undefined ? [] : [optionEntry(DHCP4_OPTION.routers, [gateway])]),
      ...(nameServers.length === 0 ? [] : [optionEntry(DHCP4_OPTION.nameServers, nameServers)]),
    ]),
    ...(known === undefined ? {} : { knownOnly: true, hosts: Array.from(known, (mac) => ({ identity: { mac } })) }),
    authoritative: false,
    uninvited: true,
    rapidCommit: false,
    probe: {},
    mtuBytes: link.mtuBytes,
    ...(link.isBridge ? { hasPorts: true } : {}),
  };
}
