import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../../src/base/address.ts";
import { encodeNameServers } from "../../../../src/wire/dhcp6/options.ts";
import { CLIENT6, SERVER6_DUID } from "../../../support/dhcp6-server.ts";
import { address, both, Dialogue, dialogue, leasedUntil, number32, otherDuid, prefix } from "./dialogue.ts";

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
