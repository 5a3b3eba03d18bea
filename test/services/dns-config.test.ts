import { expect, test } from "vitest";
import { parseIp, parsePrefix } from "../../src/base/address.ts";
import { toHex } from "../../src/base/bytes.ts";
import { Zones } from "../../src/protocol/dns/zone/zones.ts";
import { dnsConfigOf } from "../../src/services/dns-config.ts";
import { addressData } from "../../src/wire/dns/data.ts";
import { DNS_CLASS, DNS_TYPE, formatResponseCode } from "../../src/wire/dns/types.ts";
import type { DnsForwarder, NetworkDnsObject } from "../../src/state/object/network-dns.ts";
import { CONFIG } from "../support/dns-world.ts";

const record = (name: string) => ({
  name,
  type: DNS_TYPE.A,
  ttlSeconds: 60,
  hex: toHex(addressData(parseIp("192.0.2.7"))),
});

const LAN: NetworkDnsObject = {
  ...CONFIG,
  upstreams: [],
  domains: [],
  kind: "dns-network",
  key: "dns/lan",
  origin: "network lan",
  namespace: "",
  linkKey: "link/lan",
  interfaceName: "lan",
  network: "test/lan",
  addresses: [parseIp("192.0.2.1")],
  domain: "lan.example",
  subnets: [parsePrefix("192.0.2.0/24")],
  hosts: [],
  records: ["www.lan.example", "shop.example.org", "*.dev.example.org", "one.dev.example.org"].map(record),
  namesLeases: true,
  allow: [],
};
const zones = new Zones(dnsConfigOf(LAN));

test.each([
  ["www.lan.example", "NOERROR 1"],
  ["no.lan.example", "NXDOMAIN 0"],
  ["1.2.0.192.in-addr.arpa", "NXDOMAIN 0"],
  ["shop.example.org", "NOERROR 1"],
  ["a.shop.example.org", "NXDOMAIN 0"],
  ["example.org", "not ours"],
  ["mail.example.org", "not ours"],
  ["x.dev.example.org", "NOERROR 1"],
  ["y.x.dev.example.org", "NOERROR 1"],
  ["one.dev.example.org", "NOERROR 1"],
  ["dev.example.org", "NOERROR 0"],
])("of a network's names: %s, %s", (name, expected) => {
  const answer = zones.answer({ name, type: DNS_TYPE.A, class: DNS_CLASS.IN });
  const told =
    answer === undefined ? "not ours" : `${formatResponseCode(answer.responseCode)} ${answer.answers.length}`;
  expect(told).toBe(expected);
});

test.each<[DnsForwarder, true | undefined]>([
  [{ address: parseIp("192.0.2.53"), port: 53, from: "network" }, true],
  [{ address: parseIp("192.0.2.53"), port: 53, from: "host" }, undefined],
  [{ address: parseIp("9.9.9.9"), port: 853, tlsName: "dns.example", from: "host" }, undefined],
  // As an older netloom wrote them.
  [{ address: parseIp("192.0.2.53"), port: 53 }, true],
  [{ address: parseIp("192.0.2.1"), port: 53 }, undefined],
  [{ address: parseIp("9.9.9.9"), port: 53 }, undefined],
])("of where a server is asked from: %j", (forwarder, onNetwork) => {
  const { from: _, ...server } = forwarder;
  const upstreams = [{ ...server, ...(onNetwork === undefined ? {} : { onNetwork }) }];
  const domains = [{ domain: "corp.example", upstreams: [forwarder] }];
  const config = dnsConfigOf({ ...LAN, upstreams: [forwarder], domains });
  expect(config.upstreams).toEqual(upstreams);
  expect(config.domains).toEqual([{ domain: "corp.example", upstreams }]);
});
