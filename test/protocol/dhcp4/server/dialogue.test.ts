import { describe, expect, test } from "vitest";
import { type Ipv4Address, IPV4_BROADCAST, MAC_BROADCAST, parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { fromHex } from "../../../../src/base/bytes.ts";
import { OFFER_SECONDS, QUARANTINE_SECONDS } from "../../../../src/protocol/dhcp4/server/answers.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import type { ClientMessage } from "../../../support/dhcp4-client.ts";
import {
  chosen,
  CLIENT_MAC,
  obtain,
  range,
  rebinding,
  renewing,
  replyOf,
  requested,
  say,
  SERVER,
  SERVER_MAC,
  start,
  told,
} from "./world.ts";

const other = parseMac("52:54:00:00:00:18");
const third = parseMac("52:54:00:00:00:19");
const identified = (hex: string) => [optionEntry(DHCP4_OPTION.clientIdentifier, fromHex(hex))];

describe("a client that has 192.0.2.10, while another one has 192.0.2.11 (RFC 2131)", () => {
  const table: [string, Partial<ClientMessage>, string][] = [
    ["§4.3.1 DISCOVER: its current address", { type: "DISCOVER" }, "OFFER 192.0.2.10"],
    [
      "§4.3.1 DISCOVER: also when it asks for another",
      { type: "DISCOVER", options: [requested("192.0.2.15")] },
      "OFFER 192.0.2.10",
    ],
    ["§4.3.2 INIT-REBOOT with its address", { type: "REQUEST", options: [requested("192.0.2.10")] }, "ACK 192.0.2.10"],
    ["§4.3.2 INIT-REBOOT with another address", { type: "REQUEST", options: [requested("192.0.2.11")] }, "NAK"],
    ["§4.3.2 INIT-REBOOT from another network", { type: "REQUEST", options: [requested("198.51.100.7")] }, "NAK"],
    ["§4.3.2 RENEWING", { type: "REQUEST", ...renewing("192.0.2.10") }, "ACK 192.0.2.10"],
    ["§4.3.2 RENEWING another's address", { type: "REQUEST", ...renewing("192.0.2.11") }, "NAK"],
    ["§4.3.2 REBINDING", { type: "REQUEST", ...rebinding("192.0.2.10") }, "ACK 192.0.2.10"],
    ["§4.3.2 REBINDING another's address", { type: "REQUEST", ...rebinding("192.0.2.11") }, "NAK"],
    [
      "§4.3.2 SELECTING another server",
      { type: "REQUEST", options: [requested("192.0.2.10"), chosen("192.0.2.99")] },
      "the client chose another server",
    ],
    [
      "§4.3.2 SELECTING what was not offered to it",
      { type: "REQUEST", options: [requested("192.0.2.11"), chosen(SERVER)] },
      "NAK",
    ],
    ["§4.3.2 REQUEST without an address", { type: "REQUEST" }, "REQUEST names no address"],
    ["§4.3.3 DECLINE", { type: "DECLINE", options: [requested("192.0.2.10"), chosen(SERVER)] }, "declined"],
    [
      "§4.3.3 DECLINE of another's address",
      { type: "DECLINE", options: [requested("192.0.2.11"), chosen(SERVER)] },
      "DECLINE of an address that is not this client's",
    ],
    ["§4.3.4 RELEASE", { type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] }, "released"],
    [
      "§4.3.4 RELEASE of another's address",
      { type: "RELEASE", ...renewing("192.0.2.11"), options: [chosen(SERVER)] },
      "RELEASE of an address that is not this client's",
    ],
    ["§4.3.5 INFORM", { type: "INFORM", ...renewing("192.0.2.77") }, "ACK"],
    ["§4.3.5 INFORM from elsewhere", { type: "INFORM", ...renewing("198.51.100.7") }, "INFORM from another subnet"],
    ["§4.3 a server's message", { type: "OFFER" }, "OFFER is a server's message"],
    [
      "§4.1 sent to another server",
      { type: "DISCOVER", destination: parseIpv4("192.0.2.99") },
      "sent to another server's address",
    ],
    ["§2 a reply", { type: "ACK", fields: { operation: "reply" } }, "a message of another server"],
    ["no message type", {}, "a BOOTP client that is no known host"],
  ];
  test.each(table)("%s", (_, message, answer) => {
    const server = start();
    obtain(server, {});
    obtain(server, { mac: other });
    expect(told(say(server, message, 100))).toBe(answer);
  });
});

describe("a client that the server does not know (RFC 2131 §4.3.2)", () => {
  const table: [string, Partial<ClientMessage>, string, string][] = [
    [
      "INIT-REBOOT, free",
      { type: "REQUEST", options: [requested("192.0.2.15")] },
      "ACK 192.0.2.15",
      "an unknown client",
    ],
    ["INIT-REBOOT, another's", { type: "REQUEST", options: [requested("192.0.2.11")] }, "NAK", "an unknown client"],
    [
      "INIT-REBOOT, outside the range",
      { type: "REQUEST", options: [requested("192.0.2.99")] },
      "NAK",
      "an unknown client",
    ],
    ["INIT-REBOOT, the router's", { type: "REQUEST", options: [requested("192.0.2.12")] }, "NAK", "an unknown client"],
    ["INIT-REBOOT, wrong network", { type: "REQUEST", options: [requested("198.51.100.7")] }, "NAK", "NAK"],
    ["RENEWING, free", { type: "REQUEST", ...renewing("192.0.2.15") }, "ACK 192.0.2.15", "an unknown client"],
    ["REBINDING, another's", { type: "REQUEST", ...rebinding("192.0.2.11") }, "NAK", "an unknown client"],
    ["REBINDING, wrong network", { type: "REQUEST", ...rebinding("198.51.100.7") }, "NAK", "an unknown client"],
    [
      "SELECTING what an earlier run offered",
      { type: "REQUEST", options: [requested("192.0.2.15"), chosen(SERVER)] },
      "ACK 192.0.2.15",
      "ACK 192.0.2.15",
    ],
  ];
  test.each(table)("%s", (_, message, authoritative, beside) => {
    for (const [isAuthoritative, answer] of [
      [true, authoritative],
      [false, beside],
    ] as const) {
      const server = start({ authoritative: isAuthoritative });
      obtain(server, { mac: third });
      obtain(server, { mac: other });
      expect(told(say(server, message))).toBe(answer);
    }
  });
});

describe("a server that nobody invited says no to its own clients only, and about its own addresses", () => {
  const table: readonly [string, Partial<ClientMessage>, { known: string; stranger: string }][] = [
    [
      "INIT-REBOOT with an address of another server",
      { type: "REQUEST", options: [requested("192.0.2.99")] },
      { known: "an address of another server", stranger: "an unknown client" },
    ],
    [
      "INIT-REBOOT from another network",
      { type: "REQUEST", options: [requested("198.51.100.7")] },
      { known: "an address of another server", stranger: "an unknown client" },
    ],
    [
      "REBINDING an address of another server",
      { type: "REQUEST", ...rebinding("192.0.2.99") },
      { known: "an address of another server", stranger: "an unknown client" },
    ],
    [
      "INIT-REBOOT with another's address",
      { type: "REQUEST", options: [requested("192.0.2.11")] },
      { known: "NAK", stranger: "an unknown client" },
    ],
    [
      "INIT-REBOOT with its address",
      { type: "REQUEST", options: [requested("192.0.2.10")] },
      { known: "ACK 192.0.2.10", stranger: "an unknown client" },
    ],
  ];
  test.each(table)("%s", (_, message, { known, stranger }) => {
    const server = start({ authoritative: false, uninvited: true });
    obtain(server, { mac: CLIENT_MAC });
    obtain(server, { mac: other });
    expect(told(say(server, message))).toBe(known);
    expect(told(say(server, { ...message, mac: parseMac("52:54:00:00:00:77") }))).toBe(stranger);
  });
});

describe("addresses", () => {
  test("the range is given out but for the router's, and then nothing", () => {
    const server = start();
    const clients = Array.from({ length: 10 }, (_, i) => ({ mac: parseMac(`52:54:00:00:01:0${i}`) }));
    expect(clients.slice(0, 9).map((client) => obtain(server, client))).toEqual(
      [10, 11, 13, 14, 15, 16, 17, 18, 19].map((last) => `192.0.2.${last}`),
    );
    expect(told(say(server, { ...clients[9], type: "DISCOVER" }))).toBe("exhausted");
    expect(told(say(server, { ...clients[9], type: "DISCOVER" }, 3600))).toBe("OFFER 192.0.2.10");
  });

  test("a client gets its address again after its lease has ended, as long as there is another one for others", () => {
    const server = start();
    expect(obtain(server, {})).toBe("192.0.2.10");
    expect(obtain(server, { mac: other }, 4000)).toBe("192.0.2.11");
    expect(obtain(server, {}, 9000)).toBe("192.0.2.10");
  });

  test("an address that is asked for is given when it is free", () => {
    const server = start();
    expect(told(say(server, { type: "DISCOVER", options: [requested("192.0.2.15")] }))).toBe("OFFER 192.0.2.15");
    const later = { mac: other, type: "DISCOVER", options: [requested("192.0.2.15")] } as const;
    expect(told(say(server, later, OFFER_SECONDS - 1))).toBe("OFFER 192.0.2.10");
  });

  test("an offer that is not taken up is free again, at once when the client chose another server", () => {
    const one = { ranges: [range("192.0.2.10", "192.0.2.10")] };
    const server = start(one);
    say(server, { type: "DISCOVER" });
    const reboot = { mac: other, type: "REQUEST", options: [requested("192.0.2.10")] } as const;
    expect(told(say(server, reboot, OFFER_SECONDS - 1))).toBe("NAK");
    expect(told(say(server, { mac: other, type: "DISCOVER" }, OFFER_SECONDS))).toBe("OFFER 192.0.2.10");
    say(server, { mac: other, type: "REQUEST", options: [requested("192.0.2.10"), chosen("192.0.2.99")] }, 61);
    expect(told(say(server, { mac: third, type: "DISCOVER" }, 62))).toBe("OFFER 192.0.2.10");
  });

  test("nobody gets a declined address until its quarantine ends, and a released one last of all", () => {
    const server = start({ ranges: [range("192.0.2.10", "192.0.2.11")] });
    obtain(server, {});
    const declined = say(server, { type: "DECLINE", options: [requested("192.0.2.10"), chosen(SERVER)] });
    expect(declined.leases).toMatchObject([{ address: "192.0.2.10", state: "declined", client: "", endSeconds: 600 }]);
    expect(obtain(server, {})).toBe("192.0.2.11");
    const released = say(server, { type: "RELEASE", ...renewing("192.0.2.11"), options: [chosen(SERVER)] }, 5);
    expect(released.leases).toMatchObject([{ address: "192.0.2.11", state: "released", endSeconds: 5 }]);
    expect(told(say(server, { mac: other, type: "DISCOVER" }, 6))).toBe("OFFER 192.0.2.11");
    expect(told(say(server, { mac: third, type: "DISCOVER" }, QUARANTINE_SECONDS - 1))).toBe("OFFER 192.0.2.11");
    expect(told(say(server, { type: "DISCOVER" }, QUARANTINE_SECONDS))).toBe("OFFER 192.0.2.10");
  });

  test("a client is known by its identifier, whatever its hardware address (RFC 4361 §6.1)", () => {
    const server = start();
    const identifier = identified("ff00000001000100011c39cf88080027fe8f95");
    expect(obtain(server, { options: identifier })).toBe("192.0.2.10");
    expect(obtain(server, { mac: other, options: identifier })).toBe("192.0.2.10");
    expect(obtain(server, {})).toBe("192.0.2.11");
    expect(told(say(server, { type: "DISCOVER", options: identified("00".repeat(256)) }))).toBe(
      "neither client identifier nor hardware address",
    );
  });

  test("an ACK comes with the lease that has to be kept, an offer with none", () => {
    const server = start();
    expect(say(server, { type: "DISCOVER" }, 100).leases).toEqual([]);
    const name = optionEntry(DHCP4_OPTION.hostName, "vm1");
    const options = [requested("192.0.2.10"), chosen(SERVER), name];
    const first = say(server, { type: "REQUEST", options }, 100.5).leases;
    const hardware = "\x01RT\x00\x00\x00\x17";
    const lease = { address: "192.0.2.10", state: "leased", hostName: "vm1", client: `\x00${hardware}`, hardware };
    expect(first).toEqual([{ ...lease, startSeconds: 100, endSeconds: 3701 }]);
    const renewed = say(server, { type: "REQUEST", ...renewing("192.0.2.10") }, 2000).leases;
    expect(renewed).toEqual([{ ...lease, startSeconds: 100, endSeconds: 5600 }]);
    const restarted = start();
    for (const known of [...first, ...renewed]) expect(restarted.restore(known)).toBe(true);
    expect([...restarted.leases()]).toEqual(renewed);
    expect(told(say(restarted, { mac: other, type: "DISCOVER", options: [requested("192.0.2.10")] }, 2000))).toBe(
      "OFFER 192.0.2.11",
    );
    expect(restarted.restore({ ...first[0]!, address: parseIpv4("192.0.2.99") })).toBe(false);
  });

  test("a client that asks anew shortly before its lease ends keeps it until then, also for a restart", () => {
    const server = start();
    obtain(server, {});
    expect(told(say(server, { type: "DISCOVER" }, 3590))).toBe("OFFER 192.0.2.10");
    const [kept] = [...server.leases()];
    expect(kept).toMatchObject({ address: "192.0.2.10", state: "leased" });
    expect(kept!.endSeconds).toBeGreaterThanOrEqual(3600);
  });
});

describe("what a reply says", () => {
  test.each([
    [undefined, 3600],
    [1, 600],
    [1800, 1800],
    [0xffffffff, 7200],
  ])("asked for %s s, a lease lasts %i s", (asked, given) => {
    const options = asked === undefined ? [] : [optionEntry(DHCP4_OPTION.leaseTime, asked)];
    const reply = replyOf(say(start(), { type: "DISCOVER", options })).message.options;
    expect(readOption(reply, DHCP4_OPTION.leaseTime)).toBe(given);
    expect(readOption(reply, DHCP4_OPTION.renewalTime)).toBe(given / 2);
    expect(readOption(reply, DHCP4_OPTION.rebindingTime)).toBe((given * 7) / 8);
  });

  test("what the client asks for in that order, behind what everybody gets; identifier and option 82 as they came", () => {
    const options = [
      [82, fromHex("0104aabbccdd")],
      ...identified("0102030405"),
      optionEntry(DHCP4_OPTION.parameterRequestList, [6, 3, 42]),
    ] as const;
    const reply = replyOf(say(start(), { type: "DISCOVER", options })).message.options;
    expect([...reply.keys()]).toEqual([53, 54, 51, 58, 59, 1, 6, 3, 61, 82]);
    expect(reply.get(82)).toEqual(fromHex("0104aabbccdd"));
    expect(readOption(reply, DHCP4_OPTION.serverIdentifier)).toBe(SERVER);
  });

  test("INFORM is told settings, and nothing of a lease", () => {
    const { message, packet } = replyOf(say(start(), { type: "INFORM", ...renewing("192.0.2.77") }));
    expect([...message.options.keys()]).toEqual([53, 54, 1, 28, 3, 6]);
    expect([message.clientAddress, packet.destination]).toEqual(["192.0.2.77", "192.0.2.77"]);
  });

  test("IPv6-only is told only to who asks for it (RFC 8925 §3.3)", () => {
    const server = start({ options: new Map([optionEntry(DHCP4_OPTION.ipv6OnlyPreferred, 1800)]) });
    expect(replyOf(say(server, { type: "DISCOVER" })).message.options.has(108)).toBe(false);
    const wishes = [optionEntry(DHCP4_OPTION.parameterRequestList, [108])];
    expect(replyOf(say(server, { type: "DISCOVER", options: wishes })).message.options.has(108)).toBe(true);
  });

  test("at once and for good with rapid commit, where the server may (RFC 4039)", () => {
    const options = [optionEntry(DHCP4_OPTION.rapidCommit, true)];
    expect(told(say(start(), { type: "DISCOVER", options }))).toBe("OFFER 192.0.2.10");
    const output = say(start({ rapidCommit: true }), { type: "DISCOVER", options });
    expect(told(output)).toBe("ACK 192.0.2.10");
    expect(output.leases).toHaveLength(1);
    expect(replyOf(output).message.options.has(80)).toBe(true);
  });
});

describe("where a reply goes (RFC 2131 §4.1)", () => {
  const relay = parseMac("52:54:00:00:00:99");
  const relayed = (link: string) => ({
    frameSource: relay,
    fields: { relayAddress: link as Ipv4Address },
    destination: SERVER,
  });
  const table: [string, Partial<ClientMessage>, string][] = [
    ["to the offered address", { type: "DISCOVER" }, `${CLIENT_MAC} 192.0.2.10:68`],
    [
      "broadcast when it must be",
      { type: "DISCOVER", fields: { broadcast: true } },
      `${MAC_BROADCAST} ${IPV4_BROADCAST}:68`,
    ],
    [
      "NAK: broadcast",
      { type: "REQUEST", options: [requested("198.51.100.7")] },
      `${MAC_BROADCAST} ${IPV4_BROADCAST}:68`,
    ],
    [
      "renewal: to the client's address, by the way it came",
      { type: "REQUEST", ...renewing("192.0.2.10"), frameSource: relay },
      `${relay} 192.0.2.10:68`,
    ],
    ["relayed: to the relay", { type: "DISCOVER", ...relayed("192.0.2.200") }, `${relay} 192.0.2.200:67`],
    [
      "relayed NAK: too",
      { type: "REQUEST", ...relayed("192.0.2.200"), options: [requested("198.51.100.7")] },
      `${relay} 192.0.2.200:67`,
    ],
  ];
  test.each(table)("%s", (_, message, where) => {
    const { ethernet, packet, datagram, message: reply } = replyOf(say(start(), message));
    expect(`${ethernet.destination} ${packet.destination}:${datagram.destinationPort}`).toBe(where);
    expect([ethernet.source, packet.source, datagram.sourcePort]).toEqual([SERVER_MAC, SERVER, 67]);
    expect(reply.relayAddress).toBe(message.fields?.relayAddress ?? "0.0.0.0");
    // RFC 2131 §4.3.2: a relay has to broadcast a NAK.
    if (where.endsWith(":67") && message.type === "REQUEST") expect(reply.broadcast).toBe(true);
  });

  test.each([
    ["giaddr elsewhere", "198.51.100.1", [], "relayed from a subnet that is not served"],
    ["link selection (RFC 3527)", "198.51.100.1", [[82, "0504c0000200"]], "OFFER 192.0.2.10"],
    ["link selection elsewhere", "192.0.2.200", [[82, "0504c6336400"]], "relayed from a subnet that is not served"],
    ["subnet selection (RFC 3011)", "198.51.100.1", [[118, "c0000200"]], "OFFER 192.0.2.10"],
    ["a sub-option cut off", "192.0.2.200", [[82, "0504c000"]], "OFFER 192.0.2.10"],
  ] as const)("%s", (_, link, options, answer) => {
    const bytes = options.map(([code, hex]) => [code, fromHex(hex)] as const);
    const output = say(start(), { type: "DISCOVER", ...relayed(link), options: bytes });
    expect(told(output)).toBe(answer);
    if (output.frames.length > 0)
      for (const [code, value] of bytes) expect(replyOf(output).message.options.get(code)).toEqual(value);
  });

  test("server identifier override: the client knows the relay as its server (RFC 5107)", () => {
    const server = start();
    const override: readonly [number, Uint8Array] = [82, fromHex("0b04c00002c8")];
    const message = { ...relayed("192.0.2.200"), options: [override] };
    const offer = replyOf(say(server, { type: "DISCOVER", ...message })).message;
    expect(readOption(offer.options, DHCP4_OPTION.serverIdentifier)).toBe("192.0.2.200");
    const options = [requested("192.0.2.10"), chosen("192.0.2.200"), override];
    expect(told(say(server, { type: "REQUEST", ...message, options }))).toBe("ACK 192.0.2.10");
  });

  test("where there is no room for all, option 82 stays", () => {
    const server = start({
      options: new Map([
        [224, new Uint8Array(255)],
        [225, new Uint8Array(250)],
      ]),
    });
    const information: readonly [number, Uint8Array] = [82, new Uint8Array(60).fill(7)];
    const output = say(server, { type: "DISCOVER", ...relayed("192.0.2.200"), options: [information] });
    const { options } = replyOf(output).message;
    expect(options.get(82)).toEqual(information[1]);
    expect(output.events.at(-1)).toMatchObject({ event: "sent", omittedOptions: [225] });
  });
});

test("a lease that ends after 2106 is kept as one for ever", () => {
  const seconds = 0xffff_fffe;
  const server = start({ leaseSeconds: { default: seconds, minimum: 600, maximum: seconds } }, 1_800_000_000);
  const offer = replyOf(say(server, { type: "DISCOVER" }, 1_800_000_000)).message.yourAddress;
  const options = [requested(offer), chosen(SERVER)];
  const output = say(server, { type: "REQUEST", options }, 1_800_000_000);
  expect(output.leases).toMatchObject([{ address: offer, endSeconds: 0xffff_ffff }]);
});
