/**
 * A network's IPv6 server: what its section of the file says, and the machines of the file, each known by its MAC
 * address. Where hosts and guests have addresses kept for them, all are told to ask for one, whatever the mode.
 */
import type { IpAddress, Ipv6Address } from "../base/address.ts";
import type { Ip6Host, Machine, NetworkIp6, PodNic, TapNic } from "../model/model.ts";
import type { Ip6KnownHost, Ip6NetworkObject } from "../state/object/network-ip6.ts";
import type { Facts } from "./facts.ts";
import type { Layout, NetworkLayout } from "./layout.ts";
import { GATEWAY_LINK_LOCAL, networkLinkKey } from "./networks.ts";
import { resolverOf } from "./resolver.ts";
import { isServedByNetwork6 } from "./taps.ts";

/** RFC 9096 §3.2: a prefix that is gone shall not be used for hours. */
const LIFETIMES = { preferred: 2700, valid: 5400 } as const;
const ENDED = { preferred: 0, valid: 0 } as const;
const DELEGATED_ALONE: NetworkIp6 = {
  mode: "slaac",
  leaseSeconds: LIFETIMES.valid,
  routes: [],
  ntpServers: [],
  rapidCommit: false,
  hosts: [],
};

/** @param file its name, before that of a network */
export function compileNetworkIp6(
  machines: readonly Machine[],
  layout: Layout,
  facts: Facts,
  file: string,
): readonly Ip6NetworkObject[] {
  return [...layout.networks.values()].flatMap((place): Ip6NetworkObject[] => {
    const { network, router, mtuBytes, addressing6, delegated6 } = place;
    const served = network.ipv6 === undefined ? undefined : addressing6;
    if (served === undefined && delegated6 === undefined) return [];
    const ipv6 = network.ipv6 ?? DELEGATED_ALONE;
    const { mode, range, delegate, leaseSeconds, routes, ntpServers, rapidCommit } = ipv6;
    const { servers, search } = resolverOf({ dns: {} }, { network: network.name }, layout, facts);
    const hosts = ipv6.hosts.map(hostOf);
    const isKept = hosts.some(({ address }) => address !== undefined);
    return [
      {
        kind: "ip6-network",
        key: `ip6/${network.name}`,
        origin: `network ${network.name}`,
        namespace: network.namespace,
        linkKey: networkLinkKey(network.name),
        interfaceName: network.device,
        network: `${file}/${network.name}`,
        linkAddress: GATEWAY_LINK_LOCAL,
        addresses: [served, delegated6].flatMap((own) => own?.gateway ?? []),
        prefixes: [
          ...(served === undefined ? [] : [{ prefix: served.subnet, autonomous: mode !== "dhcp" }]),
          ...delegatedPrefixes(place),
        ],
        managed: mode !== "slaac" || isKept || machines.some((machine) => asksNetwork(machine, place, layout)),
        ...(range === undefined ? {} : { range }),
        ...(delegate === undefined ? {} : { delegate }),
        leaseSeconds,
        defaultRouter: router !== undefined,
        routes,
        mtuBytes,
        nameServers: servers.filter(isIpv6),
        searchDomains: search,
        ntpServers,
        rapidCommit,
        hosts: [...machines.flatMap((machine) => hostsOf(machine, place)), ...hosts],
      },
    ];
  });
}

/**
 * Old ones are told to have ended (RFC 9096 §3.5): nobody makes an address of them, and what was made before is used for
 * nothing new and ends by itself.
 */
function delegatedPrefixes({ delegated6, former6 = [] }: NetworkLayout): Ip6NetworkObject["prefixes"] {
  if (delegated6 === undefined) return [];
  const former = former6.map((prefix) => ({ prefix, autonomous: true, seconds: ENDED }));
  return [{ prefix: delegated6.subnet, autonomous: true, seconds: LIFETIMES }, ...former];
}

function asksNetwork(machine: Machine, { network }: NetworkLayout, layout: Layout): boolean {
  if (machine.kind !== "vm") return false;
  return machine.taps.some((nic) => nic.network === network.name && isServedByNetwork6(machine, nic, layout));
}

/** The machine's NICs on the network that have an address there: nobody else gets it, whoever tells them. */
function hostsOf(machine: Machine, { network }: NetworkLayout): Ip6KnownHost[] {
  const nics: readonly (PodNic | TapNic)[] = machine.kind === "namespace" ? machine.nics : machine.taps;
  return nics.flatMap(({ network: name, macAddress, address6 }) =>
    name !== network.name || address6 === undefined ? [] : [{ mac: macAddress, address: address6 }],
  );
}

function hostOf({ macAddress, ...host }: Ip6Host): Ip6KnownHost {
  return { ...(macAddress === undefined ? {} : { mac: macAddress }), ...host };
}

function isIpv6(address: IpAddress): address is Ipv6Address {
  return address.includes(":");
}
