/** Figures of the networks' servers of both families, each by its FILE/NETWORK. */
import type { AskedServer } from "../services/dns-details.ts";
import type { ServiceStatus } from "../services/keeper/protocol.ts";
import { type Labels, labelText, type Page } from "./metrics-page.ts";

/** Messages of neighbour discovery, which the IPv6 server counts beside those of DHCPv6. */
const [ADVERTISEMENT, SOLICITATION] = ["ROUTER-ADVERTISEMENT", "ROUTER-SOLICITATION"];

export function addNetworkServers(page: Page, services: readonly ServiceStatus[]): void {
  addDhcp4(page, services);
  addIp6(page, services);
  addDns(page, services);
  addBoot(page, services);
}

/** Figures by labels. */
class Counts {
  readonly values = new Map<string, number>();

  note(labels: Labels, value: unknown): void {
    if (typeof value === "number") this.values.set(labelText(labels), value);
  }
}

function addDhcp4(page: Page, services: readonly ServiceStatus[]): void {
  const [messages, leases, addresses, limited] = [new Counts(), new Counts(), new Counts(), new Counts()];
  for (const { network, details } of serversOf("dhcp-network", services)) {
    for (const [type, count] of messagesOf(details)) messages.note({ network, type }, count);
    for (const state of ["given", "declined"]) leases.note({ network, state }, details[state]);
    addresses.note({ network }, details["addresses"]);
    for (const [limit, count] of Object.entries(details["limited"] ?? {})) limited.note({ network, limit }, count);
  }
  const ofServer = "DHCPv4 messages of a network's server by type.";
  page.addLines("netloom_dhcp4_messages_total", "counter", ofServer, messages.values);
  page.addLines("netloom_dhcp4_leases", "gauge", "Addresses of a network's ranges in use.", leases.values);
  page.addLines("netloom_dhcp4_addresses", "gauge", "Addresses of a network's ranges.", addresses.values);
  const refused = "Times that a limit kept a client of a network's server from something.";
  page.addLines("netloom_dhcp4_limited_total", "counter", refused, limited.values);
}

function addIp6(page: Page, services: readonly ServiceStatus[]): void {
  const [messages, leases, addresses, prefixes] = [new Counts(), new Counts(), new Counts(), new Counts()];
  const [advertisements, solicitations] = [new Counts(), new Counts()];
  for (const { network, details } of serversOf("ip6-network", services)) {
    const counts = new Map(messagesOf(details));
    advertisements.note({ network }, counts.get(ADVERTISEMENT) ?? 0);
    solicitations.note({ network }, counts.get(SOLICITATION) ?? 0);
    for (const [type, count] of counts)
      if (type !== ADVERTISEMENT && type !== SOLICITATION) messages.note({ network, type }, count);
    for (const state of ["given", "declined", "delegated"]) leases.note({ network, state }, details[state]);
    addresses.note({ network }, details["addresses"]);
    prefixes.note({ network }, details["prefixes"]);
  }
  const ofServer = "DHCPv6 messages of a network's server by type.";
  page.addLines("netloom_dhcp6_messages_total", "counter", ofServer, messages.values);
  const inUse = "Addresses of a network's range in use, and prefixes delegated.";
  page.addLines("netloom_dhcp6_leases", "gauge", inUse, leases.values);
  const room = "that a network's server has room for at one time.";
  page.addLines("netloom_dhcp6_addresses", "gauge", `Addresses ${room}`, addresses.values);
  page.addLines("netloom_dhcp6_prefixes", "gauge", `Prefixes ${room}`, prefixes.values);
  const [sent, heard] = ["netloom_router_advertisements_total", "netloom_router_solicitations_total"];
  page.addLines(sent, "counter", "Router advertisements sent on a network.", advertisements.values);
  page.addLines(heard, "counter", "Router solicitations heard on a network.", solicitations.values);
}

function addDns(page: Page, services: readonly ServiceStatus[]): void {
  const [queries, entries, asked, silent, seconds] = [
    new Counts(),
    new Counts(),
    new Counts(),
    new Counts(),
    new Counts(),
  ];
  for (const { network, details } of serversOf("dns-network", services)) {
    for (const [result, count] of Object.entries(details["queries"] ?? {})) queries.note({ network, result }, count);
    entries.note({ network }, details["remembered"]);
    for (const each of upstreamsOf(details)) {
      const labels = { network, server: each.server };
      asked.note(labels, each.asked);
      silent.note(labels, each.timeouts);
      seconds.note(labels, each.rttMilliseconds === undefined ? undefined : each.rttMilliseconds / 1000);
    }
  }
  const results = "Questions to a network's DNS server by where the answer came from.";
  page.addLines("netloom_dns_queries_total", "counter", results, queries.values);
  page.addLines("netloom_dns_cache_entries", "gauge", "Answers that a network's DNS server remembers.", entries.values);
  const [toServer, ofServer] = ["netloom_dns_upstream_queries_total", "netloom_dns_upstream_timeouts_total"];
  page.addLines(toServer, "counter", "Questions to a server that a network's DNS server asks.", asked.values);
  page.addLines(ofServer, "counter", "Questions that it did not answer in time.", silent.values);
  page.addLines("netloom_dns_upstream_seconds", "gauge", "Time to its answer, smoothed.", seconds.values);
}

function upstreamsOf(details: ServiceStatus["details"]): readonly AskedServer[] {
  const { upstreams } = details;
  return Array.isArray(upstreams) ? (upstreams as AskedServer[]) : [];
}

function addBoot(page: Page, services: readonly ServiceStatus[]): void {
  const files = new Counts();
  for (const { network, details } of serversOf("boot-server", services))
    for (const result of ["fetched", "failed"]) files.note({ network, result }, details[result]);
  page.addLines("netloom_boot_files_total", "counter", "Boot files that machines asked for.", files.values);
}

interface NetworkServer {
  readonly network: string;
  readonly details: ServiceStatus["details"];
}

function serversOf(kind: ServiceStatus["kind"], services: readonly ServiceStatus[]): NetworkServer[] {
  return services.flatMap((service) => {
    const { network } = service.details;
    return service.kind === kind && typeof network === "string" ? [{ network, details: service.details }] : [];
  });
}

function messagesOf(details: ServiceStatus["details"]): [string, unknown][] {
  return [details["received"], details["sent"]].flatMap((counts) => Object.entries(counts ?? {}));
}
