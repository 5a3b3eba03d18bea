/** Addresses for what is attached: those asked for, else the highest free one, since files allocate from below. */
import {
  familyOf,
  formatPrefix,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  ipFromBigint,
  type Prefix,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { canBeHost, hostRange } from "../../model/subnets.ts";
import type { AppliedNetwork } from "./network.ts";

/** An IPv6 subnet is larger than anybody searches; addresses are given from its first so many. */
const IPV6_SPAN = 0xffffn;

export interface Wish {
  readonly address?: Ipv4Address;
  readonly address6?: Ipv6Address;
}

/** @throws NetloomError bad-address (outside, or somebody's), no-address-left */
export function allocate(
  { name, layout }: AppliedNetwork,
  wish: Wish,
  taken: ReadonlySet<IpAddress>,
): { readonly address: Ipv4Address; readonly address6?: Ipv6Address } {
  const { network, addressing6 } = layout;
  const address = give(name, network.subnet, wish.address, new Set([...taken, network.gateway])) as Ipv4Address;
  if (addressing6 === undefined) {
    if (wish.address6 === undefined) return { address };
    throw new NetloomError("bad-address", `attach to ${name}: ${wish.address6}: the network has no IPv6`);
  }
  const { subnet, gateway } = addressing6;
  return { address, address6: give(name, subnet, wish.address6, new Set([...taken, gateway])) as Ipv6Address };
}

function give(name: string, subnet: Prefix, wished: IpAddress | undefined, taken: ReadonlySet<IpAddress>): IpAddress {
  if (wished !== undefined) {
    const reason = !canBeHost(subnet, wished)
      ? `it cannot be a host's in ${formatPrefix(subnet)}`
      : taken.has(wished)
        ? "somebody has it already"
        : undefined;
    if (reason === undefined) return wished;
    throw new NetloomError("bad-address", `attach to ${name}: address ${wished}: ${reason}`, {
      hint: "Leave the address out to get a free one.",
    });
  }
  const family = familyOf(subnet.address);
  const { first, last } = hostRange(subnet);
  let candidate = family === 6 && last - first > IPV6_SPAN ? first + IPV6_SPAN : last;
  while (candidate >= first && taken.has(ipFromBigint(candidate, family))) candidate--;
  if (candidate >= first) return ipFromBigint(candidate, family);
  throw new NetloomError("no-address-left", `attach to ${name}: no address is left in ${formatPrefix(subnet)}`);
}
