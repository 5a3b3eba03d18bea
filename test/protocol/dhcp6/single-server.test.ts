import { describe, expect, test } from "vitest";
import { parseIpv6, parseMac } from "../../../src/base/address.ts";
import { type SingleServer6Output, SingleDhcp6Server } from "../../../src/protocol/dhcp6/single-server.ts";
import {
  decodeDhcp6,
  decodeDhcp6Options,
  type Dhcp6Message,
  type Dhcp6Option,
} from "../../../src/wire/dhcp6/message.ts";
import { DHCP6_OPTION, linkLayerDuid, optionsOf } from "../../../src/wire/dhcp6/options.ts";
import { decodeEthernet } from "../../../src/wire/ethernet.ts";
import { decodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { decodeUdp } from "../../../src/wire/udp.ts";
import { association, dhcp6Frame, GUEST_ADDRESS, GUEST_DUID, PLACE, SERVER_DUID } from "../../support/ip6-client.ts";

const server = new SingleDhcp6Server(PLACE);
const RAPID: Dhcp6Option = { code: DHCP6_OPTION.rapidCommit, data: new Uint8Array() };
const ASK_NAMES: Dhcp6Option = { code: DHCP6_OPTION.optionRequest, data: Uint8Array.of(0, 23, 0, 24) };
const OTHER_SERVER = { code: DHCP6_OPTION.serverIdentifier, data: linkLayerDuid(parseMac("02:00:00:00:00:99")) };

function ask(...frame: Parameters<typeof dhcp6Frame>): SingleServer6Output {
  const { frame: ethernet, packet } = dhcp6Frame(...frame);
  return server.handle(ethernet, packet, false);
}

function sound<T>(value: T | Malformed): T {
  if (value instanceof Malformed) throw new Error(value.reason);
  return value;
}

function replyOf({ frames, events }: SingleServer6Output): Dhcp6Message {
  if (frames.length !== 1) throw new Error(`no answer: ${JSON.stringify(events)}`);
  const frame = sound(decodeEthernet(frames[0]!));
  expect(frame.destination).toBe(PLACE.clientMac);
  const packet = sound(decodeIpv6(frame.payload));
  expect(packet).toMatchObject({ source: PLACE.serverAddress, destination: GUEST_ADDRESS });
  return sound(decodeDhcp6(sound(decodeUdp(packet.payload, packet)).payload));
}

/** "2001:db8::5 3600" for each address, "status 2" for a status, inside the first association. */
function told(message: Dhcp6Message, index = 0): string[] {
  const data = optionsOf(message.options, DHCP6_OPTION.nonTemporaryAddresses)[index]!;
  return sound(decodeDhcp6Options(data.subarray(12))).map((option) => {
    const view = new DataView(option.data.buffer, option.data.byteOffset);
    if (option.code === DHCP6_OPTION.status) return `status ${view.getUint16(0)}`;
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
    return `${parseIpv6(groups.join(":"))} ${view.getUint32(20)}`;
  });
}

function statusOf(message: Dhcp6Message): number | undefined {
  const data = optionsOf(message.options, DHCP6_OPTION.status)[0];
  return data === undefined ? undefined : (data[0]! << 8) | data[1]!;
}

describe("what the one guest is answered", () => {
  test("SOLICIT: ADVERTISE with its address, a preference that ends the search, and the names it asks for", () => {
    const reply = replyOf(ask("SOLICIT", [GUEST_DUID, association(7), ASK_NAMES]));
    expect(reply).toMatchObject({ type: "ADVERTISE", transactionId: 0xabcdef });
    expect(told(reply)).toEqual(["2001:db8::5 3600"]);
    expect(reply.options.map(({ code }) => code)).toEqual([2, 1, 7, 3, 23, 24]);
    expect(optionsOf(reply.options, 1)[0]).toEqual(GUEST_DUID.data);
    expect(optionsOf(reply.options, 24)[0]).toEqual(
      Uint8Array.from([7, ...Buffer.from("example"), 3, ...Buffer.from("org"), 0]),
    );
  });

  test("names are not told to whom does not ask (RFC 8415 §18.3.1)", () => {
    expect(replyOf(ask("SOLICIT", [GUEST_DUID, association(7)])).options.map(({ code }) => code)).toEqual([2, 1, 7, 3]);
  });

  test("SOLICIT with rapid commit: REPLY at once, with the option (RFC 8415 §18.3.1)", () => {
    const reply = replyOf(ask("SOLICIT", [GUEST_DUID, RAPID, association(7)]));
    expect(reply.type).toBe("REPLY");
    expect(optionsOf(reply.options, DHCP6_OPTION.rapidCommit)).toHaveLength(1);
  });

  test.for(["REQUEST", "RENEW"] as const)(
    "%s: REPLY with the address, half and four fifths of its time to renew",
    (type) => {
      const reply = replyOf(ask(type, [GUEST_DUID, SERVER_DUID, association(7, ["2001:db8::5"])]));
      expect(reply.type).toBe("REPLY");
      const view = new DataView(optionsOf(reply.options, 3)[0]!.slice().buffer);
      expect([view.getUint32(0), view.getUint32(4), view.getUint32(8)]).toEqual([7, 1800, 2880]);
      expect(told(reply)).toEqual(["2001:db8::5 3600"]);
    },
  );

  test("REBIND with an address that is not the guest's: the right one, and the other with no time left", () => {
    const reply = replyOf(ask("REBIND", [GUEST_DUID, association(7, ["2001:db8::99"])]));
    expect(told(reply)).toEqual(["2001:db8::5 3600", "2001:db8::99 0"]);
  });

  test("SOLICIT that wishes for another address: its own, the wish is not spoken of", () => {
    expect(told(replyOf(ask("SOLICIT", [GUEST_DUID, association(7, ["2001:db8::99"])])))).toEqual(["2001:db8::5 3600"]);
  });

  test("REQUEST of an address that is not the guest's: not on this link (RFC 8415 §18.3.2)", () => {
    const sent = [GUEST_DUID, SERVER_DUID, association(7, ["2001:db8::99"])];
    expect(told(replyOf(ask("REQUEST", sent)))).toEqual(["status 4"]);
  });

  test("rapid commit where there is no address to give: ADVERTISE without any", () => {
    const place = { ...PLACE, lease: { ...PLACE.lease, addresses: [] } };
    const { frame, packet } = dhcp6Frame("SOLICIT", [GUEST_DUID, RAPID, association(7)]);
    const reply = replyOf(new SingleDhcp6Server(place).handle(frame, packet, false));
    expect(reply.type).toBe("ADVERTISE");
    expect(told(reply)).toEqual(["status 2"]);
  });

  test("a second association: no address for it", () => {
    const reply = replyOf(ask("SOLICIT", [GUEST_DUID, association(1), association(2)]));
    expect(told(reply, 0)).toEqual(["2001:db8::5 3600"]);
    expect(told(reply, 1)).toEqual(["status 2"]);
  });

  test("a prefix: there is none to delegate, under the association's own number", () => {
    const wanted: Dhcp6Option = {
      code: DHCP6_OPTION.prefixDelegation,
      data: Uint8Array.of(0, 0, 0, 9, ...Array(8).fill(0)),
    };
    const [data] = optionsOf(replyOf(ask("SOLICIT", [GUEST_DUID, wanted])).options, DHCP6_OPTION.prefixDelegation);
    expect([...data!.subarray(0, 4), ...data!.subarray(12, 18)].join()).toBe(
      [0, 0, 0, 9, 0, 13, 0, data!.length - 16, 0, 6].join(),
    );
  });

  test.for([
    [["2001:db8::5"], 0],
    [["2001:db8::5", "2001:db8::6"], 4],
  ] as const)("CONFIRM of %j: status %i", ([addresses, status]) => {
    expect(statusOf(replyOf(ask("CONFIRM", [GUEST_DUID, association(7, addresses)])))).toBe(status);
  });

  test.for([
    ["RELEASE", "released"],
    ["DECLINE", "declined"],
  ] as const)("%s: success, and told", ([type, event]) => {
    const output = ask(type, [GUEST_DUID, SERVER_DUID, association(7, ["2001:db8::5"])]);
    expect(statusOf(replyOf(output))).toBe(0);
    expect(output.events).toContainEqual({ event, addresses: ["2001:db8::5"] });
  });

  test("RELEASE of an address that was never the guest's: no such binding, and nothing is told (RFC 8415 §18.3.7)", () => {
    const output = ask("RELEASE", [GUEST_DUID, SERVER_DUID, association(7, ["2001:db8::99"])]);
    expect(told(replyOf(output))).toEqual(["status 3"]);
    expect(output.events.map(({ event }) => event)).toEqual(["received", "sent"]);
  });

  test("INFORMATION-REQUEST, also without an identifier: names and no address", () => {
    const reply = replyOf(ask("INFORMATION-REQUEST", [ASK_NAMES]));
    expect(reply.options.map(({ code }) => code)).toEqual([2, 23, 24]);
  });

  test("by unicast, which nobody allowed: use multicast (RFC 8415 §18.4)", () => {
    const sent = [GUEST_DUID, SERVER_DUID, association(7)];
    expect(statusOf(replyOf(ask("RENEW", sent, { destination: PLACE.serverAddress })))).toBe(5);
  });
});

test.for([
  ["another MAC address", "SOLICIT", [GUEST_DUID, association(7)], { mac: parseMac("52:54:00:00:00:99") }],
  ["no client identifier", "SOLICIT", [association(7)], {}],
  ["SOLICIT that names a server", "SOLICIT", [GUEST_DUID, SERVER_DUID], {}],
  ["REQUEST that names none", "REQUEST", [GUEST_DUID, association(7)], {}],
  ["REQUEST to another server", "REQUEST", [GUEST_DUID, OTHER_SERVER, association(7)], {}],
  ["CONFIRM without an address", "CONFIRM", [GUEST_DUID, association(7)], {}],
  ["SOLICIT by unicast", "SOLICIT", [GUEST_DUID, association(7)], { destination: PLACE.serverAddress }],
  ["to another node", "RENEW", [GUEST_DUID, SERVER_DUID, association(7)], { destination: GUEST_ADDRESS }],
  ["from no address", "SOLICIT", [GUEST_DUID, association(7)], { source: parseIpv6("::") }],
  ["INFORMATION-REQUEST for an address", "INFORMATION-REQUEST", [GUEST_DUID, association(7)], {}],
  [
    "more associations than an answer has room for",
    "SOLICIT",
    [GUEST_DUID, ...Array.from({ length: 60 }, (_, i) => association(i))],
    {},
  ],
  ["an identifier twice", "SOLICIT", [GUEST_DUID, GUEST_DUID], {}],
  ["an identifier of no length", "SOLICIT", [{ code: 1, data: new Uint8Array(0) }], {}],
  ["a server's own message", "ADVERTISE", [GUEST_DUID], {}],
] as const)("%s meets silence (RFC 8415 §16)", ([, type, options, envelope]) => {
  const { frames, events } = ask(type, options, envelope);
  expect(frames).toEqual([]);
  expect(events).toEqual([{ event: "ignored", reason: expect.any(String) }]);
});
