import { describe, expect, test } from "vitest";
import { formatPrefix, parseIpv6, parseMac } from "../../../../src/base/address.ts";
import { Dhcp6Client } from "../../../../src/protocol/dhcp6/client/client.ts";
import type {
  Dhcp6ClientConfig,
  Dhcp6ClientEvent,
  Dhcp6ClientOutput,
} from "../../../../src/protocol/dhcp6/client/input-output.ts";
import type { Dhcp6Lease } from "../../../../src/protocol/dhcp6/client/lease.ts";
import { encodeNameServers, encodeSearchList, linkLayerDuid } from "../../../../src/wire/dhcp6/options.ts";
import {
  CLIENT6,
  CLIENT6_DUID,
  readClientFrame6,
  SERVER6_DUID,
  serverFrame6,
  type ServerMessage6,
} from "../../../support/dhcp6-server.ts";

const address = { t1: 1000, t2: 1600, leases: [["2001:db8::17", 2000, 3000]] } as const;
const prefix = { t1: 1000, t2: 1600, leases: [["2001:db8:100::/56", 2000, 3000]] } as const;
const otherDuid = linkLayerDuid(parseMac("02:00:00:00:00:ff"));
const both = { wishes: { address: true, prefix: { length: 56 } } };
const number32 = (code: number, value: number) => ({
  code,
  data: Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value),
});

/** A client, its clock and a server's half of the dialogue. Randomness is 0.5: all waits are exact, but the first. */
class Dialogue {
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
function dialogue(config?: Partial<Dhcp6ClientConfig>): Dialogue {
  const talk = new Dialogue(config).give({ input: "start" });
  talk.wait();
  return talk;
}

const leasedUntil = (lease: Dhcp6Lease | undefined) =>
  [...(lease?.addresses ?? []), ...(lease?.prefixes ?? [])].map(({ preferredUntil, validUntil, ...named }) => [
    formatPrefix(named),
    preferredUntil,
    validUntil,
  ]);

const remembered: Dhcp6Lease = {
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
const rememberedPrefix: Dhcp6Lease = {
  ...remembered,
  prefixes: [{ address: parseIpv6("2001:db8:100::"), length: 56, preferredUntil: 2000, validUntil: 3000 }],
};

describe("what is sent (RFC 8415 §18.2)", () => {
  test("SOLICIT: after a random delay, to all servers of the link from the link-local address, port 546 to 547", () => {
    const talk = new Dialogue().give({ input: "start" });
    expect(talk.last.frames).toEqual([]);
    expect(talk.wait()).toBe(0.5);
    expect(talk.message).toMatchObject({
      type: "SOLICIT",
      destinationMac: "33:33:00:01:00:02",
      packet: { source: CLIENT6.linkAddress, destination: "ff02::1:2" },
      ports: [546, 547],
      named: [["address"]],
      codes: [1, 8, 3, 6],
      wanted: [23, 24, 56, 31, 82],
      elapsedHundredths: 0,
    });
  });

  test("SOLICIT for a prefix of a length: IA_PD with ::/56", () => {
    expect(dialogue(both).message.named).toEqual([["address"], ["prefix", "::/56"]]);
    expect(dialogue({ wishes: { address: false, prefix: {} } }).message.named).toEqual([["prefix"]]);
  });

  test("a host name and further options are told and asked for; RAPID_COMMIT only if wished", () => {
    const talk = dialogue({ hostName: "vm1", rapidCommit: true, wantedOptions: [59, 23] });
    expect(talk.message.codes).toEqual([1, 8, 3, 14, 6, 39]);
    expect(talk.message.wanted).toEqual([23, 24, 56, 31, 82, 39, 59]);
    talk.says({ type: "ADVERTISE", address, preference: 255 });
    expect(talk.message.codes).toEqual([1, 2, 8, 3, 6, 39]);
  });

  test("REQUEST: server and what it advertised, in a transaction of its own", () => {
    const talk = dialogue(both);
    const { transactionId } = talk.message.message;
    expect(transactionId).toBeLessThan(2 ** 24);
    talk.says({ type: "ADVERTISE", preference: 255, address, prefix });
    expect(talk.message).toMatchObject({
      type: "REQUEST",
      serverDuid: SERVER6_DUID,
      named: [
        ["address", "2001:db8::17/128"],
        ["prefix", "2001:db8:100::/56"],
      ],
    });
  });

  test("RENEW at T1 with the server, REBIND at T2 without it", () => {
    const talk = dialogue(both).bind({ address, prefix });
    expect(talk.wait()).toBe(1000);
    expect(talk.message).toMatchObject({ type: "RENEW", serverDuid: SERVER6_DUID, elapsedHundredths: 0 });
    while (talk.client.state === "renewing") talk.wait();
    expect(talk.now).toBe(1000.5 + 1600);
    expect(talk.message).toMatchObject({
      type: "REBIND",
      serverDuid: undefined,
      named: [
        ["address", "2001:db8::17/128"],
        ["prefix", "2001:db8:100::/56"],
      ],
    });
  });

  test("an association that got nothing is asked for again with the renewal (RFC 8415 §18.2.4)", () => {
    const talk = dialogue(both).bind({ address, prefix: { status: "noPrefixAvailable" } });
    expect(leasedUntil(talk.event("bound")?.lease)).toEqual([["2001:db8::17/128", 3000.5, 4000.5]]);
    talk.wait();
    expect(talk.message.named).toEqual([
      ["address", "2001:db8::17/128"],
      ["prefix", "::/56"],
    ]);
  });

  test("RELEASE: server and leases, no wishes; four times, or until the answer", () => {
    const talk = dialogue({ ...both, hostName: "vm1" })
      .bind({ address, prefix })
      .give({ input: "release" });
    expect(talk.message).toMatchObject({ type: "RELEASE", serverDuid: SERVER6_DUID, codes: [1, 2, 8, 3, 25] });
    expect(talk.event("lost")).toMatchObject({ reason: "released" });
    expect([talk.wait(), talk.wait(), talk.wait()]).toEqual([1, 2, 4]);
    expect([talk.message.type, talk.wait(), talk.event("released"), talk.client.state]).toEqual([
      "RELEASE",
      8,
      { event: "released" },
      "stopped",
    ]);
    const answered = dialogue().bind().give({ input: "release" }).says({ status: "noBinding" });
    expect([answered.event("released"), answered.client.nextDeadline()]).toEqual([{ event: "released" }, undefined]);
  });

  test("RELEASE without a lease: silence", () => {
    const talk = dialogue().give({ input: "release" });
    expect([talk.last.frames, talk.event("released"), talk.client.state]).toEqual([
      [],
      { event: "released" },
      "stopped",
    ]);
  });
});

describe("repetition (RFC 8415 §15)", () => {
  test("SOLICIT: one to two seconds first, then doubled up to an hour, with the elapsed time", () => {
    const talk = dialogue();
    const waits = Array.from({ length: 14 }, () => Math.round(talk.wait() * 100) / 100);
    expect(waits.slice(0, 4)).toEqual([1.05, 2.1, 4.2, 8.4]);
    expect(waits.at(-1)).toBe(3600);
    expect(talk.message.elapsedHundredths).toBe(0xffff);
  });

  test("a tenth more or less", () => {
    for (const [random, first, second] of [
      [0, 1, 1.9],
      [0.999, 1.1, 2.31],
    ] as const) {
      const talk = dialogue({ random: () => random });
      expect(talk.wait()).toBeCloseTo(first, 2);
      expect(talk.wait()).toBeCloseTo(second, 2);
    }
  });

  test("SOL_MAX_RT is heeded from an ADVERTISE that offers nothing, within its bounds (RFC 8415 §21.24)", () => {
    for (const [told, longest] of [
      [120, 120],
      [59, 3600],
      [86_401, 3600],
    ] as const) {
      const talk = dialogue().says({
        type: "ADVERTISE",
        status: "noAddressesAvailable",
        options: [number32(82, told)],
      });
      expect(talk.event("refused")).toMatchObject({ status: "noAddressesAvailable" });
      talk.bind().at(1000 + 3001);
      const waits = Array.from({ length: 14 }, () => talk.wait());
      expect(waits.at(-1)).toBe(longest);
    }
  });

  test("REQUEST: ten times, then the next server, then a new SOLICIT", () => {
    const talk = dialogue()
      .says({ type: "ADVERTISE", preference: 10, address })
      .says({ type: "ADVERTISE", preference: 5, address, serverDuid: otherDuid });
    talk.wait();
    expect(talk.message.serverDuid).toEqual(SERVER6_DUID);
    const waits = Array.from({ length: 10 }, () => talk.wait());
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30, 30]);
    expect(talk.message).toMatchObject({ type: "REQUEST", serverDuid: otherDuid });
    for (let i = 0; i < 10; i++) talk.wait();
    expect(talk.message.type).toBe("SOLICIT");
  });

  test("RENEW: 10 s, doubled up to 600, until T2; REBIND until the lease ends", () => {
    const talk = dialogue().bind({ address: { t1: 1000, t2: 3000, leases: [["2001:db8::17", 4000, 5000]] } });
    talk.wait();
    const waits = [];
    while (talk.client.state === "renewing") waits.push(talk.wait());
    expect(waits.slice(0, 8)).toEqual([10, 20, 40, 80, 160, 320, 600, 600]);
    while (talk.client.state === "rebinding") talk.wait();
    expect(talk.now).toBe(1000.5 + 5000);
    expect(talk.event("lost")).toMatchObject({ reason: "ended" });
    expect(talk.message).toMatchObject({ type: "SOLICIT", named: [["address", "2001:db8::17/128"]] });
  });
});

describe("choosing a server (RFC 8415 §18.2.9)", () => {
  test("preference 255 is taken at once, another one when the first wait is over", () => {
    expect(dialogue().says({ type: "ADVERTISE", preference: 255, address }).message.type).toBe("REQUEST");
    const talk = dialogue().says({ type: "ADVERTISE", address });
    expect(talk.last.frames).toEqual([]);
    talk.says({ type: "ADVERTISE", preference: 7, address, serverDuid: otherDuid });
    expect(talk.wait()).toBeCloseTo(1.05);
    expect(talk.message).toMatchObject({ type: "REQUEST", serverDuid: otherDuid });
  });

  test("after the first wait whoever answers", () => {
    const talk = dialogue();
    talk.wait();
    expect(talk.says({ type: "ADVERTISE", address }).message.type).toBe("REQUEST");
  });

  test("who gives all that is wished for, before the preference", () => {
    const talk = dialogue(both)
      .says({ type: "ADVERTISE", preference: 200, address })
      .says({ type: "ADVERTISE", preference: 1, address, prefix, serverDuid: otherDuid });
    talk.wait();
    expect(talk.message.serverDuid).toEqual(otherDuid);
  });

  test.each([
    ["of another transaction", { transactionId: 1 }, "another transaction"],
    ["without a server", { serverDuid: null }, "no server identifier"],
    ["of a server without an identifier's length", { serverDuid: Uint8Array.of(1) }, "no server identifier"],
    ["without a client", { clientDuid: null }, "not for this client's identifier"],
    ["of another client", { clientDuid: otherDuid }, "not for this client's identifier"],
    ["to another node", { destination: parseIpv6("fe80::99") }, "to another node"],
    ["to a group", { destination: parseIpv6("ff02::1") }, "to another node"],
    ["to another port", { destinationPort: 547 }, "not to port 546"],
    ["without a lease", { address: {} }, "it offers nothing"],
    ["for another association", { address: { ...address, identifier: 8 } }, "it offers nothing"],
    ["that asks for nothing of ours", { type: "RECONFIGURE" }, "not a server's answer"],
    ["of another client itself", { type: "SOLICIT" }, "not a server's answer"],
    ["REPLY nobody asked for", { type: "REPLY", rapid: true }, "before anything was requested"],
    ["with T1 behind T2", { address: { ...address, t1: 1601 } }, "it offers nothing"],
    ["preferred for longer than valid", { address: { leases: [["2001:db8::17", 3001, 3000]] } }, "it offers nothing"],
    ["with a group's address", { address: { leases: [["ff02::17", 1, 1]] } }, "it offers nothing"],
    ["with a link's address", { address: { leases: [["fe80::17", 1, 1]] } }, "it offers nothing"],
    ["with IPv4 inside", { address: { leases: [["::ffff:192.0.2.1", 1, 1]] } }, "it offers nothing"],
    [
      "with a refused address",
      { address: { leases: [["2001:db8::17", 1, 1, "noAddressesAvailable"]] } },
      "it offers nothing",
    ],
  ] as const)("an ADVERTISE %s is not heeded", (_, message, reason) => {
    const talk = dialogue().says({ type: "ADVERTISE", preference: 255, address, ...message });
    expect(talk.reason).toContain(reason);
    expect([talk.last.frames, talk.client.state]).toEqual([[], "soliciting"]);
  });

  test.each(["::/0", "2000::/3", "fe80::/64", "ff00::/16"])("the prefix %s is not taken", (text) => {
    const talk = dialogue({ wishes: { address: false, prefix: {} } });
    talk.says({ type: "ADVERTISE", preference: 255, prefix: { leases: [[text, 100, 100]] } });
    expect(talk.reason).toContain("it offers nothing");
  });

  test("endless leases of one server: some are kept", () => {
    const leases = Array.from({ length: 60 }, (_, i) => [`2001:db8::${i + 1}`, 100, 100] as const);
    const talk = dialogue().bind({ address: { leases } });
    expect(talk.event("bound")?.lease.addresses).toHaveLength(16);
  });
});

describe("RAPID_COMMIT (RFC 8415 §18.2.1)", () => {
  test("a REPLY to the SOLICIT is a lease, with the option only", () => {
    const talk = dialogue({ rapidCommit: true }).says({ address });
    expect(talk.reason).toBe("REPLY before anything was requested");
    expect(talk.says({ address, rapid: true }).event("bound")).toBeDefined();
  });

  test("an ADVERTISE is heeded as ever", () => {
    expect(dialogue({ rapidCommit: true }).bind().client.state).toBe("bound");
  });
});

describe("a REPLY (RFC 8415 §18.2.10)", () => {
  test("binds: leases by the clock, settings that can be used", () => {
    const options = [
      encodeNameServers([parseIpv6("2001:db8::53"), parseIpv6("ff02::1"), parseIpv6("2001:db8::53")]),
      encodeSearchList(["example.org", "bad name"]),
      { code: 56, data: Uint8Array.of(0, 1, 0, 16, ...new Uint8Array(15), 1) },
    ];
    const talk = dialogue(both).bind({ address, prefix, options });
    const lease = talk.event("bound")?.lease;
    expect(lease).toMatchObject({
      serverDuid: SERVER6_DUID,
      renewAt: 2000.5,
      rebindAt: 2600.5,
      nameServers: ["2001:db8::53"],
      searchDomains: ["example.org"],
      ntpServers: [],
    });
    expect(leasedUntil(lease)).toEqual([
      ["2001:db8::17/128", 3000.5, 4000.5],
      ["2001:db8:100::/56", 3000.5, 4000.5],
    ]);
  });

  test("a prefix loses its host bits", () => {
    const talk = dialogue({ wishes: { address: false, prefix: {} } });
    talk.bind({ prefix: { leases: [["2001:db8:100:ff::1/56", 100, 100]] } });
    expect(talk.event("bound")?.lease.prefixes).toMatchObject([{ address: "2001:db8:100::", length: 56 }]);
  });

  test.each([
    ["T1 and T2 of zero: half and four fifths of the preferred time", { t1: 0, t2: 0 }, 1000, 1600],
    ["T1 of zero", { t1: 0, t2: 1200 }, 1000, 1200],
    ["T2 of zero", { t1: 500, t2: 0 }, 500, 1600],
    ["T2 beyond the lease", { t1: 500, t2: 9000 }, 500, 3000],
    ["both infinite", { t1: 0xffffffff, t2: 0xffffffff }, 3000, 3000],
  ])("%s", (_, times, renew, rebind) => {
    const { event } = {
      event: dialogue()
        .bind({ address: { ...address, ...times } })
        .event("bound"),
    };
    expect([event?.lease.renewAt, event?.lease.rebindAt]).toEqual([1000.5 + renew, 1000.5 + rebind]);
  });

  test("a lease for ever is never renewed", () => {
    const forEver = { leases: [["2001:db8::17", 0xffffffff, 0xffffffff]] } as const;
    const talk = dialogue().bind({ address: forEver });
    expect([talk.client.state, talk.client.nextDeadline()]).toEqual(["bound", undefined]);
  });

  test("the shorter times of two associations are those of both", () => {
    const talk = dialogue(both).bind({ address, prefix: { ...prefix, t1: 300, t2: 700 } });
    expect(talk.event("bound")?.lease).toMatchObject({ renewAt: 1300.5, rebindAt: 1700.5 });
  });

  test.each([
    ["a failure that is not told", "unspecifiedFailure"],
    ["the wish for multicast, which was used", "useMulticast"],
  ] as const)("%s: the same question again", (_, status) => {
    const talk = dialogue().says({ type: "ADVERTISE", preference: 255, address }).says({ status });
    expect([talk.event("refused")?.status, talk.last.frames, talk.client.state]).toEqual([status, [], "requesting"]);
    talk.wait();
    expect(talk.message.type).toBe("REQUEST");
  });

  test.each([
    ["in the message", { status: "noAddressesAvailable" }],
    ["in the association", { address: { status: "noAddressesAvailable" } }],
    ["not of this link", { address: { status: "notOnLink" } }],
  ] as const)("no address, %s: another server, or a SOLICIT after ever longer waits, up to two minutes", (_, none) => {
    const talk = dialogue()
      .says({ type: "ADVERTISE", address })
      .says({ type: "ADVERTISE", address, serverDuid: otherDuid });
    talk.wait();
    talk.says(none);
    expect(talk.message.serverDuid).toEqual(otherDuid);
    const waits = [];
    for (let i = 0; i < 9; i++) {
      talk.says({ ...none, serverDuid: i === 0 ? otherDuid : SERVER6_DUID });
      expect(talk.event("refused")?.status).toMatch(/noAddressesAvailable|notOnLink/);
      waits.push(talk.wait());
      expect(talk.message).toMatchObject({ type: "SOLICIT", named: [["address"]] });
      talk.says({ type: "ADVERTISE", preference: 255, address });
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120]);
  });

  test("of another server than was asked is not heeded", () => {
    const talk = dialogue().says({ type: "ADVERTISE", preference: 255, address });
    expect(talk.says({ address, serverDuid: otherDuid }).reason).toContain("another server");
    talk.says({ address }).wait();
    expect(talk.says({ address, serverDuid: otherDuid }).reason).toContain("another server");
  });

  test("RENEW: told leases last longer, others as before, a duration of 0 ends one (RFC 8415 §18.2.10.1)", () => {
    const two = { ...address, leases: [...address.leases, ["2001:db8::18", 2000, 3000]] } as const;
    const talk = dialogue(both).bind({ address: two, prefix });
    talk.wait();
    talk.says({ address: { ...address, leases: [["2001:db8::17", 2000, 3000]] }, prefix });
    expect(leasedUntil(talk.event("changed")?.lease)).toEqual([
      ["2001:db8::17/128", 4000.5, 5000.5],
      ["2001:db8::18/128", 3000.5, 4000.5],
      ["2001:db8:100::/56", 4000.5, 5000.5],
    ]);
    talk.wait();
    const renumbered = {
      ...prefix,
      leases: [
        ["2001:db8:100::/56", 0, 0],
        ["2001:db8:200::/56", 2000, 3000],
      ],
    } as const;
    talk.says({ address, prefix: renumbered });
    expect(talk.event("changed")?.lease.prefixes).toMatchObject([{ address: "2001:db8:200::" }]);
    // The second address was not spoken of any more, and ends by itself.
    talk.wait();
    expect(talk.event("changed")?.lease.addresses).toMatchObject([{ address: "2001:db8::17" }]);
  });

  test("all of it taken back: lost, and a new SOLICIT", () => {
    const talk = dialogue().bind();
    talk.wait();
    talk.says({ address: { leases: [["2001:db8::17", 0, 0]] } });
    expect([talk.event("lost")?.reason, talk.wait()]).toEqual(["refused", 1]);
    expect(talk.message.type).toBe("SOLICIT");
  });

  test("RENEW answered with nothing of ours goes on until T2", () => {
    const talk = dialogue().bind();
    talk.wait();
    talk.says({ address: { status: "noAddressesAvailable" } });
    expect([talk.reason, talk.client.state]).toEqual(["REPLY: it says nothing of what is held", "renewing"]);
  });

  test("NoBinding: a REQUEST to that server for all that is held; what it gives then takes the place", () => {
    const talk = dialogue(both).bind({ address, prefix });
    talk.wait();
    talk.says({ address, prefix: { status: "noBinding" } });
    expect(talk.message).toMatchObject({
      type: "REQUEST",
      serverDuid: SERVER6_DUID,
      named: [
        ["address", "2001:db8::17/128"],
        ["prefix", "2001:db8:100::/56"],
      ],
    });
    talk.says({ address, prefix: { ...prefix, leases: [["2001:db8:200::/56", 2000, 3000]] } });
    expect(leasedUntil(talk.event("changed")?.lease).map(([text]) => text)).toEqual([
      "2001:db8::17/128",
      "2001:db8:200::/56",
    ]);
  });

  test("NoBinding and then nothing: lost", () => {
    const talk = dialogue().bind();
    talk.wait();
    talk.says({ address: { status: "noBinding" } }).says({ address: { status: "noAddressesAvailable" } });
    expect([talk.event("lost")?.reason, talk.client.state]).toEqual(["refused", "waiting"]);
  });
});

describe("a lease from before (RFC 8415 §18.2.3, §18.2.12)", () => {
  test("addresses: CONFIRM without a server, at once; yes binds by the old times", () => {
    const talk = new Dialogue({ remembered }).give({ input: "start" });
    expect(talk.message).toMatchObject({
      type: "CONFIRM",
      serverDuid: undefined,
      named: [["address", "2001:db8::17/128"]],
      codes: [1, 8, 3],
    });
    talk.says({ status: "success" });
    expect(talk.event("bound")?.lease).toEqual(remembered);
    talk.wait();
    expect([talk.now, talk.message.type]).toEqual([1500, "RENEW"]);
  });

  test("no: it is lost, and not wished for", () => {
    const talk = new Dialogue({ remembered }).give({ input: "start" }).says({ status: "notOnLink" });
    expect(talk.event("lost")?.reason).toBe("refused");
    expect(talk.message).toMatchObject({ type: "SOLICIT", named: [["address"]] });
  });

  test("silence for ten seconds: the old lease is used", () => {
    const talk = new Dialogue({ remembered }).give({ input: "start" });
    while (talk.client.state === "confirming") talk.wait();
    expect([talk.now, talk.event("bound")?.lease]).toEqual([1010, remembered]);
  });

  test("prefixes: REBIND in its place", () => {
    const talk = new Dialogue({ ...both, remembered: rememberedPrefix }).give({ input: "start" });
    expect(talk.message).toMatchObject({
      type: "REBIND",
      named: [
        ["address", "2001:db8::17/128"],
        ["prefix", "2001:db8:100::/56"],
      ],
    });
    talk.says({ address, prefix });
    expect(leasedUntil(talk.event("bound")?.lease)).toEqual([
      ["2001:db8::17/128", 3000, 4000],
      ["2001:db8:100::/56", 3000, 4000],
    ]);
  });

  test("what is not wished for any more is not taken up", () => {
    const talk = new Dialogue({ remembered: rememberedPrefix }).give({ input: "start" });
    expect(talk.message.type).toBe("CONFIRM");
  });

  test("one that has ended is wished for", () => {
    const ended = { ...rememberedPrefix.prefixes[0]!, validUntil: 900 };
    const talk = dialogue({ ...both, remembered: { ...remembered, addresses: [], prefixes: [ended] } });
    expect(talk.message).toMatchObject({ type: "SOLICIT", named: [["address"], ["prefix", "2001:db8:100::/56"]] });
  });

  test("one that ends meanwhile is lost", () => {
    const short = { ...remembered.addresses[0]!, validUntil: 1003 };
    const talk = new Dialogue({ remembered: { ...remembered, addresses: [short] } }).give({ input: "start" });
    while (talk.client.state === "confirming") talk.wait();
    expect([talk.now, talk.event("lost")?.reason]).toEqual([1003, "ended"]);
  });
});

describe("a carrier that is back (RFC 8415 §18.2.12)", () => {
  test("addresses: CONFIRM, and they stay; no takes them", () => {
    const talk = dialogue().bind();
    const lease = talk.event("bound")?.lease;
    talk.at(1500).give({ input: "attached" });
    expect([talk.message.type, talk.message.named]).toEqual(["CONFIRM", [["address", "2001:db8::17/128"]]]);
    expect(talk.event("lost")).toBeUndefined();
    talk.says({ status: "success" });
    expect([talk.client.state, talk.event("bound")?.lease]).toEqual(["bound", lease]);
    talk.give({ input: "attached" }).says({ status: "notOnLink" });
    expect([talk.event("lost")?.reason, talk.message.type]).toEqual(["refused", "SOLICIT"]);
  });

  test("past T1: renewed as soon as it is confirmed", () => {
    const talk = dialogue().bind().at(2100).give({ input: "attached" }).says({ status: "success" });
    expect([talk.client.state, talk.message.type]).toEqual(["renewing", "RENEW"]);
  });

  test("prefixes: REBIND; nobody answers: they stay", () => {
    const talk = dialogue(both).bind({ address, prefix });
    talk.give({ input: "attached" });
    expect(talk.message.type).toBe("REBIND");
    while (talk.client.state === "confirming") talk.wait();
    expect(talk.event("bound")?.lease.prefixes).toHaveLength(1);
  });

  test("without a lease it is asked for at once, however long the wait was", () => {
    const talk = dialogue();
    for (let i = 0; i < 8; i++) talk.wait();
    expect(talk.give({ input: "attached" }).message.type).toBe("SOLICIT");
    expect(talk.wait()).toBeLessThan(2);
    talk.says({ type: "ADVERTISE", preference: 255, address }).give({ input: "attached" });
    expect(talk.message.type).toBe("SOLICIT");
  });

  test("settings are asked for again; before the start, and after the end, it is nothing", () => {
    const settings = new Dialogue({ wishes: { address: false } });
    expect(settings.give({ input: "attached" }).last.frames).toEqual([]);
    settings.give({ input: "start" }).wait();
    settings.says({}).give({ input: "attached" });
    expect(settings.message.type).toBe("INFORMATION-REQUEST");
    const over = dialogue().bind().give({ input: "release" }).says({}).give({ input: "attached" });
    expect([over.client.state, over.last.frames]).toEqual(["stopped", []]);
  });
});

describe("somebody has the address (RFC 8415 §18.2.8)", () => {
  test("DECLINE four times, then a new SOLICIT that does not wish for it", () => {
    const talk = dialogue()
      .bind()
      .give({ input: "conflict", address: parseIpv6("2001:db8::17") });
    expect(talk.message).toMatchObject({
      type: "DECLINE",
      serverDuid: SERVER6_DUID,
      named: [["address", "2001:db8::17/128"]],
      codes: [1, 2, 8, 3],
    });
    expect([talk.event("declined")?.address, talk.event("lost")?.reason]).toEqual(["2001:db8::17", "conflict"]);
    expect([talk.wait(), talk.wait(), talk.wait(), talk.wait(), talk.wait()]).toEqual([1, 2, 4, 8, 1]);
    expect(talk.message).toMatchObject({ type: "SOLICIT", named: [["address"]] });
  });

  test("the prefix stays, and another address is asked for with its renewal", () => {
    const talk = dialogue(both).bind({ address, prefix });
    talk.give({ input: "conflict", address: parseIpv6("2001:db8::17") });
    expect(talk.event("changed")?.lease).toMatchObject({ addresses: [], prefixes: [{ address: "2001:db8:100::" }] });
    talk.says({ status: "success" });
    expect(talk.message).toMatchObject({ type: "RENEW", named: [["address"], ["prefix", "2001:db8:100::/56"]] });
  });

  test("of an address that is not held it is nothing", () => {
    const talk = dialogue()
      .bind()
      .give({ input: "conflict", address: parseIpv6("2001:db8::18") });
    expect([talk.reason, talk.client.state]).toEqual(["a conflict for an address that is not held", "bound"]);
  });
});

describe("settings only (RFC 8415 §18.2.6)", () => {
  const nothing = { wishes: { address: false } };

  test("INFORMATION-REQUEST without associations, and what comes of it", () => {
    const talk = dialogue(nothing);
    expect(talk.message).toMatchObject({
      type: "INFORMATION-REQUEST",
      codes: [1, 8, 6],
      wanted: [23, 24, 56, 31, 32, 83],
    });
    talk.says({ options: [encodeNameServers([parseIpv6("2001:db8::53")])] });
    expect(talk.event("informed")?.settings).toEqual({
      nameServers: ["2001:db8::53"],
      searchDomains: [],
      ntpServers: [],
    });
    expect(talk.wait()).toBe(86_400);
    expect(talk.message.type).toBe("INFORMATION-REQUEST");
  });

  test.each([
    [700, 700],
    [1, 600],
    [0xffffffff, undefined],
  ])("asked again as told, not before ten minutes: %d s", (told, wait) => {
    const talk = dialogue(nothing).says({ options: [number32(32, told)] });
    const deadline = talk.client.nextDeadline();
    expect(deadline === undefined ? undefined : deadline - talk.now).toBe(wait);
  });

  test("INF_MAX_RT bounds the waits", () => {
    const talk = dialogue(nothing).says({ options: [number32(83, 60), number32(32, 600)] });
    talk.wait();
    const waits = Array.from({ length: 9 }, () => talk.wait());
    expect(waits.at(-1)).toBe(60);
  });
});
