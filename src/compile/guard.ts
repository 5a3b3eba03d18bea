/**
 * What machines must not say to each other as if they were the network's servers: DHCP and DHCPv6 answers, and router
 * advertisements. It is dropped where it enters the bridge, wherever it goes. And how often they may ask for addresses,
 * so that who makes up clients at one port leaves the servers time for the others.
 *
 * What goes to a client's UDP port is an answer, wherever it comes from: clients heed any, and what comes from a server's
 * port may be a relay agent's question. Ports that the file names are the
 * network's way to the outside and are let through.
 */
import type { StateObject } from "../state/object.ts";
import type { LinkObject, NftTableObject } from "../state/object/kernel.ts";
import type { Facts } from "./facts.ts";
import type { Layout, NetworkLayout } from "./layout.ts";
import { networkLinkKey } from "./networks.ts";
import { tableName } from "../state/table-name.ts";

const SERVERS = [
  "chain servers {",
  // Hosts take a frame whose tag says no VLAN but a priority for one without. Behind one such tag is looked, as `meta
  // protocol` does and `ether type` does not; with another tag behind it the frame is nobody's.
  "  meta protocol { 8021q, 8021ad } @ll,116,12 0 drop",
  "  meta protocol ip udp dport 68 drop",
  "  meta protocol ip6 udp dport 546 drop",
  // Also behind extension headers (RFC 7113).
  "  meta protocol ip6 meta l4proto ipv6-icmp icmpv6 type nd-router-advert drop",
  "  meta protocol ip udp dport 67 jump questions",
  "  meta protocol ip6 udp dport 547 jump questions",
  "}",
];
/** Of each port: a hundred machines behind it that start at one time are not held up. */
const QUESTIONS = "limit rate over 1000/second burst 2000 packets drop";

/** One table for each guarded network that has such ports among the objects, and nothing where nft cannot do it. */
export function compileGuards(
  objects: readonly StateObject[],
  { networks }: Layout,
  facts: Facts,
  /** Of the table, after "netloom_guard_". */
  nameOf: (place: NetworkLayout, ports: readonly string[]) => string,
): readonly NftTableObject[] {
  if (facts.features.bridgeFilter === false) return [];
  return [...networks.values()].flatMap((place): NftTableObject[] => {
    const { network } = place;
    const key = networkLinkKey(network.name);
    const ports = objects.filter((object) => isPort(object, key)).map(({ name }) => name);
    return network.guard !== true || ports.length === 0
      ? []
      : [guardOf(`network ${network.name}`, network.name, network.namespace, ports, nameOf(place, ports))];
  });
}

/** @param ports interface names, at least one */
export function guardOf(
  origin: string,
  network: string,
  namespace: string,
  ports: readonly string[],
  name: string,
): NftTableObject {
  const names = ports.map((port) => JSON.stringify(port));
  return {
    kind: "nft-table",
    key: `nft/guard/${network}`,
    origin,
    namespace,
    family: "bridge",
    name: tableName("guard", name),
    rules: [
      "chain questions {",
      ...names.map((port) => `  iifname ${port} ${QUESTIONS}`),
      "}",
      ...SERVERS,
      "chain prerouting {",
      "  type filter hook prerouting priority -300; policy accept;",
      `  iifname ${names.length === 1 ? names[0] : `{ ${names.join(", ")} }`} jump servers`,
      "}",
    ].join("\n"),
  };
}

/** Made by us for a machine. */
function isPort(object: StateObject, bridgeKey: string): object is LinkObject {
  return object.kind === "link" && object.masterKey === bridgeKey && object.link.type !== "adopted";
}

/** What a person should know of a host whose nft cannot do it. */
export function guardNotes({ networks }: Layout, { features }: Facts): readonly string[] {
  if (features.bridgeFilter !== false) return [];
  const names = [...networks.values()].flatMap(({ network }) => (network.guard === true ? [network.name] : []));
  if (names.length === 0) return [];
  return [
    `nft cannot filter what bridges forward here: on ${names.join(", ")} a machine's own DHCP server or router ` +
      "advertisements reach the others",
  ];
}
