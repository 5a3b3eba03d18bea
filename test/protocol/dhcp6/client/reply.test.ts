import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../../src/base/address.ts";
import { encodeNameServers, encodeSearchList } from "../../../../src/wire/dhcp6/options.ts";
import { SERVER6_DUID } from "../../../support/dhcp6-server.ts";
import { address, both, dialogue, leasedUntil, otherDuid, prefix } from "./dialogue.ts";

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
