/** Mistakes in a network's IPv6 section. */
import { type Case, network } from "./case.ts";

const LAN6 = 'subnet: 192.0.2.0/24, subnet6: "fd00:50::/64"';
const ip6 = (rest: string): string => network(`${LAN6}, ipv6: { ${rest} }`);
const at = (rest: string): string => `networks.lan.ipv6.${rest}`;
const wrong = (what: string, rest: string, where: string, reason: RegExp, remedy: RegExp, value?: string): Case => ({
  what: `IPv6 server: ${what}`,
  text: ip6(rest),
  at: at(where),
  line: 3,
  reason,
  remedy,
  ...(value === undefined ? {} : { value }),
});

/** Each by itself. */
export const IP6_SERVER_SHAPE: readonly Case[] = [
  {
    what: "IPv6 server: a section that is a word",
    text: network(`${LAN6}, ipv6: slaac`),
    at: "networks.lan.ipv6",
    line: 3,
    reason: /not a map/,
    remedy: /map/,
  },
  wrong("an unknown mode", "mode: stateful", "mode", /not known/, /slaac, dhcp, both/, '"stateful"'),
  wrong("IPv4 in a range", "mode: dhcp, range: 192.0.2.5-192.0.2.9", "range", /not two IPv6/, /fd00:50::1000-/),
  wrong("one address as a range", 'mode: dhcp, range: "fd00:50::5"', "range", /not two addresses/, /fd00:50::1000-/),
  wrong("an address as a prefix", 'prefixes: { from: "fd00:60::" }', "prefixes.from", /not an IPv6 prefix/, /\/48/),
  wrong(
    "prefixes longer than a link's",
    'prefixes: { from: "fd00:60::/48", length: 72 }',
    "prefixes.length",
    /outside 1 to 64/,
    /64 bits/,
    "72",
  ),
  wrong("prefixes of nothing", "prefixes: { length: 60 }", "prefixes.from", /missing/, /add/),
  wrong("a route without a length", 'routes: ["fd00:60::"]', "routes[0]", /not an IPv6 prefix/, /\/48/),
  wrong(
    "a MAC address as a DUID",
    'hosts: [{ duid: "52", address: "fd00:50::5" }]',
    "hosts[0].duid",
    /not a DUID/,
    /00:03:00:01/,
  ),
  wrong("an IPv4 time server", "ntp: [192.0.2.1]", "ntp[0]", /not an IPv6 address/, /fd00:50::10/),
];

/** Values taken together, or counted with. */
export const IP6_SERVER_BETWEEN: readonly Case[] = [
  {
    what: "IPv6 server: a network without subnet6",
    text: network("subnet: 192.0.2.0/24, ipv6: true"),
    at: "networks.lan.ipv6",
    line: 3,
    reason: /without subnet6/,
    remedy: /add subnet6:.*fd00:50::\/64/,
  },
  {
    what: "IPv6 server: SLAAC in a long prefix",
    text: network('subnet: 192.0.2.0/24, subnet6: "fd00:50::/80", ipv6: { mode: both }'),
    at: at("mode"),
    line: 3,
    reason: /in a \/64 only, and subnet6 is fd00:50::\/80/,
    remedy: /mode: dhcp, or a subnet6/,
  },
  wrong("a range with slaac", 'range: "fd00:50::5-fd00:50::9"', "range", /given to nobody/, /mode: dhcp or both/),
  wrong(
    "a range that only known hosts could have",
    'mode: dhcp, known-only: true, range: "fd00:50::5-fd00:50::9"',
    "range",
    /only known hosts/,
    /remove it, or known-only/,
  ),
  wrong(
    "prefixes that only known hosts could have",
    'known-only: true, prefixes: { from: "fd00:60::/48" }',
    "prefixes",
    /only known hosts/,
    /remove it, or known-only/,
  ),
  wrong(
    "a range of another subnet",
    'mode: dhcp, range: "fd00:51::5-fd00:51::9"',
    "range",
    /fd00:51::5 cannot be a host's in fd00:50::\/64/,
    /fd00:50::1 to fd00:50::ffff:ffff:ffff:ffff/,
  ),
  wrong(
    "a range that begins behind its end",
    'mode: dhcp, range: "fd00:50::9-fd00:50::5"',
    "range",
    /behind its end/,
    /fd00:50::5-fd00:50::9/,
  ),
  wrong("a range of the gateway alone", 'mode: both, range: "fd00:50::1-fd00:50::1"', "range", /gateway/, /further/),
  wrong(
    "prefixes with host bits",
    'prefixes: { from: "fd00:60::1/48" }',
    "prefixes.from",
    /host bits/,
    /fd00:60::\/48/,
  ),
  wrong("a prefix of 129 bits", 'routes: ["fd00:60::/129"]', "routes[0]", /not an IPv6 prefix/, /\/48/),
  wrong(
    "prefixes out of the network's own",
    'prefixes: { from: "fd00:50::/48" }',
    "prefixes.from",
    /overlaps fd00:50::\/64, the subnet6 of lan/,
    /no network has/,
  ),
  wrong(
    "prefixes shorter than what they come from",
    'prefixes: { from: "fd00:60::/56", length: 48 }',
    "prefixes.length",
    /shorter than that of fd00:60::\/56/,
    /56 to 64/,
  ),
  wrong("prefixes out of a host's", 'prefixes: { from: "fd00:60::/72" }', "prefixes.from", /no room/, /\/48/),
  {
    what: "IPv6 server: one prefix for two networks",
    text: `version: 1
networks:
  a: { subnet: 192.0.2.0/25, subnet6: "fd00:50::/64", ipv6: { prefixes: { from: "fd00:60::/48" } } }
  b: { subnet: 192.0.2.128/25, subnet6: "fd00:51::/64", ipv6: { prefixes: { from: "fd00:60:0:100::/56" } } }
`,
    at: "networks.b.ipv6.prefixes.from",
    line: 4,
    reason: /overlaps fd00:60::\/48, which a gives away/,
    remedy: /of its own/,
  },
  wrong(
    "a host that nothing tells apart",
    'hosts: [{ address: "fd00:50::5" }]',
    "hosts[0]",
    /which client/,
    /mac and duid/,
  ),
  wrong("a host that gets nothing", "hosts: [{ mac: 52:54:00:00:00:10 }]", "hosts[0]", /nothing of its own/, /address/),
  wrong(
    "a host known twice over",
    'hosts: [{ mac: 52:54:00:00:00:10, duid: "00:01:02", address: "fd00:50::5" }]',
    "hosts[0]",
    /mac and duid/,
    /one of/,
  ),
  wrong(
    "two hosts of one DUID",
    'hosts: [{ duid: "00:01:0A", address: "fd00:50::5" }, { duid: "00:01:0a", address: "fd00:50::6" }]',
    "hosts[1].duid",
    /hosts\[0\]/,
    /its own/,
  ),
  wrong(
    "two hosts of one address",
    'hosts: [{ duid: "00:01:02", address: "fd00:50::5" }, { duid: "00:01:03", address: "fd00:50:0::5" }]',
    "hosts[1].address",
    /hosts\[0\]/,
    /its own/,
  ),
  wrong(
    "a host with the gateway's address",
    'hosts: [{ duid: "00:01:02", address: "fd00:50::1" }]',
    "hosts[0].address",
    /gateway/,
    /another/,
  ),
  wrong(
    "a host of another subnet",
    'hosts: [{ duid: "00:01:02", address: "fd00:51::1" }]',
    "hosts[0].address",
    /outside/,
    /fd00:50::1 to/,
  ),
  wrong(
    "a host's prefix that is the network's",
    'hosts: [{ duid: "00:01:02", prefix: "fd00:50::/60" }]',
    "hosts[0].prefix",
    /subnet6 of lan/,
    /no network has/,
  ),
  wrong(
    "two hosts of one prefix",
    'hosts: [{ duid: "00:01:02", prefix: "fd00:60::/56" }, { duid: "00:01:03", prefix: "fd00:60:0:10::/60" }]',
    "hosts[1].prefix",
    /overlaps that of hosts\[0\]/,
    /its own/,
  ),
  wrong(
    "a host's prefix of another length",
    'prefixes: { from: "fd00:60::/48" }, hosts: [{ duid: "00:01:02", prefix: "fd00:60::/56" }]',
    "hosts[0].prefix",
    /prefixes of 60 bits out of fd00:60::\/48/,
    /fd00:60::\/60/,
  ),
  {
    what: "IPv6 server: a host that is a machine of the file",
    text: `${ip6('hosts: [{ mac: 52:54:00:00:00:10, address: "fd00:50::5" }]')}machines:\n  pod1: { kind: namespace, nics: [{ network: lan, mac: 52:54:00:00:00:10 }] }\n`,
    at: at("hosts[0].mac"),
    line: 3,
    reason: /machine pod1/,
    remedy: /NIC/,
  },
  {
    what: "IPv6 server: a machine with a host's address",
    text: `${ip6('hosts: [{ duid: "00:01:02", address: "fd00:50::5" }]')}machines:\n  pod1: { kind: namespace, nics: [{ network: lan, address6: "fd00:50::5" }] }\n`,
    at: "machines.pod1.nics[0].address6",
    line: 5,
    reason: /networks\.lan\.ipv6\.hosts\[0\]/,
    remedy: /another/,
  },
  {
    what: "IPv6 server: more machines than a range leaves addresses",
    text: `version: 1
networks:
  lan: { subnet: 192.0.2.0/24, subnet6: "fd00:50::/126", ipv6: true }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
`,
    at: "machines.pod1.nics[0]",
    line: 5,
    reason: /no address is left in fd00:50::\/126/,
    remedy: /smaller ipv6 range/,
  },
];
