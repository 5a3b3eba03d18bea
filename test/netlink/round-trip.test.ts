import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type IpAddress,
  ipFromBytes,
  type MacAddress,
  macFromBytes,
  networkOf,
  type Prefix,
} from "../../src/base/address.ts";
import type { NetlinkMessage, NetlinkRequest } from "../../src/netlink/message.ts";
import { decodeAddress, type InterfaceAddress, newAddress } from "../../src/netlink/route/address.ts";
import { decodeBridgePort, setBridgePort } from "../../src/netlink/route/bridge-port.ts";
import { decodeForwarding, newForwarding } from "../../src/netlink/route/forwarding.ts";
import { LINK_KINDS, type LinkKindName } from "../../src/netlink/route/kinds/registry.ts";
import { decodeLink, linkDecoder, type LinkSettings, newLink, setLink } from "../../src/netlink/route/link.ts";
import { decodeNeighbour, newNeighbour } from "../../src/netlink/route/neighbour.ts";
import { decodeRoute, newRoute, type Route } from "../../src/netlink/route/route.ts";
import { decodeRule, newRule } from "../../src/netlink/route/rule.ts";
import { messageOfBody } from "./message-of-body.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const index = fc.integer({ min: 1, max: 0x7fff_ffff });
const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const mac: fc.Arbitrary<MacAddress> = bytes(6).map(macFromBytes);
const ip4: fc.Arbitrary<IpAddress> = bytes(4).map(ipFromBytes);
const ip6: fc.Arbitrary<IpAddress> = bytes(16).map(ipFromBytes);

function prefix(address: fc.Arbitrary<IpAddress>, longest: number): fc.Arbitrary<Prefix> {
  return fc.record({ address, length: fc.integer({ min: 1, max: longest }) }).map(networkOf);
}

/** An object whose fields are any of those given; what is drawn as undefined is absent. */
function some<Fields extends object>(fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }) {
  return fc.record(fields, { requiredKeys: [] });
}

function roundTrip<Value>(request: NetlinkRequest, decode: (message: NetlinkMessage) => Value): Value {
  return decode(messageOfBody(request.type, request.body));
}

const linkAttributes = some({
  macAddress: mac,
  mtuBytes: u32,
  linkIndex: index,
  masterIndex: index,
  transmitQueuePackets: u32,
  alias: fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => !text.includes("\0")),
  group: u32,
  name,
  ipv6AddressGeneration: u8,
  bridgePort: some({ learning: fc.boolean(), isolated: fc.boolean(), cost: u32, priority: u16, hairpin: fc.boolean() }),
});

const kinds: { readonly [Kind in LinkKindName]: fc.Arbitrary<LinkSettings> } = {
  bridge: fc.record({
    bridge: some({
      forwardDelayCentiseconds: u32,
      stpState: u32,
      vlanFiltering: fc.boolean(),
      multicastQueryIntervalCentiseconds: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      groupAddress: mac,
      bridgeId: bytes(8),
    }),
  }),
  veth: fc.record({ veth: fc.record({ peer: some({ index, name, macAddress: mac, mtuBytes: u32, group: u32 }) }) }),
  macvlan: fc.record({ macvlan: some({ mode: u32, flags: u16, sourceAddresses: fc.array(mac, { maxLength: 5 }) }) }),
  macvtap: fc.record({ macvtap: some({ mode: u32 }) }),
  vxlan: fc.record({
    vxlan: some({ id: u32, group: ip4, local6: ip6, port: u16, sourcePorts: fc.record({ low: u16, high: u16 }) }),
  }),
  tun: fc.record({ tun: some({ type: u8, ownerUid: u32, persistent: fc.boolean() }) }),
  dummy: fc.constant({}),
  ifb: fc.constant({}),
};

describe("what is encoded is decoded", () => {
  test.each(Object.keys(LINK_KINDS) as LinkKindName[])("link of kind %s", (kind) => {
    fc.assert(
      fc.property(linkAttributes, kinds[kind], fc.boolean(), (attributes, data, up) => {
        const decoded = roundTrip(newLink({ ...attributes, ...data, kind, up }), decodeLink);
        const port = attributes.bridgePort === undefined ? {} : { portKind: "bridge" };
        expect(decoded).toEqual({
          index: 0,
          hardwareType: 0,
          flags: up ? 1 : 0,
          up,
          kind,
          ...attributes,
          ...data,
          ...port,
        });
      }),
    );
  });

  test("a decoder of chosen fields sees those, and no others", () => {
    const settings: LinkSettings = {
      name: "br0",
      mtuBytes: 1400,
      alias: "lan",
      kind: "bridge",
      bridge: { stpState: 1, priority: 7 },
      bridgePort: { learning: false, cost: 5 },
    };
    const decode = linkDecoder({ link: ["name"], kinds: { bridge: ["priority"] }, bridgePort: ["learning"] });
    expect(roundTrip(setLink({ ...settings, index: 3 }), decode)).toEqual({
      index: 3,
      hardwareType: 0,
      flags: 0,
      up: false,
      name: "br0",
      kind: "bridge",
      bridge: { priority: 7 },
      portKind: "bridge",
      bridgePort: { learning: false },
    });
  });

  test("bridge port", () => {
    const port = some({ state: u8, cost: u32, learning: fc.boolean(), backupPortIndex: u32 });
    fc.assert(
      fc.property(index, port, (linkIndex, settings) => {
        const request = setBridgePort(linkIndex, settings);
        expect(decodeBridgePort(messageOfBody(16, request.body))).toEqual({ linkIndex, port: settings });
      }),
    );
  });

  test("address", () => {
    const rest = some({ label: name, metric: u32, protocol: u8 });
    const common = { linkIndex: index, prefixLength: u8, scope: u8, flags: u32 };
    const lifetimes = fc.option(
      fc.record({
        preferredSeconds: fc.integer({ min: 0, max: 0xffff_fffe }),
        validSeconds: fc.integer({ min: 0, max: 0xffff_fffe }),
      }),
    );
    const address4 = fc.record({ address: ip4, peer: ip4, broadcast: ip4, ...common });
    const address6 = fc.record({ address: ip6, peer: ip6, ...common });
    fc.assert(
      fc.property(fc.oneof(address4, address6), rest, lifetimes, (fields, others, times) => {
        const value: InterfaceAddress = { ...fields, ...others, ...times };
        const { peer, ...withoutPeer } = value;
        const expected = peer === value.address ? withoutPeer : value;
        expect(roundTrip(newAddress(value), decodeAddress)).toEqual(expected);
      }),
    );
  });

  const hop = (gateway: fc.Arbitrary<IpAddress>) =>
    fc.record({ linkIndex: index, gateway, onlink: fc.constant(true) }, { requiredKeys: ["linkIndex"] });
  const routeFields = (address: fc.Arbitrary<IpAddress>, longest: number, gateway: fc.Arbitrary<IpAddress>) =>
    fc.record(
      {
        destination: prefix(address, longest),
        type: u8,
        table: u32.filter((table) => table > 0),
        tos: u8,
        protocol: u8,
        scope: u8,
        metric: u32,
        source: address,
        metrics: some({ mtuBytes: u32, lock: u32, congestionControl: name }),
        nextHops: fc.oneof(
          fc.array(hop(gateway), { maxLength: 1 }),
          fc.array(
            fc.tuple(hop(gateway), fc.integer({ min: 1, max: 256 })).map(([fields, weight]) => ({ ...fields, weight })),
            { minLength: 2, maxLength: 20 },
          ),
        ),
      },
      { requiredKeys: ["destination", "type", "table", "tos", "protocol", "scope", "nextHops"] },
    );

  test.each([
    ["IPv4", routeFields(ip4, 32, fc.oneof(ip4, ip6))],
    ["IPv6", routeFields(ip6, 128, ip6)],
  ])("%s route", (_, route) => {
    fc.assert(
      fc.property(route, (value: Route) => {
        expect(roundTrip(newRoute(value), decodeRoute)).toEqual(value);
      }),
    );
  });

  test("a default route has no destination to send, and is decoded as one of length 0", () => {
    const value = { destination: { address: "0.0.0.0" as IpAddress, length: 0 }, nextHops: [{ linkIndex: 2 }] };
    expect(roundTrip(newRoute(value), decodeRoute)?.destination).toEqual(value.destination);
  });

  test.each([0, 257])("a weight of %i is refused", (weight) => {
    const value = {
      destination: { address: "0.0.0.0" as IpAddress, length: 0 },
      nextHops: [{ weight }, { weight: 1 }],
    };
    expect(() => newRoute(value)).toThrow(expect.objectContaining({ code: "bad-value" }));
  });

  test("rule", () => {
    const range = fc.record({ first: u16, last: u16 });
    const rule = fc.record(
      {
        family: fc.constant(4 as const),
        priority: u32,
        action: fc.integer({ min: 2, max: 255 }),
        table: u32.filter((table) => table > 0),
        source: prefix(ip4, 32),
        destination: prefix(ip4, 32),
        inputInterface: name,
        mark: u32,
        markMask: u32,
        invert: fc.constant(true),
        sourcePorts: range,
        destinationPorts: range,
        transport: u8,
        suppressPrefixLength: fc.integer({ min: 0, max: 128 }),
      },
      { requiredKeys: ["family", "priority", "action"] },
    );
    fc.assert(
      fc.property(rule, (value) => {
        expect(roundTrip(newRule(value), decodeRule)).toEqual(value);
      }),
    );
  });

  test("neighbour", () => {
    const neighbour = fc.record({
      linkIndex: index,
      address: fc.oneof(ip4, ip6),
      macAddress: mac,
      state: u16,
      flags: fc.constantFrom(8, 0x80),
    });
    fc.assert(
      fc.property(neighbour, (value) => {
        expect(roundTrip(newNeighbour(value), decodeNeighbour)).toEqual(value);
      }),
    );
  });

  test("forwarding entry", () => {
    const entry = fc.record(
      {
        linkIndex: index,
        macAddress: mac,
        state: u16,
        flags: u8,
        vlan: u16,
        remote: fc.oneof(ip4, ip6),
        port: u16,
        vni: u32,
      },
      { requiredKeys: ["linkIndex", "macAddress", "state", "flags"] },
    );
    fc.assert(
      fc.property(entry, (value) => {
        expect(roundTrip(newForwarding(value), decodeForwarding)).toEqual(value);
      }),
    );
  });
});
