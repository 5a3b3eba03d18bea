/**
 * Hostile bytes against the client in each of its states. NETLOOM_FUZZ_INPUTS sets the number of inputs, NETLOOM_FUZZ_SEED
 * repeats a run. Inputs that know the transaction are made too: nobody else's reach the machine.
 */
import { describe, expect, test } from "vitest";
import { IPV4_ANY, parseIpv4, parseMac, type Prefix, type Ipv4Address } from "../../src/base/address.ts";
import { toHex } from "../../src/base/bytes.ts";
import { Dhcp4Client } from "../../src/protocol/dhcp4/client/client.ts";
import type { Dhcp4ClientState } from "../../src/protocol/dhcp4/client/phase.ts";
import { DHCP4_OPTION, optionEntry } from "../../src/wire/dhcp4/option-table.ts";
import { arpFrame, readClientFrame, serverFrame } from "../support/dhcp4-server.ts";
import { mutate } from "../support/mutate-dhcp4.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 20_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const server = parseIpv4("192.0.2.1");
/** What the client below always takes. */
const TRANSACTION = 0x80000000;
const subnet = (text: string, length: number): Prefix<Ipv4Address> => ({ address: parseIpv4(text), length });
const common = {
  server,
  serverMac: parseMac("02:00:00:00:00:fe"),
  clientMac: mac,
  transactionId: TRANSACTION,
  address,
};
const OPTIONS = [
  optionEntry(DHCP4_OPTION.routers, [server]),
  optionEntry(DHCP4_OPTION.domainSearch, ["a.example.org", "example.org"]),
  optionEntry(DHCP4_OPTION.classlessRoutes, [{ destination: subnet("198.51.100.0", 24), gateway: server }]),
  optionEntry(DHCP4_OPTION.renewalTime, 100),
  optionEntry(DHCP4_OPTION.domainName, "example.org"),
];
const SEEDS = [
  serverFrame({ ...common, type: "OFFER", options: OPTIONS }),
  serverFrame({ ...common, type: "ACK", options: OPTIONS }),
  serverFrame({
    ...common,
    type: "ACK",
    options: [
      [52, Uint8Array.of(3)],
      [224, new Uint8Array(300)],
    ],
  }),
  serverFrame({ ...common, type: "NAK", options: [optionEntry(DHCP4_OPTION.message, "no")] }),
  arpFrame({ senderMac: parseMac("52:54:00:00:00:99"), senderAddress: address }),
  arpFrame({ operation: 1, senderMac: parseMac("52:54:00:00:00:99"), senderAddress: IPV4_ANY, targetAddress: address }),
];
function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

describe("DHCPv4 client fuzzing", () => {
  test(`${INPUTS} inputs: nothing throws, nothing hangs, what is sent is well formed and little`, {
    timeout: 60_000 + INPUTS,
  }, () => {
    const random = randomNumbers(SEED);
    const states = new Map<Dhcp4ClientState, number>();
    let client = new Dhcp4Client({ mac, random: () => 0.5 });
    let now = 0;
    client.handle({ input: "start" }, now);
    for (let i = 0; i < INPUTS; i++) {
      const frame = mutate(SEEDS, random);
      try {
        const { frames, events } = client.handle({ input: "frame", frame, checksumNotReady: true }, now);
        demand(frames.length <= 2, "more than two frames for one");
        demand(events.length > 0 || client.state === "checking", "nothing was reported");
        for (const sent of frames) {
          readClientFrame(sent);
          demand(sent.length <= 600, "a large frame");
        }
        for (const event of events) {
          if (event.event !== "bound" && event.event !== "extended") continue;
          const { lease, endSeconds } = event;
          demand(endSeconds > now && lease.renewalSeconds <= lease.rebindingSeconds, "times that make no sense");
          demand(lease.routes.length <= 64 && lease.searchDomains.length <= 64, "long lists");
          demand(
            [lease.domainName ?? "", ...lease.searchDomains].every((name) => /^[\w.-]*$/.test(name)),
            "a bad name",
          );
        }
        states.set(client.state, (states.get(client.state) ?? 0) + 1);
        // Now and then time passes, to the deadline or far beyond it.
        const deadline = client.nextDeadline();
        if (deadline !== undefined && random(6) === 0) now = deadline + (random(20) === 0 ? random(100_000) : 0);
        client.handle({ input: "time" }, now);
        if (random(200) === 0) {
          client = new Dhcp4Client({ mac, random: () => 0.5, remembered: { address, leaseEnded: random(2) === 0 } });
          client.handle({ input: "start" }, now);
        }
      } catch (error) {
        throw new Error(`seed ${SEED}, input ${i}, ${client.state}: ${toHex(frame)}`, { cause: error });
      }
    }
    // Else the inputs never reach the machine, and the test shows nothing.
    for (const state of ["rebooting", "selecting", "requesting", "checking", "bound", "renewing"] as const)
      expect([state, (states.get(state) ?? 0) > INPUTS / 2000]).toEqual([state, true]);
  });
});
