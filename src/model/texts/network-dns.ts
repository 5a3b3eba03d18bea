/** The keys of a network's DNS server. */
import type { KeyText } from "../json-schema.ts";

export const NETWORK_DNS_TEXTS = {
  servers: {
    title: "Name servers",
    description:
      "list of name servers elsewhere that machines are told, IPv4 or IPv6: then the network has none of its own",
    otherwise: "those of the uplink's DHCP lease, else the host's own, if a router leads out of the network",
  },
  search: {
    title: "Search domains",
    description: "list of search domains",
    otherwise: "those that belong to the servers told; with a server of its own its domain",
  },
  domain: {
    title: "Domain",
    description: "what the names of the network's machines, hosts and clients end with",
    otherwise: "NETWORK.internal",
  },
  forward: {
    title: "Forwarders",
    description:
      "list of servers that are asked what the network's own does not know: 9.9.9.9, with a port 9.9.9.9#5353, over TLS tls://9.9.9.9/dns.quad9.net; of several the quickest, the others from time to time and when it is silent",
    otherwise: "those that machines would be told without a server",
  },
  mode: {
    title: "Mode",
    description:
      "forward-first: asks the forwarders, and when they fail the root servers and those below them, unless a forwarder finds signatures wrong (it says so, or answers when asked not to check them) or says that the name is blocked. forward-only: never by itself. recursive: always by itself.",
    otherwise: "forward-first, and recursive where nobody is to be asked",
  },
  allow: {
    title: "Allowed",
    description: "list of networks of the file, subnets and addresses that get answers; others are refused",
    otherwise: "the network, what is behind its relay agents and routers, and the networks that its router joins it to",
  },
  records: {
    title: "Records",
    description:
      'list of records in the words of zone files: "www CNAME web", "@ MX 10 mail", "_sip._tcp 300 SRV 0 5 5060 pbx". A name is one of the domain, @ the domain itself; with a final dot it is complete, and may be any.',
    otherwise: "none but the names of machines, hosts and clients",
  },
  domains: {
    title: "Other domains",
    description:
      "map from domains to the list of servers that are asked for names in and below them, whatever the mode",
    otherwise: "those of networks that the router joins",
  },
  ttl: {
    title: "Life of records",
    description:
      "90s, 30m, 12h or 7d: how long others may remember one of the records that does not say so itself; names of machines, hosts and clients one minute",
    default: "1h",
  },
  leases: {
    title: "Names of clients",
    description:
      "clients of the network's DHCP and DHCPv6 servers have the names that they give themselves, unless taken",
    default: true,
  },
  "private-answers": {
    title: "Private addresses from outside",
    description:
      "false: answers of servers outside lose private addresses, so that no web page reaches into the network by a name of its own (rebinding). true: all are passed on. A list of domains: those whose names may have such addresses. Names of domains, and the search domains of the uplink, may.",
    default: false,
  },
  "mixed-case": {
    title: "Mixed case",
    description:
      "forwarders are asked in mIxEd case, which forged answers have to guess (0x20); some servers do not give it back",
    default: false,
  },
  cache: { title: "Cache", description: "what is remembered of answers from outside" },
} as const satisfies Readonly<Record<string, KeyText>>;

export const DNS_CACHE_TEXTS = {
  size: { title: "Size", description: "memory for answers, 64K to 4096M", default: "16M" },
  "min-ttl": {
    title: "Shortest life",
    description: "answers live at least so long: 30s, 5m",
    otherwise: "what the answer says",
  },
  "max-ttl": { title: "Longest life", description: "answers live at most so long", default: "1d" },
  "max-negative": {
    title: "Longest life of a no",
    description: "no such name, and no such record, live at most so long",
    default: "1h",
  },
  stale: {
    title: "Stale answers",
    description: "how long what has ended is still told while no server answers (RFC 8767); or never",
    default: "1d",
  },
} as const satisfies Readonly<Record<string, KeyText>>;
