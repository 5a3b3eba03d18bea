/** A client through a network that loses, delays, repeats and damages, with servers that give and refuse anything. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Dhcp6Client } from "../../../../src/protocol/dhcp6/client/client.ts";
import type { Dhcp6ClientOutput } from "../../../../src/protocol/dhcp6/client/input-output.ts";
import { type Dhcp6Lease, endOfLease, firstEnd } from "../../../../src/protocol/dhcp6/client/lease.ts";
import { randomNumbers } from "../../../support/random.ts";
import {
  type Association6,
  CLIENT6,
  CLIENT6_DUID,
  readClientFrame6,
  serverFrame6,
  type ServerMessage6,
} from "../../../support/dhcp6-server.ts";

interface Delivery {
  readonly at: number;
  readonly frame: Uint8Array;
}

/** What the client was promised and told, seen from outside. */
class Observer {
  usable: Dhcp6Lease | undefined;
  bound = 0;
  changed = 0;
  lost = 0;
  sent = 0;

  take({ events }: Dhcp6ClientOutput, now: number): void {
    for (const event of events) {
      if (event.event === "bound" || event.event === "changed") {
        this[event.event]++;
        if (event.event === "changed" && this.usable === undefined) throw new Error("changed what was not there");
        const { addresses, prefixes } = event.lease;
        if (addresses.length > 16 || prefixes.length > 16) throw new Error("endless leases");
        if (addresses.length + prefixes.length > 0 && firstEnd(event.lease) <= now)
          throw new Error("a lease that has ended was given");
        this.usable = event.lease;
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
  readonly damagePercent: number;
  readonly attachPercent: number;
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
  damagePercent: fc.constantFrom(0, 20),
  attachPercent: fc.constantFrom(0, 5, 30),
  lateSeconds: fc.constantFrom(0, 0.01, 5, 5000),
});

const STATUSES = ["noAddressesAvailable", "noBinding", "notOnLink", "noPrefixAvailable", "unspecifiedFailure"] as const;
const QUIET = {
  lossPercent: 0,
  delaySeconds: 0,
  conflictPercent: 0,
  damagePercent: 0,
  attachPercent: 0,
  lateSeconds: 0,
};

/** Runs for some simulated time. @returns what was observed, and for how long */
function simulate(network: Network, turns: number): { observer: Observer; seconds: number } {
  const below = randomNumbers(network.seed);
  const random = (): number => below(1 << 30) / (1 << 30);
  const chance = (percent: number): boolean => random() * 100 < percent;
  const wishes = { address: true, prefix: { length: 56 } };
  const client = new Dhcp6Client({ ...CLIENT6, duid: CLIENT6_DUID, wishes, random, rapidCommit: chance(50) });
  const observer = new Observer();
  let waiting: Delivery[] = [];
  let now = 0;
  const post = (message: ServerMessage6): void => {
    if (chance(network.lossPercent)) return;
    const frame = serverFrame6(message);
    if (chance(network.damagePercent)) frame[below(frame.length)]! ^= 1 << below(8);
    const copies = chance(5) ? 2 : 1;
    for (let i = 0; i < copies; i++) waiting.push({ at: now + random() * network.delaySeconds, frame });
  };
  const association = (text: string): Association6 => {
    if (chance(network.refusePercent)) return { status: STATUSES[below(STATUSES.length)]! };
    const seconds = chance(5) ? 0 : network.leaseSeconds;
    return { t1: chance(50) ? 0 : seconds / 2, t2: chance(50) ? 0 : seconds * 0.8, leases: [[text, seconds, seconds]] };
  };
  const answer = (bytes: Uint8Array): void => {
    const { type, transactionId } = readClientFrame6(bytes).message;
    const given = {
      address: association(`2001:db8::${1 + below(5)}`),
      prefix: association(`2001:db8:${below(5)}00::/56`),
    };
    if (type === "SOLICIT")
      post({ type: "ADVERTISE", transactionId, preference: chance(50) ? 255 : below(255), ...given });
    const refused = chance(network.refusePercent) ? { status: STATUSES[below(STATUSES.length)]! } : {};
    post({ type: "REPLY", transactionId, rapid: chance(50), ...given, ...refused });
  };
  const give = (input: Parameters<Dhcp6Client["handle"]>[0]): void => {
    const output = client.handle(input, now);
    observer.take(output, now);
    output.frames.forEach(answer);
    const { usable } = observer;
    if (usable !== undefined && endOfLease(usable) <= now && client.state !== "declining")
      throw new Error(`${client.state} past the lease's end`);
  };
  give({ input: "start" });
  for (let turn = 0; turn < turns; turn++) {
    const [first] = waiting.toSorted((a, b) => a.at - b.at);
    const deadline = client.nextDeadline();
    if (deadline === undefined) throw new Error("a client that waits for nothing");
    if (deadline < now) throw new Error("a deadline that has passed");
    const due = deadline + random() * network.lateSeconds;
    const [held] = observer.usable?.addresses ?? [];
    if (held !== undefined && chance(network.conflictPercent)) give({ input: "conflict", address: held.address });
    else if (chance(network.attachPercent)) give({ input: "attached" });
    else if (first !== undefined && first.at < due) {
      waiting = waiting.filter((delivery) => delivery !== first);
      now = Math.max(now, first.at);
      give({ input: "frame", frame: first.frame, checksumNotReady: chance(50) });
    } else {
      now = due;
      give({ input: "time" });
    }
  }
  return { observer, seconds: now };
}

describe("whatever the network does", () => {
  test("nothing is used past its end, what is kept is bounded, always a deadline that lies ahead", () => {
    const seen = { bound: 0, changed: 0, lost: 0 };
    fc.assert(
      fc.property(NETWORK, (network) => {
        const { observer } = simulate(network, 100);
        seen.bound += observer.bound;
        seen.changed += observer.changed;
        seen.lost += observer.lost;
      }),
      { numRuns: 80 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  });

  test("bytes of any kind in a server's answer are survived", () => {
    const client = new Dhcp6Client({
      ...CLIENT6,
      duid: CLIENT6_DUID,
      wishes: { address: true, prefix: {} },
      random: () => 0.5,
    });
    client.handle({ input: "start" }, 0);
    client.handle({ input: "time" }, 1);
    const transactionId = 2 ** 23;
    fc.assert(
      fc.property(
        fc.array(fc.record({ code: fc.integer({ min: 1, max: 90 }), data: fc.uint8Array({ maxLength: 60 }) }), {
          maxLength: 20,
        }),
        fc.constantFrom("ADVERTISE", "REPLY"),
        (options, type) => {
          const frame = serverFrame6({ type, transactionId, options });
          client.handle({ input: "frame", frame, checksumNotReady: false }, 1);
          expect(client.nextDeadline()).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });

  test("a server that refuses everything does not make the client flood the link", () => {
    const { observer, seconds } = simulate({ ...QUIET, seed: 1, leaseSeconds: 3600, refusePercent: 100 }, 200);
    expect(observer.sent / seconds).toBeLessThan(0.2);
  });
});
