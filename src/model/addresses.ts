/**
 * Who gets which address of a subnet. Addresses are stable: declared ones come first, then what an earlier run
 * gave, then the lowest free one; so a machine more or less never changes another's address.
 */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  ipv4FromNumber,
  ipv4ToNumber,
  parseIpv4,
} from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import type { Context } from "./context.ts";
import { formatPath, type Path } from "./mistakes.ts";
import type { Network } from "./model.ts";
import { checkHost } from "./networks.ts";

/** A NIC that needs an address. */
export interface Claim {
  readonly path: Path;
  /** "pod1/0" */
  readonly key: string;
  readonly network: Network;
  readonly declared: Ipv4Address | undefined;
}

/** Addresses by claim key. Complains about bad and double ones and about full subnets. */
export function allocateAddresses(
  claims: readonly Claim[],
  networks: readonly Network[],
  previous: ReadonlyMap<string, string>,
  context: Context,
): ReadonlyMap<string, Ipv4Address> {
  const taken = new Map<string, string>();
  for (const network of networks) taken.set(network.gateway, `the gateway of ${network.name}`);
  const given = new Map<string, Ipv4Address>();
  const give = (claim: Claim, address: Ipv4Address, how: "declared" | "kept" | "allocated"): void => {
    taken.set(address, formatPath(claim.path));
    given.set(claim.key, address);
    context.record(claim.path, address, how);
  };
  for (const claim of claims) {
    if (claim.declared === undefined) continue;
    const owner = taken.get(claim.declared);
    if (!checkHost(claim.path, claim.declared, claim.network.subnet, claim.network.name, context)) continue;
    if (owner !== undefined) {
      context.complain(claim.path, `is used twice, by ${owner} already`, "give another one, or leave address out");
      continue;
    }
    give(claim, claim.declared, "declared");
  }
  const open = claims.filter((claim) => claim.declared === undefined);
  for (const claim of open) {
    const address = usable(previous.get(claim.key), claim.network);
    if (address !== undefined && !taken.has(address)) give(claim, address, "kept");
  }
  const next = new Map<string, number>();
  for (const claim of open) {
    if (given.has(claim.key)) continue;
    const { subnet, name } = claim.network;
    const last = ipv4ToNumber(broadcastOf(subnet)) - 1;
    let candidate = next.get(name) ?? ipv4ToNumber(subnet.address) + 1;
    while (candidate <= last && taken.has(ipv4FromNumber(candidate))) candidate++;
    next.set(name, candidate);
    if (candidate > last)
      context.complain(
        claim.path.slice(0, -1),
        `no address is left in ${formatPrefix(subnet)}, the subnet of ${name}`,
        "use a larger subnet",
      );
    else give(claim, ipv4FromNumber(candidate), "allocated");
  }
  return given;
}

/** An earlier address, if it can still be a host's in the network. */
function usable(text: string | undefined, network: Network): Ipv4Address | undefined {
  if (text === undefined) return undefined;
  let address: Ipv4Address;
  try {
    address = parseIpv4(text);
  } catch (thrown) {
    // Not an IPv4 address: an allocation of another kind of network, worth nothing here.
    if (thrown instanceof NetloomError) return undefined;
    throw thrown;
  }
  const inside =
    contains(network.subnet, address) && address !== network.subnet.address && address !== broadcastOf(network.subnet);
  return inside ? address : undefined;
}
