/**
 * The DHCPv6 client in each of its states: nothing throws, what it sends is well formed and little, what it takes up is
 * bounded. Inputs have its transaction: with another one nothing reaches the machine.
 */
import type { Ipv6Address } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { Dhcp6Client } from "../../../src/protocol/dhcp6/client/client.ts";
import type { Dhcp6ClientOutput } from "../../../src/protocol/dhcp6/client/input-output.ts";
import { endOfLease } from "../../../src/protocol/dhcp6/client/lease.ts";
import type { Dhcp6ClientState } from "../../../src/protocol/dhcp6/client/phase.ts";
import { decodeEthernet, encodeEthernet } from "../../../src/wire/ethernet.ts";
import { decodeIpv6, encodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { CLIENT6, CLIENT6_DUID, readClientFrame6, serverFrame6 } from "../../support/dhcp6-server.ts";
import { mutateIp6 } from "../mutate-ip6.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

/** What the client below always takes. */
const TRANSACTION = 2 ** 23;
const LARGEST_FRAME_BYTES = 1514;
const LEASES_AT_MOST = 16;
const STATES = ["soliciting", "requesting", "bound", "renewing", "rebinding"] as const;

const given = {
  transactionId: TRANSACTION,
  address: { t1: 50, t2: 80, leases: [["2001:db8::17", 100, 200]] },
  prefix: { t1: 50, t2: 80, leases: [["2001:db8:100::/56", 100, 200]] },
} as const;
const SEEDS = [
  serverFrame6({ type: "ADVERTISE", ...given, preference: 255 }),
  serverFrame6({ type: "ADVERTISE", ...given, preference: 3 }),
  serverFrame6({ type: "REPLY", ...given }),
  serverFrame6({
    type: "REPLY",
    ...given,
    options: [
      { code: 23, data: new Uint8Array(32) },
      { code: 24, data: Uint8Array.of(3, 111, 114, 103, 0) },
      { code: 56, data: Uint8Array.of(0, 1, 0, 16, ...new Uint8Array(16)) },
    ],
  }),
  serverFrame6({ type: "REPLY", transactionId: TRANSACTION, address: { status: "noBinding" }, rapid: true }),
  serverFrame6({ type: "REPLY", transactionId: TRANSACTION, status: "notOnLink" }),
  serverFrame6({ type: "RECONFIGURE", transactionId: 0 }),
].map((bytes) => {
  const frame = decodeEthernet(bytes);
  const packet = frame instanceof Malformed ? frame : decodeIpv6(frame.payload);
  if (frame instanceof Malformed || packet instanceof Malformed) throw new Error("a seed that is malformed");
  return { frame, packet };
});

function begin(random: Random): Dhcp6Client {
  const wishes = { address: random(4) > 0, prefix: { length: 56 } };
  return new Dhcp6Client({ ...CLIENT6, duid: CLIENT6_DUID, wishes, random: () => 0.5, rapidCommit: random(2) === 0 });
}

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #states = new Map<Dhcp6ClientState, number>();
  #client: Dhcp6Client;
  #frame: Uint8Array = new Uint8Array();
  #held: Ipv6Address | undefined;
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#client = begin(random);
    this.#give({ input: "start" });
  }

  next(): void {
    const random = this.#random;
    const { frame, packet } = SEEDS[random(SEEDS.length)]!;
    const payload = encodeIpv6(random(3) === 0 ? packet : mutateIp6(packet, random));
    this.#frame = encodeEthernet({ ...frame, payload });
    this.#give({ input: "frame", frame: this.#frame, checksumNotReady: random(2) === 0 });
    this.#states.set(this.#client.state, (this.#states.get(this.#client.state) ?? 0) + 1);
    this.#pass();
  }

  #give(input: Parameters<Dhcp6Client["handle"]>[0]): void {
    const { frames, events }: Dhcp6ClientOutput = this.#client.handle(input, this.#now);
    demand(frames.length <= 2, "more than two frames for one");
    for (const frame of frames) {
      readClientFrame6(frame);
      demand(frame.length <= LARGEST_FRAME_BYTES, `a frame of ${frame.length} bytes`);
    }
    for (const event of events) {
      if (event.event !== "bound" && event.event !== "changed") continue;
      const { addresses, prefixes } = event.lease;
      demand(addresses.length <= LEASES_AT_MOST && prefixes.length <= LEASES_AT_MOST, "endless leases");
      demand(addresses.length + prefixes.length === 0 || endOfLease(event.lease) > this.#now, "a lease that has ended");
      this.#held = addresses[0]?.address;
    }
  }

  /** Now and then time passes, to the deadline or far beyond it, somebody else has the address, and a client begins anew. */
  #pass(): void {
    const random = this.#random;
    const deadline = this.#client.nextDeadline();
    if (deadline !== undefined && random(4) === 0) {
      this.#now = Math.max(this.#now, deadline) + (random(20) === 0 ? random(100_000) : 0);
      this.#give({ input: "time" });
    }
    if (this.#held !== undefined && random(50) === 0) this.#give({ input: "conflict", address: this.#held });
    if (random(200) !== 0) return;
    this.#client = begin(random);
    this.#held = undefined;
    this.#give({ input: "start" });
  }

  input(): string {
    return `${this.#client.state} ${toHex(this.#frame)}`;
  }

  end(inputs: number): void {
    for (const state of STATES)
      demand((this.#states.get(state) ?? 0) > inputs / 2000, `too few inputs in state ${state}`);
  }
}

export const DHCP6_CLIENT: FuzzTarget = { name: "dhcp6-client", start: (random) => new Run(random) };
