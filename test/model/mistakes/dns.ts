/** Mistakes in a network's DNS section. */
import { type Case, network } from "./case.ts";

const dns = (rest: string): string => network(`subnet: 192.0.2.0/24, dns: { ${rest} }`);
const wrong = (what: string, rest: string, where: string, reason: RegExp, remedy: RegExp, value?: string): Case => ({
  what,
  text: dns(rest),
  at: `networks.lan.dns.${where}`,
  line: 3,
  reason,
  remedy,
  ...(value === undefined ? {} : { value }),
});

/** Each by itself. */
export const DNS_SHAPE: readonly Case[] = [
  {
    what: "a DNS section that is a word",
    text: network("subnet: 192.0.2.0/24, dns: on"),
    at: "networks.lan.dns",
    line: 3,
    reason: /not a map/,
    remedy: /map/,
  },
  wrong("an unknown key of DNS", "forwarders: [192.0.2.53]", "forwarders", /unknown key/, /"forward"/),
  wrong("a domain with a blank", "domain: my lan", "domain", /not a domain/, /lan\.example/, '"my lan"'),
  wrong("a forwarder by its name", "forward: [dns.example.org]", "forward[0]", /not the address/, /9\.9\.9\.9/),
  wrong("a forwarder with a name and no TLS", 'forward: ["9.9.9.9/dns.quad9.net"]', "forward[0]", /no TLS/, /tls:\/\//),
  wrong("a forwarder on port 0", 'forward: ["9.9.9.9#0"]', "forward[0]", /port/, /#5353/),
  wrong("a link-local forwarder", 'forward: ["fe80::1"]', "forward[0]", /link-local/, /9\.9\.9\.9/),
  wrong("a mode nobody knows", "mode: forward", "mode", /not known/, /forward-first/, '"forward"'),
  wrong("an allowed subnet without end", "allow: [192.0.2.0/99]", "allow[0]", /neither/, /198\.51\.100\.0\/24/),
  wrong("a record without data", "records: [www A]", "records[0]", /not a record/, /NAME TYPE DATA/),
  wrong(
    "servers of a domain as text",
    "domains: { corp.example: 10.0.0.53 }",
    'domains["corp.example"]',
    /list/,
    /list/,
  ),
  wrong("a life without unit", "ttl: 60", "ttl", /no unit/, /90s/, "60"),
  wrong("a cache without unit", "cache: { size: 16 }", "cache.size", /no unit/, /16M/),
  wrong("stale answers for ever", "cache: { stale: always }", "cache.stale", /not a time/, /90s/),
  wrong(
    "private answers of an address",
    "private-answers: [10.0.0.1]",
    "private-answers[0]",
    /an address/,
    /lan\.example/,
  ),
  wrong("private answers of a word", "private-answers: some", "private-answers", /neither/, /true or false/),
];

/** With others, or by arithmetic. */
export const DNS_BETWEEN: readonly Case[] = [
  wrong("a life of a year", "ttl: 365d", "ttl", /longer than 7d/, /90s/),
  wrong("a cache of nothing", "cache: { size: 1K }", "cache.size", /outside/, /64K/),
  wrong(
    "servers elsewhere beside a server",
    "servers: [192.0.2.53], domain: a.example",
    "servers",
    /beside/,
    /forward/,
  ),
  wrong(
    "a domain without room for names",
    `domain: ${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.example`,
    "domain",
    /no room/,
    /189/,
  ),
  wrong("forwarders that nobody asks", "mode: recursive, forward: [9.9.9.9]", "forward", /asks by itself/, /remove/),
  wrong("no forwarders", "forward: []", "forward", /empty/, /9\.9\.9\.9/),
  wrong("itself as a forwarder", "forward: [192.0.2.1]", "forward[0]", /own server/, /elsewhere/, '"192.0.2.1"'),
  wrong("a network that is not there, allowed", "allow: [lam]", "allow[0]", /no network/, /"lan"/),
  wrong(
    "its own domain elsewhere",
    "domain: a.example, domains: { a.example: [9.9.9.9] }",
    'domains["a.example"]',
    /own domain/,
    /remove/,
  ),
  wrong("a record of no type", "records: [www SOA x]", "records[0]", /no type/, /CNAME/),
  wrong("a record with half an address", "records: [www A 192.0.2]", "records[0]", /cannot be/, /www A 192\.0\.2\.10/),
  wrong("an alias beside others", "records: [www A 192.0.2.9, www CNAME web]", "records[1]", /alias/, /remove/),
  wrong("the domain as an alias", 'records: ["@ CNAME web"]', "records[0]", /cannot be an alias/, /addresses/),
  wrong(
    "a name that lacks its final dot",
    "domain: lan.example, records: [www CNAME web.lan.example]",
    "records[0]",
    /web\.lan\.example\.lan\.example/,
    /final dot/,
  ),
  wrong("an alias of itself", 'records: ["www CNAME WWW"]', "records[0]", /leads back/, /addresses/),
  wrong(
    "aliases in a circle",
    "records: [a CNAME b, b CNAME c, c CNAME a]",
    "records[2]",
    /leads back/,
    /addresses/,
    '"c CNAME a"',
  ),
  wrong("one record twice", "records: [www A 192.0.2.9, WWW A 192.0.2.9]", "records[1]", /already/, /remove/),
  wrong(
    "the shortest life above the longest",
    "cache: { min-ttl: 1h, max-ttl: 1m }",
    "cache.min-ttl",
    /longer/,
    /shorter/,
  ),
  {
    what: "an address of a machine's name",
    text: `${dns("records: [pod1 A 192.0.2.9]")}machines:\n  pod1: { kind: namespace, nics: [{ network: lan }] }\n`,
    at: "networks.lan.dns.records[0]",
    line: 3,
    reason: /the machine pod1/,
    remedy: /another name/,
  },
  {
    what: "a host that is called as a machine",
    text: `${network(
      'subnet: 192.0.2.0/24, dns: true, dhcp: { hosts: [{ name: Pod1, mac: "52:54:00:00:00:10" }] }',
    )}machines:\n  pod1: { kind: namespace, nics: [{ network: lan }] }\n`,
    at: "networks.lan.dhcp.hosts[0].name",
    line: 3,
    reason: /the machine pod1/,
    remedy: /another/,
  },
];
