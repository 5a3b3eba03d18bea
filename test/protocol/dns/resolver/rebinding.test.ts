import { describe, expect, test } from "vitest";
import { type Answerer, DnsWorld, record, reply, resolverOf, upstream } from "../../../support/dns-world.ts";

const A = "198.51.100.1";
const INSIDE = [
  "A 10.1.2.3",
  "A 172.16.0.1",
  "A 172.31.255.255",
  "A 192.168.1.1",
  "A 127.0.0.1",
  "A 169.254.169.254",
  "A 0.0.0.0",
  "A 100.64.0.1",
  "AAAA ::1",
  "AAAA ::",
  "AAAA fe80::1",
  "AAAA fd00::1",
  "AAAA ::ffff:192.168.1.1",
  "AAAA 64:ff9b::a00:1",
  "HTTPS 1 . ipv4hint=10.0.0.1",
  "HTTPS 1 cdn.example.net. alpn=h2 ipv4hint=192.0.2.1,192.168.0.1",
  "SVCB 1 . ipv6hint=fd00::1",
];
const OUTSIDE = [
  "A 172.15.255.255",
  "A 172.32.0.1",
  "A 11.0.0.1",
  "A 192.169.0.1",
  "AAAA 2001:db8::1",
  "AAAA ::ffff:192.0.2.1",
  "HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1",
  "TXT 10.0.0.1",
];

describe("an address of the inside from outside", () => {
  test.each(INSIDE)("%s: the answer is emptied", (data) => {
    const world = new DnsWorld(
      { upstreams: [upstream(A)], rebindingAllowed: [] },
      { [A]: resolverOf([`evil.example 60 ${data}`]) },
    );
    const { message } = world.ask("evil.example", data.split(" ")[0]);
    expect([message.responseCode, message.answers]).toEqual([0, []]);
    expect(world.resolver.stats().rebinding).toBe(1);
  });

  test.each([
    ["as long as the answer would", 60, 59],
    ["for five seconds at least", 0, 4],
  ])("the emptied answer is kept %s", (_, ttl, seconds) => {
    const world = new DnsWorld(
      { upstreams: [upstream(A)], rebindingAllowed: [] },
      { [A]: resolverOf([`evil.example ${ttl} A 10.1.2.3`]) },
    );
    world.ask("evil.example");
    world.pass(seconds);
    expect(world.lookup("evil.example")).toEqual([]);
    expect(world.log).toHaveLength(1);
    world.pass(2);
    expect(world.lookup("evil.example")).toEqual([]);
    expect(world.log).toHaveLength(2);
  });

  test.each(OUTSIDE)("%s is none", (data) => {
    const world = new DnsWorld(
      { upstreams: [upstream(A)], rebindingAllowed: [] },
      { [A]: resolverOf([`www.example 60 ${data}`]) },
    );
    expect(world.lookup("www.example", data.split(" ")[0])).toHaveLength(1);
  });

  const texts = ["nas.home.example 60 A 192.168.1.5", "evilhome.example 60 A 192.168.1.5"];

  test("is let through for the names that may, and those below them", () => {
    const world = new DnsWorld(
      { upstreams: [upstream(A)], rebindingAllowed: ["Home.Example"] },
      { [A]: resolverOf(texts) },
    );
    expect(world.lookup("NAS.home.example")).toHaveLength(1);
    expect(world.lookup("evilhome.example")).toEqual([]);
  });

  test("is let through where nobody asked for protection", () => {
    const world = new DnsWorld({ upstreams: [upstream(A)] }, { [A]: resolverOf(texts) });
    expect(world.lookup("evilhome.example")).toHaveLength(1);
  });

  test("does not come by an alias either, nor by the cache's entry for where that leads", () => {
    const B = "198.51.100.2";
    const domains = [{ domain: "b.example", upstreams: [upstream(B)] }];
    const alias: Answerer = (query) => [
      { message: reply(query, { answers: [record("x.evil.example 60 CNAME y.b.example.")] }) },
    ];
    const world = new DnsWorld(
      { upstreams: [upstream(A)], domains, rebindingAllowed: [] },
      { [A]: alias, [B]: resolverOf(["y.b.example 60 A 10.0.0.1"]) },
    );
    expect(world.lookup("x.evil.example")).toEqual([]);
    expect(world.lookup("y.b.example")).toEqual([]);
    expect(world.log.some((line) => line.startsWith(B))).toBe(true);
  });
});
