/** Addresses for what is attached: those asked for, else the highest free one, since files allocate from below. */
import {
  type Family,
  familyOf,
  formatPrefix,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  ipFromBigint,
  ipToBigint,
  type Prefix,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { TapNic } from "../../model/model.ts";
import { bridgeSubnetOf, bridgeSubnets, canBeHost, hostRange } from "../../model/subnets.ts";
import type { NetworkLayout } from "../layout.ts";
import type { AppliedNetwork } from "./network.ts";

/** An IPv6 subnet is larger than anybody searches; addresses are given from its first so many. */
const IPV6_SPAN = 0xffffn;

export interface Wish {
  readonly address?: Ipv4Address;
  readonly address6?: Ipv6Address;
}

/** As the guest's NIC needs them: one that is told none has only those asked for. @throws as {@link allocate} */
export function giveAddresses(
  network: AppliedNetwork,
  wish: Wish,
  dhcp: TapNic["dhcp"],
  taken: ReadonlySet<IpAddress>,
): Wish {
  return dhcp === "none" ? reserve(network, wish, taken) : allocate(network, wish, taken);
}

/** Only those asked for, for somebody who has addresses by himself. @throws NetloomError bad-address */
function reserve(network: AppliedNetwork, { address, address6 }: Wish, taken: ReadonlySet<IpAddress>): Wish {
  const both = { ...(address === undefined ? {} : { address }), ...(address6 === undefined ? {} : { address6 }) };
  for (const wished of Object.values(both)) checkWish(network, wished, taken);
  return both;
}

/** @throws NetloomError bad-address (outside, or somebody's), no-address-left */
export function allocate(
  network: AppliedNetwork,
  wish: Wish,
  taken: ReadonlySet<IpAddress>,
): { readonly address: Ipv4Address; readonly address6?: Ipv6Address } {
  const wished = reserve(network, wish, taken);
  const { layout } = network;
  const subnets = bridgeSubnets(layout.network).map(({ subnet }) => subnet);
  const address = wished.address ?? (freeAddress(network, subnets, taken) as Ipv4Address);
  if (layout.addressing6 === undefined) return { address };
  const address6 = wished.address6 ?? (freeAddress(network, [layout.addressing6.subnet], taken) as Ipv6Address);
  return { address, address6 };
}

function checkWish({ name, layout, ranges }: AppliedNetwork, wished: IpAddress, taken: ReadonlySet<IpAddress>): void {
  const subnet =
    familyOf(wished) === 4 ? bridgeSubnetOf(layout.network, wished as Ipv4Address).subnet : layout.addressing6?.subnet;
  if (subnet === undefined)
    throw new NetloomError("bad-address", `attach to ${name}: ${wished}: the network has no IPv6`);
  const reason = !canBeHost(subnet, wished)
    ? `it cannot be a host's in ${formatPrefix(subnet)}`
    : taken.has(wished) || gatewaysOf(layout).includes(wished)
      ? "somebody has it already"
      : rangeOf(ranges, ipToBigint(wished), familyOf(wished)) !== undefined
        ? "the network's DHCP server gives it to whoever asks"
        : undefined;
  if (reason === undefined) return;
  throw new NetloomError("bad-address", `attach to ${name}: address ${wished}: ${reason}`, {
    hint: "Leave the address out to get a free one.",
  });
}

/** The range of a DHCP server that an address is in. */
function rangeOf(
  ranges: AppliedNetwork["ranges"],
  address: bigint,
  family: Family,
): AppliedNetwork["ranges"][number] | undefined {
  return ranges.find(
    ({ first, last }) => familyOf(first) === family && ipToBigint(first) <= address && address <= ipToBigint(last),
  );
}

/** Of the first subnet that has one left. */
function freeAddress(network: AppliedNetwork, subnets: readonly Prefix[], taken: ReadonlySet<IpAddress>): IpAddress {
  for (const subnet of subnets) {
    const found = highestFree(network, subnet, taken);
    if (found !== undefined) return found;
  }
  const where = subnets.map(formatPrefix).join(" and ");
  throw new NetloomError("no-address-left", `attach to ${network.name}: no address is left in ${where}`);
}

function highestFree(
  { layout, ranges }: AppliedNetwork,
  subnet: Prefix,
  taken: ReadonlySet<IpAddress>,
): IpAddress | undefined {
  const family = familyOf(subnet.address);
  const { first, last } = hostRange(subnet);
  const gateways = gatewaysOf(layout);
  for (let number = family === 6 && last - first > IPV6_SPAN ? first + IPV6_SPAN : last; number >= first; number--) {
    const candidate = ipFromBigint(number, family);
    const range = rangeOf(ranges, number, family);
    if (range !== undefined) number = ipToBigint(range.first);
    else if (!taken.has(candidate) && !gateways.includes(candidate)) return candidate;
  }
  return undefined;
}

function gatewaysOf({ network, addressing6 }: NetworkLayout): readonly IpAddress[] {
  return [
    ...bridgeSubnets(network).map(({ gateway }) => gateway),
    ...(addressing6 === undefined ? [] : [addressing6.gateway]),
  ];
}
