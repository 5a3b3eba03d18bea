import { describe, expect, test } from "vitest";
import { macFromBytes, parseIpv4 } from "../../../../src/base/address.ts";
import { OFFER_SECONDS, QUARANTINE_SECONDS } from "../../../../src/protocol/dhcp4/server/answers.ts";
import type { Dhcp4Server } from "../../../../src/protocol/dhcp4/server/server.ts";
import type { ClientMessage } from "../../../support/dhcp4-client.ts";
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
