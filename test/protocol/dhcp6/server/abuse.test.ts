/** What hosts of the link could do to each other through the server. */
import { describe, expect, test } from "vitest";
import { parseMac } from "../../../../src/base/address.ts";
import { fromHex } from "../../../../src/base/bytes.ts";
import type { Dhcp6Option } from "../../../../src/wire/dhcp6/message.ts";
import { bind, CLIENT_MAC, CONFIG, duid, ia, prefix, type Said, say, start } from "./world.ts";

const OTHER_MAC = parseMac("52:54:00:00:00:18");
const macOption = (hex: string): Dhcp6Option => ({ code: 79, data: fromHex(`0001${hex}`) });

describe("RELEASE and DECLINE that somebody else has made up from what all of the link have heard", () => {
  const relay = { linkAddress: "2001:db8:1::2", options: [macOption("525400000017")] };
  const relayedFrom = (linkAddress: string) => ({ relays: [{ ...relay, linkAddress }] });

  /** Given how, given back how, and whether that counts. */
  test.for<[string, Said, Said, boolean]>([
    ["by the client itself", {}, {}, true],
    ["with another MAC address", {}, { mac: OTHER_MAC, client: duid(CLIENT_MAC) }, false],
    ["as if a relay had heard it", {}, { relays: [{}] }, false],
    ["as if a relay had heard it from the client's MAC address", {}, { relays: [relay] }, false],
    ["through the relay that it was given through", { relays: [relay] }, { relays: [relay] }, true],
    ["through a relay that tells no MAC address", { relays: [{}] }, { relays: [{}] }, true],
    ["without the relay that it was given through", { relays: [relay] }, {}, false],
    ["through a relay of another link", { relays: [relay] }, relayedFrom("2001:db8:2::2"), false],
    [
      "through the relay, from another MAC address",
      { relays: [relay] },
      { relays: [{ ...relay, options: [macOption("525400000018")] }] },
      false,
    ],
  ])("%s", ([, given, back, counts]) => {
    for (const type of ["RELEASE", "DECLINE"] as const) {
      const server = start({ prefixes: [...CONFIG.prefixes, prefix("2001:db8:2::/64")] });
      const [lease] = say(server, "REQUEST", [ia("address", 1)], given).leases;
      const { address } = lease!;
      const output = say(server, type, [ia("address", 1, address)], { ...back, now: 10 });
      expect(output.frames).toHaveLength(1);
      expect(output.leases).toMatchObject(
        counts ? [{ address, state: type === "RELEASE" ? "released" : "declined" }] : [],
      );
      expect([...server.leases()].some(({ state }) => state === "leased")).toBe(!counts);
    }
  });

  test("of a client that is with another relay by now: where it was renewed last counts", () => {
    const server = start();
    const address = bind(server);
    say(server, "REBIND", [ia("address", 1, address)], { relays: [relay], now: 5 });
    const back = [ia("address", 1, address)];
    expect(say(server, "RELEASE", back, { now: 10 }).leases).toEqual([]);
    expect(say(server, "RELEASE", back, { relays: [relay], now: 10 }).leases).toMatchObject([{ state: "released" }]);
  });

  test("after a restart the MAC address still has to be right", () => {
    const server = start();
    const address = bind(server);
    const restarted = start();
    for (const lease of server.leases()) expect(restarted.restore(lease)).toBe(true);
    const back = [ia("address", 1, address)];
    const forged = { mac: OTHER_MAC, client: duid(CLIENT_MAC) };
    expect(say(restarted, "RELEASE", back, forged).leases).toEqual([]);
    expect(say(restarted, "RELEASE", back).leases).toMatchObject([{ address, state: "released" }]);
  });
});
