/**
 * Hostile bytes against the DHCPv4 server of a subnet. NETLOOM_FUZZ_INPUTS sets the number of inputs, NETLOOM_FUZZ_SEED
 * repeats a run.
 */
import { expect, test } from "vitest";
import { contains, type Ipv4Address, IPV4_ANY, parseIpv4 } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { Dhcp4ServerOutput } from "../../src/protocol/dhcp4/server/server.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import { encodeArp } from "../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_ARP } from "../../src/wire/ethernet.ts";
import { decodeIpv4, IP_PROTOCOL_UDP } from "../../src/wire/ipv4.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import {
  chosen,
  macOf,
  PORT,
  renewing,
  requested,
  RICH,
  SERVER,
  SERVER_MAC,
  start,
} from "../protocol/dhcp4/server/world.ts";
import { clientFrame, readReply } from "../support/dhcp4-client.ts";
import { mutate } from "../support/mutate-dhcp4.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 50_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
const ADDRESSES = 14;

const mac = macOf(5);
const boot = optionEntry(DHCP4_OPTION.vendorClass, "boot");
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
  clientFrame({ mac: macOf(0), options: [boot] }),
  clientFrame({ mac: macOf(1), type: "DISCOVER", options: [boot, [81, fromHex("05000003766d31")]] }),
  clientFrame({ mac, type: "DISCOVER", options: [[82, Uint8Array.of(1, PORT.length, ...PORT)]] }),
  clientFrame({ mac: macOf(2), type: "REQUEST", options: [requested("192.0.2.13"), [61, fromHex("0002")]] }),
  encodeEthernet({
    destination: SERVER_MAC,
    source: macOf(9),
    etherType: ETHERTYPE_ARP,
    payload: encodeArp({
      operation: 2,
      senderMac: macOf(9),
      senderAddress: parseIpv4("192.0.2.10"),
      targetMac: SERVER_MAC,
      targetAddress: IPV4_ANY,
    }),
  }),
];

function isProbe(frame: Uint8Array): boolean {
  const ethernet = decodeEthernet(frame);
  if (ethernet instanceof Malformed || ethernet.etherType === ETHERTYPE_ARP) return true;
  const packet = decodeIpv4(ethernet.payload);
  return packet instanceof Malformed || packet.protocol !== IP_PROTOCOL_UDP;
}

function isServed(address: Ipv4Address): boolean {
  return [RICH, ...RICH.furtherSubnets!].some(({ subnet }) => contains(subnet, address));
}

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

test(`${INPUTS} inputs: nothing throws, replies are well formed, the server stays small`, {
  timeout: 60_000 + INPUTS,
}, () => {
  const random = randomNumbers(SEED);
  const server = start({ ...RICH, rapidCommit: true });
  const restarted = start(RICH);
  let answered = 0;
  let now = 0;
  const check = ({ frames, leases }: Dhcp4ServerOutput): void => {
    let acknowledged = 0;
    for (const lease of leases) demand(restarted.restore(lease), "a lease outside the range");
    for (const bytes of frames) {
      if (isProbe(bytes)) continue;
      const { message, ethernet } = readReply(bytes);
      demand(ethernet.payload.length <= 1500, "the reply exceeds the link");
      const isGiven = message.yourAddress !== IPV4_ANY;
      demand(!isGiven || isServed(message.yourAddress), "an address of another subnet was given");
      answered++;
      if (!message.options.has(DHCP4_OPTION.messageType.code)) continue;
      const type = readOption(message.options, DHCP4_OPTION.messageType) ?? "";
      demand(["OFFER", "ACK", "NAK"].includes(type), "the reply has no server's type");
      if (type !== "ACK" || !isGiven) continue;
      acknowledged++;
      const isLeased = leases.some(({ address, state }) => address === message.yourAddress && state === "leased");
      demand(isLeased, "an ACK without a lease");
    }
    demand(leases.filter(({ state }) => state === "leased").length === acknowledged, "a lease without an ACK");
  };
  const receive = (frame: Uint8Array): void => {
    const output = server.handle({ frame, checksumNotReady: true }, now);
    demand(output.frames.length <= 1 && output.leases.length <= 3, "more than one reply or its leases");
    demand(output.events.length > 0 || isProbe(frame), "nothing was reported");
    check(output);
  };
  for (let i = 0; i < INPUTS; i++) {
    const frame = mutate(SEEDS, random);
    now += random(50) === 0 ? random(5000) : 0;
    try {
      receive(frame);
      if (random(10) === 0) check(server.handleDeadline(now + 1));
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
