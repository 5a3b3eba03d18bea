/**
 * Hostile bytes against the decoders and the single-client server. NETLOOM_FUZZ_INPUTS sets the number of inputs,
 * NETLOOM_FUZZ_SEED repeats a run. What once failed stands as a file in crashes/dhcp4, beside inputs made by hand for what a decoder may stumble over.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { IPV4_ANY, type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../src/base/address.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { SingleDhcp4Server } from "../../src/protocol/dhcp4/single-server.ts";
import { decodeDhcp4 } from "../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../src/wire/dhcp4/option-table.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { clientFrame, readReply } from "../support/dhcp4-client.ts";
import { HEADERS_BYTES, mutate } from "../support/mutate-dhcp4.ts";
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
      const frame = mutate(SEEDS, random);
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
