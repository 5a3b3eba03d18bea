/**
 * Hostile bytes against the DHCPv6 server of a link, with and without relays. NETLOOM_FUZZ_INPUTS sets the number of
 * inputs, NETLOOM_FUZZ_SEED repeats a run.
 */
import { expect, test } from "vitest";
import { macFromBytes, parseIpv6 } from "../../src/base/address.ts";
import { toHex } from "../../src/base/bytes.ts";
import { decodeAssociations } from "../../src/wire/dhcp6/association.ts";
import { decodeDhcp6 } from "../../src/wire/dhcp6/message.ts";
import { decodeUdp } from "../../src/wire/udp.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { asks, CLIENT_MAC, ia, open, packetOf, packetOfPayload, RAPID, start } from "../protocol/dhcp6/server/world.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 15_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
const LEASES_AT_MOST = 8 + 4 + 1;
const TELLING = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 14, 18, 23, 25, 26, 39, 79, 128, 135, 0x7f, 0x80, 0xff];

const own = "2001:db8:1::10";
const name = { code: 39, data: Uint8Array.of(1, 3, 118, 109, 49, 0) };
const SEEDS = [
  packetOf("SOLICIT", [ia("address", 1, own), ia("temporary", 2), ia("prefix", 3), asks(23, 24, 31, 39, 56), name]),
  packetOf("SOLICIT", [RAPID, ia("address", 1), ia("prefix", 3, "2001:db8:100::/56")]),
  packetOf("REQUEST", [ia("address", 1, own), ia("prefix", 3)]),
  packetOf("RENEW", [ia("address", 1, own, "2001:db8:1::99"), ia("prefix", 3, "2001:db8:100:100::/56")]),
  packetOf("REBIND", [ia("temporary", 2, own)]),
  packetOf("CONFIRM", [ia("address", 1, own)]),
  packetOf("RELEASE", [ia("address", 1, own)]),
  packetOf("DECLINE", [ia("address", 1, own), ia("temporary", 2, own)]),
  packetOf("INFORMATION-REQUEST", [asks(23, 24, 32)]),
  packetOf("SOLICIT", [RAPID, ia("address", 5)], {
    relays: [
      { options: [{ code: 79, data: Uint8Array.of(0, 1, 2, 0, 0, 0, 0, 9) }] },
      { linkAddress: "::", options: [{ code: 18, data: Uint8Array.of(101, 116, 104, 48) }] },
    ],
  }),
].map(({ packet }) => {
  const datagram = decodeUdp(packet.payload, packet);
  if (datagram instanceof Malformed) throw new Error(datagram.reason);
  return { payload: datagram.payload, source: packet.source };
});

function mutate(seed: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let changes = random(5); changes > 0; changes--) {
    const at = random(bytes.length);
    const kind = random(8);
    if (kind < 3) bytes[at] = TELLING[random(TELLING.length)]!;
    else if (kind < 5) bytes[at] = random(256);
    else if (kind === 5) bytes[at] = bytes[at]! ^ (1 << random(8));
    else if (kind === 6) bytes = bytes.slice(0, Math.max(1, at));
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random(at + 1))]).slice(0, 1400);
  }
  return bytes;
}

test(`${INPUTS} inputs: nothing throws, answers are sound and small, the server stays small`, {
  timeout: 60_000 + INPUTS,
}, () => {
  const random = randomNumbers(SEED);
  const hosts = [{ mac: CLIENT_MAC, address: parseIpv6("2001:db8:1::beef") }];
  const server = start({ rapidCommit: true, hosts });
  const restarted = start({ hosts });
  let answered = 0;
  let now = 0;
  const demand = (condition: boolean, what: string): void => {
    if (!condition) throw new Error(what);
  };
  const check = (payload: Uint8Array, source: (typeof SEEDS)[number]["source"]): void => {
    const mac = random(2) === 0 ? CLIENT_MAC : macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, random(20)));
    const { frame, packet } = packetOfPayload(payload, {
      mac,
      source,
      destination: parseIpv6("ff02::1:2"),
      sourcePort: 546,
    });
    const { frames, leases, events } = server.handle(frame, packet, false, now);
    demand(events.length > 0, "nothing was reported");
    demand(frames.length <= 1 && leases.length <= 16, "more than one reply, or very many leases");
    for (const lease of leases) demand(restarted.restore(lease), "a lease that the server would not take up");
    for (const bytes of frames) {
      const { packet: reply, datagram } = open(bytes);
      demand(bytes.length <= 14 + 1280, "the reply exceeds a packet");
      demand(reply.destination === source, "the reply goes to somebody else");
      answered++;
      if (datagram.payload[0] === 13) continue;
      const message = decodeDhcp6(datagram.payload);
      demand(!(message instanceof Malformed), "the reply is malformed");
      if (message instanceof Malformed) continue;
      demand(!(decodeAssociations(message.options) instanceof Malformed), "an association is malformed");
      demand(["ADVERTISE", "REPLY"].includes(message.type), "not a server's message");
    }
  };
  for (let i = 0; i < INPUTS; i++) {
    const seed = SEEDS[random(SEEDS.length)]!;
    const payload = mutate(seed.payload, random);
    now += random(50) === 0 ? random(5000) : 0;
    try {
      check(payload, seed.source);
    } catch (error) {
      throw new Error(`seed ${SEED}, input ${i}: ${toHex(payload)}`, { cause: error });
    }
  }
  // Else the inputs never reach the machine, and the test shows nothing.
  expect(answered).toBeGreaterThan(INPUTS / 20);
  expect(answered).toBeLessThan(INPUTS);
  expect([...server.leases()].length).toBeLessThanOrEqual(LEASES_AT_MOST);
});
