import fc from "fast-check";
import { expect, test } from "vitest";
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber, macFromBytes } from "../../../../src/base/address.ts";
import type { Lease } from "../../../../src/protocol/dhcp4/server/lease.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { type ClientMessage, readReply } from "../../../support/dhcp4-client.ts";
import { chosen, CONFIG, rebinding, renewing, requested, say, SERVER, start } from "./world.ts";

const CLIENTS = 14;
const FIRST = CONFIG.ranges[0]!.first;
const KINDS = ["discover", "select", "reboot", "renew", "rebind", "decline", "release", "elsewhere"] as const;

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  client: fc.nat(CLIENTS - 1),
  /** Absent: the address that the client was last told. */
  address: fc.option(fc.nat(11), { nil: undefined }),
  seconds: fc.constantFrom(0, 0, 1, 30, 61, 570, 599, 700, 5000),
  leaseSeconds: fc.option(fc.constantFrom(600, 7200), { nil: undefined }),
  /** After this step the server is killed, and what it wrote is there; or its file was rewritten just before that. */
  end: fc.constantFrom("none", "killed", "rewritten"),
});

function messageOf(kind: (typeof KINDS)[number], address: Ipv4Address): Partial<ClientMessage> {
  switch (kind) {
    case "discover":
      return { type: "DISCOVER", options: [requested(address)] };
    case "select":
      return { type: "REQUEST", options: [requested(address), chosen(SERVER)] };
    case "elsewhere":
      return { type: "REQUEST", options: [requested(address), chosen("192.0.2.99")] };
    case "reboot":
      return { type: "REQUEST", options: [requested(address)] };
    case "renew":
      return { type: "REQUEST", ...renewing(address) };
    case "rebind":
      return { type: "REQUEST", ...rebinding(address) };
    case "decline":
      return { type: "DECLINE", options: [requested(address), chosen(SERVER)] };
    case "release":
      return { type: "RELEASE", ...renewing(address), options: [chosen(SERVER)] };
  }
}

test("whatever clients say and whenever the server is killed: no address has two clients at one time", () => {
  const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    let now = 1000;
    let server = start(CONFIG, now);
    const written: Lease[] = [];
    const held = new Map<Ipv4Address, { client: number; until: number }>();
    const lastTold = new Map<number, Ipv4Address>();
    for (const { kind, client, address: offset, seconds, leaseSeconds, end } of steps) {
      now += seconds;
      const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, client));
      const address =
        offset === undefined ? (lastTold.get(client) ?? FIRST) : ipv4FromNumber(ipv4ToNumber(FIRST) + offset - 1);
      const message = messageOf(kind, address);
      const wish = leaseSeconds === undefined ? [] : [optionEntry(DHCP4_OPTION.leaseTime, leaseSeconds)];
      const output = say(server, { ...message, mac, options: [...(message.options ?? []), ...wish] }, now);
      written.push(...output.leases);
      for (const { address: changed, state } of output.leases) if (state !== "leased") held.delete(changed);
      for (const frame of output.frames) {
        const { yourAddress, options } = readReply(frame).message;
        const type = readOption(options, DHCP4_OPTION.messageType);
        if (type === "NAK") continue;
        const holder = held.get(yourAddress);
        const isTaken = holder !== undefined && holder.until > now && holder.client !== client;
        expect(isTaken, `${yourAddress} told to ${client} while ${holder?.client} has it`).toBe(false);
        lastTold.set(client, yourAddress);
        if (type !== "ACK") continue;
        expect(output.leases).toMatchObject([{ address: yourAddress, state: "leased" }]);
        held.set(yourAddress, { client, until: now + (readOption(options, DHCP4_OPTION.leaseTime) ?? 0) });
      }
      if (end === "rewritten") written.splice(0, written.length, ...server.leases());
      if (end !== "none") {
        server = start(CONFIG, now);
        for (const lease of written) server.restore(lease);
      }
    }
  });
  fc.assert(property, { numRuns: 600 });
});

test("a pool of 4094 addresses is given out, ends and is given to others, each address once", () => {
  const first = ipv4ToNumber("192.0.0.1" as Ipv4Address);
  const wide = {
    subnet: { address: "192.0.0.0" as Ipv4Address, length: 20 },
    ranges: [{ first: ipv4FromNumber(first), last: ipv4FromNumber(first + 4093) }],
    serverAddress: "192.0.2.1" as Ipv4Address,
    options: new Map<number, Uint8Array>(),
    rapidCommit: true,
  };
  const server = start(wide);
  const rapid = [optionEntry(DHCP4_OPTION.rapidCommit, true)];
  for (const [round, now] of [
    [0, 0],
    [1, 3600],
  ] as const) {
    const given = new Set<string>();
    for (let i = 0; i < 4093; i++) {
      const mac = macFromBytes(Uint8Array.of(2, 0, 0, round, i >> 8, i));
      const [lease] = say(server, { type: "DISCOVER", mac, options: rapid }, now).leases;
      given.add(lease!.address);
    }
    expect(given.size).toBe(4093);
    expect(say(server, { type: "DISCOVER", options: rapid }, now).frames).toEqual([]);
  }
  expect([...server.leases()]).toHaveLength(4093);
});
