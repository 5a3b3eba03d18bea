/** Which name servers a machine is told, and its resolv.conf. */
import { contains, familyOf, type Ipv4Address, type Ipv4Prefix, parsePrefix } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import type { NamespaceMachine, PodNic } from "../model/model.ts";
import type { FileObject } from "../state/object.ts";
import type { Facts } from "./facts.ts";
import { defaultNic, type Layout, layoutOf } from "./layout.ts";

const LOOPBACK = parsePrefix("127.0.0.0/8") as Ipv4Prefix;
const THIS_HOST = parsePrefix("0.0.0.0/8") as Ipv4Prefix;

/**
 * What the machine is told about names on one NIC. The machine's own words come first, then its network's; a
 * routed network without any passes on the host's upstream servers, an isolated one could not reach them.
 */
export function resolverOf(
  machine: NamespaceMachine,
  nic: PodNic | undefined,
  layout: Layout,
  facts: Facts,
): ResolverConfiguration {
  const place = nic === undefined ? undefined : layoutOf(layout, nic);
  const declared = machine.dns.servers ?? place?.network.dns.servers;
  const servers = declared ?? (place?.router === undefined ? [] : reachableServers(facts));
  const ownSearch = machine.dns.search ?? place?.network.dns.search;
  const search = ownSearch ?? (declared === undefined && servers.length > 0 ? facts.resolver.search : []);
  return { servers, search };
}

/** The host's name servers that a machine on an IPv4 network can reach. */
function reachableServers(facts: Facts): readonly Ipv4Address[] {
  const isIpv4 = (address: string): address is Ipv4Address => familyOf(address as Ipv4Address) === 4;
  return facts.resolver.servers
    .filter(isIpv4)
    .filter((server) => !contains(LOOPBACK, server) && !contains(THIS_HOST, server));
}

/** Says which of the host's name servers machines are not told, when a network depends on them. */
export function resolverNotes(layout: Layout, facts: Facts): readonly string[] {
  const dependent = [...layout.networks.values()].filter(
    ({ network, router }) => router !== undefined && network.dns.servers === undefined,
  );
  if (dependent.length === 0) return [];
  const reachable: readonly string[] = reachableServers(facts);
  const skipped = facts.resolver.servers.filter((server) => !reachable.includes(server));
  const networks = dependent.map(({ network }) => network.name).join(", ");
  const advice = "write dns: { servers: [...] } to name others";
  if (reachable.length > 0) {
    return skipped.length === 0
      ? []
      : [`machines on ${networks} are not told the host's name server ${skipped.join(", ")}, which they cannot reach`];
  }
  const why =
    skipped.length === 0 ? "the host has none" : `the host's ${skipped.join(", ")} cannot be reached from there`;
  return [`machines on ${networks} are told no name server: ${why}; ${advice}`];
}

/** /etc/netns/NAME/resolv.conf, which `ip netns exec` shows as /etc/resolv.conf (ip-netns(8)). */
export function compileResolvConf(machine: NamespaceMachine, layout: Layout, facts: Facts): FileObject {
  const { servers, search } = resolverOf(machine, defaultNic(machine, layout)?.nic, layout, facts);
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
