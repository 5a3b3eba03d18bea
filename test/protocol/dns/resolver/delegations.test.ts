import { expect, test } from "vitest";
import { parseIp } from "../../../../src/base/address.ts";
import { Delegations } from "../../../../src/protocol/dns/resolver/delegations.ts";
import { upstream } from "../../../support/dns-world.ts";

const root = upstream("192.0.2.1");
const glue = [parseIp("192.0.2.2")];
const referral = (zone: string, ttlSeconds = 300) => ({
  zone,
  ttlSeconds,
  nameServers: [{ name: `ns.${zone}`, glue }],
});

test("of many zones those are forgotten that were not used for longest", () => {
  const delegations = new Delegations([root]);
  for (let i = 0; i < 12_000; i++) {
    delegations.store(referral(`zone${i}.example`), 0);
    delegations.closest("www.zone0.example", 1);
  }
  expect(delegations.count).toBe(10_000);
  expect(delegations.closest("www.zone0.example", 1).zone).toBe("zone0.example");
  expect(delegations.closest("www.zone11999.example", 1).zone).toBe("zone11999.example");
  expect(delegations.closest("www.zone1.example", 1).zone).toBe("");
});

test("zones with many servers of long names take the place of several others", () => {
  const delegations = new Delegations([root]);
  const nameServers = Array.from({ length: 16 }, (_, i) => ({ name: `${i}.${"x".repeat(1000)}`, glue }));
  for (let i = 0; i < 2000; i++) {
    delegations.store({ ...referral(`zone${i}.example`), nameServers }, 0);
    delegations.closest("www.zone0.example", 1);
  }
  expect(delegations.count).toBeGreaterThan(500);
  expect(delegations.count).toBeLessThan(1000);
  expect(delegations.closest("www.zone0.example", 1).zone).toBe("zone0.example");
  expect(delegations.closest("www.zone1999.example", 1).zone).toBe("zone1999.example");
  delegations.clear();
  for (let i = 0; i < 10_000; i++) delegations.store(referral(`zone${i}.example`), 0);
  expect(delegations.count).toBe(10_000);
});

test("of servers that do not know the zone, and come and go, the last are remembered", () => {
  const delegation = new Delegations([root]).store(
    { zone: "example", ttlSeconds: 86_400, nameServers: [{ name: "ns.example", glue: [] }] },
    0,
  );
  const learn = (...addresses: string[]): void => delegation.learn("ns.example", addresses.map(parseIp), 10_000);
  for (let i = 0; i < 300; i++) {
    const address = `198.51.${100 + Math.floor(i / 256)}.${i % 256}`;
    learn(address);
    delegation.noteLame(upstream(address), 1);
  }
  learn("198.51.101.43", "192.0.2.9");
  expect(delegation.servers(2)).toEqual([upstream("192.0.2.9")]);
  learn("198.51.100.0", "192.0.2.9");
  expect(delegation.servers(2)).toHaveLength(2);
});

test("a zone is known for its time, a day at most", () => {
  const delegations = new Delegations([root]);
  delegations.store(referral("example", 60), 1000);
  delegations.store(referral("www.example", 1_000_000), 1000);
  expect(delegations.closest("www.example", 1059).zone).toBe("www.example");
  expect(delegations.closest("mail.example", 1059).zone).toBe("example");
  expect(delegations.closest("mail.example", 1060).zone).toBe("");
  expect(delegations.closest("www.example", 1000 + 86_400).zone).toBe("");
});

test("a zone is known no longer than the one above it", () => {
  const delegations = new Delegations([root]);
  const parent = delegations.store(referral("example", 60), 1000);
  const zone = delegations.store(referral("www.example", 600), 1050, parent.endsAt);
  expect(delegations.closest("www.example", 1059).zone).toBe("www.example");
  expect(delegations.closest("www.example", 1060).zone).toBe("");
  expect(zone.servers(1060)).toHaveLength(1);
});

test("servers that do not know the zone are left out for a while, unless there are no others", () => {
  const delegations = new Delegations([root]);
  const both = [...glue, parseIp("192.0.2.3")];
  const zone = delegations.store({ ...referral("example"), nameServers: [{ name: "ns.example", glue: both }] }, 0);
  const [first, second] = zone.servers(0);
  zone.noteLame(first!, 0);
  expect(zone.servers(1)).toEqual([second]);
  expect(zone.servers(300)).toEqual([first, second]);
  zone.noteLame(first!, 300);
  zone.noteLame(second!, 300);
  expect(zone.servers(301)).toEqual([first, second]);
});

test("of a zone with thousands of servers and addresses a few are kept", () => {
  const many = Array.from({ length: 200 }, (_, i) => parseIp(`192.0.2.${i}`));
  const nameServers = Array.from({ length: 200 }, (_, i) => ({ name: `ns${i}.example`, glue: i < 100 ? many : [] }));
  const zone = new Delegations([root]).store({ zone: "example", ttlSeconds: 60, nameServers }, 0);
  expect(zone.servers(0).length + zone.namesToFind(0).length).toBeLessThanOrEqual(16 * 8);
});
