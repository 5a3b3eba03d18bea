import { describe, expect, test } from "vitest";
import { type Ipv4Address, IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parseIpv4 } from "../../../../src/base/address.ts";
import { fromHex, toHex } from "../../../../src/base/bytes.ts";
import { Dhcp4Client } from "../../../../src/protocol/dhcp4/client/client.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { arpFrame, type ServerMessage } from "../../../support/dhcp4-server.ts";
import { address, dialogue, mac, other, second, server, serverMac, strangerMac } from "./dialogue.ts";

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

describe("NAK (§3.1, §4.4.5)", () => {
  test("in REQUESTING: anew at once, without the wish", () => {
    const talk = dialogue({ remembered: { address, leaseEnded: true } }).says({ type: "OFFER" });
    talk.says({ type: "NAK", options: [optionEntry(DHCP4_OPTION.message, "no longer free")] });
    expect(talk.event("refused")).toEqual({ event: "refused", server, message: "no longer free" });
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: undefined });
  });

  test("in INIT-REBOOT: the address belongs to another network", () => {
    const talk = dialogue({ remembered: { address: other, leaseEnded: false } }).says({ type: "NAK" });
    expect(talk.client.state).toBe("selecting");
    expect(talk.message.requested).toBeUndefined();
  });

  test.each(["renewing", "rebinding"])("in %s: the address is lost at once", (state) => {
    const talk = dialogue().bind();
    while (talk.client.state !== state) talk.wait();
    talk.says({ type: "NAK" });
    expect(talk.event("lost")).toEqual({ event: "lost", address, reason: "refused" });
    expect(talk.client.state).toBe("selecting");
  });

  test("again and again: 0, 1, 2, 4 … 64 s between", () => {
    const talk = dialogue();
    const waits = Array.from({ length: 9 }, () => {
      talk.says({ type: "OFFER" }).says({ type: "NAK" });
      return talk.client.state === "init" ? talk.wait() : 0;
    });
    expect(waits).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 64]);
  });
});

describe("conflict (§2.2, RFC 5227)", () => {
  test.each([
    ["somebody answers", arpFrame({ senderMac: strangerMac, senderAddress: address })],
    [
      "somebody asks for something by that address",
      arpFrame({ operation: 1, senderMac: strangerMac, senderAddress: address, targetAddress: server }),
    ],
    [
      "somebody probes for it too",
      arpFrame({ operation: 1, senderMac: strangerMac, senderAddress: IPV4_ANY, targetAddress: address }),
    ],
  ])("DECLINE, and ten seconds of silence: %s", (_, frame) => {
    const talk = dialogue().says({ type: "OFFER" }).says({ type: "ACK" }).frame(frame);
    expect(talk.event("conflict")).toMatchObject({ address, macAddress: strangerMac });
    expect(talk.message).toMatchObject({ type: "DECLINE", ...broadcast, requested: address, server });
    expect(talk.wait()).toBe(10);
    expect(talk.message).toMatchObject({ type: "DISCOVER", requested: undefined });
  });

  test.each([
    [
      "our own probe comes back",
      arpFrame({ operation: 1, senderMac: mac, senderAddress: IPV4_ANY, targetAddress: address }),
    ],
    ["an answer for another address", arpFrame({ senderMac: strangerMac, senderAddress: other })],
    [
      "somebody asks for the address",
      arpFrame({ operation: 1, senderMac: strangerMac, senderAddress: other, targetAddress: address }),
    ],
    ["half an ARP packet", arpFrame({ senderMac: strangerMac, senderAddress: address }).subarray(0, 30)],
  ])("none: %s", (_, frame) => {
    const talk = dialogue().says({ type: "OFFER" }).says({ type: "ACK" }).frame(frame);
    expect(talk.reason).toBeDefined();
    expect(talk.pass().client.state).toBe("bound");
  });

  test("three probes that say nothing of who has the address, within a second", () => {
    const talk = dialogue().says({ type: "OFFER" }).says({ type: "ACK" });
    const start = talk.now;
    const probes = [...talk.sent];
    while (talk.client.state === "checking") {
      talk.wait();
      if (talk.client.state === "checking") probes.push(...talk.sent);
    }
    expect(probes).toHaveLength(3);
    for (const probe of probes)
      expect(probe).toMatchObject({ arp: { operation: 1, senderAddress: IPV4_ANY, targetAddress: address } });
    expect(talk.now - start).toBeLessThan(1);
  });

  test("a lease that ends during the check is not used", () => {
    const talk = dialogue().says({ type: "OFFER", leaseSeconds: 1 });
    talk.at(talk.now + 0.5).says({ type: "ACK", leaseSeconds: 1 });
    talk.at(talk.now + 0.6);
    expect(talk.event("bound")).toBeUndefined();
    expect(talk.client.state).toBe("selecting");
  });
});

describe("several offers", () => {
  test("the first is taken, the others wait for its server to fall silent", () => {
    let seed = 0;
    const random = (): number => (seed = (seed + 0.37) % 1);
    const talk = dialogue({ random }).says({ type: "OFFER" }).says({ type: "OFFER", server: second, address: other });
    expect(talk.reason).toMatch(/kept/);
    talk.wait();
    const { transactionId } = talk.message;
    for (let i = 0; i < 3; i++) talk.wait();
    expect(talk.message).toMatchObject({ type: "REQUEST", requested: other, server: second, transactionId });
    talk.says({ type: "ACK", server: second, address: other }).pass();
    expect(talk.event("bound")?.lease).toMatchObject({ address: other, server: second });
  });

  test("not more than three are kept, none of the same server twice", () => {
    const talk = dialogue().says({ type: "OFFER" }).says({ type: "OFFER" });
    expect(talk.reason).toBe("another offer was chosen");
    const kept = Array.from(
      { length: 9 },
      (_, i) => talk.says({ type: "OFFER", server: parseIpv4(`192.0.2.${100 + i}`) }).reason,
    );
    expect(kept.filter((reason) => reason?.includes("kept") === true)).toHaveLength(3);
  });

  test("ACK and NAK of another server than the chosen one mean nothing", () => {
    const talk = dialogue().says({ type: "OFFER" });
    expect(talk.says({ type: "ACK", server: second }).reason).toMatch(/another server/);
    expect(talk.says({ type: "NAK", server: second }).reason).toMatch(/not by the server/);
    expect(talk.client.state).toBe("requesting");
  });
});

describe("what is no answer", () => {
  const { subnetMask, serverIdentifier, leaseTime, clientIdentifier } = DHCP4_OPTION;
  test.each<[string, Partial<ServerMessage>, RegExp]>([
    ["another transaction", { transactionId: 7 }, /transaction/],
    ["another hardware address", { clientMac: strangerMac }, /hardware address/],
    ["another hardware type", { fields: { hardwareType: 6 } }, /hardware address/],
    [
      "another client's identifier (RFC 6842)",
      { options: [optionEntry(clientIdentifier, Uint8Array.of(1, 2))] },
      /identifier/,
    ],
    ["a request", { fields: { operation: "request" } }, /another client/],
    ["to another port", { destinationPort: 67 }, /port 68/],
    ["no server identifier", { without: [serverIdentifier.code] }, /server identifier/],
    ["no lease time", { without: [leaseTime.code] }, /lease time/],
    ["a lease of no time", { leaseSeconds: 0 }, /lease time/],
    ["a mask with holes", { options: [optionEntry(subnetMask, parseIpv4("255.0.255.0"))] }, /mask/],
    ["no address", { address: IPV4_ANY }, /0\.0\.0\.0/],
    ["a multicast address", { address: parseIpv4("224.0.0.1") }, /224/],
    ["a loopback address", { address: parseIpv4("127.0.0.1") }, /127/],
    ["the broadcast address of the subnet", { address: parseIpv4("192.0.2.255") }, /broadcast/],
    ["BOOTP", { type: undefined as never }, /not a server's message/],
    ["an ACK before its time", { type: "ACK" }, /before anything/],
    ["a NAK before its time", { type: "NAK" }, /before anything/],
  ])("%s", (_, message, reason) => {
    const talk = dialogue().says({ type: "OFFER", ...message });
    expect(talk.reason).toMatch(reason);
    expect(talk.last.frames).toEqual([]);
    expect(talk.client.state).toBe("selecting");
  });

  test("an ACK for another address than was asked for (§4.4.1)", () => {
    const talk = dialogue().bind();
    talk.wait();
    expect(talk.says({ type: "ACK", address: other }).reason).toMatch(/another address/);
    expect(talk.client.state).toBe("renewing");
  });

  test("anything at all when nothing was asked", () => {
    expect(dialogue().bind().says({ type: "NAK" }).reason).toBe("nothing was asked");
  });

  test("an ACK that comes after its own lease", () => {
    const talk = dialogue().says({ type: "OFFER", leaseSeconds: 5 });
    talk.wait();
    talk.at(talk.now + 2).says({ type: "ACK", leaseSeconds: 5 });
    expect(talk.reason).toMatch(/ended already/);
  });
});

describe("the lease", () => {
  const leaseOf = (...options: (readonly [number, Uint8Array])[]) => dialogue().bind({ options }).event("bound")!.lease;
  const at = (text: string): Ipv4Address => parseIpv4(text);

  test("everything in it", () => {
    const lease = leaseOf(
      optionEntry(DHCP4_OPTION.routers, [server, second]),
      optionEntry(DHCP4_OPTION.nameServers, [at("192.0.2.53")]),
      optionEntry(DHCP4_OPTION.domainName, "example.org"),
      optionEntry(DHCP4_OPTION.domainSearch, ["a.example.org", "example.org"]),
      optionEntry(DHCP4_OPTION.hostName, "vm1"),
      optionEntry(DHCP4_OPTION.interfaceMtu, 1450),
      optionEntry(DHCP4_OPTION.ntpServers, [at("192.0.2.123")]),
      optionEntry(DHCP4_OPTION.broadcastAddress, at("192.0.2.255")),
    );
    expect(lease).toMatchObject({
      address,
      prefixLength: 24,
      broadcast: "192.0.2.255",
      routers: [server, second],
      routes: [{ destination: { address: "0.0.0.0", length: 0 }, gateway: server }],
      nameServers: ["192.0.2.53"],
      domainName: "example.org",
      searchDomains: ["a.example.org", "example.org"],
      hostName: "vm1",
      mtuBytes: 1450,
      ntpServers: ["192.0.2.123"],
      server,
      serverMac,
      leaseSeconds: 3600,
      renewalSeconds: 1800,
      rebindingSeconds: 3150,
    });
    expect(toHex(lease.options.get(26)!)).toBe("05aa");
  });

  test.each([
    ["121 takes the place of the router (RFC 3442)", DHCP4_OPTION.classlessRoutes],
    ["249 too", DHCP4_OPTION.microsoftClasslessRoutes],
  ])("routes: %s", (_, option) => {
    const routes = [
      { destination: { address: at("169.254.1.1"), length: 32 }, gateway: IPV4_ANY },
      { destination: { address: IPV4_ANY, length: 0 }, gateway: at("169.254.1.1") },
    ];
    expect(leaseOf(optionEntry(DHCP4_OPTION.routers, [server]), optionEntry(option, routes)).routes).toEqual(routes);
  });

  test("routes that would break the host are left out", () => {
    const route = (destination: string, length: number, gateway: string) => ({
      destination: { address: at(destination), length },
      gateway: at(gateway),
    });
    const good = route("198.51.100.0", 24, "192.0.2.9");
    const lease = leaseOf(
      optionEntry(DHCP4_OPTION.classlessRoutes, [
        route("127.0.0.0", 8, "192.0.2.9"),
        route("224.0.0.0", 4, "192.0.2.9"),
        route("0.0.0.0", 0, "0.0.0.0"),
        route("198.51.100.0", 24, "127.0.0.1"),
        good,
        route("198.51.100.0", 24, "192.0.2.10"),
      ]),
    );
    expect(lease.routes).toEqual([good]);
  });

  test("names that could do harm in a resolv.conf or on a terminal are left out", () => {
    const lease = leaseOf(
      optionEntry(DHCP4_OPTION.domainName, "example.org\nnameserver 192.0.2.66"),
      optionEntry(DHCP4_OPTION.hostName, "\u001b[2J"),
      optionEntry(DHCP4_OPTION.domainSearch, ["good.example.org", "a\\010b"]),
    );
    expect(lease).toMatchObject({ searchDomains: ["good.example.org"] });
    expect([lease.domainName, lease.hostName]).toEqual([undefined, undefined]);
  });

  test("an MTU that no IPv4 host need take is not used", () => {
    expect(leaseOf(optionEntry(DHCP4_OPTION.interfaceMtu, 68)).mtuBytes).toBeUndefined();
  });

  test.each([
    ["10.0.0.5", 8],
    ["172.16.0.5", 16],
    ["192.0.2.5", 24],
  ])("without a mask that of the class: %s/%i", (text, length) => {
    const lease = dialogue()
      .bind({ address: at(text), without: [1] })
      .event("bound")!.lease;
    expect(lease.prefixLength).toBe(length);
  });

  test("a /32 has no broadcast address to avoid", () => {
    const host = { address: at("192.0.2.255"), options: [optionEntry(DHCP4_OPTION.subnetMask, at("255.255.255.255"))] };
    expect(dialogue().bind(host).event("bound")?.lease.prefixLength).toBe(32);
  });
});
