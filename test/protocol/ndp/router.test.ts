import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ipv6Prefix, parseIpv6, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { Router, type RouterConfig } from "../../../src/protocol/ndp/router.ts";
import { decodeEthernet } from "../../../src/wire/ethernet.ts";
import { decodeIcmpv6 } from "../../../src/wire/icmpv6.ts";
import { decodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { GUEST_ADDRESS, GUEST_MAC, solicitation } from "../../support/ip6-client.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";

const START = 1000;
const prefix = (text: string): Ipv6Prefix => parsePrefix(text) as Ipv6Prefix;
const CONFIG: RouterConfig = {
  address: parseIpv6("fe80::1"),
  mac: parseMac("02:00:00:00:00:01"),
  told: {
    hopLimit: 64,
    managed: true,
    other: true,
    lifetimeSeconds: 1800,
    preference: "high",
    mtuBytes: 1440,
    prefixes: [
      { prefix: prefix("2001:db8::/64"), onLink: true, autonomous: true, validSeconds: 7200, preferredSeconds: 3600 },
    ],
    routes: [{ destination: prefix("2001:db8:ffff::/48"), lifetimeSeconds: 1800, preference: "low" }],
    nameServers: [parseIpv6("2001:db8::53")],
    searchDomains: ["example.org"],
    dnsLifetimeSeconds: 1800,
  },
};

/** Its first three advertisements are behind it, the next one is far away. */
function settled(random = 0.5, config = CONFIG): { router: Router; now: number } {
  const router = new Router(config, START, () => random);
  let now = START;
  for (let i = 0; i < 3; i++) {
    now = router.nextDeadline();
    router.advertise(now);
  }
  return { router, now: now + 100 };
}

function ask(router: Router, now: number, given: Parameters<typeof solicitation>[1] = {}) {
  const { frame, packet } = solicitation(undefined, given);
  return router.handle(frame, packet, now);
}

function destinations(frames: readonly Uint8Array[]): string[][] {
  return frames.map((bytes) => {
    const frame = decodeEthernet(bytes);
    const packet = frame instanceof Malformed ? frame : decodeIpv6(frame.payload);
    const message = packet instanceof Malformed ? packet : decodeIcmpv6(packet.payload, packet);
    if (frame instanceof Malformed || packet instanceof Malformed || message instanceof Malformed)
      throw new Error("malformed");
    expect([packet.hopLimit, packet.source, message.type]).toEqual([255, CONFIG.address, 134]);
    return [frame.destination, packet.destination];
  });
}

const TO_ALL = [["33:33:00:00:00:01", "ff02::1"]];

describe("advertisements that nobody asked for (RFC 4861 §6.2.4)", () => {
  test("at once, twice more at most 16 s apart, then within the interval", () => {
    const router = new Router(CONFIG, START, () => 0.25);
    const sent: number[] = [];
    for (let i = 0; i < 5; i++) {
      sent.push(router.nextDeadline());
      expect(destinations(router.advertise(sent.at(-1)!).frames)).toEqual(TO_ALL);
    }
    expect(sent).toEqual([1000, 1016, 1032, 1332, 1632]);
  });

  test("nothing is sent before it is due", () => {
    const { router, now } = settled();
    expect(router.advertise(now).frames).toEqual([]);
  });
});

describe("solicitations (RFC 4861 §6.2.6)", () => {
  test("a host with an address is answered alone, within half a second", () => {
    const { router, now } = settled();
    expect(ask(router, now)).toEqual([{ event: "received", message: "ROUTER-SOLICITATION" }]);
    expect(router.nextDeadline()).toBe(now + 0.25);
    expect(destinations(router.advertise(now + 0.25).frames)).toEqual([[GUEST_MAC, GUEST_ADDRESS]]);
    expect(router.nextDeadline()).toBeGreaterThan(now + 50);
  });

  test("a host without an address is answered by multicast", () => {
    const { router, now } = settled();
    ask(router, now, { source: parseIpv6("::") });
    expect(destinations(router.advertise(router.nextDeadline()).frames)).toEqual(TO_ALL);
  });

  test("many hosts at one time: some alone, all others by one multicast", () => {
    const { router, now } = settled();
    for (let host = 1; host <= 500; host++) ask(router, now, { source: parseIpv6(`fe80::${host}`) });
    const frames: Uint8Array[] = [];
    while (router.nextDeadline() < now + 10) frames.push(...router.advertise(router.nextDeadline()).frames);
    expect(frames.length).toBeLessThanOrEqual(9);
    expect(destinations(frames.slice(-1))).toEqual(TO_ALL);
  });

  test("multicasts are three seconds apart, however often hosts ask", () => {
    const { router, now } = settled();
    const sent: number[] = [];
    for (let second = now; second < now + 20; second += 0.1) {
      ask(router, second, { source: parseIpv6("::") });
      if (router.nextDeadline() > second) continue;
      expect(destinations(router.advertise(second).frames)).toEqual(TO_ALL);
      sent.push(second);
    }
    expect(sent.length).toBeGreaterThan(4);
    for (const [i, second] of sent.entries()) if (i > 0) expect(second - sent[i - 1]!).toBeGreaterThanOrEqual(3);
  });

  test("who asks just before an advertisement to all gets that one", () => {
    const router = new Router(CONFIG, START, () => 0.5);
    ask(router, START - 0.1);
    expect(destinations(router.advertise(START).frames)).toEqual(TO_ALL);
    expect(router.nextDeadline()).toBe(START + 16);
  });

  test.for<[string, Parameters<typeof solicitation>[1]]>([
    ["has crossed a router", { hopLimit: 254 }],
    ["code is not 0", { code: 1 }],
    ["a link-layer address of no address", { source: parseIpv6("::"), options: Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1) }],
    ["option of length 0", { options: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }],
    ["from a group's address", { source: parseIpv6("ff02::1") }],
  ])("ignored (RFC 4861 §6.1.1): %s", ([reason, given]) => {
    const { router, now } = settled();
    expect(ask(router, now, given)).toEqual([{ event: "ignored", reason: expect.stringContaining(reason) }]);
    expect(router.nextDeadline()).toBeGreaterThan(now + 1);
  });
});

test("whatever is sent to it, it sends no more than a router may", () => {
  const bytes = fc.uint8Array({ maxLength: 120 });
  const property = fc.property(fc.array(fc.tuple(bytes, fc.nat(3)), { maxLength: 60 }), (inputs) => {
    const { router, now } = settled();
    let sent = 0;
    for (const [i, [body, kind]] of inputs.entries()) {
      const { frame, packet } = solicitation(undefined, { options: body, source: parseIpv6(`fe80::${i + 1}`) });
      const payload = kind === 0 ? body : packet.payload;
      router.handle(frame, { ...packet, payload }, now + i / 100);
      sent += router.advertise(now + i / 100).frames.length;
    }
    // 0.6 s: one round of answers to each that asked, and at most one to all.
    expect(sent).toBeLessThanOrEqual(2 * 8 + 1);
  });
  fc.assert(property, { numRuns: 300 });
});

describe("what is told", () => {
  const router = new Router(CONFIG, START, () => 0.5);
  const frames = [...router.advertise(START).frames, router.farewell()];
  const [told, farewell] = tsharkFields(frames, [
    "icmpv6.nd.ra.flag",
    "icmpv6.nd.ra.router_lifetime",
    "icmpv6.opt.mtu",
    "icmpv6.opt.prefix",
    "icmpv6.opt.prefix.valid_lifetime",
    "icmpv6.opt.prefix.preferred_lifetime",
    "icmpv6.opt.route_info.flag.route_preference",
    "icmpv6.opt.route_lifetime",
    "icmpv6.opt.rdnss.lifetime",
    "icmpv6.opt.dnssl.lifetime",
  ]);

  test("tshark reads it without a warning", () => expect(tsharkFindings(frames)).toEqual([]));

  test("flags, lifetimes and preferences", () =>
    expect(told).toMatchObject({
      "icmpv6.nd.ra.flag": "0xc8",
      "icmpv6.nd.ra.router_lifetime": "1800",
      "icmpv6.opt.mtu": "1440",
      "icmpv6.opt.prefix": "2001:db8::,2001:db8:ffff::",
      "icmpv6.opt.prefix.valid_lifetime": "7200",
      "icmpv6.opt.prefix.preferred_lifetime": "3600",
      "icmpv6.opt.route_info.flag.route_preference": "3",
      "icmpv6.opt.route_lifetime": "1800",
    }));

  test("the last one takes back all but the addresses that hosts have", () =>
    expect(farewell).toMatchObject({
      "icmpv6.nd.ra.flag": "0x00",
      "icmpv6.nd.ra.router_lifetime": "0",
      "icmpv6.opt.prefix.valid_lifetime": "7200",
      "icmpv6.opt.prefix.preferred_lifetime": "0",
      "icmpv6.opt.route_lifetime": "0",
      "icmpv6.opt.rdnss.lifetime": "0",
      "icmpv6.opt.dnssl.lifetime": "0",
    }));
});

describe("what is taken back before another router goes on in its place", () => {
  const [prefix] = CONFIG.told.prefixes;
  const autonomous = { ...prefix!, autonomous: true };
  const told = { ...CONFIG.told, prefixes: [autonomous], searchDomains: ["a.example", "b.example"] };
  /** Of a change: lifetimes of router, prefix and route, name servers, domains. */
  const cases: readonly (readonly [string, Partial<RouterConfig["told"]>, readonly string[]])[] = [
    ["nothing that this one tells as well", { mtuBytes: 1280 }, ["1800", "", "", "", ""]],
    ["the default route", { lifetimeSeconds: 0 }, ["0", "", "", "", ""]],
    ["a prefix", { prefixes: [] }, ["1800", "0", "", "", ""]],
    ["addresses that hosts make", { prefixes: [{ ...autonomous, autonomous: false }] }, ["1800", "0", "", "", ""]],
    ["routes", { routes: [] }, ["1800", "", "0", "", ""]],
    ["one of two domains", { searchDomains: ["b.example"] }, ["1800", "", "", "", "a.example"]],
  ];
  const router = new Router({ ...CONFIG, told }, START, () => 0.5);
  const frames = cases.map(([, change]) => router.farewell({ ...told, ...change }));
  const names = [
    "nd.ra.router_lifetime",
    "opt.prefix.preferred_lifetime",
    "opt.route_lifetime",
    "opt.rdnss",
    "opt.dnssl",
  ];
  const rows = tsharkFields(
    frames,
    names.map((name) => `icmpv6.${name}`),
  );

  test("tshark reads it without a warning", () => expect(tsharkFindings(frames)).toEqual([]));
  test.for(cases.map(([what, , expected], i) => [what, rows[i], expected] as const))("%s", ([, row, expected]) =>
    expect(Object.values(row ?? {})).toEqual(expected),
  );
});

test.for<[string, Partial<RouterConfig>]>([
  ["not link-local", { address: parseIpv6("2001:db8::1") }],
  ["longest interval of 3 s", { intervalSeconds: { minimum: 3, maximum: 3 } }],
  ["shortest interval of 500 s", { intervalSeconds: { minimum: 500, maximum: 600 } }],
  ["router's lifetime of 10 s", { told: { ...CONFIG.told, lifetimeSeconds: 10 } }],
])("refused (RFC 4861 §6.2.1): %s", ([reason, config]) => {
  expect(() => new Router({ ...CONFIG, ...config }, START, Math.random)).toThrow(reason);
});
