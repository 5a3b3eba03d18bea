/** A client through a network that loses, delays and repeats, with servers that give leases of any length. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ipv4Address, parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { Dhcp4Client } from "../../../../src/protocol/dhcp4/client/client.ts";
import type { Dhcp4ClientOutput } from "../../../../src/protocol/dhcp4/client/input-output.ts";
import { DHCP4_OPTION, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { randomNumbers } from "../../../support/random.ts";
import { arpFrame, readClientFrame, serverFrame } from "../../../support/dhcp4-server.ts";

const mac = parseMac("52:54:00:00:00:17");
const server = { server: parseIpv4("192.0.2.1"), serverMac: parseMac("02:00:00:00:00:fe"), clientMac: mac };
const HOLDING = ["bound", "confirming", "renewing", "rebinding"];

interface Delivery {
  readonly at: number;
  readonly frame: Uint8Array;
}

/** What the client was promised and told, seen from outside. */
class Observer {
  usable: { address: Ipv4Address; until: number } | undefined;
  bound = 0;
  extended = 0;
  lost = 0;
  sent = 0;

  take({ events }: Dhcp4ClientOutput, now: number): void {
    for (const event of events) {
      if (event.event === "bound" || event.event === "extended") {
        this[event.event]++;
        if (event.event === "extended" && this.usable?.address !== event.lease.address)
          throw new Error("another address");
        if (event.endSeconds <= now) throw new Error("a lease that has ended was given");
        this.usable = { address: event.lease.address, until: event.endSeconds };
      } else if (event.event === "lost") {
        this.lost++;
        if (this.usable === undefined) throw new Error("lost what it did not have");
        this.usable = undefined;
      } else if (event.event === "sent") this.sent++;
    }
  }
}

interface Network {
  readonly seed: number;
  /** Of a hundred. */
  readonly lossPercent: number;
  readonly delaySeconds: number;
  readonly leaseSeconds: number;
  readonly refusePercent: number;
  readonly conflictPercent: number;
  /** How often the carrier comes back. */
  readonly flapPercent: number;
  /** How late the client's own timer comes. */
  readonly lateSeconds: number;
}

const NETWORK = fc.record<Network>({
  seed: fc.nat(),
  lossPercent: fc.constantFrom(0, 10, 50, 90),
  delaySeconds: fc.constantFrom(0, 0.2, 3, 30),
  leaseSeconds: fc.constantFrom(1, 2, 10, 100, 3600, 86_400),
  refusePercent: fc.constantFrom(0, 5, 50),
  conflictPercent: fc.constantFrom(0, 5, 50),
  flapPercent: fc.constantFrom(0, 0, 5, 30),
  lateSeconds: fc.constantFrom(0, 0.01, 5, 5000),
});

/** Runs for some simulated time. @returns what was observed, and for how long */
function simulate(network: Network, turns: number): { observer: Observer; seconds: number } {
  const below = randomNumbers(network.seed);
  const random = (): number => below(1 << 30) / (1 << 30);
  const chance = (percent: number): boolean => random() * 100 < percent;
  const client = new Dhcp4Client({ mac, random });
  const observer = new Observer();
  let waiting: Delivery[] = [];
  let now = 0;
  const post = (frame: Uint8Array): void => {
    if (chance(network.lossPercent)) return;
    const copies = chance(5) ? 2 : 1;
    for (let i = 0; i < copies; i++) waiting.push({ at: now + random() * network.delaySeconds, frame });
  };
  const answer = (bytes: Uint8Array): void => {
    const read = readClientFrame(bytes);
    if ("arp" in read) {
      const { operation, targetAddress } = read.arp;
      if (operation === 1 && chance(network.conflictPercent))
        post(arpFrame({ senderMac: parseMac("52:54:00:00:00:99"), senderAddress: targetAddress }));
      return;
    }
    const { message } = read.dhcp;
    const type = readOption(message.options, DHCP4_OPTION.messageType);
    const reply = { ...server, transactionId: message.transactionId, leaseSeconds: network.leaseSeconds };
    const wanted = readOption(message.options, DHCP4_OPTION.requestedAddress) ?? message.clientAddress;
    if (type === "DISCOVER")
      post(serverFrame({ ...reply, type: "OFFER", address: parseIpv4(`192.0.2.${10 + below(5)}`) }));
    else if (type === "REQUEST")
      post(
        serverFrame(
          chance(network.refusePercent) ? { ...reply, type: "NAK" } : { ...reply, type: "ACK", address: wanted },
        ),
      );
  };
  const give = (input: Parameters<Dhcp4Client["handle"]>[0]): void => {
    const output = client.handle(input, now);
    observer.take(output, now);
    output.frames.forEach(answer);
    const holds = HOLDING.includes(client.state);
    if (holds !== (observer.usable !== undefined)) throw new Error(`${client.state}, but told otherwise`);
    if (observer.usable !== undefined && observer.usable.until <= now) throw new Error("BOUND past the lease's end");
  };
  give({ input: "start" });
  for (let turn = 0; turn < turns; turn++) {
    const [first] = waiting.toSorted((a, b) => a.at - b.at);
    const deadline = client.nextDeadline();
    if (deadline === undefined) throw new Error("a client that waits for nothing");
    if (deadline < now) throw new Error("a deadline that has passed");
    const due = deadline + random() * network.lateSeconds;
    if (chance(network.flapPercent)) {
      now += random() * Math.min(deadline - now, 1);
      give({ input: "attached" });
    } else if (first !== undefined && first.at < due) {
      waiting = waiting.filter((delivery) => delivery !== first);
      now = Math.max(now, first.at);
      give({ input: "frame", frame: first.frame, checksumNotReady: false });
    } else {
      now = due;
      give({ input: "time" });
    }
  }
  return { observer, seconds: now };
}

describe("whatever the network does", () => {
  test("never BOUND past the lease's end, never two addresses, always a deadline that lies ahead", () => {
    const seen = { bound: 0, extended: 0, lost: 0 };
    fc.assert(
      fc.property(NETWORK, (network) => {
        const { observer } = simulate(network, 100);
        seen.bound += observer.bound;
        seen.extended += observer.extended;
        seen.lost += observer.lost;
      }),
      {
        numRuns: 80,
        examples: [
          [
            {
              seed: 0,
              lossPercent: 10,
              delaySeconds: 0,
              leaseSeconds: 10,
              refusePercent: 0,
              conflictPercent: 5,
              flapPercent: 30,
              lateSeconds: 0,
            },
          ],
        ],
      },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  });

  test("a quiet network gives a lease within a second and keeps it", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const quiet = {
          lossPercent: 0,
          delaySeconds: 0,
          refusePercent: 0,
          conflictPercent: 0,
          flapPercent: 0,
          lateSeconds: 0,
        };
        const { observer } = simulate({ seed, leaseSeconds: 3600, ...quiet }, 40);
        expect([observer.bound, observer.lost]).toEqual([1, 0]);
        expect(observer.extended).toBeGreaterThan(5);
      }),
      { numRuns: 30 },
    );
  });

  test("a server that refuses everything does not make the client flood the link", () => {
    const { observer, seconds } = simulate(
      {
        seed: 1,
        lossPercent: 0,
        delaySeconds: 0,
        leaseSeconds: 3600,
        refusePercent: 100,
        conflictPercent: 0,
        flapPercent: 0,
        lateSeconds: 0,
      },
      200,
    );
    expect(observer.sent / seconds).toBeLessThan(0.1);
  });
});
