import { describe, expect, test } from "vitest";
import { type Ipv4Address, IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parseIpv4 } from "../../../../src/base/address.ts";
import { toHex } from "../../../../src/base/bytes.ts";
import { DHCP4_OPTION, optionEntry } from "../../../../src/wire/dhcp4/option-table.ts";
import { arpFrame, type ServerMessage } from "../../../support/dhcp4-server.ts";
import { address, dialogue, mac, other, second, server, serverMac, strangerMac } from "./dialogue.ts";

const broadcast = { to: IPV4_BROADCAST, from: IPV4_ANY, toMac: MAC_BROADCAST, ciaddr: IPV4_ANY };

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
