/** What is wrong about uplinks with addresses of their own. */
import type { Case } from "./case.ts";

function uplink(rest: string): string {
  return `version: 1\nuplinks:\n  wan: { device: eth0, ${rest} }\n`;
}

/** Seen in one value. */
export const UPLINK_SHAPE: readonly Case[] = [
  { what: "a word", text: uplink("address: dchp"), at: "address", reason: /not known/, remedy: /mean "dhcp"/ },
  { what: "static", text: uplink("address: static"), at: "address", reason: /not known/, remedy: /203\.0\.113\.2\/24/ },
  { what: "no value", text: uplink("address:"), at: "address", reason: /no value/, remedy: /keep, dhcp/ },
  { what: "another word", text: uplink("address6: dhcpv6"), at: "address6", reason: /not known/, remedy: /dhcp/ },
  {
    what: "an address",
    text: uplink('address6: "2001:db8::2/64"'),
    at: "address6",
    reason: /not known/,
    remedy: /address:/,
  },
  {
    what: "a prefix itself",
    text: uplink('prefix6: "2001:db8::/56"'),
    at: "prefix6",
    reason: /not a whole/,
    remedy: /16 to 64/,
  },
  { what: "too long a prefix", text: uplink("prefix6: 65"), at: "prefix6", reason: /outside/, remedy: /16 to 64/ },
  {
    what: "no length",
    text: uplink("address: 192.0.2.2"),
    at: "address",
    reason: /no prefix length/,
    remedy: /203\.0\.113\.2\/24/,
  },
  {
    what: "no length in a list",
    text: uplink('address: [192.0.2.2/24, "2001:db8::2"]'),
    at: "address[1]",
    reason: /no prefix length/,
    remedy: /2001:db8::2\/64/,
  },
  {
    what: "no address",
    text: uplink("address: [192.0.2/24]"),
    at: "address[0]",
    reason: /not an address/,
    remedy: /write/,
  },
  { what: "loopback", text: uplink("address: 127.0.0.2/8"), at: "address", reason: /loopback/, remedy: /write/ },
  { what: "multicast", text: uplink('address: "ff02::5/64"'), at: "address", reason: /multicast/, remedy: /write/ },
  { what: "link-local", text: uplink('address: "fe80::5/64"'), at: "address", reason: /by itself/, remedy: /write/ },
  { what: "a /4", text: uplink("address: 20.0.2.2/4"), at: "address", reason: /too large/, remedy: /8 to 32/ },
  {
    what: "a gateway's length",
    text: uplink("gateway: 192.0.2.1/24"),
    at: "gateway",
    reason: /length/,
    remedy: /write/,
  },
].map(placed);

/** Between values, or counted with. */
export const UPLINK_BETWEEN: readonly Case[] = [
  {
    what: "the subnet's own address",
    text: uplink("address: 192.0.2.0/24"),
    at: "address",
    reason: /the subnet's own address/,
    remedy: /192\.0\.2\.1\/24/,
  },
  {
    what: "the broadcast address",
    text: uplink("address: [192.0.2.255/24]"),
    at: "address[0]",
    reason: /broadcast/,
    remedy: /192\.0\.2\.1\/24/,
  },
  {
    what: "all routers",
    text: uplink('address: "2001:db8::/64"'),
    at: "address",
    reason: /all routers/,
    remedy: /2001:db8::1\/64/,
  },
  { what: "nothing", text: uplink("address: []"), at: "address", reason: /empty/, remedy: /keep/ },
  {
    what: "one address twice",
    text: uplink("address: [192.0.2.2/24, 192.0.2.2/25]"),
    at: "address[1]",
    reason: /used twice, by the uplink wan/,
    remedy: /once/,
  },
  {
    what: "a gateway without an address",
    text: uplink("gateway: 192.0.2.1"),
    at: "gateway",
    reason: /address is keep/,
    remedy: /address: \[/,
  },
  {
    what: "a gateway with DHCP",
    text: uplink("address: dhcp, gateway: 192.0.2.1"),
    at: "gateway",
    reason: /address is dhcp/,
    remedy: /remove it/,
  },
  {
    what: "no IPv4 without DHCP",
    text: uplink("address: 192.0.2.2/25, ipv6-only-ok: true"),
    at: "ipv6-only-ok",
    reason: /asks a DHCPv4 server/,
    remedy: /address: dhcp/,
  },
  {
    what: "a gateway off the link",
    text: uplink("address: 192.0.2.2/25, gateway: 192.0.2.129"),
    at: "gateway",
    reason: /not on the uplink's link: it lies outside 192\.0\.2\.0\/25/,
    remedy: /192\.0\.2\.1$/,
  },
  {
    what: "a gateway that no host is",
    text: uplink("address: 192.0.2.2/25, gateway: 192.0.2.127"),
    at: "gateway",
    reason: /no host has/,
    remedy: /192\.0\.2\.1$/,
  },
  {
    what: "a gateway of a family without an address",
    text: uplink('address: 192.0.2.2/25, gateway: [192.0.2.1, "2001:db8::1"]'),
    at: "gateway[1]",
    reason: /IPv6 gateway, and the uplink has no IPv6 address/,
    remedy: /2001:db8::2\/64/,
  },
  {
    what: "a second gateway",
    text: uplink("address: 192.0.2.2/25, gateway: [192.0.2.1, 192.0.2.3]"),
    at: "gateway[1]",
    reason: /second gateway for IPv4/,
    remedy: /one of each/,
  },
  {
    what: "its own address as the gateway",
    text: uplink("address: 192.0.2.2/25, gateway: 192.0.2.2"),
    at: "gateway",
    reason: /own address/,
    remedy: /router/,
  },
  {
    what: "DHCPv6 beside an IPv6 address of its own",
    text: uplink('address: [192.0.2.2/25, "2001:db8::2/64"], address6: dhcp'),
    at: "address6",
    reason: /has 2001:db8::2\/64 of IPv6 already/,
    remedy: /remove one/,
  },
  {
    what: "a network in the uplink's subnet",
    text: `${uplink("address: [198.51.100.2/24, 192.0.2.2/24]")}networks: { lan: { subnet: 192.0.2.128/25 } }\n`,
    at: "address[1]",
    reason: /overlaps 192\.0\.2\.128\/25 of the network lan \(line 4\)/,
    remedy: /subnet of its own/,
  },
  {
    what: "a further subnet of a network in the uplink's",
    text: `${uplink("address: 192.0.2.2/24")}networks: { lan: { subnet: 10.0.0.0/25, also: [{ subnet: 192.0.2.128/25 }] } }\n`,
    at: "address",
    reason: /overlaps 192\.0\.2\.128\/25 of the network lan \(line 4\)/,
    remedy: /subnet of its own/,
  },
].map(placed);

function placed<T extends { readonly at: string; readonly what: string }>(entry: T): T & { readonly line: number } {
  return { ...entry, what: `an uplink: ${entry.what}`, at: `uplinks.wan.${entry.at}`, line: 3 };
}

function part(network: string, rest = "routers: { edge: { networks: [lan], uplink: wan } }"): string {
  return `version: 1\nuplinks: { wan: { device: eth0, prefix6: 60 }, dsl: { device: eth1 } }\nnetworks: { lan: { subnet: 192.0.2.0/25, ${network} } }\n${rest}\n`;
}

/** Of parts of a delegated prefix; seen between uplinks, networks and routers. */
export const DELEGATED_BETWEEN: readonly Case[] = [
  {
    what: "a name of no uplink",
    text: part("prefix6: { from: wam, number: 0 }"),
    at: ".from",
    reason: /no uplink/,
    remedy: /"wan"/,
  },
  {
    what: "an uplink without",
    text: part("prefix6: { from: dsl, number: 0 }"),
    at: ".from",
    reason: /no prefix/,
    remedy: /prefix6: 56/,
  },
  {
    what: "a number too large",
    text: part("prefix6: { from: wan, number: 16 }"),
    at: ".number",
    reason: /0 to 15/,
    remedy: /one of/,
  },
  {
    what: "without a router",
    text: part("prefix6: { from: wan, number: 0 }", ""),
    at: "",
    reason: /no router leads lan to wan/,
    remedy: /networks: \[lan\]/,
  },
  {
    what: "of two networks",
    text: part(
      "prefix6: { from: wan, number: 0 } }, lab: { subnet: 192.0.2.128/25, prefix6: { from: wan, number: 0 }",
      "routers: { edge: { networks: [lan, lab], uplink: wan } }",
    ),
    at: "@lab.number",
    reason: /that of lan already/,
    remedy: /its own/,
  },
].map(({ at, what, ...rest }) => ({
  ...rest,
  what: `a part of a prefix: ${what}`,
  at: at.startsWith("@lab") ? `networks.lab.prefix6${at.slice(4)}` : `networks.lan.prefix6${at}`,
  line: 3,
}));
