/**
 * Hostile bytes against the DHCPv4 server of a subnet. NETLOOM_FUZZ_INPUTS sets the number of inputs, NETLOOM_FUZZ_SEED
 * repeats a run.
 */
import { expect, test } from "vitest";
import { contains, IPV4_ANY } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../src/wire/dhcp4/option-table.ts";
import { chosen, CLIENT_MAC, CONFIG, renewing, requested, SERVER, start } from "../protocol/dhcp4/server/world.ts";
import { clientFrame, readReply } from "../support/dhcp4-client.ts";
import { mutate } from "../support/mutate-dhcp4.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 50_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
const ADDRESSES = 10;

const mac = CLIENT_MAC;
const relayed = { fields: { relayAddress: SERVER }, destination: SERVER } as const;
const SEEDS = [
  clientFrame({ mac, type: "DISCOVER", options: [optionEntry(DHCP4_OPTION.parameterRequestList, [1, 3, 6, 119])] }),
  clientFrame({
    mac,
    type: "DISCOVER",
    options: [
      [80, new Uint8Array(0)],
      [61, fromHex("ff01020304")],
    ],
  }),
  clientFrame({ mac, type: "DISCOVER", ...relayed, options: [[82, fromHex("01020304 0504c0000200 0b04c0000209")]] }),
  clientFrame({ mac, type: "REQUEST", options: [requested("192.0.2.10"), chosen(SERVER)] }),
  clientFrame({ mac, type: "REQUEST", options: [requested("192.0.2.11"), [61, new Uint8Array(300)]] }),
  clientFrame({ mac, type: "REQUEST", ...renewing("192.0.2.10"), options: [[51, fromHex("ffffffff")]] }),
  clientFrame({ mac, type: "INFORM", ...renewing("192.0.2.10"), options: [optionEntry(DHCP4_OPTION.hostName, "vm1")] }),
  clientFrame({ mac, type: "DECLINE", options: [requested("192.0.2.10"), chosen(SERVER)] }),
  clientFrame({ mac, type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] }),
];

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

test(`${INPUTS} inputs: nothing throws, replies are well formed, the server stays small`, {
  timeout: 60_000 + INPUTS,
}, () => {
  const random = randomNumbers(SEED);
  const server = start({ rapidCommit: true });
  const restarted = start();
  let answered = 0;
  let now = 0;
  const check = (frame: Uint8Array): void => {
    const { frames, leases, events } = server.handle({ frame, checksumNotReady: true }, now);
    demand(frames.length <= 1 && leases.length <= 1, "more than one reply or lease");
    demand(events.length > 0, "nothing was reported");
    for (const lease of leases) demand(restarted.restore(lease), "a lease outside the range");
    for (const bytes of frames) {
      const { message, ethernet } = readReply(bytes);
      demand(ethernet.payload.length <= 1500, "the reply exceeds the link");
      const type = readOption(message.options, DHCP4_OPTION.messageType) ?? "";
      demand(["OFFER", "ACK", "NAK"].includes(type), "the reply has no server's type");
      const isGiven = message.yourAddress !== IPV4_ANY;
      demand(!isGiven || contains(CONFIG.subnet, message.yourAddress), "an address of another subnet was given");
      demand((type === "ACK" && isGiven) === (leases.length === 1), "an ACK without a lease, or the reverse");
      answered++;
    }
  };
  for (let i = 0; i < INPUTS; i++) {
    const frame = mutate(SEEDS, random);
    now += random(50) === 0 ? random(5000) : 0;
    try {
      check(frame);
    } catch (error) {
      throw new Error(`seed ${SEED}, input ${i}: ${toHex(frame)}`, { cause: error });
    }
  }
  // Else the inputs never reach the machine, and the test shows nothing.
  expect(answered).toBeGreaterThan(INPUTS / 20);
  expect(answered).toBeLessThan(INPUTS);
  const leases: Lease[] = [...server.leases()];
  expect(leases.length).toBeLessThanOrEqual(ADDRESSES);
});
