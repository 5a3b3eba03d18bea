/**
 * Hostile bytes against the decoders and the single-client server. NETLOOM_FUZZ_INPUTS sets the number of inputs,
 * NETLOOM_FUZZ_SEED repeats a run. What once failed stands as a file in crashes/dhcp4, beside inputs made by hand for what a decoder may stumble over.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { IPV4_ANY, type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../src/base/address.ts";
import { concatBytes, fromHex, toHex } from "../../src/base/bytes.ts";
import { SingleDhcp4Server } from "../../src/protocol/dhcp4/single-server.ts";
import { addWords, finishChecksum } from "../../src/wire/checksum.ts";
import { decodeDhcp4 } from "../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../src/wire/dhcp4/option-table.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { clientFrame, readReply } from "../support/dhcp4-client.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 100_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
const CRASHES = join(import.meta.dirname, "crashes/dhcp4");

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const serverAddress = parseIpv4("169.254.75.10");
const server = new SingleDhcp4Server({
  clientMac: mac,
  serverAddress,
  serverMac: parseMac("02:00:00:00:00:fe"),
  lease: {
    address,
    prefixLength: 24,
    router: parseIpv4("192.0.2.1"),
    routes: [{ destination: parsePrefix("198.51.100.0/24") as Ipv4Prefix, gateway: parseIpv4("192.0.2.9") }],
    nameServers: [parseIpv4("192.0.2.53")],
    searchDomains: ["example.org"],
    leaseSeconds: 3600,
  },
});

const SEEDS = [
  clientFrame({
    mac,
    type: "DISCOVER",
    options: [optionEntry(DHCP4_OPTION.parameterRequestList, [1, 3, 6, 119, 121, 249])],
  }),
  clientFrame({
    mac,
    type: "REQUEST",
    options: [optionEntry(DHCP4_OPTION.requestedAddress, address), [61, new Uint8Array(300)]],
  }),
  clientFrame({
    mac,
    type: "REQUEST",
    fields: { clientAddress: address },
    source: address,
    destination: serverAddress,
  }),
  clientFrame({
    mac,
    type: "INFORM",
    source: address,
    options: [optionEntry(DHCP4_OPTION.maximumMessageSize, 300), [52, Uint8Array.of(3)]],
  }),
  clientFrame({
    mac,
    type: "DECLINE",
    options: [optionEntry(DHCP4_OPTION.domainSearch, ["a.example.org", "example.org"])],
  }),
  fromHex(
    `ffffffffffff 525400000017 0806 0001080006040001 525400000017 c0000211 000000000000 a9fe4b0a ${"00".repeat(18)}`,
  ),
];
/** Bytes that mean something somewhere: ends, pads, pointers, lengths at an edge. */
const TELLING = [0, 1, 3, 52, 53, 54, 55, 57, 61, 119, 121, 0x3f, 0x40, 0x45, 0x7f, 0x80, 0xc0, 0xff];
const HEADERS_BYTES = 14 + 20 + 8;
const OPTIONS_OFFSET = HEADERS_BYTES + 240;

function mutate(random: (below: number) => number): Uint8Array {
  let frame: Uint8Array = SEEDS[random(SEEDS.length)]!.slice();
  for (let changes = 1 + random(6); changes > 0; changes--) {
    // Most changes hit the options; a change of the headers mostly ends in a checksum.
    const start = random(4) === 0 ? 0 : Math.min(OPTIONS_OFFSET, frame.length - 1);
    const position = start + random(frame.length - start);
    const kind = random(8);
    if (kind < 3) frame[position] = TELLING[random(TELLING.length)]!;
    else if (kind < 5) frame[position] = random(256);
    else if (kind === 5) frame[position]! ^= 1 << random(8);
    else if (kind === 6) frame = frame.slice(0, Math.max(1, frame.length - random(80)));
    else frame = concatBytes([frame.subarray(0, position), frame.subarray(random(position + 1)).subarray(0, 600)]);
  }
  return random(3) === 0 ? frame : repaired(frame);
}

/** Set lengths and checksum right again, so that the change reaches the layers above. */
function repaired(frame: Uint8Array): Uint8Array {
  if (frame.length < HEADERS_BYTES || frame[12] !== 8 || frame[13] !== 0) return frame;
  const view = new DataView(frame.buffer);
  const headerBytes = Math.max(20, (frame[14]! & 15) * 4);
  if (frame.length < 14 + headerBytes + 8) return frame;
  frame[14] = 0x40 | (headerBytes / 4);
  view.setUint16(16, frame.length - 14);
  view.setUint16(24, 0);
  view.setUint16(24, finishChecksum(addWords(frame.subarray(14, 14 + headerBytes))));
  view.setUint16(14 + headerBytes + 4, frame.length - 14 - headerBytes);
  view.setUint16(14 + headerBytes + 6, 0);
  return frame;
}

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Everything that may be said of any frame. @returns how many frames came back */
function check(frame: Uint8Array): number {
  const { frames, events } = server.handle({ frame, checksumNotReady: true }, 0);
  demand(frames.length <= 1, "more than one reply");
  demand(events.length > 0, "nothing was reported");
  const [reply] = frames;
  if (reply !== undefined && reply[12] === 8 && reply[13] === 0) {
    const { message, ethernet } = readReply(reply);
    demand(ethernet.payload.length <= 1500, "the reply exceeds the link");
    demand(
      ["OFFER", "ACK", "NAK"].includes(readOption(message.options, DHCP4_OPTION.messageType) ?? ""),
      "the reply has no server's type",
    );
    demand(message.yourAddress === address || message.yourAddress === IPV4_ANY, "another address was given");
  }
  const message = decodeDhcp4(frame.subarray(HEADERS_BYTES));
  if (!(message instanceof Malformed))
    for (const option of Object.values(DHCP4_OPTION)) readOption<unknown>(message.options, option);
  return frames.length;
}

describe("DHCPv4 fuzzing", () => {
  test.each(readdirSync(CRASHES))("crash input %s", (name) => {
    check(fromHex(readFileSync(join(CRASHES, name), "utf8")));
  });

  test(`${INPUTS} inputs: nothing throws, nothing hangs, replies are well formed`, { timeout: 60_000 + INPUTS }, () => {
    const random = randomNumbers(SEED);
    let answered = 0;
    for (let i = 0; i < INPUTS; i++) {
      const frame = mutate(random);
      try {
        answered += check(frame);
      } catch (error) {
        throw new Error(`seed ${SEED}, input ${i}: ${toHex(frame)}`, { cause: error });
      }
    }
    // Else the inputs never reach the machine, and the test shows nothing.
    expect(answered).toBeGreaterThan(INPUTS / 20);
    expect(answered).toBeLessThan(INPUTS);
  });
});
