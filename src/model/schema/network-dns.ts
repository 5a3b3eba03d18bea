/** The shape of a network's DNS server. */
import * as v from "valibot";
import { allowed, cacheSize, lifetime, lifetimeOrNever, recordLine, upstream } from "../dns-leaf.ts";
import { domain, domainKey, nameServer, word, yesOrNo } from "../leaf.ts";
import { DNS_CACHE_TEXTS, NETWORK_DNS_TEXTS } from "../texts/network-dns.ts";
import { either, isList, list, map, named } from "./containers.ts";

const upstreams = list(upstream, 16, "servers");

export const networkDns = map(
  {
    servers: v.exactOptional(list(nameServer, 8, "name servers")),
    search: v.exactOptional(list(domain, 16, "domains")),
    domain: v.exactOptional(domain),
    forward: v.exactOptional(upstreams),
    mode: v.exactOptional(word(["forward-first", "forward-only", "recursive"])),
    allow: v.exactOptional(list(allowed, 1000, "entries")),
    records: v.exactOptional(list(recordLine, 10_000, "records")),
    domains: v.exactOptional(named(upstreams, domainKey)),
    ttl: v.exactOptional(lifetime),
    leases: v.exactOptional(yesOrNo),
    "private-answers": v.exactOptional(either(isList, list(domain, 1000, "domains"), yesOrNo)),
    "mixed-case": v.exactOptional(yesOrNo),
    cache: v.exactOptional(
      map(
        {
          size: v.exactOptional(cacheSize),
          "min-ttl": v.exactOptional(lifetime),
          "max-ttl": v.exactOptional(lifetime),
          "max-negative": v.exactOptional(lifetime),
          stale: v.exactOptional(lifetimeOrNever),
        },
        DNS_CACHE_TEXTS,
      ),
    ),
  },
  NETWORK_DNS_TEXTS,
);
