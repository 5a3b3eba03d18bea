/** The subnets that a network's DHCP server serves beside the first: further ones of its bridge, and relayed ones. */
import { formatPrefix, overlaps } from "../base/address.ts";
import type { Context } from "./context.ts";
import { type PlacedRange, rangesOf, type ServedSubnet } from "./dhcp-ranges.ts";
import { partialLeaseOf, settingsOf } from "./dhcp-settings.ts";
import type { Path } from "./mistakes.ts";
import type { BridgeSubnet, DhcpSubnet } from "./model.ts";
import type { FileShape } from "./schema.ts";
import { checkHost } from "./subnets.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type DhcpShape = Exclude<NonNullable<NetworkShape["dhcp"]>, boolean>;

interface Further {
  readonly served: ServedSubnet;
  readonly ranges: readonly PlacedRange[];
  readonly subnet: DhcpSubnet;
}

const NO_SETTINGS = { options: [] } as const;

/** @param path of the network @param also those of the file that are good */
export function furtherOnBridge(
  path: Path,
  network: string,
  { also: shapes = [] }: NetworkShape,
  also: readonly BridgeSubnet[],
  context: Context,
): readonly Further[] {
  return shapes.flatMap((shape, index): Further[] => {
    const known = also.find(({ subnet }) => subnet === shape.subnet);
    if (known === undefined) return [];
    const { subnet, gateway } = known;
    const served = { subnet, gateway, name: network };
    const place = [...path, "also", index, "dhcp"];
    const section = shape.dhcp === true ? {} : shape.dhcp;
    const isServed = section !== undefined && section !== false;
    const ranges = isServed ? rangesOf(section.range, served, place, context) : [];
    const told = isServed ? { ...settingsOf(section), ...partialLeaseOf(section.lease, place, context) } : NO_SETTINGS;
    return [{ served, ranges, subnet: { subnet, ranges: ranges.map(({ range }) => range), relayed: false, ...told } }];
  });
}

/** @param path of the DHCP section @param others subnets of the same network */
export function relayedSubnets(
  path: Path,
  network: string,
  { relayed = [] }: DhcpShape,
  others: readonly ServedSubnet[],
  context: Context,
): readonly Further[] {
  const known = others.map(({ subnet }) => subnet);
  return relayed.flatMap((shape, index): Further[] => {
    const { subnet, range, router, lease } = shape;
    const place = [...path, "relayed", index];
    const other = known.find((each) => overlaps(each, subnet));
    if (other !== undefined) {
      const reason = `overlaps ${formatPrefix(other)}, which ${network} has already`;
      context.complain([...place, "subnet"], reason, "give it another subnet");
      return [];
    }
    known.push(subnet);
    context.record([...place, "subnet"], formatPrefix(subnet), "declared");
    const name = "the clients behind a relay";
    if (router !== undefined) checkHost([...place, "router"], router, subnet, name, context);
    const served = { subnet, name, ...(router === undefined ? {} : { gateway: router }) };
    const ranges = rangesOf(range, served, place, context);
    const told = { ...settingsOf(shape), ...partialLeaseOf(lease, place, context) };
    const way = router === undefined ? {} : { router };
    return [
      { served, ranges, subnet: { subnet, ranges: ranges.map((one) => one.range), relayed: true, ...way, ...told } },
    ];
  });
}
