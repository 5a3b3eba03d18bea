import { describe, expect, test } from "vitest";
import { IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST } from "../../../../src/base/address.ts";
import { fromHex, toHex } from "../../../../src/base/bytes.ts";
import { Dhcp4Client } from "../../../../src/protocol/dhcp4/client/client.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { address, dialogue, mac, second, server, serverMac } from "./dialogue.ts";

const broadcast = { to: IPV4_BROADCAST, from: IPV4_ANY, toMac: MAC_BROADCAST, ciaddr: IPV4_ANY };

describe("what is sent (RFC 2131 table 5)", () => {
  test("DISCOVER: broadcast from nobody, no address, no server", () => {
    expect(dialogue().message).toMatchObject({
      type: "DISCOVER",
      ...broadcast,
      requested: undefined,
      server: undefined,
    });
  });

  test("DISCOVER: client identifier from the hardware address, wishes with 121 before 3 (RFC 3442), longest message", () => {
    const { options } = dialogue({ hostName: "vm1" }).message.message;
    expect(toHex(options.get(61)!)).toBe("01525400000017");
    expect(readOption(options, DHCP4_OPTION.parameterRequestList)).toEqual([
      1, 121, 3, 6, 15, 119, 12, 26, 28, 42, 51, 58, 59,
    ]);
    expect(readOption(options, DHCP4_OPTION.maximumMessageSize)).toBe(1500);
    expect(readOption(options, DHCP4_OPTION.hostName)).toBe("vm1");
  });

  test("a client identifier as RFC 4361 wants it; further options are asked for", () => {
    const clientIdentifier = fromHex("ff 00000001 0003 0001 525400000017");
    const { options } = dialogue({ clientIdentifier, wantedOptions: [66, 3] }).message.message;
    expect(options.get(61)).toEqual(clientIdentifier);
    expect(readOption(options, DHCP4_OPTION.parameterRequestList)).toEqual([
      1, 121, 3, 6, 15, 119, 12, 26, 28, 42, 51, 58, 59, 66,
    ]);
  });

  test("SELECTING: REQUEST with the offer's address, server and transaction, and the seconds of the DISCOVER", () => {
    const talk = dialogue();
    talk.wait();
    const { transactionId, seconds } = talk.message;
    expect(seconds).toBe(4);
    talk.says({ type: "OFFER" });
    expect(talk.message).toMatchObject({
      type: "REQUEST",
      ...broadcast,
      requested: address,
      server,
      transactionId,
      seconds,
    });
    talk.wait();
    expect(talk.message).toMatchObject({ type: "REQUEST", transactionId, seconds });
  });

  test("INIT-REBOOT: REQUEST with the address, without a server", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: false } });
    expect(talk.client.state).toBe("rebooting");
    expect(talk.message).toMatchObject({ type: "REQUEST", ...broadcast, requested: address, server: undefined });
  });

  test("RENEWING: unicast to the server by the way its answer came, with ciaddr only", () => {
    const talk = dialogue().bind();
    talk.wait();
    expect(talk.client.state).toBe("renewing");
    expect(talk.message).toMatchObject({
      type: "REQUEST",
      to: server,
      from: address,
      toMac: serverMac,
      ciaddr: address,
      requested: undefined,
      server: undefined,
    });
  });

  test("REBINDING: broadcast with ciaddr only", () => {
    const talk = dialogue().bind();
    while (talk.client.state !== "rebinding") talk.wait();
    expect(talk.message).toMatchObject({
      type: "REQUEST",
      to: IPV4_BROADCAST,
      from: address,
      toMac: MAC_BROADCAST,
      ciaddr: address,
      requested: undefined,
      server: undefined,
    });
  });

  test("RELEASE: unicast with ciaddr and server, without wishes", () => {
    const talk = dialogue({ hostName: "vm1" }).bind().release();
    expect(talk.message).toMatchObject({ type: "RELEASE", to: server, from: address, ciaddr: address, server });
    expect([...talk.message.message.options.keys()].toSorted((a, b) => a - b)).toEqual([53, 54, 61]);
    expect(talk.event("lost")).toMatchObject({ address, reason: "released" });
    expect([talk.client.state, talk.client.nextDeadline()]).toEqual(["stopped", undefined]);
  });

  test("RELEASE without a lease: silence", () => {
    expect(dialogue().release().last.frames).toEqual([]);
  });

  test("a host name that no option can hold is refused at once", () => {
    expect(() => new Dhcp4Client({ mac, random: () => 0, hostName: "" })).toThrow(/empty/);
  });
});

describe("repetition (RFC 2131 §4.1)", () => {
  test("DISCOVER after 4, 8, 16, 32, 64, 64 s, for ever", () => {
    const talk = dialogue();
    expect(Array.from({ length: 7 }, () => talk.wait())).toEqual([4, 8, 16, 32, 64, 64, 64]);
    expect(talk.message.type).toBe("DISCOVER");
  });

  test.each([
    ["earliest", 0, [3, 7, 15]],
    ["latest", 0.999, [4.998, 8.998, 16.998]],
  ])("a random second more or less: %s", (_, random, expected) => {
    const talk = dialogue({ random: () => random });
    const waits = Array.from({ length: 3 }, () => talk.wait());
    waits.forEach((wait, i) => expect(wait).toBeCloseTo(expected[i]!, 3));
  });

  test("REQUEST four times within a minute, then the client begins anew", () => {
    const talk = dialogue().says({ type: "OFFER" });
    const first = talk.message.transactionId;
    expect([talk.wait(), talk.wait(), talk.wait()]).toEqual([4, 8, 16]);
    expect(talk.message.type).toBe("REQUEST");
    expect(talk.wait()).toBe(32);
    expect(talk.message.type).toBe("DISCOVER");
    expect(first).toBe(talk.message.transactionId);
  });

  test("INIT-REBOOT twice, then as a client without an address that wishes for it", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: false } });
    expect([talk.wait(), talk.wait()]).toEqual([4, 8]);
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: address });
  });

  test("RENEWING after half of the time until T2, REBINDING of that until the end, not below a minute (§4.4.5)", () => {
    const talk = dialogue().bind();
    const start = 1000;
    const times: [number, string][] = [];
    while (talk.event("lost") === undefined) {
      talk.wait();
      times.push([talk.now - start, talk.client.state]);
    }
    expect(times).toEqual([
      [1755, "renewing"],
      [2452.5, "renewing"],
      [2801.25, "renewing"],
      [2975.625, "renewing"],
      [3062.8125, "renewing"],
      [3122.8125, "renewing"],
      [3150, "rebinding"],
      [3375, "rebinding"],
      [3487.5, "rebinding"],
      [3547.5, "rebinding"],
      [3600, "selecting"],
    ]);
  });

  test("each new question has another transaction", () => {
    let seed = 0;
    const talk = dialogue({ random: () => (seed = (seed + 0.37) % 1) });
    const ids = [talk.message.transactionId];
    talk.bind();
    talk.wait();
    ids.push(talk.message.transactionId);
    talk.wait();
    ids.push(talk.message.transactionId);
    while (talk.client.state === "renewing") talk.wait();
    ids.push(talk.message.transactionId);
    expect(new Set(ids).size).toBe(4);
  });
});

describe("dialogue", () => {
  test("INIT → SELECTING → REQUESTING → checking → BOUND, then the link is told", () => {
    const talk = dialogue();
    expect(talk.client.state).toBe("selecting");
    expect(talk.says({ type: "OFFER" }).client.state).toBe("requesting");
    expect(talk.says({ type: "ACK" }).client.state).toBe("checking");
    expect(talk.event("bound")).toBeUndefined();
    talk.pass();
    expect(talk.client.state).toBe("bound");
    expect(talk.event("bound")).toMatchObject({ lease: { address, prefixLength: 24, server }, endSeconds: 4600 });
    expect(talk.sent).toMatchObject([
      { arp: { operation: 2, senderAddress: address, targetAddress: address, senderMac: mac } },
    ]);
  });

  test("nobody is told of an address that nobody will use", () => {
    expect(dialogue({ announce: false }).bind().last.frames).toEqual([]);
  });

  test("INIT-REBOOT → BOUND without DISCOVER", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: false } })
      .says({ type: "ACK" })
      .pass();
    expect(talk.event("bound")?.lease.address).toBe(address);
  });

  test("a remembered address whose lease has ended is only wished for (§3.2)", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: true } });
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: address });
  });

  test("RENEWING → BOUND: the lease counts from when its REQUEST was sent (§4.4.5)", () => {
    const talk = dialogue().bind();
    talk.wait();
    talk.wait();
    const asked = talk.now;
    talk.at(asked + 1).says({ type: "ACK", leaseSeconds: 600 });
    expect(talk.event("extended")).toMatchObject({ lease: { address }, endSeconds: asked + 600 });
    expect(talk.client.state).toBe("bound");
  });

  test("REBINDING → BOUND: another server may answer", () => {
    const talk = dialogue().bind();
    while (talk.client.state !== "rebinding") talk.wait();
    talk.says({ type: "ACK", server: second });
    expect(talk.event("extended")?.lease.server).toBe(second);
    talk.wait();
    expect(talk.message.to).toBe(second);
  });

  test("the lease ends: the address is lost and wished for anew", () => {
    const talk = dialogue().bind();
    talk.at(1000 + 3600);
    expect(talk.event("lost")).toEqual({ event: "lost", address, reason: "ended" });
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: address, seconds: 0 });
  });

  test("a lease for ever is never renewed", () => {
    const talk = dialogue().bind({ leaseSeconds: 0xffffffff });
    expect(talk.client.nextDeadline()).toBeUndefined();
    expect(talk.at(1e12).client.state).toBe("bound");
  });

  test("T1 and T2 as the server says", () => {
    const options = [optionEntry(DHCP4_OPTION.renewalTime, 400), optionEntry(DHCP4_OPTION.rebindingTime, 500)];
    const talk = dialogue().bind({ options });
    const bound = 1000;
    talk.wait();
    expect(talk.now).toBe(bound + 390);
    while (talk.client.state === "renewing") talk.wait();
    expect(talk.now).toBe(bound + 500);
  });

  test.each([
    ["T1 behind T2", 550, 500],
    ["T2 behind the end", 100, 4000],
    ["zero", 0, 0],
  ])("T1 and T2 that make no sense are not used: %s", (_, renewal, rebinding) => {
    const options = [
      optionEntry(DHCP4_OPTION.renewalTime, renewal),
      optionEntry(DHCP4_OPTION.rebindingTime, rebinding),
    ];
    const { renewalSeconds, rebindingSeconds } = dialogue().bind({ options }).event("bound")!.lease;
    expect(renewalSeconds).toBeGreaterThan(0);
    expect(renewalSeconds).toBeLessThanOrEqual(rebindingSeconds);
    expect(rebindingSeconds).toBeLessThan(3600);
  });
});

describe("rapid commit (RFC 4039)", () => {
  const rapid = [optionEntry(DHCP4_OPTION.rapidCommit, true)];

  test("an ACK to the DISCOVER is the lease, checked as any; it counts from the DISCOVER", () => {
    const client = dialogue({ rapidCommit: true });
    expect(readOption(client.message.message.options, DHCP4_OPTION.rapidCommit)).toBe(true);
    client.now += 2;
    client.says({ type: "ACK", leaseSeconds: 600, options: rapid });
    expect(client.client.state).toBe("checking");
    client.pass();
    expect(client.event("bound")).toMatchObject({ lease: { address, server }, endSeconds: 1600 });
  });

  test("a server that does not know it offers: the REQUEST is an ordinary one", () => {
    const client = dialogue({ rapidCommit: true }).says({ type: "OFFER" });
    expect(client.message).toMatchObject({ type: "REQUEST", requested: address });
    expect(client.message.message.options.has(DHCP4_OPTION.rapidCommit.code)).toBe(false);
    client.says({ type: "ACK" }).pass();
    expect(client.client.state).toBe("bound");
  });

  test("an ACK that does not say so, or that nobody wished for, is none", () => {
    expect(dialogue({ rapidCommit: true }).says({ type: "ACK" }).reason).toContain("before anything was requested");
    expect(dialogue().says({ type: "ACK", options: rapid }).reason).toContain("before anything was requested");
  });
});
