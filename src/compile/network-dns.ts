/**
 * A network's DNS server: where it listens, the names of the machines and hosts there, and whom it asks for others.
 *
 * What it asks are the servers that machines would be told without it. An isolated network stays so: its server asks
 * nobody unless the file says whom.
 */
import { contains, familyOf, type IpAddress, isLinkLocal6, parsePrefix, type Prefix } from "../base/address.ts";
import type { Machine, NetworkDns, PodNic, TapNic, VmMachine } from "../model/model.ts";
import { bridgeSubnets } from "../model/subnets.ts";
import type { DnsUpstream } from "../protocol/dns/config.ts";
import { reverseZonesOf } from "../protocol/dns/reverse-zones.ts";
import type { DnsForwarder, DnsHost, NetworkDnsObject } from "../state/object/network-dns.ts";
import type { Facts } from "./facts.ts";
import { type Layout, type NetworkLayout, networksOf } from "./layout.ts";
import { networkLinkKey } from "./networks.ts";
import { upstreamOf } from "./resolver.ts";

const DNS_PORT = 53;
/** From where servers ask. */
const HOST_NAMESPACE = "";
/** The bridge itself, so that its address has a name, and no client takes this one. */
const GATEWAY_LABEL = "gateway";
/** One label of a domain name. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const NOBODY = ["0.0.0.0/8", "::/128"].map(parsePrefix);

/** @param file its name, before that of a network */
export function compileNetworkDns(
  machines: readonly Machine[],
  layout: Layout,
  facts: Facts,
  file: string,
): readonly NetworkDnsObject[] {
  return [...layout.networks.values()].flatMap((place): NetworkDnsObject[] => {
    const { network } = place;
    const { dnsServer } = network;
    if (dnsServer === undefined) return [];
    const { domain, records, namesLeases, mixedCase, cache } = dnsServer;
    const { upstreams, mode, searched } = askedBy(place, dnsServer, layout, facts);
    const apart = dnsServer.domains.map((each) => ({ ...each, upstreams: declared(place, each.upstreams) }));
    const domains = [...apart, ...joinedDomains(place, dnsServer, layout)];
    const allowedPrivate = dnsServer.privateAnswers;
    return [
      {
        kind: "dns-network",
        key: `dns/${network.name}`,
        origin: `network ${network.name}`,
        namespace: network.namespace,
        linkKey: networkLinkKey(network.name),
        interfaceName: network.device,
        network: `${file}/${network.name}`,
        addresses: ownAddresses(place),
        domain,
        subnets: namedSubnets(place),
        hosts: hostsOf(place, dnsServer, machines),
        records,
        namesLeases,
        mode,
        upstreams,
        domains,
        allow: allowedBy(place, dnsServer, layout),
        ...(allowedPrivate === undefined
          ? {}
          : { rebindingAllowed: unique([...allowedPrivate, ...searched, ...domains.map((each) => each.domain)]) }),
        mixedCase,
        cache,
      },
    ];
  });
}

/** Names of what is attached later, which join those that the network's own server knows. */
export function compileJoinedNames(machines: readonly Machine[], layout: Layout): readonly NetworkDnsObject[] {
  return [...layout.networks.values()].flatMap(({ network }): NetworkDnsObject[] => {
    const { name, namespace, device, dnsServer } = network;
    if (dnsServer === undefined) return [];
    const { domain, mixedCase, cache } = dnsServer;
    const names = new Names(domain);
    for (const machine of machines) names.addMachine(machine, name, machines);
    if (names.hosts.length === 0) return [];
    return [
      {
        kind: "dns-network",
        key: `dns/${name}`,
        origin: `network ${name}`,
        namespace,
        linkKey: networkLinkKey(name),
        interfaceName: device,
        network: name,
        joins: true,
        addresses: [],
        domain,
        subnets: [],
        hosts: names.hosts,
        records: [],
        namesLeases: false,
        mode: "forward-only",
        upstreams: [],
        domains: [],
        allow: [],
        mixedCase,
        cache,
      },
    ];
  });
}

/** What a person should know of whom the servers ask. */
export function dnsNotes(layout: Layout, facts: Facts): readonly string[] {
  return [...layout.networks.values()].flatMap((place) => {
    const { dnsServer, name } = place.network;
    if (dnsServer === undefined) return [];
    const { upstreams, mode } = askedBy(place, dnsServer, layout, facts);
    if (upstreams.length > 0 || dnsServer.mode === "recursive") return [];
    if (mode === "forward-only" && isIsolated(place, dnsServer))
      return [
        `the DNS server of ${name} knows the names there alone: no router leads out; write dns: { forward: [...] }`,
      ];
    return [
      mode === "forward-only"
        ? `the DNS server of ${name} has nobody to ask; write dns: { forward: [...] }`
        : `the DNS server of ${name} asks the root servers: neither the uplink nor the host names a server`,
    ];
  });
}

function isIsolated(place: NetworkLayout, { forward, mode }: NetworkDns): boolean {
  return place.router === undefined && forward === undefined && mode === undefined;
}

/** `searched`: domains that belong to the servers asked, whose names may well have private addresses. */
function askedBy(
  place: NetworkLayout,
  dns: NetworkDns,
  layout: Layout,
  facts: Facts,
): Pick<NetworkDnsObject, "mode" | "upstreams"> & { readonly searched: readonly string[] } {
  if (isIsolated(place, dns)) return { mode: "forward-only", upstreams: [], searched: [] };
  if (dns.forward !== undefined)
    return { mode: dns.mode ?? "forward-first", upstreams: declared(place, dns.forward), searched: [] };
  if (dns.mode === "recursive") return { mode: "recursive", upstreams: [], searched: [] };
  const { servers, search } = upstreamOf(facts, place);
  // Ours would ask each other in a circle.
  const served = [...layout.networks.values()].filter(
    ({ network }) => network.dnsServer !== undefined && network.namespace === HOST_NAMESPACE,
  );
  const own = new Set(served.flatMap(ownAddresses));
  const upstreams = servers
    .filter((server) => !own.has(server) && !isLinkLocal6(server) && !NOBODY.some((range) => contains(range, server)))
    .map((address): DnsForwarder => ({ address, port: DNS_PORT, from: "host" }));
  const mode = dns.mode ?? (upstreams.length === 0 ? "recursive" : "forward-first");
  return { mode, upstreams, searched: upstreams.length === 0 ? [] : search.map(plainDomain) };
}

/** As leases may write it: "Corp.Example." */
function plainDomain(text: string): string {
  return text.toLowerCase().replace(/\.$/, "");
}

/**
 * Servers that the file names. Those in the subnets of a network in a namespace of its own are on it, where this host has
 * no way to; only its own address is there this very server, so that the one that is meant is this host's.
 */
function declared(place: NetworkLayout, servers: readonly DnsUpstream[]): readonly DnsForwarder[] {
  const own = ownAddresses(place);
  const subnets = place.network.namespace === HOST_NAMESPACE ? [] : namedSubnets(place);
  return servers.map((server) => {
    const { address } = server;
    const isInside = !own.includes(address) && subnets.some((subnet) => contains(subnet, address));
    return { ...server, from: isInside ? "network" : "host" };
  });
}

/** The bridge's. */
function ownAddresses({ network, addressing6, delegated6 }: NetworkLayout): readonly IpAddress[] {
  const gateways6 = [addressing6, delegated6].flatMap((own) => own?.gateway ?? []);
  return [...bridgeSubnets(network).map(({ gateway }) => gateway), ...gateways6];
}

/** Those on the bridge, and behind its relay agents. */
function namedSubnets({ network, addressing6, delegated6 }: NetworkLayout): readonly Prefix[] {
  const relayed = network.dhcp?.further.filter((each) => each.relayed) ?? [];
  return [
    ...bridgeSubnets(network).map(({ subnet }) => subnet),
    ...relayed.map(({ subnet }) => subnet),
    ...[addressing6, delegated6].flatMap((own) => own?.subnet ?? []),
  ];
}

/** With what is behind routers of the network. */
function reachingSubnets(place: NetworkLayout): readonly Prefix[] {
  const { delegate, hosts = [] } = place.network.ipv6 ?? {};
  const behind = hosts.flatMap(({ prefix }) => prefix ?? []);
  return [...namedSubnets(place), ...(delegate === undefined ? [] : [delegate.from]), ...behind];
}

/** The network and those that its router joins it to. */
function joined(place: NetworkLayout, layout: Layout): readonly NetworkLayout[] {
  const { router } = place;
  return router === undefined ? [place] : networksOf(router, layout);
}

function allowedNetworks(place: NetworkLayout, { allow }: NetworkDns, layout: Layout): readonly NetworkLayout[] {
  if (allow === undefined) return joined(place, layout);
  return allow.networks.flatMap((name) => layout.networks.get(name) ?? []);
}

function allowedBy(place: NetworkLayout, dns: NetworkDns, layout: Layout): readonly Prefix[] {
  const ofNetworks = allowedNetworks(place, dns, layout).flatMap(reachingSubnets);
  const wanted = [...ofNetworks, ...(dns.allow?.prefixes ?? [])];
  // Servers of other networks ask from this host, whose address then is the one that they ask.
  const own = ownAddresses(place).filter((address) => !wanted.some((prefix) => contains(prefix, address)));
  const all = [...wanted, ...own.map((address): Prefix => ({ address, length: familyOf(address) === 4 ? 32 : 128 }))];
  return [...new Map(all.map((prefix) => [`${prefix.address}/${prefix.length}`, prefix])).values()];
}

/** Names of networks that the router joins are asked of their own servers, unless those refuse. */
function joinedDomains(place: NetworkLayout, dns: NetworkDns, layout: Layout): NetworkDnsObject["domains"] {
  const known = new Set([dns.domain, ...dns.domains.map(({ domain }) => domain)]);
  return joined(place, layout).flatMap((other): NetworkDnsObject["domains"] => {
    const { dnsServer, gateway } = other.network;
    if (other === place || dnsServer === undefined) return [];
    if (!allowedNetworks(other, dnsServer, layout).includes(place)) return [];
    const upstreams: readonly DnsForwarder[] = [{ address: gateway, port: DNS_PORT, from: "host" }];
    return [dnsServer.domain, ...namedSubnets(other).flatMap(reverseZonesOf)].flatMap((domain) => {
      if (known.has(domain)) return [];
      known.add(domain);
      return [{ domain, upstreams }];
    });
  });
}

/** Machines first, then what DHCP knows, last the bridge itself. */
function hostsOf(
  place: NetworkLayout,
  { domain, records }: NetworkDns,
  machines: readonly Machine[],
): readonly DnsHost[] {
  const { network } = place;
  const names = new Names(domain);
  for (const machine of machines) names.addMachine(machine, network.name, machines);
  for (const { name, address, macAddress: mac, clientIdHex } of network.dhcp?.hosts ?? []) {
    if (name === undefined) continue;
    const address6 =
      mac === undefined ? undefined : network.ipv6?.hosts.find((host) => host.macAddress === mac)?.address;
    names.add(name, {
      addresses: [address, address6].filter((given) => given !== undefined),
      ...(mac === undefined ? {} : { mac }),
      ...(clientIdHex === undefined ? {} : { clientIdHex }),
    });
  }
  const own = `${GATEWAY_LABEL}.${domain}`;
  if (!names.has(own) && !records.some(({ name }) => name === own))
    names.add(GATEWAY_LABEL, { addresses: ownAddresses(place) });
  return names.hosts;
}

/** Hosts by name, each once; what is no label of a domain has none. */
class Names {
  readonly #domain: string;
  readonly #hosts = new Map<string, DnsHost>();

  constructor(domain: string) {
    this.#domain = domain;
  }

  get hosts(): readonly DnsHost[] {
    return [...this.#hosts.values()];
  }

  has(name: string): boolean {
    return this.#hosts.has(name);
  }

  add(label: string, host: Omit<DnsHost, "name">): void {
    if (!LABEL.test(label)) return;
    const name = `${label.toLowerCase()}.${this.#domain}`;
    const { addresses = [], ...known } = this.#hosts.get(name) ?? {};
    this.#hosts.set(name, { ...host, ...known, name, addresses: unique([...addresses, ...host.addresses]) });
  }

  addMachine(machine: Machine, network: string, machines: readonly Machine[]): void {
    for (const { address, address6, macAddress } of nicsOn(network, machine, machines)) {
      const addresses = [address, address6].filter((given) => given !== undefined);
      if (addresses.length > 0) this.add(machine.name, { addresses, mac: macAddress });
    }
  }
}

/** The machine's own, and for a guest in a pod the pod's, whose addresses it takes over. */
function nicsOn(network: string, machine: Machine, machines: readonly Machine[]): readonly (PodNic | TapNic)[] {
  const own = machine.kind === "namespace" ? machine.nics : [...machine.taps, ...podNics(machine, machines)];
  return own.filter((nic) => nic.network === network);
}

function podNics({ pod: name, nics }: VmMachine, machines: readonly Machine[]): readonly PodNic[] {
  const pod = machines.find((machine) => machine.kind === "namespace" && machine.name === name);
  if (pod?.kind !== "namespace") return [];
  return pod.nics.filter(({ index }) => nics.some((nic) => nic.index === index));
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
