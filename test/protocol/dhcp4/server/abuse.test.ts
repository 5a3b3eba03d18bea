import { describe, expect, test } from "vitest";
import { macFromBytes, parseIpv4 } from "../../../../src/base/address.ts";
import { OFFER_SECONDS, QUARANTINE_SECONDS } from "../../../../src/protocol/dhcp4/server/answers.ts";
import type { Dhcp4Server } from "../../../../src/protocol/dhcp4/server/server.ts";
import { type ClientMessage, clientFrame } from "../../../support/dhcp4-client.ts";
import { chosen, CLIENT_MAC, obtain, range, renewing, replyOf, requested, say, SERVER, start, told } from "./world.ts";

const stranger = (n: number) => macFromBytes(Uint8Array.of(2, 0, 0, n >> 16, n >> 8, n));
const WIDE = { ranges: [range("192.0.2.10", "192.0.2.209")] };

function flood(server: Dhcp4Server, from: number, count: number, now: number): string[] {
  return Array.from({ length: count }, (_, i) => told(say(server, { mac: stranger(from + i), type: "DISCOVER" }, now)));
}

describe("a flood of DISCOVERs from hardware addresses that nobody has", () => {
  test("takes no address away: a client that comes amid it gets one, and none was taken from who has one", () => {
    const server = start({ ranges: [range("192.0.2.10", "192.0.2.11")] });
    expect(obtain(server, { mac: stranger(0) })).toBe("192.0.2.10");
    expect(flood(server, 1, 200, 0)).toEqual(new Array(200).fill("OFFER 192.0.2.11"));
    const output = say(server, { type: "DISCOVER" });
    expect(output.events).toContainEqual({ event: "limited", limit: "offers" });
    const offer = replyOf(output).message.yourAddress;
    flood(server, 2000, 200, 0);
    const options = [requested(offer), chosen(SERVER)];
    expect(told(say(server, { type: "REQUEST", options }, 1))).toBe("ACK 192.0.2.11");
    expect(flood(server, 4000, 1, 1)).toEqual(["exhausted"]);
  });

  test("an address that two were offered goes to the first that requests it, and only so", () => {
    const server = start({ ranges: [range("192.0.2.10", "192.0.2.10")] });
    flood(server, 1, 2, 0);
    const options = [requested("192.0.2.10")];
    const claim = { type: "REQUEST", options: [...options, chosen(SERVER)] } as const;
    expect(told(say(server, { mac: stranger(1), type: "REQUEST", options }))).toBe("NAK");
    expect(told(say(server, { mac: stranger(1), ...claim }))).toBe("ACK 192.0.2.10");
    expect(told(say(server, { mac: stranger(2), ...claim }))).toBe("NAK");
  });

  test("holds no more addresses than the limit, so that those that left find theirs again", () => {
    const server = start({ ...WIDE, limits: { offers: 5 } });
    obtain(server, {});
    say(server, { type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] }, 1);
    expect(new Set(flood(server, 1, 100, 2)).size).toBe(5);
    expect(new Set(flood(server, 1000, 100, OFFER_SECONDS + 3)).size).toBe(5);
    expect(told(say(server, { type: "DISCOVER" }, OFFER_SECONDS + 4))).toBe("OFFER 192.0.2.10");
  });

  test("is answered so often in a second and no more; who takes its offer does not count, nor who is known", () => {
    const server = start({ ...WIDE, limits: { newClientsPerSecond: 10 } });
    obtain(server, {});
    const answers = flood(server, 1, 200, 0);
    expect(answers.filter((answer) => answer === "newClientsPerSecond")).toEqual([]);
    expect(answers.filter((answer) => answer === "limited")).toHaveLength(160);
    expect(told(say(server, { type: "DISCOVER" }))).toBe("OFFER 192.0.2.10");
    expect(flood(server, 300, 20, 1).filter((answer) => answer !== "limited")).toHaveLength(10);
    const earnest = start({ ...WIDE, limits: { newClientsPerSecond: 10 } });
    for (let i = 0; i < 199; i++) obtain(earnest, { mac: stranger(i) });
  });
});

describe("DECLINE", () => {
  const decline = (address: string, client: Partial<ClientMessage> = {}): Partial<ClientMessage> => ({
    type: "DECLINE",
    options: [requested(address), chosen(SERVER)],
    ...client,
  });

  test("one client cannot put more than three addresses into quarantine", () => {
    const server = start(WIDE);
    for (let i = 0; i < 3; i++) expect(told(say(server, decline(obtain(server, {}))))).toBe("declined");
    const fourth = obtain(server, {});
    expect(say(server, decline(fourth)).events.at(-1)).toEqual({ event: "limited", limit: "declinedPerClient" });
    expect(told(say(server, decline(fourth), QUARANTINE_SECONDS))).toBe("declined");
  });

  test("all together not more than a part of them", () => {
    const server = start({ limits: { declined: 4 } });
    const answers = Array.from({ length: 6 }, (_, i) => {
      const mac = stranger(i);
      return told(say(server, decline(obtain(server, { mac }), { mac })));
    });
    expect(answers).toEqual(["declined", "declined", "declined", "declined", "limited", "limited"]);
    const restarted = start({ limits: { declined: 4 } });
    for (const lease of server.leases()) restarted.restore(lease);
    expect(told(say(restarted, decline(obtain(restarted, {}))))).toBe("limited");
  });

  test("only of an address that one has been given, and by oneself", () => {
    const server = start();
    say(server, { type: "DISCOVER" });
    expect(told(say(server, decline("192.0.2.10")))).toBe("DECLINE of an address that is not this client's");
    obtain(server, {});
    expect(told(say(server, decline("192.0.2.10", { frameSource: stranger(1) })))).toBe(
      "DECLINE that somebody else sent",
    );
    const identity = { options: [[61, Uint8Array.of(1, 2, 3, 4)]] } as const;
    const address = obtain(server, identity);
    const forged = { mac: stranger(1), options: [...decline(address).options!, ...identity.options] };
    expect(told(say(server, decline(address, forged)))).toBe("DECLINE of an address that is not this client's");
  });
});

test.each<[string, Partial<ClientMessage>, string]>([
  ["from the released address", {}, "released"],
  ["from another address", { source: parseIpv4("192.0.2.77") }, "RELEASE from another address than the released one"],
  [
    "with another hardware address",
    { mac: stranger(1), frameSource: CLIENT_MAC },
    "RELEASE of an address that is not this client's",
  ],
  ["to another server", { options: [chosen("192.0.2.99")] }, "RELEASE of an address that is not this client's"],
])("RELEASE %s (RFC 2131 §4.4.6)", (_, changes, answer) => {
  const identity: readonly [number, Uint8Array] = [61, Uint8Array.of(1, 2, 3, 4)];
  const server = start();
  obtain(server, { options: [identity] });
  const release: Partial<ClientMessage> = { type: "RELEASE", ...renewing("192.0.2.10"), ...changes };
  expect(told(say(server, { ...release, options: [identity, ...(changes.options ?? [chosen(SERVER)])] }))).toBe(answer);
});

describe("addresses for who has none yet, by the port of the bridge or the circuit of the relay", () => {
  const at = (port: number) => ({
    say: (server: Dhcp4Server, client: Partial<ClientMessage>, now = 0) =>
      server.handle({ frame: clientFrame({ mac: CLIENT_MAC, ...client }), checksumNotReady: false, port }, now),
  });
  /** A whole dialogue. @returns the address, or why it came to nothing */
  function take(server: Dhcp4Server, n: number, port: number, options: ClientMessage["options"] = [], now = 0): string {
    const offer = at(port).say(server, { mac: stranger(n), type: "DISCOVER", options }, now);
    const last = offer.events.at(-1);
    if (offer.frames.length === 0) return last?.event === "limited" ? last.limit : told(offer);
    const address = replyOf(offer).message.yourAddress;
    const wishes = [...options, requested(address), chosen(SERVER)];
    return told(at(port).say(server, { mac: stranger(n), type: "REQUEST", options: wishes }, now)).replace("ACK ", "");
  }
  const takeAll = (server: Dhcp4Server, from: number, port: number, now = 0) =>
    Array.from({ length: 250 }, (_, i) => take(server, from + i, port, [], now)).filter((got) => /^\d/.test(got))
      .length;

  test("one port takes eight ninths, two of them not all that is left: a third finds room", () => {
    const server = start({ ...WIDE, hasPorts: true });
    expect(takeAll(server, 0, 1)).toBe(177);
    expect(take(server, 999, 1)).toBe("leasesForEachFree");
    expect(takeAll(server, 1000, 2)).toBeLessThan(21);
    expect(take(server, 2000, 3)).toMatch(/^192/);
  });

  test("so many for each port as the configuration says", () => {
    const server = start({ ...WIDE, hasPorts: true, limits: { leasesPerPort: 3 } });
    expect(takeAll(server, 0, 1)).toBe(3);
    expect(take(server, 999, 1)).toBe("leasesPerPort");
    expect(takeAll(server, 1000, 2)).toBe(3);
  });

  test("a lease that has ended, or was given back, makes room", () => {
    const server = start({ ...WIDE, hasPorts: true, limits: { leasesPerPort: 2 } });
    expect(takeAll(server, 0, 1)).toBe(2);
    at(1).say(server, { mac: stranger(0), type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] });
    expect(takeAll(server, 500, 1)).toBe(1);
    expect(takeAll(server, 1000, 1, 3601)).toBe(2);
  });

  test("who has had leases one after the other cannot take them all at one time", () => {
    const server = start({ ...WIDE, hasPorts: true, limits: { leasesPerPort: 2 } });
    const release = (n: number, address: string) =>
      at(1).say(server, { mac: stranger(n), type: "RELEASE", ...renewing(address), options: [chosen(SERVER)] });
    for (let n = 0; n < 20; n++) release(n, take(server, n, 1));
    expect(takeAll(server, 0, 1)).toBe(2);
    expect([...server.leases()].filter(({ state }) => state === "leased")).toHaveLength(2);
  });

  test("who has a lease renews it, and a host of the configuration gets one, also at a port that is full", () => {
    const hosts = [{ identity: { mac: stranger(7000) }, name: "printer" }];
    const server = start({ ...WIDE, hasPorts: true, hosts, limits: { leasesPerPort: 2, newLeasesPerSecondOfPort: 1 } });
    expect(takeAll(server, 0, 1)).toBe(2);
    expect(told(at(1).say(server, { mac: stranger(0), type: "REQUEST", ...renewing("192.0.2.10") }))).toBe(
      "ACK 192.0.2.10",
    );
    expect(take(server, 0, 1)).toBe("192.0.2.10");
    expect(take(server, 7000, 1)).toMatch(/^192/);
  });

  test("an address that is asked for by itself is refused there as well", () => {
    const server = start({ ...WIDE, hasPorts: true, limits: { leasesPerPort: 2 } });
    takeAll(server, 0, 1);
    const ask = { mac: stranger(900), type: "REQUEST", options: [requested("192.0.2.99")] } as const;
    const output = at(1).say(server, ask);
    expect([output.events.find(({ event }) => event === "limited"), told(output)]).toEqual([
      { event: "limited", limit: "leasesPerPort" },
      "NAK",
    ]);
    expect(told(at(2).say(server, ask))).toBe("ACK 192.0.2.99");
  });

  test("new leases in a second are bounded, for each port and for all", () => {
    const limits = { newLeasesPerSecondOfPort: 10, newLeasesPerSecond: 15 };
    const server = start({ ...WIDE, hasPorts: true, limits });
    expect(takeAll(server, 0, 1)).toBe(40);
    expect(take(server, 999, 1)).toBe("newLeasesPerSecondOfPort");
    expect(takeAll(server, 1000, 2)).toBe(20);
    expect(take(server, 1999, 3)).toBe("newLeasesPerSecond");
    expect(takeAll(server, 2000, 1, 1)).toBe(10);
  });

  test("a relay's circuits are told apart, wherever the relay itself is", () => {
    const server = start({ ...WIDE, limits: { leasesPerPort: 2 } });
    const behind = (circuit: number) => ({
      fields: { relayAddress: parseIpv4("192.0.2.3") },
      destination: SERVER,
      options: [[82, Uint8Array.of(1, 1, circuit)]] as const,
    });
    const discover = (n: number, circuit: number) =>
      told(say(server, { ...behind(circuit), mac: stranger(n), type: "DISCOVER" }));
    for (const n of [1, 2]) obtain(server, { ...behind(1), mac: stranger(n) });
    expect(discover(3, 1)).toBe("limited");
    expect(discover(3, 2)).toMatch(/^OFFER/);
  });

  test("a relay at a port of the bridge has any number of circuits, and who makes them up not all addresses", () => {
    const server = start({ ...WIDE, hasPorts: true, limits: { leasesPerPort: 2 } });
    const obtainAt = (n: number, circuit: number): string => {
      const options = [[82, Uint8Array.of(1, 1, circuit)]] as const;
      const relayed = { fields: { relayAddress: parseIpv4("192.0.2.3") }, destination: SERVER };
      const offer = at(1).say(server, { ...relayed, mac: stranger(n), type: "DISCOVER", options });
      if (offer.frames.length === 0) return told(offer);
      const wishes = [...options, requested(replyOf(offer).message.yourAddress), chosen(SERVER)];
      return told(at(1).say(server, { ...relayed, mac: stranger(n), type: "REQUEST", options: wishes }));
    };
    const got = [1, 1, 1, 2, 2, 2, 3].map((circuit, n) => obtainAt(n, circuit).replace(/ .*/, ""));
    expect(got).toEqual(["ACK", "ACK", "limited", "ACK", "ACK", "limited", "ACK"]);
    for (let n = 10; n < 250; n++) obtainAt(n, n);
    expect(take(server, 999, 2)).toMatch(/^192/);
  });

  test("the port is asked for once: of a new client, and of one whose lease is from before a restart", () => {
    const server = start({ ...WIDE, hasPorts: true });
    const discover = say(server, { type: "DISCOVER" });
    expect(discover).toEqual({ leases: [], frames: [], events: [], asksForPort: true });
    expect([...server.leases()]).toEqual([]);
    expect(told(at(1).say(server, { type: "DISCOVER" }))).toBe("OFFER 192.0.2.10");
    const options = [requested("192.0.2.10"), chosen(SERVER)];
    expect(told(say(server, { type: "REQUEST", options }))).toBe("ACK 192.0.2.10");
    const restarted = start({ ...WIDE, hasPorts: true });
    for (const lease of server.leases()) restarted.restore(lease);
    const renewal = { type: "REQUEST", ...renewing("192.0.2.10") } as const;
    expect(say(restarted, renewal).asksForPort).toBe(true);
    expect(told(at(0).say(restarted, renewal))).toBe("ACK 192.0.2.10");
    expect(told(say(restarted, renewal))).toBe("ACK 192.0.2.10");
  });
});
