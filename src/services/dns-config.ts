/** A network's DNS server, as the state says it, in the words of its machine. */
import { contains } from "../base/address.ts";
import { fromHex } from "../base/bytes.ts";
import { isWithin } from "../protocol/dns/resolver/names.ts";
import type { DnsServerConfig, DnsUpstream, DnsZoneConfig } from "../protocol/dns/config.ts";
import { reverseZonesOf } from "../protocol/dns/reverse-zones.ts";
import type { DnsForwarder, NetworkDnsObject } from "../state/object/network-dns.ts";
import type { DnsRecord } from "../wire/dns/message.ts";
import { DNS_CLASS } from "../wire/dns/types.ts";

/** Without the hosts, which come and go. */
export function dnsConfigOf(object: NetworkDnsObject): DnsServerConfig {
  const { mode, allow, rebindingAllowed, mixedCase, cache } = object;
  return {
    mode,
    upstreams: upstreamsOf(object, object.upstreams),
    domains: object.domains.map(({ domain, upstreams }) => ({ domain, upstreams: upstreamsOf(object, upstreams) })),
    zones: zonesOf(object),
    allow,
    ...(rebindingAllowed === undefined ? {} : { rebindingAllowed }),
    mixedCase,
    cache,
  };
}

function upstreamsOf(
  { addresses, subnets }: NetworkDnsObject,
  forwarders: readonly DnsForwarder[],
): readonly DnsUpstream[] {
  return forwarders.map(({ from, ...server }): DnsUpstream => {
    const { address } = server;
    const isInside = !addresses.includes(address) && subnets.some((subnet) => contains(subnet, address));
    const onNetwork = from === undefined ? isInside : from === "network";
    return { ...server, ...(onNetwork ? { onNetwork } : {}) };
  });
}

/** The domain, the subnets' addresses, and one for each other name that a record of the file has. */
function zonesOf({ domain, subnets, records }: NetworkDnsObject): readonly DnsZoneConfig[] {
  const zones = new Map<string, DnsRecord[]>([domain, ...subnets.flatMap(reverseZonesOf)].map((name) => [name, []]));
  const own = [...zones.keys()];
  for (const { name, type, ttlSeconds, hex } of records) {
    // A wildcard stands for names below the one that it stands in.
    const zone = own.find((candidate) => isWithin(name, candidate)) ?? name.replace(/^\*\./, "");
    const record = { name, type, class: DNS_CLASS.IN, ttlSeconds, data: fromHex(hex) };
    const list = zones.get(zone);
    if (list === undefined) zones.set(zone, [record]);
    else list.push(record);
  }
  return Array.from(zones, ([name, list]) => ({ name, records: list }));
}
