/** What the host's own firewall has to let in from networks, which nobody but its owner can tell it. */
import type { Facts } from "./facts.ts";
import type { Layout } from "./layout.ts";

/** Of DHCP it is not asked: that goes past it. */
export function inputNotes({ networks }: Layout, { foreignInputDrops = [] }: Facts): readonly string[] {
  if (foreignInputDrops.length === 0) return [];
  const ways = [...networks.values()].flatMap(({ network: { namespace, device, dnsServer, boot } }) => {
    const ports = [
      ...(dnsServer === undefined ? [] : ["port 53 (DNS, UDP and TCP)"]),
      ...(boot === undefined ? [] : ["ports 69 UDP and 80 TCP (boot files)"]),
    ];
    return namespace !== "" || ports.length === 0 ? [] : [`${ports.join(" and ")} from ${device}`];
  });
  if (ways.length === 0) return [];
  const chains = foreignInputDrops.join(", ");
  return [`a firewall of this host (${chains}) drops what no rule lets in; machines need ${ways.join(", ")}`];
}
