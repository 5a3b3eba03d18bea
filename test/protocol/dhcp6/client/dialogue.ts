/** A DHCPv6 client, its clock and a server's half of the dialogue. */
import { expect } from "vitest";
import { formatPrefix, parseIpv6, parseMac } from "../../../../src/base/address.ts";
import { Dhcp6Client } from "../../../../src/protocol/dhcp6/client/client.ts";
import type {
  Dhcp6ClientConfig,
  Dhcp6ClientEvent,
  Dhcp6ClientOutput,
} from "../../../../src/protocol/dhcp6/client/input-output.ts";
import type { Dhcp6Lease } from "../../../../src/protocol/dhcp6/client/lease.ts";
import { linkLayerDuid } from "../../../../src/wire/dhcp6/options.ts";
import {
  CLIENT6,
  CLIENT6_DUID,
  readClientFrame6,
  SERVER6_DUID,
  serverFrame6,
  type ServerMessage6,
} from "../../../support/dhcp6-server.ts";

export const address = { t1: 1000, t2: 1600, leases: [["2001:db8::17", 2000, 3000]] } as const;
export const prefix = { t1: 1000, t2: 1600, leases: [["2001:db8:100::/56", 2000, 3000]] } as const;
export const otherDuid = linkLayerDuid(parseMac("02:00:00:00:00:ff"));
export const both = { wishes: { address: true, prefix: { length: 56 } } };
export const number32 = (code: number, value: number) => ({
  code,
  data: Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value),
});

/** A client, its clock and a server's half of the dialogue. Randomness is 0.5: all waits are exact, but the first. */
export class Dialogue {
  readonly client: Dhcp6Client;
  now = 1000;
  last: Dhcp6ClientOutput = { frames: [], events: [] };
  #transactionId = 0;

  constructor(config: Partial<Dhcp6ClientConfig> = {}) {
    this.client = new Dhcp6Client({
      ...CLIENT6,
      duid: CLIENT6_DUID,
      wishes: { address: true },
      random: () => 0.5,
      ...config,
    });
  }

  #take(output: Dhcp6ClientOutput): this {
    this.last = output;
    for (const frame of output.frames) this.#transactionId = readClientFrame6(frame).message.transactionId;
    return this;
  }

  give(input: Parameters<Dhcp6Client["handle"]>[0]): this {
    return this.#take(this.client.handle(input, this.now));
  }

  frame(frame: Uint8Array): this {
    return this.give({ input: "frame", frame, checksumNotReady: false });
  }

  says(message: Partial<ServerMessage6>): this {
    return this.frame(serverFrame6({ type: "REPLY", transactionId: this.#transactionId, ...message }));
  }

  /** To the next deadline. @returns how long that took */
  wait(): number {
    const deadline = this.client.nextDeadline();
    if (deadline === undefined) throw new Error("there is no deadline");
    const seconds = deadline - this.now;
    this.now = deadline;
    this.give({ input: "time" });
    return seconds;
  }

  at(seconds: number): this {
    this.now = seconds;
    return this.give({ input: "time" });
  }

  /** Through SOLICIT and REQUEST. */
  bind(message: Partial<ServerMessage6> = { address }): this {
    return this.says({ type: "ADVERTISE", preference: 255, ...message }).says({ type: "REPLY", ...message });
  }

  get message() {
    expect(this.last.frames).toHaveLength(1);
    const read = readClientFrame6(this.last.frames[0]!);
    const named = read.associations.map(({ kind, named: leases }) => [kind, ...leases.map(formatPrefix)]);
    return { ...read, type: read.message.type, named };
  }

  event<Name extends Dhcp6ClientEvent["event"]>(name: Name): Extract<Dhcp6ClientEvent, { event: Name }> | undefined {
    return this.last.events.find((event): event is Extract<Dhcp6ClientEvent, { event: Name }> => event.event === name);
  }

  get reason(): string | undefined {
    return this.event("ignored")?.reason;
  }
}

/** Past the first random delay. */
export function dialogue(config?: Partial<Dhcp6ClientConfig>): Dialogue {
  const talk = new Dialogue(config).give({ input: "start" });
  talk.wait();
  return talk;
}

export const leasedUntil = (lease: Dhcp6Lease | undefined) =>
  [...(lease?.addresses ?? []), ...(lease?.prefixes ?? [])].map(({ preferredUntil, validUntil, ...named }) => [
    formatPrefix(named),
    preferredUntil,
    validUntil,
  ]);

export const remembered: Dhcp6Lease = {
  addresses: [{ address: parseIpv6("2001:db8::17"), length: 128, preferredUntil: 2000, validUntil: 3000 }],
  prefixes: [],
  serverDuid: SERVER6_DUID,
  serverAddress: parseIpv6("fe80::1"),
  renewAt: 1500,
  rebindAt: 1800,
  nameServers: [],
  searchDomains: [],
  ntpServers: [],
};

export const rememberedPrefix: Dhcp6Lease = {
  ...remembered,
  prefixes: [{ address: parseIpv6("2001:db8:100::"), length: 56, preferredUntil: 2000, validUntil: 3000 }],
};
