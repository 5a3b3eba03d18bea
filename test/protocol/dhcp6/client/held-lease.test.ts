import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../../src/base/address.ts";
import { SERVER6_DUID } from "../../../support/dhcp6-server.ts";
import { address, both, Dialogue, dialogue, leasedUntil, prefix, remembered, rememberedPrefix } from "./dialogue.ts";

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
