/** What the plan says of a network's DNS server. */
import { expect, test } from "vitest";
import { parseIp } from "../../src/base/address.ts";
import { summarize } from "../../src/planner/summary.ts";
import type { NetworkDnsObject } from "../../src/state/object/network-dns.ts";
import { isServedOn } from "../../src/state/served-on.ts";

const NAMES = { before: () => undefined, after: () => undefined };
const LAN: NetworkDnsObject = {
  kind: "dns-network",
  key: "office/dns/lan",
  origin: "network lan",
  namespace: "",
  linkKey: "office/link/lan",
  interfaceName: "lan",
  network: "office/lan",
  addresses: [parseIp("192.0.2.1")],
  domain: "lan.example",
  subnets: [],
  hosts: [{ name: "web.lan.example", addresses: [parseIp("192.0.2.2")] }],
  records: [],
  namesLeases: true,
  mode: "forward-first",
  upstreams: [
    { address: parseIp("9.9.9.9"), port: 53 },
    { address: parseIp("192.0.2.53"), port: 8853, tlsName: "dns.example" },
  ],
  domains: [],
  allow: [],
  mixedCase: false,
  cache: { bytes: 65_536, minimumTtlSeconds: 0, maximumTtlSeconds: 60, maximumNegativeSeconds: 60, staleSeconds: 0 },
};

test.each<[string, Partial<NetworkDnsObject>]>([
  ["others by asking 9.9.9.9, 192.0.2.53#8853 by TLS, else the root servers", {}],
  ["others by asking 9.9.9.9, 192.0.2.53#8853 by TLS", { mode: "forward-only" }],
  ["others by asking the root servers", { mode: "recursive", upstreams: [] }],
  ["no others", { mode: "forward-only", upstreams: [] }],
  [
    "no others, corp.example by servers of its own",
    { mode: "forward-only", upstreams: [], domains: [{ domain: "corp.example", upstreams: [] }] },
  ],
  [
    "others by asking 192.0.2.53 on the network, 192.0.2.53",
    {
      mode: "forward-only",
      upstreams: [
        { address: parseIp("192.0.2.53"), port: 53, from: "network" },
        { address: parseIp("192.0.2.53"), port: 53, from: "host" },
      ],
    },
  ],
])("it tells whom the server asks: %s", (words, further) => {
  const said = summarize(undefined, { ...LAN, ...further }, NAMES);
  expect(said).toBe(`answer DNS questions on lan: the names in lan.example, ${words}`);
});

test("what is attached joins another's server", () => {
  const joined: NetworkDnsObject = { ...LAN, joins: true };
  expect(summarize(undefined, joined, NAMES)).toBe("tell the DNS server on lan of web.lan.example");
  expect(summarize(joined, undefined, NAMES)).toBe("have the DNS server on lan forget web.lan.example");
});

test("other hosts change nothing else, all that is configured does", () => {
  expect(isServedOn(LAN, { ...LAN, hosts: [] })).toBe(true);
  expect(
    isServedOn(LAN, { ...LAN, records: [{ name: "a.lan.example", type: 1, ttlSeconds: 60, hex: "c0000201" }] }),
  ).toBe(true);
  expect(isServedOn(LAN, { ...LAN, mode: "recursive" })).toBe(false);
});
