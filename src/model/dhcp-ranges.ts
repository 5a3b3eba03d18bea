/** The ranges of a DHCP section: defaults, each of one subnet, none with an address of another. */
import { formatPrefix, type Ipv4Address, type Ipv4Prefix, ipFromBigint, ipv4ToNumber } from "../base/address.ts";
import type { SubnetTable } from "../base/subnet-table.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { AddressRange } from "./model.ts";
import { canBeHost, hostRange } from "./subnets.ts";

/** A subnet that a server gives addresses of. */
export interface ServedSubnet {
  readonly subnet: Ipv4Prefix;
  /** The host's address, or a router's that clients are told; nobody gets it. */
  readonly gateway?: Ipv4Address;
  /** What the file calls it: a network, or one of its subnets. */
  readonly name: string;
}

export interface PlacedRange {
  readonly path: Path;
  readonly range: AddressRange;
  /** Undefined: of any of the network's subnets. */
  readonly of?: ServedSubnet;
}

/** What the file says under `range`, else the upper half. */
export function rangesOf(
  declared: AddressRange | readonly AddressRange[] | undefined,
  of: ServedSubnet,
  section: Path,
  context: Context,
): readonly PlacedRange[] {
  const path = [...section, "range"];
  if (declared === undefined) {
    const half = upperHalf(of.subnet);
    context.record(path, formatRange(half), "default");
    return [{ path, range: half, of }];
  }
  if ("first" in declared) {
    context.record(path, formatRange(declared), "declared");
    return [{ path, range: declared, of }];
  }
  return declared.map((range, index) => {
    context.record([...path, index], formatRange(range), "declared");
    return { path: [...path, index], range, of };
  });
}

function upperHalf(subnet: Ipv4Prefix): AddressRange {
  const { first, last } = hostRange(subnet);
  // The host's addresses of a /30 are two: the upper one is left for clients.
  return {
    first: ipFromBigint((first + last + 1n) / 2n, 4) as Ipv4Address,
    last: ipFromBigint(last, 4) as Ipv4Address,
  };
}

/** Complains about ranges that are of no subnet, that meet, or that hold a gateway alone. */
export function checkRanges(
  ranges: readonly PlacedRange[],
  subnets: SubnetTable<ServedSubnet>,
  main: ServedSubnet,
  context: Context,
): void {
  const good = ranges.filter(({ path, range, of }) => {
    const subnet = of ?? subnets.find(range.first) ?? main;
    const outside = [range.first, range.last].find((address) => !canBeHost(subnet.subnet, address));
    if (outside !== undefined) {
      const { first, last } = hostRange(subnet.subnet);
      context.complain(
        path,
        `${outside} cannot be a host's in ${formatPrefix(subnet.subnet)}, the subnet of ${subnet.name}`,
        `use addresses from ${ipFromBigint(first, 4)} to ${ipFromBigint(last, 4)}`,
      );
      return false;
    }
    if (range.first === subnet.gateway && range.last === subnet.gateway)
      context.complain(path, "holds the gateway alone, which no client gets", "use further addresses");
    return true;
  });
  checkApart(good, context);
}

/** The later one in the file is the mistake. */
function checkApart(ranges: readonly PlacedRange[], context: Context): void {
  const order = ranges
    .map(({ path, range }, index) => ({ path, range, index, first: ipv4ToNumber(range.first) }))
    .sort((a, b) => a.first - b.first || a.index - b.index);
  let reaching = order[0];
  for (const next of order.slice(1)) {
    if (reaching !== undefined && next.first <= ipv4ToNumber(reaching.range.last)) {
      const [earlier, later] = reaching.index < next.index ? [reaching, next] : [next, reaching];
      context.complain(
        later.path,
        `overlaps the range ${formatRange(earlier.range)}`,
        "give each range addresses of its own",
      );
    }
    if (reaching === undefined || ipv4ToNumber(next.range.last) > ipv4ToNumber(reaching.range.last)) reaching = next;
  }
}

export function formatRange({ first, last }: AddressRange): string {
  return `${first}-${last}`;
}
