/**
 * Who gets which address of a subnet. Addresses are stable: declared ones come first, then what an earlier run
 * gave, then the lowest free one; so a machine more or less never changes another's address.
 */
import {
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  ipFromBigint,
  ipToBigint,
  parseIp,
} from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import type { Context } from "./context.ts";
import { formatPath, type Path } from "./mistakes.ts";
import { canBeHost, checkHost, hostRange, type Subnet } from "./subnets.ts";

/** A NIC that needs an address. */
export interface Claim {
  readonly path: Path;
  /** "pod1/0", or "pod1/0/6" for its IPv6 address. */
  readonly key: string;
  /** Of which it may have an address, the first that has one left before the others; at least one. */
  readonly subnets: readonly [Subnet, ...Subnet[]];
  readonly declared: IpAddress | undefined;
}

/** Addresses by machine and NIC. */
export interface Addresses {
  of(machine: string, nic: number): { readonly address?: Ipv4Address; readonly address6?: Ipv6Address };
}

/** An address of a network: another one may have the same in another namespace. */
export function placeIn(network: string, address: string): string {
  return `${network} ${address}`;
}

/**
 * Addresses by claim key. Complains about bad and double ones and about full subnets.
 * @param takenByOthers by {@link placeIn}, with what has them
 */
export function allocateAddresses(
  claims: readonly Claim[],
  subnets: readonly Subnet[],
  previous: ReadonlyMap<string, string>,
  takenByOthers: ReadonlyMap<string, string>,
  context: Context,
): ReadonlyMap<string, IpAddress> {
  const taken = new Map(takenByOthers);
  for (const { gateway, network } of subnets) taken.set(placeIn(network, gateway), `the gateway of ${network}`);
  const given = new Map<string, IpAddress>();
  const give = (claim: Claim, address: IpAddress, how: "declared" | "kept" | "allocated"): void => {
    taken.set(placeIn(claim.subnets[0].network, address), formatPath(claim.path));
    given.set(claim.key, address);
    context.record(claim.path, address, how);
  };
  for (const claim of claims) {
    if (claim.declared === undefined) continue;
    const { declared, subnets: own } = claim;
    const subnet = own.find(({ prefix }) => contains(prefix, declared)) ?? own[0];
    const owner = taken.get(placeIn(subnet.network, declared));
    if (!checkHost(claim.path, declared, subnet.prefix, subnet.network, context)) continue;
    if (owner !== undefined) {
      const key = String(claim.path.at(-1));
      context.complain(claim.path, `is used twice, by ${owner} already`, `give another one, or leave ${key} out`);
      continue;
    }
    give(claim, claim.declared, "declared");
  }
  const open = claims.filter((claim) => claim.declared === undefined);
  for (const claim of open) {
    const address = usable(previous.get(claim.key), claim.subnets);
    const [{ network }] = claim.subnets;
    if (address !== undefined && !taken.has(placeIn(network, address))) give(claim, address, "kept");
  }
  const next = new Map<Subnet, bigint>();
  for (const claim of open) {
    if (given.has(claim.key)) continue;
    let address: IpAddress | undefined;
    for (const subnet of claim.subnets)
      address ??= lowestFree(subnet, (candidate) => taken.has(placeIn(subnet.network, candidate)), next);
    if (address !== undefined) give(claim, address, "allocated");
    else {
      const [{ prefix, network, given: ranges = [] }, ...more] = claim.subnets;
      const where =
        more.length === 0 ? `${formatPrefix(prefix)}, the subnet of ${network}` : `the subnets of ${network}`;
      context.complain(
        claim.path.slice(0, -1),
        `no address is left in ${where}`,
        ranges.length === 0
          ? "use a larger subnet"
          : `use a larger subnet, or a smaller ${familyOf(prefix.address) === 4 ? "dhcp" : "ipv6"} range`,
      );
    }
  }
  return given;
}

/** @param next by subnet what the search has not looked at yet */
function lowestFree(
  subnet: Subnet,
  isTaken: (address: IpAddress) => boolean,
  next: Map<Subnet, bigint>,
): IpAddress | undefined {
  const { prefix, given: ranges = [] } = subnet;
  const { first, last } = hostRange(prefix);
  const family = familyOf(prefix.address);
  let candidate = next.get(subnet) ?? first;
  for (;;) {
    const range = ranges.find((one) => ipToBigint(one.first) <= candidate && candidate <= ipToBigint(one.last));
    if (range !== undefined) candidate = ipToBigint(range.last) + 1n;
    else if (candidate <= last && isTaken(ipFromBigint(candidate, family))) candidate++;
    else break;
  }
  next.set(subnet, candidate);
  return candidate > last ? undefined : ipFromBigint(candidate, family);
}

/** An earlier address, if it can still be a host's in the network. */
function usable(text: string | undefined, subnets: readonly Subnet[]): IpAddress | undefined {
  if (text === undefined) return undefined;
  let address: IpAddress;
  try {
    address = parseIp(text);
  } catch (thrown) {
    // Not an address: an allocation of another kind of network, worth nothing here.
    if (thrown instanceof NetloomError) return undefined;
    throw thrown;
  }
  return subnets.some(({ prefix }) => canBeHost(prefix, address)) ? address : undefined;
}
