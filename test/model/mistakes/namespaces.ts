/** What is wrong about networks in namespaces of their own. */
import type { Case } from "./case.ts";

const TENANTS = `version: 1
networks:
  a: { namespace: tenant-a, subnet: 192.0.2.0/24 }
  b: { namespace: tenant-b, subnet: 192.0.2.0/24, subnet6: "2001:db8::/64" }
`;

export const NAMESPACES: readonly Case[] = [
  {
    what: "a path",
    text: "version: 1\nnetworks:\n  a: { namespace: /run/netns/a, subnet: 192.0.2.0/24 }\n",
    at: "networks.a.namespace",
    line: 3,
    reason: /letters/,
    remedy: /./,
  },
  {
    what: "the same subnet in one namespace",
    text: `${TENANTS}  c: { namespace: tenant-b, subnet: 192.0.2.128/25 }\n`,
    at: "networks.c.subnet",
    line: 5,
    reason: /overlaps 192\.0\.2\.0\/24 of the network b \(line 4\)/,
    remedy: /namespace of its own/,
  },
  {
    what: "the same device in one namespace",
    text: `${TENANTS}  c: { namespace: tenant-b, device: b, subnet: 198.51.100.0/24 }\n`,
    at: "networks.c.device",
    line: 5,
    reason: /taken by the network b/,
    remedy: /another name/,
  },
  {
    what: "a machine's namespace",
    text: `${TENANTS}machines:\n  tenant-a: { kind: namespace, nics: [] }\n`,
    at: "networks.a.namespace",
    line: 3,
    reason: /machine tenant-a's own/,
    remedy: /another name/,
  },
  {
    what: "a router",
    text: `${TENANTS}uplinks: { wan: { device: eth0 } }\nrouters:\n  edge: { networks: [b], uplink: wan }\n`,
    at: "routers.edge.networks[0]",
    line: 7,
    reason: /b is in the namespace tenant-b, and a router leads only to networks of this host's own/,
    remedy: /take it out of the router, or namespace: out of b/,
  },
  {
    what: "a machine on two networks of one subnet",
    text: `${TENANTS}machines:\n  pod: { kind: namespace, nics: [{ network: a }, { network: b }] }\n`,
    at: "machines.pod.nics[1].network",
    line: 6,
    reason: /its subnet 192\.0\.2\.0\/24 overlaps a's/,
    remedy: /one of them/,
  },
  {
    what: "an address twice in one of them",
    text: `${TENANTS}machines:
  one: { kind: namespace, nics: [{ network: a, address: 192.0.2.9 }] }
  two: { kind: namespace, nics: [{ network: b, address: 192.0.2.9 }] }
  three: { kind: namespace, nics: [{ network: b, address: 192.0.2.9 }] }
`,
    at: "machines.three.nics[0].address",
    line: 8,
    reason: /used twice, by machines\.two\.nics\[0\]\.address/,
    remedy: /another/,
  },
];
