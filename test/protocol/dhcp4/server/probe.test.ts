import { describe, expect, test } from "vitest";
import {
  type Ipv4Address,
  IPV4_ANY,
  MAC_BROADCAST,
  type MacAddress,
  parseIpv4,
  parseMac,
} from "../../../../src/base/address.ts";
import type { Dhcp4Server, Dhcp4ServerOutput } from "../../../../src/protocol/dhcp4/server/server.ts";
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp } from "../../../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry } from "../../../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../../../../src/wire/ethernet.ts";
import { decodeIpv4, encodeIpv4 } from "../../../../src/wire/ipv4.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { chosen, CLIENT_MAC, obtain, range, requested, say, SERVER, SERVER_MAC, start, told } from "./world.ts";

const PROBE = { arpSeconds: 0.3, icmpSeconds: 0.8, atOnce: 2 };
const relay = parseMac("52:54:00:00:00:99");
const foreign = parseMac("52:54:00:00:00:aa");
const mac = (last: number) => parseMac(`52:54:00:00:01:0${last}`);
const relayed = {
  frameSource: relay,
  fields: { relayAddress: "192.0.2.200" as Ipv4Address },
  destination: SERVER,
} as const;

function open(changes: Parameters<typeof start>[0] = {}): Dhcp4Server {
  return start({ probe: PROBE, ...changes });
}

/** "ARP 192.0.2.10", "echo 192.0.2.10": what the server asks. */
function asked(output: Dhcp4ServerOutput): string {
  expect(output.frames).toHaveLength(1);
  const ethernet = decodeEthernet(output.frames[0]!);
  if (ethernet instanceof Malformed) return ethernet.reason;
  expect(ethernet.source).toBe(SERVER_MAC);
  if (ethernet.etherType === ETHERTYPE_ARP) {
    const packet = decodeArp(ethernet.payload);
    if (packet instanceof Malformed) return packet.reason;
    expect(packet).toMatchObject({ operation: ARP_REQUEST, senderMac: SERVER_MAC, senderAddress: IPV4_ANY });
    expect(ethernet.destination).toBe(MAC_BROADCAST);
    return `ARP ${packet.targetAddress}`;
  }
  const packet = decodeIpv4(ethernet.payload);
  if (packet instanceof Malformed || packet.protocol !== 1) return told(output);
  expect([packet.source, packet.payload[0], ethernet.destination]).toEqual([SERVER, 8, relay]);
  return `echo ${packet.destination}`;
}

function arpFrom(sender: string, senderMac: MacAddress = foreign): Uint8Array {
  const payload = encodeArp({
    operation: ARP_REPLY,
    senderMac,
    senderAddress: parseIpv4(sender),
    targetMac: SERVER_MAC,
    targetAddress: IPV4_ANY,
  });
  return encodeEthernet({ destination: SERVER_MAC, source: senderMac, etherType: ETHERTYPE_ARP, payload });
}

function echoFrom(source: string, type = 0): Uint8Array {
  const payload = Uint8Array.of(type, 0, 0xff, 0xff, 0, 0, 0, 0);
  const packet = { source: parseIpv4(source), destination: SERVER, protocol: 1, timeToLive: 64, dontFragment: false };
  return encodeEthernet({
    destination: SERVER_MAC,
    source: relay,
    etherType: ETHERTYPE_IPV4,
    payload: encodeIpv4({ ...packet, payload }),
  });
}

function receive(server: Dhcp4Server, frame: Uint8Array, now = 0): Dhcp4ServerOutput {
  return server.handle({ frame, checksumNotReady: false }, now);
}

describe("before an address is offered, somebody else is looked for who uses it (RFC 2131 §2.2)", () => {
  test("nobody answers: the offer follows when the time is over, once", () => {
    const server = open();
    expect(server.nextDeadline()).toBeUndefined();
    expect(asked(say(server, { type: "DISCOVER" }, 5))).toBe("ARP 192.0.2.10");
    expect(server.nextDeadline()).toBe(5.3);
    expect(server.handleDeadline(5.2).frames).toEqual([]);
    expect(told(server.handleDeadline(5.3))).toBe("OFFER 192.0.2.10");
    expect(server.nextDeadline()).toBeUndefined();
    expect(told(say(server, { type: "DISCOVER" }, 6))).toBe("OFFER 192.0.2.10");
    expect(told(say(server, { type: "REQUEST", options: [requested("192.0.2.10"), chosen(SERVER)] }, 6))).toBe(
      "ACK 192.0.2.10",
    );
  });

  test("somebody answers: the address is in quarantine, durably, and the next one is looked at", () => {
    const server = open();
    say(server, { type: "DISCOVER" });
    const output = receive(server, arpFrom("192.0.2.10"), 0.1);
    expect(output.leases).toMatchObject([{ address: "192.0.2.10", state: "declined" }]);
    expect(output.events).toMatchObject([{ event: "conflict", address: "192.0.2.10" }, { event: "probed" }]);
    expect(asked(output)).toBe("ARP 192.0.2.11");
    expect(told(server.handleDeadline(0.4))).toBe("OFFER 192.0.2.11");
  });

  test("through a relay by ICMP", () => {
    const server = open();
    expect(asked(say(server, { type: "DISCOVER", ...relayed }))).toBe("echo 192.0.2.10");
    expect(server.nextDeadline()).toBe(0.8);
    expect(receive(server, echoFrom("192.0.2.10", 3)).leases).toEqual([]);
    expect(asked(receive(server, echoFrom("192.0.2.10")))).toBe("echo 192.0.2.11");
    expect(told(server.handleDeadline(0.8))).toBe("OFFER 192.0.2.11");
  });

  test("the client itself that has the address already is nobody else", () => {
    const server = open();
    say(server, { type: "DISCOVER" });
    expect(receive(server, arpFrom("192.0.2.10", CLIENT_MAC)).leases).toEqual([]);
    expect(told(server.handleDeadline(1))).toBe("OFFER 192.0.2.10");
  });

  test("with rapid commit the ACK waits too, and comes with its lease", () => {
    const server = open({ rapidCommit: true });
    const options = [optionEntry(DHCP4_OPTION.rapidCommit, true)];
    expect(asked(say(server, { type: "DISCOVER", options }))).toBe("ARP 192.0.2.10");
    const output = server.handleDeadline(1);
    expect(told(output)).toBe("ACK 192.0.2.10");
    expect(output.leases).toHaveLength(1);
  });

  test("a client that had the address does not wait, also after a restart", () => {
    const before = start();
    obtain(before, {});
    const server = open();
    for (const lease of before.leases()) server.restore(lease);
    expect(told(say(server, { type: "DISCOVER" }, 9000))).toBe("OFFER 192.0.2.10");
  });

  test("a host's own address is probed as well; while somebody uses it, it has another one", () => {
    const server = open({ hosts: [{ identity: { mac: CLIENT_MAC }, address: parseIpv4("192.0.2.99") }] });
    expect(asked(say(server, { type: "DISCOVER" }))).toBe("ARP 192.0.2.99");
    expect(asked(receive(server, arpFrom("192.0.2.99")))).toBe("ARP 192.0.2.10");
  });
});

test("what else is said of addresses is not worth a word", () => {
  for (const frame of [arpFrom("192.0.2.99"), echoFrom("192.0.2.99", 8)])
    expect(receive(open(), frame)).toEqual({ leases: [], frames: [], events: [] });
  expect(told(receive(start(), arpFrom("192.0.2.99")))).toBe("not IPv4");
});

describe("others are not held up", () => {
  test("they are answered meanwhile, and beyond the limit without a probe", () => {
    const server = open();
    expect(asked(say(server, { mac: mac(1), type: "DISCOVER" }))).toBe("ARP 192.0.2.10");
    expect(told(say(server, { mac: mac(1), type: "DISCOVER" }, 0.1))).toBe("the address is being probed");
    expect(asked(say(server, { mac: mac(2), type: "DISCOVER" }, 0.1))).toBe("ARP 192.0.2.11");
    expect(told(say(server, { mac: mac(3), type: "DISCOVER" }, 0.1))).toBe("OFFER 192.0.2.13");
    expect(server.nextDeadline()).toBe(0.3);
    expect(told(server.handleDeadline(0.35))).toBe("OFFER 192.0.2.10");
    expect(told(server.handleDeadline(0.4))).toBe("OFFER 192.0.2.11");
  });

  test("who answers for every address makes a part of them useless, not all", () => {
    const server = open({ ranges: [range("192.0.2.20", "192.0.2.29")] });
    const conflicts: string[] = [];
    let output = say(server, { type: "DISCOVER" });
    while (output.events.some(({ event }) => event === "probed")) {
      const address = asked(output).slice(4);
      conflicts.push(address);
      output = receive(server, arpFrom(address));
    }
    expect(conflicts).toEqual(["192.0.2.20", "192.0.2.21", "192.0.2.22"]);
    expect(output.frames).toHaveLength(1);
    expect(output.events.at(-1)).toMatchObject({ event: "sent", message: "OFFER", address: "192.0.2.23" });
  });
});
