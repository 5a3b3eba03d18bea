/** A bridge network: the bridge, its gateway addresses on the host, and ports that others made. */
import { type IpAddress, type Ipv6Address, parseIpv6 } from "../base/address.ts";
import type { Network } from "../model/model.ts";
import { bridgeSubnets } from "../model/subnets.ts";
import type { StateObject } from "../state/object.ts";
import type { AddressObject, LinkObject, NamespaceObject } from "../state/object/kernel.ts";
import { type Facts, factsOf } from "./facts.ts";
import { hasIpv6, type Layout, type NetworkLayout } from "./layout.ts";

/** IN6_ADDR_GEN_MODE_NONE (linux/if_link.h). */
export const GENERATE_NO_ADDRESSES = 1;
/** linux/if_addr.h: no search for duplicates, during which the address could not be used for a second. */
const IFA_F_NODAD = 0x02;
const SCOPE_LINK = 253;
/** The bridge of every network with IPv6 has it: the guests' next hop. */
export const GATEWAY_LINK_LOCAL: Ipv6Address = parseIpv6("fe80::1");

export function networkLinkKey(network: string): string {
  return `link/${network}`;
}

export function compileNetwork(place: NetworkLayout, facts: Facts): readonly StateObject[] {
  const { network, router, mtuBytes, ipv6, addressing6, delegated6 } = place;
  const common = { origin: `network ${network.name}`, namespace: network.namespace };
  const key = networkLinkKey(network.name);
  const parameter = (path: string, value: string): StateObject => ({
    kind: "sysctl",
    key: parameterKey(network, path),
    ...common,
    path,
    value,
  });
  const address = (value: IpAddress, prefixLength: number): AddressObject => ({
    kind: "address",
    key: `address/${network.name}/${value}`,
    ...common,
    linkKey: key,
    address: value,
    prefixLength,
  });
  const ipv6Parameter = (name: string, value: string) => parameter(`net/ipv6/conf/${network.device}/${name}`, value);
  const routed = router === undefined ? "0" : "1";
  const ipv6Objects = !hasIpv6(place)
    ? ipv6
      ? [ipv6Parameter("disable_ipv6", "1")]
      : []
    : [
        ipv6Parameter("disable_ipv6", "0"),
        ipv6Parameter("accept_ra", "0"),
        ...(facts.features.forwardsByInterface ? [ipv6Parameter("force_forwarding", routed)] : []),
      ];
  const gateways6 = [
    ...[addressing6, delegated6].flatMap((own) =>
      own === undefined ? [] : [withoutDad(address(own.gateway, own.subnet.length))],
    ),
    ...(hasIpv6(place) ? [linkLocal(address(GATEWAY_LINK_LOCAL, 64))] : []),
  ];
  return [
    {
      kind: "link",
      key,
      ...common,
      name: network.device,
      // With a delay every new port drops everything for twice 15 s.
      link: { type: "bridge", forwardDelayCentiseconds: 0, stp: false },
      macAddress: network.macAddress,
      mtuBytes,
      up: true,
      ...(ipv6 ? { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } : {}),
    },
    // Machines could otherwise give the host addresses and routes by router advertisements.
    ...ipv6Objects,
    // An isolated network stays isolated on a host that forwards by default.
    parameter(`net/ipv4/conf/${network.device}/forwarding`, routed),
    ...bridgeSubnets(network).map(({ gateway, subnet }) => address(gateway, subnet.length)),
    ...gateways6,
    ...compilePorts(network, facts),
  ];
}

/** Bridges in different namespaces may have the same name. */
function parameterKey({ name, namespace }: Network, path: string): string {
  return namespace === "" ? `sysctl/${path}` : `sysctl/${name}/${path}`;
}

/**
 * The namespaces of networks that are there for them alone. One that somebody else made is used as it is, and stays.
 */
export function compileNamespaces(layout: Layout, facts: Facts): readonly NamespaceObject[] {
  const made = new Map<string, NamespaceObject>();
  for (const { network } of layout.networks.values()) {
    const { name: origin, namespace: name } = network;
    if (name === "" || made.has(name) || isForeign(name, facts)) continue;
    made.set(name, { kind: "namespace", key: `namespace/${name}`, origin: `network ${origin}`, name });
  }
  return [...made.values()];
}

/** What becomes of namespaces that somebody else made. */
export function namespaceNotes(layout: Layout, facts: Facts): readonly string[] {
  const names = [...layout.networks.values()].map(({ network }) => network.namespace);
  return [...new Set(names)].flatMap((name) =>
    name !== "" && isForeign(name, facts)
      ? [`namespace ${name} is there already: it is used as it is, and stays when its networks are destroyed`]
      : [],
  );
}

function isForeign(name: string, { namespaces = {} }: Facts): boolean {
  return namespaces[name]?.ours === false;
}

/** Interfaces of others: they get a master and keep everything else. */
function compilePorts({ name, namespace, ports }: Network, facts: Facts): readonly LinkObject[] {
  return ports.flatMap((device) => {
    const link = factsOf(namespace, facts).links[device];
    if (link === undefined) return [];
    return [
      {
        kind: "link",
        key: `link/${name}/port/${device}`,
        origin: `network ${name}`,
        namespace,
        name: device,
        link: { type: "adopted", adoptedIndex: link.index },
        masterKey: networkLinkKey(name),
      },
    ];
  });
}

/** Usable at once. */
export function withoutDad(address: AddressObject): AddressObject {
  return { ...address, flags: IFA_F_NODAD };
}

/** A link-local address, from which neighbours are asked. */
export function linkLocal(common: Omit<AddressObject, "prefixLength" | "scope">): AddressObject {
  return withoutDad({ ...common, prefixLength: 64, scope: SCOPE_LINK });
}
