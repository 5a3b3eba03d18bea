import { describe, expect, test } from "vitest";
import { type Ipv6Address, parseIpv6, parseMac } from "../../../src/base/address.ts";
import type { GuestPlace6 } from "../../../src/protocol/guest-lease6.ts";
import { SingleRouter, type SingleRouterOutput } from "../../../src/protocol/ndp/single-router.ts";
import { decodeEthernet } from "../../../src/wire/ethernet.ts";
import { decodeIcmpv6 } from "../../../src/wire/icmpv6.ts";
import { decodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { GUEST_ADDRESS, PLACE, solicitation } from "../../support/ip6-client.ts";

const START = 1000;
const router = (place: GuestPlace6 = PLACE, random = 0.5) => new SingleRouter(place, START, () => random);

function ask(machine: SingleRouter, ...given: Parameters<typeof solicitation>): SingleRouterOutput {
  const { frame, packet } = solicitation(...given);
  return machine.handle(frame, packet);
}

function opened(bytes: Uint8Array) {
  const frame = decodeEthernet(bytes);
  const packet = frame instanceof Malformed ? frame : decodeIpv6(frame.payload);
  const message = packet instanceof Malformed ? packet : decodeIcmpv6(packet.payload, packet);
  if (frame instanceof Malformed || packet instanceof Malformed || message instanceof Malformed)
    throw new Error("malformed");
  expect(packet.hopLimit).toBe(255);
  return { frame, packet, ...message, view: new DataView(message.body.buffer, message.body.byteOffset) };
}

/** Types of the options behind the fixed part, with their bytes. */
function optionsOf(body: Uint8Array, fixed: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let i = fixed; i < body.length; i += 8 * body[i + 1]!)
    found.set(body[i]!, body.subarray(i, i + 8 * body[i + 1]!));
  return found;
}

describe("router solicitations", () => {
  test("the guest is told at once, alone: prefix, MTU, names, and that addresses are to be had by DHCPv6", () => {
    const { frame, packet, type, body, view } = opened(ask(router(), undefined).frames[0]!);
    expect([frame.destination, packet.source, packet.destination]).toEqual([
      PLACE.clientMac,
      PLACE.routerAddress,
      GUEST_ADDRESS,
    ]);
    expect([type, body[0], body[1], view.getUint16(2)]).toEqual([134, 64, 0xc0, 9000]);
    const options = optionsOf(body, 12);
    expect([...options.keys()]).toEqual([1, 5, 3, 25, 31]);
    expect([...options.get(1)!.subarray(2)]).toEqual([2, 0, 0, 0, 0, 1]);
    expect(new DataView(options.get(5)!.slice().buffer).getUint32(4)).toBe(1440);
    const prefix = new DataView(options.get(3)!.slice().buffer);
    // /64, on the link, not for SLAAC, for an hour.
    expect([prefix.getUint8(2), prefix.getUint8(3), prefix.getUint32(4), prefix.getUint32(8)]).toEqual([
      64, 0x80, 3600, 3600,
    ]);
  });

  test("from no address yet: to all nodes, still to the guest's MAC address", () => {
    const { frame, packet } = opened(ask(router(), undefined, { source: parseIpv6("::") }).frames[0]!);
    expect([frame.destination, packet.destination]).toEqual([PLACE.clientMac, "ff02::1"]);
  });

  test("a router that answers for itself: its MAC address is not told by us", () => {
    const { routerMac: _routerMac, ...place } = PLACE;
    const { body } = opened(ask(router(place), undefined).frames[0]!);
    expect([...optionsOf(body, 12).keys()]).not.toContain(1);
  });

  test("SLAAC: the prefix is autonomous and nothing is managed", () => {
    const prefixes = [{ ...PLACE.lease.prefixes[0]!, autonomous: true }];
    const lease = {
      ...PLACE.lease,
      addresses: [],
      prefixes,
      nameServers: [],
      searchDomains: [],
      leaseSeconds: 2 ** 33,
    };
    const { body } = opened(ask(router({ ...PLACE, lease }), undefined).frames[0]!);
    expect(body[1]).toBe(0);
    const prefix = new DataView(optionsOf(body, 12).get(3)!.slice().buffer);
    expect([prefix.getUint8(3), prefix.getUint32(4)]).toEqual([0xc0, 0xffff_ffff]);
  });
});

describe("neighbour solicitations", () => {
  const answer = (target: Ipv6Address, given = {}) => opened(ask(router(), target, given).frames[0]!);

  test("for the router: the MAC address where packets go, with the router flag", () => {
    const { type, body, packet } = answer(PLACE.routerAddress);
    expect([type, body[0], packet.destination]).toEqual([136, 0xe0, GUEST_ADDRESS]);
    expect([...body.subarray(22)]).toEqual([2, 0, 0, 0, 0, 1]);
  });

  test("for the server: our MAC address, no router", () => {
    const { body } = answer(PLACE.serverAddress);
    expect(body[0]).toBe(0x60);
    expect([...body.subarray(22)]).toEqual([2, 0, 0, 0, 0, 0xfe]);
  });

  test("in search of duplicates: told to all nodes, not as an answer (RFC 4861 §7.2.4)", () => {
    const { body, packet } = answer(PLACE.serverAddress, { source: parseIpv6("::") });
    expect([body[0], packet.destination]).toEqual([0x20, "ff02::1"]);
  });

  test("for the guest's gateway itself where that answers, and for anybody else: silence", () => {
    const { routerMac: _routerMac, ...place } = PLACE;
    expect(ask(router(place), PLACE.routerAddress).frames).toEqual([]);
    const alone = { ...place, serverAddress: place.routerAddress };
    expect(ask(router(alone), PLACE.routerAddress).frames).toEqual([]);
    expect(ask(router(), parseIpv6("2001:db8::1")).frames).toEqual([]);
  });
});

test.for([
  ["another MAC address", { mac: parseMac("52:54:00:00:00:99") }],
  ["a smaller hop limit", { hopLimit: 254 }],
  ["a code", { code: 1 }],
  ["a group's source", { source: parseIpv6("ff02::1") }],
  ["an option of length 0", { options: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }],
  ["an option that runs over the end", { options: Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0) }],
  ["a link-layer address of no address", { source: parseIpv6("::"), options: Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1) }],
] as const)("%s meets silence (RFC 4861 §6.1.1, §7.1.1)", ([, given]) => {
  expect(ask(router(), undefined, given).frames).toEqual([]);
  expect(ask(router(), PLACE.serverAddress, given).frames).toEqual([]);
});

test("unsolicited: three quickly, then every 200 to 600 s (RFC 4861 §6.2.4)", () => {
  const machine = router(PLACE, 0.25);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const now = machine.nextDeadline();
    times.push(now - START);
    expect(machine.advertise(now).frames).toHaveLength(1);
    expect(machine.advertise(now).frames).toEqual([]);
  }
  expect(times).toEqual([0, 16, 32, 332, 632]);
});

test("unsolicited: prefixes of a short life are told anew before it ends", () => {
  const machine = router({ ...PLACE, lease: { ...PLACE.lease, leaseSeconds: 60 } }, 0.999);
  let before = START;
  for (let i = 0; i < 10; i++) {
    const now = machine.nextDeadline();
    expect(now - before).toBeLessThanOrEqual(20);
    machine.advertise(now);
    before = now;
  }
});

test("a meant end takes the default route away, and leaves the addresses", () => {
  const { type, view, body } = opened(router().farewell()[0]!);
  expect([type, view.getUint16(2)]).toEqual([134, 0]);
  expect(new DataView(optionsOf(body, 12).get(3)!.slice().buffer).getUint32(4)).toBe(3600);
});
