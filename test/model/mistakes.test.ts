import { describe, expect, test } from "vitest";
import { formatMistake, NetworkFileError } from "../../src/model/mistakes.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { FILE, mistakesOf } from "./read.ts";

/** Each case is one mistake in one file: where it is told, what is said and what would be right. */
interface Case {
  readonly what: string;
  readonly text: string;
  readonly at: string;
  readonly line: number;
  readonly reason: RegExp;
  readonly remedy: RegExp;
  readonly value?: string;
}

const LAN = "version: 1\nnetworks:\n  lan: { subnet: 192.0.2.0/24 }\n";
const PODS = `${LAN}machines:\n  pod1: { kind: namespace, nics: [{ network: lan }] }\n`;

function network(rest: string): string {
  return `version: 1\nnetworks:\n  lan: { ${rest} }\n`;
}

function nic(rest: string): string {
  return `${LAN}machines:\n  pod1: { kind: namespace, nics: [{ network: lan, ${rest} }] }\n`;
}

function vm(rest: string): string {
  return `${PODS}  vm1: { kind: vm, ${rest} }\n`;
}

const SHAPE: readonly Case[] = [
  { what: "no version", text: "networks: {}\n", at: "version", line: 1, reason: /missing/, remedy: /version: 1/ },
  {
    what: "a version of the future",
    text: "version: 2\n",
    at: "version",
    line: 1,
    reason: /does not read/,
    remedy: /version: 1/,
    value: "2",
  },
  {
    what: "an unknown key",
    text: `${LAN}netwroks: {}\n`,
    at: "netwroks",
    line: 4,
    reason: /unknown key "netwroks"/,
    remedy: /did you mean "networks"/,
  },
  {
    what: "an unknown key deep inside",
    text: nic("adress: 192.0.2.3"),
    at: "machines.pod1.nics[0].adress",
    line: 5,
    reason: /unknown key/,
    remedy: /"address"/,
  },
  {
    what: "a map that is a list",
    text: "version: 1\nnetworks: []\n",
    at: "networks",
    line: 2,
    reason: /not a map/,
    remedy: /write a map/,
    value: "[]",
  },
  {
    what: "a list that is a word",
    text: `${LAN}machines:\n  pod1: { kind: namespace, nics: lan }\n`,
    at: "machines.pod1.nics",
    line: 5,
    reason: /not a list/,
    remedy: /write a list/,
  },
  {
    what: "a key without value",
    text: "version: 1\nnetworks:\n",
    at: "networks",
    line: 2,
    reason: /no value/,
    remedy: /map/,
    value: "null",
  },
  {
    what: "a bad file name",
    text: "version: 1\nname: My Net\n",
    at: "name",
    line: 2,
    reason: /good name/,
    remedy: /a-z/,
  },
  {
    what: "a name with a blank",
    text: `${LAN}machines:\n  pod 1: { kind: namespace, nics: [] }\n`,
    at: 'machines["pod 1"]',
    line: 5,
    reason: /letters/,
    remedy: /letters/,
  },
  {
    what: "a name with a slash",
    text: `${LAN}machines:\n  a/b: { kind: namespace, nics: [] }\n`,
    at: 'machines["a/b"]',
    line: 5,
    reason: /letters/,
    remedy: /letters/,
  },
  {
    what: "a name of two dots",
    text: `${LAN}machines:\n  ..: { kind: namespace, nics: [] }\n`,
    at: 'machines[".."]',
    line: 5,
    reason: /does not start/,
    remedy: /begin/,
  },
  {
    what: "a name that JavaScript keeps",
    text: `${LAN}machines:\n  constructor: { kind: namespace, nics: [] }\n`,
    at: "machines.constructor",
    line: 5,
    reason: /cannot be a key/,
    remedy: /another name/,
  },
  {
    what: "no subnet",
    text: network("mtu: 1400"),
    at: "networks.lan.subnet",
    line: 3,
    reason: /missing/,
    remedy: /subnet: /,
  },
  {
    what: "a subnet with host bits",
    text: network("subnet: 192.0.2.7/24"),
    at: "networks.lan.subnet",
    line: 3,
    reason: /host bits/,
    remedy: /192\.0\.2\.0\/24/,
  },
  {
    what: "a subnet without length",
    text: network("subnet: 192.0.2.0"),
    at: "networks.lan.subnet",
    line: 3,
    reason: /prefix length/,
    remedy: /\/24/,
  },
  {
    what: "a subnet without room",
    text: network("subnet: 192.0.2.0/31"),
    at: "networks.lan.subnet",
    line: 3,
    reason: /no room/,
    remedy: /8 to 30/,
  },
  {
    what: "a multicast subnet",
    text: network("subnet: 239.1.0.0/16"),
    at: "networks.lan.subnet",
    line: 3,
    reason: /multicast/,
    remedy: /private/,
  },
  {
    what: "an MTU too small",
    text: network("subnet: 192.0.2.0/24, mtu: 67"),
    at: "networks.lan.mtu",
    line: 3,
    reason: /outside/,
    remedy: /68 to 65535/,
    value: "67",
  },
  {
    what: "an MTU too large",
    text: network("subnet: 192.0.2.0/24, mtu: 65536"),
    at: "networks.lan.mtu",
    line: 3,
    reason: /outside/,
    remedy: /68 to 65535/,
  },
  {
    what: "an MTU as text",
    text: network('subnet: 192.0.2.0/24, mtu: "1500"'),
    at: "networks.lan.mtu",
    line: 3,
    reason: /whole number/,
    remedy: /68/,
  },
  {
    what: "a loopback name server",
    text: network("subnet: 192.0.2.0/24, dns: { servers: [127.0.0.53] }"),
    at: "networks.lan.dns.servers[0]",
    line: 3,
    reason: /loopback/,
    remedy: /name server/,
  },
  {
    what: "a bad search domain",
    text: network("subnet: 192.0.2.0/24, dns: { search: [a..b] }"),
    at: "networks.lan.dns.search[0]",
    line: 3,
    reason: /domain/,
    remedy: /lan\.example/,
  },
  {
    what: "a device name too long",
    text: network("subnet: 192.0.2.0/24, device: bridge-of-office"),
    at: "networks.lan.device",
    line: 3,
    reason: /16 bytes/,
    remedy: /15/,
  },
  {
    what: "a multicast MAC",
    text: nic('mac: "01:00:5e:00:00:01"'),
    at: "machines.pod1.nics[0].mac",
    line: 5,
    reason: /multicast/,
    remedy: /unicast/,
  },
  {
    what: "no MAC at all",
    text: nic("mac: 5254"),
    at: "machines.pod1.nics[0].mac",
    line: 5,
    reason: /not text/,
    remedy: /52:54/,
  },
  {
    what: "an address that is none",
    text: nic("address: 192.0.2.256"),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /not an IPv4/,
    remedy: /192\.0\.2\.10/,
  },
  {
    what: "too many NICs",
    text: `${LAN}machines:\n  pod1: { kind: namespace, nics: [${"{ network: lan }, ".repeat(17)}] }\n`,
    at: "machines.pod1.nics",
    line: 5,
    reason: /17 NICs/,
    remedy: /at most 16/,
  },
  {
    what: "no kind",
    text: `${LAN}machines:\n  pod1: { nics: [] }\n`,
    at: "machines.pod1.kind",
    line: 5,
    reason: /missing/,
    remedy: /namespace/,
  },
  {
    what: "a wrong kind",
    text: `${LAN}machines:\n  pod1: { kind: namespac }\n`,
    at: "machines.pod1.kind",
    line: 5,
    reason: /not a kind/,
    remedy: /did you mean "namespace"/,
  },
  {
    what: "memory without unit",
    text: vm("in: pod1, image: a, memory: 256"),
    at: "machines.vm1.memory",
    line: 6,
    reason: /no unit/,
    remedy: /256M/,
  },
  {
    what: "too little memory",
    text: vm("in: pod1, image: a, memory: 1M"),
    at: "machines.vm1.memory",
    line: 6,
    reason: /outside/,
    remedy: /256M/,
  },
  {
    what: "no CPU",
    text: vm("in: pod1, image: a, cpus: 0"),
    at: "machines.vm1.cpus",
    line: 6,
    reason: /outside/,
    remedy: /1 to 255/,
  },
  {
    what: "an unknown accelerator",
    text: vm("in: pod1, image: a, accelerator: kmv"),
    at: "machines.vm1.accelerator",
    line: 6,
    reason: /not known/,
    remedy: /kvm/,
  },
  {
    what: "a DHCP option of our own",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge, options: { 51: x } }]"),
    at: "machines.vm1.nics[0].options",
    line: 6,
    reason: /option 51 cannot/,
    remedy: /42/,
  },
  {
    what: "a time server that is no address",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge, options: { 42: [x] } }]"),
    at: "machines.vm1.nics[0].options",
    line: 6,
    reason: /option 42/,
    remedy: /192\.0\.2/,
  },
  {
    what: "a private option of odd digits",
    text: vm('in: pod1, image: a, nics: [{ binding: bridge, options: { 224: { hex: "abc" } } }]'),
    at: "machines.vm1.nics[0].options",
    line: 6,
    reason: /hexadecimal/,
    remedy: /hex/,
  },
];

const LATER: readonly Case[] = [
  {
    what: "an uplink by DHCP",
    text: "version: 1\nuplinks:\n  wan: { device: eth0, address: dhcp }\n",
    at: "uplinks.wan.address",
    line: 3,
    reason: /not supported yet/,
    remedy: /keep/,
    value: '"dhcp"',
  },
  {
    what: "a static uplink",
    text: "version: 1\nuplinks:\n  wan: { device: eth0, address: [192.0.2.5/24] }\n",
    at: "uplinks.wan.address",
    line: 3,
    reason: /not supported yet/,
    remedy: /keep/,
  },
  {
    what: "a VLAN",
    text: network("kind: vlan, subnet: 192.0.2.0/24"),
    at: "networks.lan.kind",
    line: 3,
    reason: /not supported yet/,
    remedy: /bridge/,
  },
  {
    what: "DHCP of a network",
    text: network("subnet: 192.0.2.0/24, dhcp: { lease: 12h }"),
    at: "networks.lan.dhcp",
    line: 3,
    reason: /not supported yet/,
    remedy: /dhcp: network/,
  },
  {
    what: "a network's own domain",
    text: network("subnet: 192.0.2.0/24, dns: { domain: lan.example }"),
    at: "networks.lan.dns.domain",
    line: 3,
    reason: /not supported yet/,
    remedy: /search/,
  },
  {
    what: "network boot",
    text: network("subnet: 192.0.2.0/24, boot: { root: ./boot }"),
    at: "networks.lan.boot",
    line: 3,
    reason: /not supported yet/,
    remedy: /image/,
  },
  {
    what: "source NAT",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks: { lan: { subnet: 192.0.2.0/24 } }\nrouters: { edge: { networks: [lan], uplink: wan, nat: { source: 203.0.113.7 } } }\n",
    at: "routers.edge.nat",
    line: 4,
    reason: /not supported yet/,
    remedy: /masquerade/,
  },
  {
    what: "port forwarding",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks: { lan: { subnet: 192.0.2.0/24 } }\nrouters: { edge: { networks: [lan], uplink: wan, forward: [] } }\n",
    at: "routers.edge.forward",
    line: 4,
    reason: /not supported yet/,
    remedy: /remove/,
  },
  { what: "rules", text: `${LAN}rules: []\n`, at: "rules", line: 4, reason: /not supported yet/, remedy: /remove/ },
  { what: "limits", text: `${LAN}limits: []\n`, at: "limits", line: 4, reason: /not supported yet/, remedy: /remove/ },
  {
    what: "a cluster",
    text: `${LAN}cluster: {}\n`,
    at: "cluster",
    line: 4,
    reason: /not supported yet/,
    remedy: /remove/,
  },
];

const IPV6: readonly Case[] = [
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

const VMS: readonly Case[] = [
  {
    what: "a VM without NICs and without a pod",
    text: vm("image: a"),
    at: "machines.vm1.nics",
    line: 6,
    reason: /missing/,
    remedy: /network: lan.*in: pod1/,
  },
  {
    what: "a binding without its pod",
    text: vm("image: a, nics: [{ binding: bridge }]"),
    at: "machines.vm1.in",
    line: 6,
    reason: /missing/,
    remedy: /in: pod1/,
  },
  {
    what: "a NIC on a network, of a VM in a pod",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge, network: lan }]"),
    at: "machines.vm1.nics[0].network",
    line: 6,
    reason: /no meaning for a VM in a pod/,
    remedy: /binding: bridge/,
  },
  {
    what: "ports of a VM on a network",
    text: vm("image: a, nics: [{ network: lan, ports: [80/tcp] }]"),
    at: "machines.vm1.nics[0].ports",
    line: 6,
    reason: /no meaning for a VM outside a pod/,
    remedy: /all its ports/,
  },
  {
    what: "name servers of a VM in a pod",
    text: vm("in: pod1, image: a, dns: { servers: [192.0.2.53] }"),
    at: "machines.vm1.dns",
    line: 6,
    reason: /no meaning/,
    remedy: /give it to the pod/,
  },
  {
    what: "a network that is not there",
    text: vm("image: a, nics: [{ network: lam }]"),
    at: "machines.vm1.nics[0].network",
    line: 6,
    reason: /no network called "lam"/,
    remedy: /did you mean "lan"/,
    value: '"lam"',
  },
  {
    what: "an unknown way of DHCP",
    text: vm("image: a, nics: [{ network: lan, dhcp: singel }]"),
    at: "machines.vm1.nics[0].dhcp",
    line: 6,
    reason: /not known/,
    remedy: /did you mean "single"/,
    value: '"singel"',
  },
  {
    what: "DHCP options without DHCP",
    text: vm("image: a, nics: [{ network: lan, dhcp: none, options: { 67: boot } }]"),
    at: "machines.vm1.nics[0].options",
    line: 6,
    reason: /dhcp is none/,
    remedy: /remove them/,
  },
  {
    what: "too many queues",
    text: vm("image: a, nics: [{ network: lan, queues: 9 }]"),
    at: "machines.vm1.nics[0].queues",
    line: 6,
    reason: /outside 1 to 8/,
    remedy: /1 to 8 queues/,
    value: "9",
  },
  {
    what: "an address that a pod has",
    text: `${LAN}machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 192.0.2.9 }] }
  vm1: { kind: vm, image: a, nics: [{ network: lan, address: 192.0.2.9 }] }
`,
    at: "machines.vm1.nics[0].address",
    line: 6,
    reason: /used twice, by machines\.pod1/,
    remedy: /another one/,
  },
  {
    what: "a network's DHCP in a pod",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge, dhcp: network }]"),
    at: "machines.vm1.nics[0].dhcp",
    line: 6,
    reason: /not supported/,
    remedy: /single, none/,
  },
  {
    what: "ports with the binding bridge",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge, ports: [80/tcp] }]"),
    at: "machines.vm1.nics[0].ports",
    line: 6,
    reason: /all its ports/,
    remedy: /binding: masquerade/,
  },
  {
    what: "a port without its protocol",
    text: vm("in: pod1, image: a, nics: [{ binding: masquerade, ports: [80] }]"),
    at: "machines.vm1.nics[0].ports[0]",
    line: 6,
    reason: /not text/,
    remedy: /8080\/tcp/,
    value: "80",
  },
  {
    what: "a port that there is not",
    text: vm("in: pod1, image: a, nics: [{ binding: masquerade, ports: [70000/tcp] }]"),
    at: "machines.vm1.nics[0].ports[0]",
    line: 6,
    reason: /not a port/,
    remedy: /8080\/tcp/,
  },
  {
    what: "the legacy profile of another binding",
    text: vm("in: pod1, image: a, nics: [{ binding: masquerade, profile: legacy }]"),
    at: "machines.vm1.nics[0].profile",
    line: 6,
    reason: /only there for binding: bridge/,
    remedy: /remove/,
  },
  {
    what: "a second masqueraded NIC",
    text: `${LAN}machines:
  pod1: { kind: namespace, nics: [{ network: lan }, { network: lan }] }
  vm1: { kind: vm, in: pod1, image: a, nics: [{ binding: masquerade }, { binding: masquerade }] }
`,
    at: "machines.vm1.nics[1].binding",
    line: 6,
    reason: /only the first NIC/,
    remedy: /binding: bridge/,
  },
  {
    what: "an uplink as a port",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks:\n  lan: { subnet: 192.0.2.0/24, ports: [eth0] }\n",
    at: "networks.lan.ports[0]",
    line: 4,
    reason: /taken by the uplink wan/,
    remedy: /nothing else uses/,
    value: '"eth0"',
  },
  {
    what: "one port of two networks",
    text: "version: 1\nnetworks:\n  a: { subnet: 192.0.2.0/25, ports: [eth1] }\n  b: { subnet: 192.0.2.128/25, ports: [eth1] }\n",
    at: "networks.b.ports[0]",
    line: 4,
    reason: /taken by the network a as a port/,
    remedy: /nothing else uses/,
  },
];

const BETWEEN: readonly Case[] = [
  {
    what: "overlapping subnets",
    text: `${LAN}  back: { subnet: 192.0.2.128/25 }\n`,
    at: "networks.back.subnet",
    line: 4,
    reason: /overlaps 192\.0\.2\.0\/24 of the network lan \(line 3\)/,
    remedy: /of its own/,
    value: '"192.0.2.128/25"',
  },
  {
    what: "a network's name too long for its bridge",
    text: "version: 1\nnetworks:\n  network-of-office: { subnet: 192.0.2.0/24 }\n",
    at: "networks.network-of-office",
    line: 3,
    reason: /bridge would be called "network-of-office", which has 17 bytes, the kernel takes 15/,
    remedy: /device:/,
  },
  {
    what: "a network called all",
    text: "version: 1\nnetworks:\n  all: { subnet: 192.0.2.0/24 }\n",
    at: "networks.all",
    line: 3,
    reason: /reserved by the kernel/,
    remedy: /device:/,
  },
  {
    what: "two networks with one device",
    text: `${LAN}  back: { subnet: 198.51.100.0/24, device: lan }\n`,
    at: "networks.back.device",
    line: 4,
    reason: /taken by the network lan/,
    remedy: /another name/,
  },
  {
    what: "a network on the uplink's device",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks:\n  eth0: { subnet: 192.0.2.0/24 }\n",
    at: "networks.eth0",
    line: 4,
    reason: /taken by the uplink wan/,
    remedy: /another name/,
  },
  {
    what: "two uplinks with one device",
    text: "version: 1\nuplinks:\n  wan: { device: eth0 }\n  alt: { device: eth0 }\n",
    at: "uplinks.alt.device",
    line: 4,
    reason: /uplink wan already/,
    remedy: /wan/,
  },
  {
    what: "a gateway outside",
    text: network("subnet: 192.0.2.0/24, gateway: 198.51.100.1"),
    at: "networks.lan.gateway",
    line: 3,
    reason: /outside 192\.0\.2\.0\/24/,
    remedy: /192\.0\.2\.1 to 192\.0\.2\.254/,
  },
  {
    what: "the broadcast address as gateway",
    text: network("subnet: 192.0.2.0/24, gateway: 192.0.2.255"),
    at: "networks.lan.gateway",
    line: 3,
    reason: /broadcast/,
    remedy: /192\.0\.2\.1 to/,
  },
  {
    what: "an address outside",
    text: nic("address: 198.51.100.4"),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /outside 192\.0\.2\.0\/24, the subnet of lan/,
    remedy: /192\.0\.2\.1 to/,
  },
  {
    what: "the gateway's address",
    text: nic("address: 192.0.2.1"),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /used twice, by the gateway of lan/,
    remedy: /leave address out/,
  },
  {
    what: "the network's address",
    text: nic("address: 192.0.2.0"),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /network address/,
    remedy: /192\.0\.2\.1 to/,
  },
  {
    what: "the broadcast address",
    text: nic("address: 192.0.2.255"),
    at: "machines.pod1.nics[0].address",
    line: 5,
    reason: /broadcast address/,
    remedy: /192\.0\.2\.1 to/,
  },
  {
    what: "an address twice",
    text: `${nic("address: 192.0.2.7")}  pod2: { kind: namespace, nics: [{ network: lan, address: 192.0.2.7 }] }\n`,
    at: "machines.pod2.nics[0].address",
    line: 6,
    reason: /used twice, by machines\.pod1\.nics\[0\]\.address/,
    remedy: /another/,
  },
  {
    what: "a MAC twice",
    text: `${nic('mac: "52:54:00:00:00:01"')}  pod2: { kind: namespace, nics: [{ network: lan, mac: 52-54-00-00-00-01 }] }\n`,
    at: "machines.pod2.nics[0].mac",
    line: 6,
    reason: /used twice, by machines\.pod1\.nics\[0\]\.mac/,
    remedy: /its own/,
  },
  {
    what: "a NIC on no network",
    text: `${LAN}machines:\n  pod1: { kind: namespace, nics: [{ network: lam }] }\n`,
    at: "machines.pod1.nics[0].network",
    line: 5,
    reason: /no network called "lam"/,
    remedy: /did you mean "lan"/,
  },
  {
    what: "an unknown uplink",
    text: `${LAN}routers: { edge: { networks: [lan], uplink: wan } }\n`,
    at: "routers.edge.uplink",
    line: 4,
    reason: /no uplink called "wan"/,
    remedy: /declare it under uplinks/,
  },
  {
    what: "a router of an unknown network",
    text: `${LAN}uplinks: { wan: { device: eth0 } }\nrouters: { edge: { networks: [lan, lab], uplink: wan } }\n`,
    at: "routers.edge.networks[1]",
    line: 5,
    reason: /no network called "lab"/,
    remedy: /lan/,
  },
  {
    what: "a network with two routers",
    text: `${LAN}uplinks: { wan: { device: eth0 } }\nrouters:\n  a: { networks: [lan], uplink: wan }\n  b: { networks: [lan], uplink: wan }\n`,
    at: "routers.b.networks[0]",
    line: 7,
    reason: /router a already/,
    remedy: /one router/,
  },
  {
    what: "a VM in no machine",
    text: vm("in: pod9, image: a"),
    at: "machines.vm1.in",
    line: 6,
    reason: /no machine called "pod9"/,
    remedy: /did you mean "pod1"/,
  },
  {
    what: "a VM in a VM",
    text: `${vm("in: pod1, image: a")}  vm2: { kind: vm, in: vm1, image: b }\n`,
    at: "machines.vm2.in",
    line: 7,
    reason: /vm1 is a VM/,
    remedy: /namespace/,
  },
  {
    what: "two VMs in one pod",
    text: `${vm("in: pod1, image: a")}  vm2: { kind: vm, in: pod1, image: b }\n`,
    at: "machines.vm2.in",
    line: 7,
    reason: /holds the VM vm1 already/,
    remedy: /pod of its own/,
  },
  {
    what: "a VM with more NICs than its pod",
    text: vm("in: pod1, image: a, nics: [{ binding: bridge }, { binding: bridge }]"),
    at: "machines.vm1.nics",
    line: 6,
    reason: /binds 2 NICs, the pod pod1 has 1/,
    remedy: /add NICs/,
  },
  {
    what: "a VM with nothing to boot",
    text: vm("in: pod1"),
    at: "machines.vm1",
    line: 6,
    reason: /nothing to boot/,
    remedy: /image/,
  },
  {
    what: "an initrd without kernel",
    text: vm("in: pod1, image: a, initrd: b"),
    at: "machines.vm1.initrd",
    line: 6,
    reason: /only together with kernel/,
    remedy: /kernel/,
  },
];

const SYNTAX: readonly Case[] = [
  { what: "an empty file", text: "", at: "", line: 1, reason: /empty/, remedy: /version: 1/ },
  {
    what: "a tab",
    text: "version: 1\nnetworks:\n\tlan: { subnet: 192.0.2.0/24 }\n",
    at: "",
    line: 3,
    reason: /tab/,
    remedy: /blanks/,
  },
  {
    what: "a key twice",
    text: `${LAN}  lan: { subnet: 198.51.100.0/24 }\n`,
    at: "",
    line: 4,
    reason: /twice/,
    remedy: /one of the two/,
  },
  {
    what: "two documents",
    text: "version: 1\n---\nversion: 1\n",
    at: "",
    line: 2,
    reason: /more than one/,
    remedy: /---/,
  },
  {
    what: "an own tag",
    text: "version: 1\nname: !mine office\n",
    at: "",
    line: 2,
    reason: /tag/,
    remedy: /without a tag/,
  },
  {
    what: "a list as key",
    text: "version: 1\n? [a]\n: 1\n",
    at: "",
    line: 2,
    reason: /key is a list/,
    remedy: /plain word/,
  },
  {
    what: "an alias of nothing",
    text: "version: 1\nname: *none\n",
    at: "name",
    line: 2,
    reason: /no anchor &none/,
    remedy: /value itself/,
  },
];

describe.each([
  ["shape", SHAPE],
  ["not supported yet", LATER],
  ["IPv6", IPV6],
  ["VMs and ports", VMS],
  ["between the parts", BETWEEN],
  ["syntax", SYNTAX],
])("%s", (_, cases) => {
  test.each(cases)("$what", ({ text, at, line, reason, remedy, value }) => {
    const mistakes = mistakesOf(text);
    expect(mistakes[0]).toMatchObject({ file: FILE, line, path: at });
    expect(mistakes[0]?.reason).toMatch(reason);
    expect(mistakes[0]?.remedy).toMatch(remedy);
    if (value !== undefined) expect(mistakes[0]?.value).toBe(value);
    if (at !== "version") expect(mistakes.slice(1)).toEqual([]);
  });
});

test("all mistakes are told at once, in the order of the file", () => {
  const mistakes = mistakesOf(`version: 1
netwroks: {}
networks:
  lan: { subnet: 192.0.2.0/24, mtu: 12, colour: red, shape: round }
  back: { subnet: 192.0.2.0/25 }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 198.51.100.1 }, { netwrk: lan }] }
  pod2: { kind: namespace, nics: [{ network: lab }] }
  vm1: { kind: vm, in: pod3, image: a }
`);
  expect(mistakes.map(({ line, path }) => `${line} ${path}`)).toEqual([
    "2 netwroks",
    "4 networks.lan.mtu",
    "4 networks.lan.colour",
    "4 networks.lan.shape",
    "5 networks.back.subnet",
    "7 machines.pod1.nics[1].network",
    "7 machines.pod1.nics[1].netwrk",
    "8 machines.pod2.nics[0].network",
    "9 machines.vm1.in",
  ]);
});

test("a mistake reads as file, place, path, reason, value and remedy", () => {
  const [mistake] = mistakesOf(network("subnet: 192.0.2.0/24, mtu: 12"));
  expect(formatMistake(mistake!)).toBe(
    "office.yaml:3:37: networks.lan.mtu: is outside 68 to 65535 (is 12)\n    write a whole number from 68 to 65535 bytes",
  );
});

test("the error carries the code for a wrong file and every mistake in its message", () => {
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(NetworkFileError);
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(
    /a\/b\.yaml: 1 mistake\na\/b\.yaml:1:10: version/,
  );
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(
    expect.objectContaining({ code: "bad-file" }),
  );
});

test("a file whose own name cannot be the network's asks for one", () => {
  expect(() => parseNetworkFile("version: 1\n", "/srv/My Network.yaml", { folder: "/srv" })).toThrow(
    /"My Network" is not a good name/,
  );
  expect(parseNetworkFile("version: 1\nname: mine\n", "/srv/My Network.yaml", { folder: "/srv" }).name).toBe("mine");
});
