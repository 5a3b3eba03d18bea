/** What a DHCPv4 client does when its link was away, when it ends before anybody confirmed its lease, and without IPv4. */
import { describe, expect, test } from "vitest";
import { IPV4_ANY, IPV4_BROADCAST } from "../../../../src/base/address.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { address, dialogue, other, server, serverMac } from "./dialogue.ts";

const asked = { type: "REQUEST", to: IPV4_BROADCAST, from: IPV4_ANY, ciaddr: IPV4_ANY, requested: address };

describe("the link has a carrier again (RFC 2131 §3.2, §3.7)", () => {
  test.each(["bound", "renewing", "rebinding"])(
    "%s: the address is asked for as after a restart, and kept",
    (state) => {
      const talk = dialogue().bind();
      while (talk.client.state !== state) talk.wait();
      talk.attach();
      expect(talk.client.state).toBe("confirming");
      expect(talk.message).toMatchObject({ ...asked, server: undefined, seconds: 0 });
      expect(talk.event("lost")).toBeUndefined();
    },
  );

  test("an ACK extends the lease from when it was asked, and the link is told of the address", () => {
    const talk = dialogue().bind();
    talk.at(2000).attach().says({ type: "ACK", leaseSeconds: 600 });
    expect(talk.event("extended")).toMatchObject({ lease: { address }, endSeconds: 2600 });
    expect(talk.sent).toMatchObject([{ arp: { operation: 2, senderAddress: address, targetAddress: address } }]);
    expect(talk.client.state).toBe("bound");
  });

  test("a NAK: another network; the address is lost at once and any is asked for", () => {
    const talk = dialogue().bind().attach().says({ type: "NAK" });
    expect(talk.event("lost")).toEqual({ event: "lost", address, reason: "refused" });
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: undefined });
    talk.bind({ address: other });
    expect(talk.event("bound")?.lease.address).toBe(other);
  });

  test("silence: asked twice, then used for what is left of the lease and renewed in its time", () => {
    const talk = dialogue().bind().attach();
    expect([talk.wait(), talk.message, talk.wait()]).toMatchObject([4, asked, 8]);
    expect([talk.client.state, talk.last.events]).toEqual(["bound", []]);
    expect(talk.client.nextDeadline()).toBe(1000 + 1755);
  });

  test("silence while T1 passes: renewed at once after it; while the lease ends: lost", () => {
    const talk = dialogue().bind();
    talk.at(1000 + 1754).attach();
    talk.wait();
    talk.wait();
    expect(talk.client.state).toBe("renewing");
    while (talk.client.state !== "rebinding") talk.wait();
    talk.at(1000 + 3599).attach();
    expect(talk.wait()).toBe(1);
    expect(talk.event("lost")?.reason).toBe("ended");
  });

  test("an ACK for another address means nothing", () => {
    const talk = dialogue().bind().attach().says({ type: "ACK", address: other });
    expect(talk.reason).toMatch(/another address/);
    expect(talk.client.state).toBe("confirming");
  });

  test("who has no lease begins anew at once: rebooting, checking, selecting, after a refusal", () => {
    const rebooting = dialogue({ remembered: { address, leaseEnded: false } });
    rebooting.wait();
    expect(rebooting.attach().message).toMatchObject({ ...asked, seconds: 0 });
    const checking = dialogue().says({ type: "OFFER" }).says({ type: "ACK" });
    expect(checking.attach().message).toMatchObject(asked);
    expect(checking.says({ type: "ACK" }).pass().event("bound")?.lease.address).toBe(address);
    const selecting = dialogue();
    while (selecting.now < 1200) selecting.wait();
    expect(selecting.attach().message).toMatchObject({ type: "DISCOVER", seconds: 0 });
    expect(selecting.wait()).toBe(4);
    expect(dialogue().release().attach().last).toEqual({ frames: [], events: [] });
  });
});

describe("RELEASE of a lease from before", () => {
  const from = { server, serverMac };

  test("that nobody confirmed yet: by the way that its server was reached", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: false, from } });
    expect(talk.release().message).toMatchObject({
      type: "RELEASE",
      to: server,
      toMac: serverMac,
      from: address,
      ciaddr: address,
      server,
    });
    expect(talk.event("lost")).toBeUndefined();
    expect(talk.release().last.frames).toEqual([]);
  });

  test("nothing where it has ended, was refused, or its server is not known", () => {
    expect(dialogue({ remembered: { address, leaseEnded: true, from } }).release().last.frames).toEqual([]);
    expect(dialogue({ remembered: { address, leaseEnded: false } }).release().last.frames).toEqual([]);
    const refused = dialogue({ remembered: { address, leaseEnded: false, from } }).says({ type: "NAK" });
    expect(refused.release().last.frames).toEqual([]);
  });
});

describe("a network without IPv4 (RFC 8925)", () => {
  const ipv6Only = (seconds: number) => ({ options: [optionEntry(DHCP4_OPTION.ipv6OnlyPreferred, seconds)] });
  const willing = () => dialogue({ ipv6OnlyOk: true });

  test("is asked about by who can do without only, and meant for them only", () => {
    const wishes = (talk: ReturnType<typeof dialogue>) =>
      readOption(talk.message.message.options, DHCP4_OPTION.parameterRequestList);
    expect(wishes(willing())).toContain(108);
    expect(wishes(dialogue())).not.toContain(108);
    const talk = dialogue().bind(ipv6Only(1800));
    expect(talk.event("bound")?.lease.address).toBe(address);
  });

  test("an offer is not taken, and nothing is asked for the time it says, then all anew", () => {
    const talk = willing().says({ type: "OFFER", ...ipv6Only(1800) });
    expect([talk.client.state, talk.last.frames]).toEqual(["ipv6-only", []]);
    expect(talk.event("ipv6-only")).toEqual({ event: "ipv6-only", untilSeconds: 2800 });
    expect(talk.says({ type: "OFFER" }).reason).toBe("nothing was asked");
    expect(talk.wait()).toBe(1800);
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: undefined, seconds: 0 });
  });

  test("for five minutes at least, also without an address in the offer", () => {
    const talk = willing().says({ type: "OFFER", address: IPV4_ANY, ...ipv6Only(0) });
    expect(talk.wait()).toBe(300);
  });

  test("a value of another length means nothing", () => {
    const talk = willing().says({ type: "OFFER", options: [[108, Uint8Array.of(7, 8)]] });
    expect(talk.client.state).toBe("requesting");
  });

  test("a carrier that comes back ends the pause", () => {
    const talk = willing().says({ type: "OFFER", ...ipv6Only(1800) });
    expect(talk.attach().message.type).toBe("DISCOVER");
  });

  test("a remembered address is given back; one in use when the link was away as well", () => {
    const rebooting = dialogue({ ipv6OnlyOk: true, remembered: { address, leaseEnded: false } });
    rebooting.says({ type: "ACK", ...ipv6Only(1800) });
    expect(rebooting.message).toMatchObject({ type: "RELEASE", ciaddr: address });
    expect([rebooting.client.state, rebooting.event("lost")]).toEqual(["ipv6-only", undefined]);
    const confirming = willing().bind().attach();
    confirming.says({ type: "ACK", ...ipv6Only(1800) });
    expect(confirming.message.type).toBe("RELEASE");
    expect(confirming.event("lost")).toEqual({ event: "lost", address, reason: "ipv6-only" });
  });

  test("who has chosen an offer or renews goes on with the address", () => {
    const chosen = willing()
      .says({ type: "OFFER" })
      .says({ type: "ACK", ...ipv6Only(1800) });
    expect(chosen.pass().client.state).toBe("bound");
    chosen.wait();
    expect(chosen.says({ type: "ACK", ...ipv6Only(1800) }).event("extended")).toBeDefined();
  });
});
