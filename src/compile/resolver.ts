/** Which name servers a machine is told, and its resolv.conf. */
import { contains, familyOf, type IpAddress, type Ipv4Address, parsePrefix } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import type { DnsSettings, NamespaceMachine, Uplink } from "../model/model.ts";
import { bridgeSubnetOf } from "../model/subnets.ts";
import type { FileObject } from "../state/object/kernel.ts";
import type { Facts } from "./facts.ts";
import { defaultNic, hasIpv6, type Layout, layoutOf, type NetworkLayout } from "./layout.ts";
import { asksDhcp6 } from "./uplinks.ts";

/** Loopback, this host itself, and what is somebody else on every link. */
const UNREACHABLE = ["127.0.0.0/8", "0.0.0.0/8", "::/127", "fe80::/10"].map(parsePrefix);

/**
 * What the machine is told about names on one NIC. The machine's own words come first, then its network's: the
 * network's own server, where it has one, under the address that is nearest, or the servers that the file names; a routed network without any passes on those of its uplink, as the file or the lease says them, or else the host's
 * upstream servers; an isolated one could not reach them.
 */
export function resolverOf(
  machine: { readonly dns: DnsSettings },
  nic: { readonly network: string; readonly address?: Ipv4Address } | undefined,
  layout: Layout,
  facts: Facts,
): ResolverConfiguration {
  const place = nic === undefined ? undefined : layoutOf(layout, nic);
  const ownServer = place?.network.dnsServer;
  const declared =
    machine.dns.servers ??
    (place === undefined || ownServer === undefined ? place?.network.dns.servers : ownServers(place, nic?.address));
  const servers = declared ?? (place?.router === undefined ? [] : reachableServers(facts, place));
  const ownSearch = machine.dns.search ?? place?.network.dns.search;
  if (ownSearch !== undefined) return { servers, search: ownSearch };
  if (ownServer !== undefined && machine.dns.servers === undefined) return { servers, search: [ownServer.domain] };
  const passedOn =
    place === undefined || declared !== undefined || servers.length === 0 ? [] : upstreamOf(facts, place).search;
  return { servers, search: passedOn };
}

/** Under which addresses the network's server is told to who has this one. */
function ownServers({ network, addressing6, delegated6 }: NetworkLayout, address?: Ipv4Address): readonly IpAddress[] {
  const gateway6 = (addressing6 ?? delegated6)?.gateway;
  return [bridgeSubnetOf(network, address).gateway, ...(gateway6 === undefined ? [] : [gateway6])];
}

/** What is told about names where the network comes from: as the uplink says, else its lease, else the host. */
export function upstreamOf(facts: Facts, { uplink }: NetworkLayout): ResolverConfiguration {
  const leased = hasLease(uplink) ? facts.uplinks?.[uplink.device]?.resolver : undefined;
  const found = leased === undefined || leased.servers.length === 0 ? facts.resolver : leased;
  const { servers, search } = uplink?.dns ?? {};
  if (servers === undefined && search === undefined) return found;
  return { servers: servers ?? found.servers, search: search ?? (servers === undefined ? found.search : []) };
}

function hasLease(uplink: Uplink | undefined): uplink is Uplink {
  return uplink !== undefined && (uplink.address === "dhcp" || asksDhcp6(uplink));
}

/** What everybody on the network is told: as the file says, or as a lease that the network follows does. */
export function networkDns(place: NetworkLayout, layout: Layout, facts: Facts): DnsSettings {
  const { name, dns, dnsServer } = place.network;
  if (dnsServer !== undefined) return resolverOf({ dns: {} }, { network: name }, layout, facts);
  if (place.router === undefined || dns.servers !== undefined || upstreamOf(facts, place) === facts.resolver)
    return dns;
  return resolverOf({ dns: {} }, { network: name }, layout, facts);
}

/** The name servers upstream that a machine on the network can reach. */
function reachableServers(facts: Facts, place: NetworkLayout): readonly IpAddress[] {
  return upstreamOf(facts, place).servers.filter(
    (server) => (familyOf(server) === 4 || hasIpv6(place)) && !UNREACHABLE.some((range) => contains(range, server)),
  );
}

/** Says which of the host's name servers machines are not told, when a network depends on them. */
export function resolverNotes(layout: Layout, facts: Facts): readonly string[] {
  const dependent = [...layout.networks.values()].filter(
    (place) =>
      place.router !== undefined &&
      place.network.dns.servers === undefined &&
      place.network.dnsServer === undefined &&
      upstreamOf(facts, place) === facts.resolver &&
      // Those of the lease are passed on when it comes.
      !hasLease(place.uplink),
  );
  // Networks that reach the same servers are told of together.
  const byReach = new Map<string, { reachable: readonly string[]; names: string[] }>();
  for (const place of dependent) {
    const reachable = reachableServers(facts, place);
    const entry = byReach.get(reachable.join()) ?? { reachable, names: [] };
    byReach.set(reachable.join(), entry);
    entry.names.push(place.network.name);
  }
  return [...byReach.values()].flatMap(({ reachable, names }) => {
    const skipped = facts.resolver.servers.filter((server) => !reachable.includes(server));
    const networks = names.join(", ");
    const advice = "write dns: { servers: [...] } to name others";
    if (reachable.length > 0) {
      return skipped.length === 0
        ? []
        : [
            `machines on ${networks} are not told the host's name server ${skipped.join(", ")}, which they cannot reach`,
          ];
    }
    const why =
      skipped.length === 0 ? "the host has none" : `the host's ${skipped.join(", ")} cannot be reached from there`;
    return [`machines on ${networks} are told no name server: ${why}; ${advice}`];
  });
}

/** /etc/netns/NAME/resolv.conf, which `ip netns exec` shows as /etc/resolv.conf (ip-netns(8)). */
export function compileResolvConf(machine: NamespaceMachine, layout: Layout, facts: Facts): FileObject {
  const { servers, search } = resolverOf(machine, defaultNic(machine.nics, layout)?.nic, layout, facts);
  const lines = [`# written by netloom for machine ${machine.name}`];
  for (const server of servers) lines.push(`nameserver ${server}`);
  if (search.length > 0) lines.push(`search ${search.join(" ")}`);
  return {
    kind: "file",
    key: `file/${machine.name}/resolv.conf`,
    origin: `machine ${machine.name}`,
    path: `/etc/netns/${machine.name}/resolv.conf`,
    content: `${lines.join("\n")}\n`,
    mode: 0o644,
  };
}
