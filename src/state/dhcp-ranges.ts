/** Which addresses a network's DHCP server gives to whoever asks. */
import type { DhcpRange, NetworkDhcpObject } from "./object/network-dhcp.ts";

/** Those of all its subnets and classes; none: known hosts alone are served. */
export function rangesGiven({
  ranges,
  furtherSubnets = [],
  classes,
}: Pick<NetworkDhcpObject, "ranges" | "furtherSubnets" | "classes">): readonly DhcpRange[] {
  return [
    ...ranges,
    ...furtherSubnets.flatMap((each) => each.ranges),
    ...classes.flatMap(({ range }) => (range === undefined ? [] : [range])),
  ];
}
