/** Uplinks that get their address from a DHCP server, and those whose addresses the file says. */
import { contains, familyOf, formatPrefix, IPV4_ANY, type Ipv6Address, type Prefix } from "../base/address.ts";
import type { Model, Uplink } from "../model/model.ts";
import type { StateObject } from "../state/object.ts";
import type { AddressObject, RouteObject, SysctlObject } from "../state/object/kernel.ts";
import type { Dhcp6ClientObject } from "../state/object/lease-client.ts";
import type { Facts } from "./facts.ts";

/** What systemd-networkd gives a default route of DHCP: one that a person has set wins. */
export const LEASED_ROUTE_METRIC = 1024;
/** Of addresses in the file: before what DHCP and router advertisements say, behind what a person has set without any. */
const STATIC_ROUTE_METRIC = 512;
/** RTPROT_STATIC (linux/rtnetlink.h). */
const PROTOCOL_STATIC = 4;
const IPV6_ANY = "::" as Ipv6Address;

/** Of several uplinks of one kind the first in the file is preferred. */
export function compileUplinks({ uplinks }: Model, facts: Facts): readonly StateObject[] {
  const leased = uplinks.filter(({ address }) => address === "dhcp");
  const fixed = uplinks.filter(({ address }) => address === "static");
  return uplinks.flatMap((uplink): readonly StateObject[] => {
    const { name, device, address } = uplink;
    const client6 = compileClient6(uplink);
    if (address === "keep") return client6;
    if (address === "static")
      return [...compileStatic(uplink, STATIC_ROUTE_METRIC + fixed.indexOf(uplink), facts), ...client6];
    return [
      {
        kind: "dhcp-client",
        key: `dhcp-client/${name}`,
        origin: `uplink ${name}`,
        namespace: "",
        interfaceName: device,
        metric: LEASED_ROUTE_METRIC + leased.indexOf(uplink),
        ...(uplink.ipv6OnlyOk ? { ipv6OnlyOk: true } : {}),
      },
      ...client6,
    ];
  });
}

/** Whether a DHCPv6 server is asked for anything. */
export function asksDhcp6({ address6, prefix6Length }: Uplink): boolean {
  return address6 === "dhcp" || prefix6Length !== undefined;
}

function compileClient6(uplink: Uplink): readonly Dhcp6ClientObject[] {
  const { name, device, address6, prefix6Length } = uplink;
  if (!asksDhcp6(uplink)) return [];
  return [
    {
      kind: "dhcp6-client",
      key: `dhcp6-client/${name}`,
      origin: `uplink ${name}`,
      namespace: "",
      interfaceName: device,
      address: address6 === "dhcp",
      ...(prefix6Length === undefined ? {} : { prefixLength: prefix6Length }),
    },
  ];
}

/**
 * That uplinks have IPv6 and heed router advertisements. It comes before forwarding: turning that on makes the kernel
 * forget the routes of those that do not heed them nevertheless.
 */
export function compileUplinkParameters({ uplinks }: Model): readonly SysctlObject[] {
  return uplinks.flatMap((uplink) => {
    const { name, device, address6 } = uplink;
    const parameter = (what: string, value: string): SysctlObject => {
      const path = `net/ipv6/conf/${device}/${what}`;
      return { kind: "sysctl", key: `sysctl/${path}`, origin: `uplink ${name}`, namespace: "", path, value };
    };
    if (address6 === "keep" && !asksDhcp6(uplink)) return [];
    return [parameter("disable_ipv6", "0"), ...(address6 === "keep" ? [] : [parameter("accept_ra", "2")])];
  });
}

function compileStatic(uplink: Uplink, metric: number, facts: Facts): readonly StateObject[] {
  const { name, device, addresses, gateways, address6 } = uplink;
  const link = facts.links[device];
  if (link === undefined) return [];
  const hasIpv6 = address6 !== "keep" || asksDhcp6(uplink);
  const linkKey = `uplink/${name}`;
  const common = { origin: `uplink ${name}`, namespace: "" };
  const path = `net/ipv6/conf/${device}/disable_ipv6`;
  const enabled: StateObject = { kind: "sysctl", key: `sysctl/${path}`, ...common, path, value: "0" };
  return [
    {
      kind: "link",
      key: linkKey,
      ...common,
      name: device,
      link: { type: "adopted", adoptedIndex: link.index },
      up: true,
    },
    ...(!hasIpv6 && addresses.some(({ address }) => familyOf(address) === 6) ? [enabled] : []),
    ...addresses.map(
      (prefix): AddressObject => ({
        kind: "address",
        key: `${linkKey}/address/${formatPrefix(prefix)}`,
        ...common,
        linkKey,
        address: prefix.address,
        prefixLength: prefix.length,
      }),
    ),
    ...gateways.map((gateway): RouteObject => {
      const destination: Prefix = { address: familyOf(gateway) === 4 ? IPV4_ANY : IPV6_ANY, length: 0 };
      // The kernel finds the way to a link-local one by itself.
      const reachable = gateway.startsWith("fe80:") || addresses.some((prefix) => contains(prefix, gateway));
      return {
        kind: "route",
        key: `${linkKey}/route/${formatPrefix(destination)}`,
        ...common,
        destination,
        nextHops: [{ linkKey, gateway, ...(reachable ? {} : { onlink: true }) }],
        metric,
        protocol: PROTOCOL_STATIC,
      };
    }),
  ];
}

/** What a person should know about uplinks with addresses of the file. */
export function uplinkNotes({ uplinks }: Model, facts: Facts): readonly string[] {
  return uplinks.flatMap(({ name, device, gateways }) =>
    gateways.flatMap((gateway) => {
      const before = facts.routes.find(
        ({ destination, device: other, metric = 0 }) =>
          destination.length === 0 &&
          familyOf(destination.address) === familyOf(gateway) &&
          other !== device &&
          metric < STATIC_ROUTE_METRIC,
      );
      if (before === undefined) return [];
      const way = before.device === undefined ? "" : ` through ${before.device}`;
      return [
        `the host's default route${way} (metric ${before.metric ?? 0}) goes before that of the uplink ${name}: packets take it as long as it is there`,
      ];
    }),
  );
}
