/** What Prometheus reads of the networks' servers. */
import { expect, test } from "vitest";
import { Page } from "../../src/daemon/metrics-page.ts";
import { addNetworkServers } from "../../src/daemon/network-metrics.ts";
import type { ServiceStatus } from "../../src/services/keeper/protocol.ts";

function server(kind: ServiceStatus["kind"], network: string, details: ServiceStatus["details"]): ServiceStatus {
  const common = { unit: "office", key: `${kind}/${network}`, origin: `network ${network}`, name: network };
  return { ...common, kind, state: "running", details: { network: `office/${network}`, ...details } };
}

function read(services: readonly ServiceStatus[]): string[] {
  const page = new Page();
  addNetworkServers(page, services);
  return page
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

test("of DHCPv6 messages, leases and room; router advertisements by themselves", () => {
  const counted = {
    addresses: 4096,
    given: 3,
    declined: 1,
    free: 4092,
    prefixes: 256,
    delegated: 2,
    received: { SOLICIT: 4, REQUEST: 3, "ROUTER-SOLICITATION": 5 },
    sent: { ADVERTISE: 4, REPLY: 3, "ROUTER-ADVERTISEMENT": 7 },
    ignored: 9,
  };
  expect(read([server("ip6-network", "lan", counted)])).toEqual([
    'netloom_dhcp6_messages_total{network="office/lan",type="SOLICIT"} 4',
    'netloom_dhcp6_messages_total{network="office/lan",type="REQUEST"} 3',
    'netloom_dhcp6_messages_total{network="office/lan",type="ADVERTISE"} 4',
    'netloom_dhcp6_messages_total{network="office/lan",type="REPLY"} 3',
    'netloom_dhcp6_leases{network="office/lan",state="given"} 3',
    'netloom_dhcp6_leases{network="office/lan",state="declined"} 1',
    'netloom_dhcp6_leases{network="office/lan",state="delegated"} 2',
    'netloom_dhcp6_addresses{network="office/lan"} 4096',
    'netloom_dhcp6_prefixes{network="office/lan"} 256',
    'netloom_router_advertisements_total{network="office/lan"} 7',
    'netloom_router_solicitations_total{network="office/lan"} 5',
  ]);
});

test("of a server that only advertises no leases; the families do not mix", () => {
  const four = {
    addresses: 10,
    given: 1,
    declined: 0,
    received: { DISCOVER: 1 },
    sent: { OFFER: 1 },
    limited: { leasesPerPort: 4 },
  };
  const services = [
    server("dhcp-network", "lan", four),
    server("ip6-network", "lan", { received: {}, sent: { "ROUTER-ADVERTISEMENT": 1 } }),
    server("ip6-network", "down", {}),
  ];
  expect(read(services)).toEqual([
    'netloom_dhcp4_messages_total{network="office/lan",type="DISCOVER"} 1',
    'netloom_dhcp4_messages_total{network="office/lan",type="OFFER"} 1',
    'netloom_dhcp4_leases{network="office/lan",state="given"} 1',
    'netloom_dhcp4_leases{network="office/lan",state="declined"} 0',
    'netloom_dhcp4_addresses{network="office/lan"} 10',
    'netloom_dhcp4_limited_total{network="office/lan",limit="leasesPerPort"} 4',
    'netloom_router_advertisements_total{network="office/lan"} 1',
    'netloom_router_advertisements_total{network="office/down"} 0',
    'netloom_router_solicitations_total{network="office/lan"} 0',
    'netloom_router_solicitations_total{network="office/down"} 0',
  ]);
});

test("of boot files those that came and those that did not", () => {
  expect(
    read([server("boot-server", "lan", { fetched: 3, failed: 1, fetching: 0, latest: "192.0.2.50 vmlinuz" })]),
  ).toEqual([
    'netloom_boot_files_total{network="office/lan",result="fetched"} 3',
    'netloom_boot_files_total{network="office/lan",result="failed"} 1',
  ]);
});

test("of DNS servers the questions by where the answer came from, and those that they ask", () => {
  const counted = {
    queries: { own: 3, cached: 40, asked: 5, refused: 1, dropped: 0 },
    remembered: 6,
    upstreams: [
      { server: "9.9.9.9", asked: 4, answered: 3, timeouts: 1, rttMilliseconds: 12.5, dead: false },
      { server: "tls://192.0.2.53/dns.example", asked: 1, answered: 0, timeouts: 0, dead: true },
    ],
  };
  // What is attached to a network has nothing to count.
  expect(read([server("dns-network", "lan", counted), server("dns-network", "lan", {})])).toEqual([
    'netloom_dns_queries_total{network="office/lan",result="own"} 3',
    'netloom_dns_queries_total{network="office/lan",result="cached"} 40',
    'netloom_dns_queries_total{network="office/lan",result="asked"} 5',
    'netloom_dns_queries_total{network="office/lan",result="refused"} 1',
    'netloom_dns_queries_total{network="office/lan",result="dropped"} 0',
    'netloom_dns_cache_entries{network="office/lan"} 6',
    'netloom_dns_upstream_queries_total{network="office/lan",server="9.9.9.9"} 4',
    'netloom_dns_upstream_queries_total{network="office/lan",server="tls://192.0.2.53/dns.example"} 1',
    'netloom_dns_upstream_timeouts_total{network="office/lan",server="9.9.9.9"} 1',
    'netloom_dns_upstream_timeouts_total{network="office/lan",server="tls://192.0.2.53/dns.example"} 0',
    'netloom_dns_upstream_seconds{network="office/lan",server="9.9.9.9"} 0.0125',
  ]);
});
