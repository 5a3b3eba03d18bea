/** Subnets of both families, and which of their addresses can be a host's. */
import {
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  ipFromBigint,
  ipToBigint,
  type Ipv4Address,
  type Prefix,
} from "../base/address.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { BridgeSubnet, Network } from "./model.ts";

/** One family of a network. */
export interface Subnet {
  readonly network: string;
  /** Host bits are zero. */
  readonly prefix: Prefix;
  readonly gateway: IpAddress;
  /** What a server gives to whoever asks: allocated to nobody who does not name it. */
  readonly given?: readonly { readonly first: IpAddress; readonly last: IpAddress }[];
}

/**
 * The first and last address that a host can have. The first of a subnet is the network's (IPv4) or every
 * router's (RFC 4291 §2.6.1), the last of an IPv4 subnet reaches all.
 */
export function hostRange(prefix: Prefix): { first: bigint; last: bigint } {
  const family = familyOf(prefix.address);
  const base = ipToBigint(prefix.address);
  const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix.length);
  return { first: base + 1n, last: base + size - (family === 4 ? 2n : 1n) };
}

/** The address that the gateway has unless the file says another. */
export function firstHost<A extends IpAddress>(prefix: Prefix<A>): A {
  return ipFromBigint(hostRange(prefix).first, familyOf(prefix.address)) as A;
}

/** Whether a host in the subnet can have this address. */
export function canBeHost(prefix: Prefix, address: IpAddress): boolean {
  const { first, last } = hostRange(prefix);
  const value = ipToBigint(address);
  return contains(prefix, address) && value >= first && value <= last;
}

/** Complains unless the address can be a host's in the subnet. Returns whether it can. */
export function checkHost(path: Path, address: IpAddress, prefix: Prefix, network: string, context: Context): boolean {
  if (canBeHost(prefix, address)) return true;
  const family = familyOf(prefix.address);
  const { first, last } = hostRange(prefix);
  const reason = !contains(prefix, address)
    ? `lies outside ${formatPrefix(prefix)}, the subnet of ${network}`
    : address !== prefix.address
      ? `is the broadcast address of ${network}`
      : `is the ${family === 4 ? "network address" : "address of all routers"} of ${network}`;
  context.complain(path, reason, `use ${ipFromBigint(first, family)} to ${ipFromBigint(last, family)}`);
  return false;
}

/** The IPv4 subnets on the network's bridge. */
export function bridgeSubnets({
  subnet,
  gateway,
  also,
}: Pick<Network, "subnet" | "gateway" | "also">): readonly BridgeSubnet[] {
  return [{ subnet, gateway }, ...also];
}

/** That of a machine's address, which the model has checked to be of one; of an absent one the first. */
export function bridgeSubnetOf(
  network: Pick<Network, "subnet" | "gateway" | "also">,
  address?: Ipv4Address,
): BridgeSubnet {
  const further = address === undefined ? undefined : network.also.find(({ subnet }) => contains(subnet, address));
  return further ?? { subnet: network.subnet, gateway: network.gateway };
}
