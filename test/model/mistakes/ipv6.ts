/** What is wrong about IPv6. */
import { type Case, network, nic } from "./case.ts";

export const IPV6: readonly Case[] = [
  {
    what: "an IPv6 subnet where IPv4 stands",
    text: network('subnet: "2001:db8::/64"'),
    at: "networks.lan.subnet",
    line: 3,
    reason: /is an IPv6 subnet/,
    remedy: /subnet6/,
    value: '"2001:db8::/64"',
  },
  {
    what: "an IPv6 address where IPv4 stands",
    text: nic('address: "2001:db8::5"'),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /is an IPv6 address/,
    remedy: /end in 6/,
  },
  ...[
    { subnet6: "192.0.2.0/24", reason: /not an IPv6 subnet/, remedy: /fd00:50::\/64/ },
    { subnet6: "fd00:50::", reason: /no prefix length/, remedy: /48 to 126/ },
    { subnet6: "fd00:50::/127", reason: /no room/, remedy: /48 to 126/ },
    { subnet6: "fd00::/32", reason: /too large/, remedy: /48 to 126/ },
    { subnet6: "fd00:50::1/64", reason: /host bits/, remedy: /fd00:50::\/64/ },
    { subnet6: "fe80::/64", reason: /link-local/, remedy: /private range such as fd00:50::\/64/ },
    { subnet6: "ff02::/64", reason: /multicast/, remedy: /private range/ },
    { subnet6: "::ffff:0:0/96", reason: /IPv4/, remedy: /private range/ },
    { subnet6: "fd00:::/64", reason: /not an IPv6 subnet/, remedy: /write an IPv6 subnet/ },
  ].map(({ subnet6, reason, remedy }) => ({
    what: `the IPv6 subnet ${subnet6}`,
    text: network(`subnet: 192.0.2.0/24, subnet6: "${subnet6}"`),
    at: "networks.lan.subnet6",
    line: 3,
    reason,
    remedy,
    value: `"${subnet6}"`,
  })),
  {
    what: "an IPv6 gateway without a subnet",
    text: network('subnet: 192.0.2.0/24, gateway6: "fd00::1"'),
    at: "networks.lan.gateway6",
    line: 3,
    reason: /without subnet6/,
    remedy: /add subnet6/,
  },
  {
    what: "an IPv6 gateway of another subnet",
    text: network('subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", gateway6: "fd00:51::1"'),
    at: "networks.lan.gateway6",
    line: 3,
    reason: /lies outside fd00:50::\/64/,
    remedy: /use fd00:50::1 to fd00:50::ffff:ffff:ffff:ffff/,
  },
  {
    what: "the address of all routers",
    text: network('subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", gateway6: "fd00:50::"'),
    at: "networks.lan.gateway6",
    line: 3,
    reason: /all routers/,
    remedy: /use fd00:50::1/,
  },
  {
    what: "overlapping IPv6 subnets",
    text: `version: 1
networks:
  a: { subnet: 192.0.2.0/25, subnet6: "fd00:50::/48" }
  b: { subnet: 192.0.2.128/25, subnet6: "fd00:50:0:1::/64" }
`,
    at: "networks.b.subnet6",
    line: 4,
    reason: /overlaps fd00:50::\/48 of the network a \(line 3\)/,
    remedy: /subnet of its own/,
  },
  {
    what: "an IPv6 address on a network without IPv6",
    text: nic('address6: "fd00::5"'),
    at: "machines.pod1.nics[0].address6",
    line: 5,
    reason: /no IPv6 subnet/,
    remedy: /add subnet6: to lan/,
    value: '"fd00::5"',
  },
  {
    what: "an IPv6 address twice",
    text: `version: 1
networks:
  lan: { subnet: 192.0.2.0/24, subnet6: "fd00:50::/64" }
machines:
  a: { kind: namespace, nics: [{ network: lan, address6: "fd00:50::5" }] }
  b: { kind: namespace, nics: [{ network: lan, address6: "fd00:50:0::5" }] }
`,
    at: "machines.b.nics[0].address6",
    line: 6,
    reason: /used twice, by machines\.a\.nics\[0\]\.address6/,
    remedy: /leave address6 out/,
  },
  {
    what: "the host's own loopback as a name server",
    text: network('subnet: 192.0.2.0/24, dns: { servers: ["::1"] }'),
    at: "networks.lan.dns.servers[0]",
    line: 3,
    reason: /own loopback/,
    remedy: /2001:db8::53/,
  },
  {
    what: "a link-local name server",
    text: network('subnet: 192.0.2.0/24, dns: { servers: ["fe80::53"] }'),
    at: "networks.lan.dns.servers[0]",
    line: 3,
    reason: /link-local/,
    remedy: /2001:db8::53/,
  },
];
