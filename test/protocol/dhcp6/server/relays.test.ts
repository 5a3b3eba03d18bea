/** Clients that a relay speaks for (RFC 8415 §19.3). */
import { expect, test } from "vitest";
import { parseIpv6, parseMac } from "../../../../src/base/address.ts";
import { fromHex } from "../../../../src/base/bytes.ts";
import type { Dhcp6MessageType, Dhcp6Option } from "../../../../src/wire/dhcp6/message.ts";
import { DHCP6_OPTION } from "../../../../src/wire/dhcp6/options.ts";
import { unwrapRelayed } from "../../../../src/wire/dhcp6/relay.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { CLIENT_ADDRESS, CLIENT_MAC, duid, ia, open, type Said, say, start } from "./world.ts";

const OTHER_MAC = parseMac("52:54:00:00:00:18");
const interfaceId: Dhcp6Option = { code: DHCP6_OPTION.interfaceIdentifier, data: fromHex("65746830") };
const macOption = (text: string): Dhcp6Option => ({ code: 79, data: fromHex(`0001 ${text}`) });

function relayed(said: Said, type: Dhcp6MessageType = "REQUEST") {
  const output = say(start(), type, [ia("address", 1)], said);
  if (output.frames.length === 0) throw new Error(JSON.stringify(output.events));
  const opened = open(output.frames[0]!);
  return { output, opened, payload: opened.datagram.payload };
}

test("the answer takes the same way back: each relay finds its own interface identifier", () => {
  const relays = [
    { linkAddress: "2001:db8:1::3", options: [interfaceId] },
    { linkAddress: "::", peerAddress: "fe80::99", options: [{ code: 37, data: fromHex("00000009 01") }] },
  ];
  const { output, opened, payload } = relayed({ relays, destination: parseIpv6("2001:db8:1::1") });
  expect([opened.packet.source, opened.packet.destination]).toEqual(["2001:db8:1::1", "2001:db8:1::2"]);
  expect([opened.datagram.sourcePort, opened.datagram.destinationPort]).toEqual([547, 547]);
  // Read as if it went the other way: the forms are the same.
  payload[0] = 12;
  payload[4 + 34] = 12;
  const unwrapped = unwrapRelayed(payload);
  if (unwrapped instanceof Malformed) throw new Error(unwrapped.reason);
  expect(unwrapped.relays).toEqual([
    { hopCount: 1, linkAddress: "::", peerAddress: "fe80::99", options: [] },
    { hopCount: 0, linkAddress: "2001:db8:1::3", peerAddress: CLIENT_ADDRESS, options: [interfaceId] },
  ]);
  expect(unwrapped.message[0]).toBe(7);
  expect(output.leases).toMatchObject([{ state: "leased" }]);
});

test("it is told where a client of the link asked from, which is the way to its prefixes, and of no other", () => {
  expect(say(start(), "SOLICIT", [ia("prefix", 1)]).client).toBe(CLIENT_ADDRESS);
  expect(relayed({ relays: [{}] }).output).not.toHaveProperty("client");
});

test("the client's MAC address is what its relay has seen (RFC 6939), else that of its DUID", () => {
  const seen = relayed({ relays: [{ options: [macOption("52540000abcd")] }], mac: OTHER_MAC });
  expect(seen.output.leases).toMatchObject([{ mac: "52:54:00:00:ab:cd" }]);
  expect(relayed({ relays: [{}], client: duid(CLIENT_MAC) }).output.leases).toMatchObject([{ mac: CLIENT_MAC }]);
  const unknown: Dhcp6Option = { code: 1, data: fromHex("0002 00000009 aa") };
  expect(relayed({ relays: [{}], client: unknown }).output.leases).toMatchObject([{ mac: "" }]);
});

test("a relay that listens on another port is answered there (RFC 8357)", () => {
  const option: Dhcp6Option = { code: DHCP6_OPTION.relaySourcePort, data: fromHex("0000") };
  const { opened } = relayed({ relays: [{ options: [option] }], sourcePort: 5470 });
  expect(opened.datagram.destinationPort).toBe(5470);
});

test("to all servers of the site", () => {
  expect(relayed({ relays: [{}], destination: parseIpv6("ff05::1:3") }).opened.packet.source).toBe("2001:db8:1::1");
});

test.for<[string, Said]>([
  ["from a link that is not served", { relays: [{ linkAddress: "2001:db8:7::1" }] }],
  ["through too many relays", { relays: Array.from({ length: 9 }, () => ({})) }],
  ["not exactly one message", { relays: [{ options: [{ code: 9, data: new Uint8Array() }] }] }],
])("silence: %s", ([reason, said]) => {
  const { frames, events } = say(start(), "SOLICIT", [ia("address", 1)], said);
  expect(frames).toEqual([]);
  expect(events).toEqual([{ event: "ignored", reason: expect.stringContaining(reason) }]);
});
