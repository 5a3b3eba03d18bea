/** What tshark reads in everything that a guest is told about IPv6. */
import { describe, expect, test } from "vitest";
import { type Ipv6Prefix, parseIpv6, parsePrefix } from "../../src/base/address.ts";
import { SingleDhcp6Server } from "../../src/protocol/dhcp6/single-server.ts";
import type { GuestPlace6 } from "../../src/protocol/guest-lease6.ts";
import { SingleRouter } from "../../src/protocol/ndp/single-router.ts";
import {
  association,
  dhcp6Frame,
  GUEST_ADDRESS,
  GUEST_DUID,
  PLACE,
  SERVER_DUID,
  solicitation,
} from "../support/ip6-client.ts";
import { tsharkFields, tsharkFindings } from "../support/tshark.ts";

const prefix = (text: string): Ipv6Prefix => parsePrefix(text) as Ipv6Prefix;
const place: GuestPlace6 = {
  ...PLACE,
  lease: {
    ...PLACE.lease,
    addresses: [parseIpv6("2001:db8::5"), parseIpv6("2001:db8::6")],
    prefixes: [
      { prefix: prefix("2001:db8::/64"), onLink: true, autonomous: false },
      { prefix: prefix("2001:db8:1::/64"), onLink: false, autonomous: true },
    ],
    routes: [prefix("2001:db8:ffff::/48"), prefix("2001:db8:aaaa:bbbb:cccc::/80")],
    nameServers: [parseIpv6("2001:db8::53"), parseIpv6("2001:db8::54")],
    searchDomains: ["default.svc.cluster.local", "example.org"],
  },
};
const router = new SingleRouter(place, 0, () => 0.5);
const server = new SingleDhcp6Server(place);

function routed(...given: Parameters<typeof solicitation>): Uint8Array {
  const { frame, packet } = solicitation(...given);
  return router.handle(frame, packet).frames[0]!;
}

function served(...given: Parameters<typeof dhcp6Frame>): Uint8Array {
  const { frame, packet } = dhcp6Frame(...given);
  return server.handle(frame, packet, false).frames[0]!;
}

describe("router advertisement", () => {
  const frames = [routed(), ...router.farewell()];

  test("all that the lease says, as RFC 4861, 4191 and 8106 write it", () => {
    const [told, farewell] = tsharkFields(frames, [
      "icmpv6.nd.ra.cur_hop_limit",
      "icmpv6.nd.ra.flag.m",
      "icmpv6.nd.ra.flag.o",
      "icmpv6.nd.ra.router_lifetime",
      "icmpv6.opt.linkaddr",
      "icmpv6.opt.mtu",
      "icmpv6.opt.prefix",
      "icmpv6.opt.prefix.length",
      "icmpv6.opt.prefix.flag.l",
      "icmpv6.opt.prefix.flag.a",
      "icmpv6.opt.prefix.valid_lifetime",
      "icmpv6.opt.prefix.preferred_lifetime",
      "icmpv6.opt.rdnss",
      "icmpv6.opt.dnssl",
      "icmpv6.opt.route_lifetime",
    ]);
    expect(told).toMatchObject({
      "icmpv6.nd.ra.cur_hop_limit": "64",
      "icmpv6.nd.ra.router_lifetime": "9000",
      "icmpv6.opt.linkaddr": "02:00:00:00:00:01",
      "icmpv6.opt.mtu": "1440",
      "icmpv6.opt.prefix": "2001:db8::,2001:db8:1::,2001:db8:ffff::,2001:db8:aaaa:bbbb:cccc::",
      "icmpv6.opt.prefix.length": "64,64,48,80",
      "icmpv6.opt.prefix.valid_lifetime": "3600,3600",
      "icmpv6.opt.prefix.preferred_lifetime": "3600,3600",
      "icmpv6.opt.rdnss": "2001:db8::53,2001:db8::54",
      "icmpv6.opt.dnssl": "default.svc.cluster.local,example.org",
      "icmpv6.opt.route_lifetime": "9000,9000",
    });
    const flags = ["nd.ra.flag.m", "nd.ra.flag.o", "opt.prefix.flag.l", "opt.prefix.flag.a"];
    const isSet = flags.map((flag) => told?.[`icmpv6.${flag}`]?.replaceAll("True", "1").replaceAll("False", "0"));
    expect(isSet).toEqual(["1", "1", "1,0", "0,1"]);
    expect(farewell).toMatchObject({ "icmpv6.nd.ra.router_lifetime": "0", "icmpv6.opt.route_lifetime": "0,0" });
  });

  test("no finding", () => {
    expect(tsharkFindings(frames)).toEqual([]);
    expect(tsharkFields(frames, ["frame.number"], "icmpv6.checksum.status == 1")).toHaveLength(2);
  });
});

test("neighbour advertisements: no finding", () => {
  const frames = [
    routed(place.routerAddress),
    routed(place.serverAddress),
    routed(place.serverAddress, { source: parseIpv6("::") }),
  ];
  const fields = tsharkFields(frames, ["icmpv6.nd.na.target_address", "icmpv6.opt.linkaddr"]);
  expect(fields.map((row) => Object.values(row).join(" "))).toEqual([
    `${place.routerAddress} ${place.routerMac}`,
    `${place.serverAddress} ${place.serverMac}`,
    `${place.serverAddress} ${place.serverMac}`,
  ]);
  expect(tsharkFindings(frames)).toEqual([]);
  expect(tsharkFields(frames, ["frame.number"], "icmpv6.checksum.status == 1")).toHaveLength(3);
});

test("DHCPv6: every kind of answer, no finding", () => {
  const names = { code: 6, data: Uint8Array.of(0, 23, 0, 24) };
  const rapid = { code: 14, data: new Uint8Array() };
  const temporary = { code: 4, data: Uint8Array.of(0, 0, 0, 2) };
  const delegation = { code: 25, data: Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0) };
  const mine = ["2001:db8::5", "2001:db8::6"];
  const frames = [
    served("SOLICIT", [GUEST_DUID, association(1), association(2), temporary, delegation, names]),
    served("SOLICIT", [GUEST_DUID, rapid, association(1)]),
    served("REQUEST", [GUEST_DUID, SERVER_DUID, association(1, mine), names]),
    served("REQUEST", [GUEST_DUID, SERVER_DUID, association(1, ["2001:db8::99"])]),
    served("RENEW", [GUEST_DUID, SERVER_DUID, association(1, [...mine, "2001:db8::99"])]),
    served("REBIND", [GUEST_DUID, association(1, mine)]),
    served("CONFIRM", [GUEST_DUID, association(1, mine)]),
    served("RELEASE", [GUEST_DUID, SERVER_DUID, association(1, mine), association(2, ["2001:db8::99"])]),
    served("DECLINE", [GUEST_DUID, SERVER_DUID, association(1, mine)]),
    served("INFORMATION-REQUEST", [names]),
    served("RENEW", [GUEST_DUID, SERVER_DUID, association(1)], { destination: place.serverAddress }),
  ];
  const fields = ["dhcpv6.msgtype", "ipv6.dst", "dhcpv6.iaaddr.ip", "dhcpv6.status_code"];
  const rows = tsharkFields(frames, fields).map((row) => fields.map((field) => row[field]).join(" "));
  const told = mine.join(",");
  expect(rows.map((row) => row.replace(` ${GUEST_ADDRESS}`, ""))).toEqual([
    `2 ${told} 2,2,6`,
    `7 ${told} `,
    `7 ${told} `,
    "7  4",
    `7 ${told},2001:db8::99 `,
    `7 ${told} `,
    "7  0",
    "7  0,3",
    "7  0",
    "7  ",
    "7  5",
  ]);
  const [reply] = tsharkFields(frames, ["dhcpv6.dns_server", "dhcpv6.search_list_entry"], "frame.number == 3");
  expect(reply).toEqual({
    "dhcpv6.dns_server": "2001:db8::53,2001:db8::54",
    "dhcpv6.search_list_entry": "default.svc.cluster.local.,example.org.",
  });
  expect(tsharkFindings(frames)).toEqual([]);
  expect(tsharkFields(frames, ["frame.number"], "udp.checksum.status == 1")).toHaveLength(frames.length);
});
