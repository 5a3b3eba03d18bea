/** Uplinks: checks between them and the networks, and of gateways against addresses. */
import {
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  networkOf,
  overlaps,
  type Prefix,
  isLinkLocal6,
} from "../base/address.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { DnsSettings, Network, Uplink } from "./model.ts";
import { dnsSettings } from "./network-dns.ts";
import type { FileShape } from "./schema.ts";
import { bridgeSubnets, canBeHost, firstHost } from "./subnets.ts";

type UplinkShape = NonNullable<FileShape["uplinks"]>[string];

export function buildUplinks(file: FileShape, context: Context): readonly Uplink[] {
  const users = new Map<string, string>();
  const owners = new Map<string, string>();
  return Object.entries(file.uplinks ?? {}).map(([name, uplink]) => {
    const path = ["uplinks", name];
    const other = users.get(uplink.device);
    if (other !== undefined) {
      context.complain(
        [...path, "device"],
        `the device ${uplink.device} is the uplink ${other} already`,
        `use the uplink ${other}`,
      );
    }
    users.set(uplink.device, name);
    context.record([...path, "device"], uplink.device, "declared");
    return {
      name,
      position: context.position(path, true),
      device: uplink.device,
      ...addressesOf(path, uplink, owners, context),
      ipv6OnlyOk: ipv6OnlyOf(path, uplink, context),
      ...ipv6Of(path, uplink, context),
      dns: dnsOf(uplink),
    };
  });
}

function addressesOf(
  path: Path,
  { address: declared, gateway }: UplinkShape,
  owners: Map<string, string>,
  context: Context,
): Pick<Uplink, "address" | "addresses" | "gateways"> {
  const place = [...path, "address"];
  if (declared === undefined || typeof declared === "string") {
    const address = context.value(place, declared, "keep");
    if (gateway !== undefined)
      context.complain(
        [...path, "gateway"],
        `goes with addresses of the uplink's own, and address is ${address}`,
        "remove it, or write the device's addresses, such as address: [203.0.113.2/24]",
      );
    return { address, addresses: [], gateways: [] };
  }
  const listed = isList(declared);
  const addresses = listed ? declared : [declared];
  if (addresses.length === 0)
    context.complain(place, "is empty", "write an address with its length, or keep, or leave it out");
  addresses.forEach((prefix, index) => {
    const at = listed ? [...place, index] : place;
    const owner = owners.get(prefix.address);
    if (owner !== undefined)
      context.complain(at, `the address ${prefix.address} is used twice, by ${owner} already`, "write it once");
    owners.set(prefix.address, `the uplink ${path[1]}`);
    context.record(at, formatPrefix(prefix), "declared");
  });
  context.record(place, addresses.map(formatPrefix).join(", "), "declared");
  return { address: "static", addresses, gateways: gatewaysOf(path, gateway, addresses, context) };
}

function ipv6OnlyOf(path: Path, uplink: UplinkShape, context: Context): boolean {
  const { address = "keep", "ipv6-only-ok": declared } = uplink;
  if (declared === undefined) return false;
  const place = [...path, "ipv6-only-ok"];
  if (address !== "dhcp")
    context.complain(place, "is for an uplink that asks a DHCPv4 server", "remove it, or write address: dhcp");
  context.record(place, String(declared), "declared");
  return declared;
}

function ipv6Of(
  path: Path,
  { address, address6: declared, prefix6 }: UplinkShape,
  context: Context,
): Pick<Uplink, "address6" | "prefix6Length"> {
  const address6 = context.value([...path, "address6"], declared, "keep");
  const own = address === undefined || typeof address === "string" ? [] : isList(address) ? address : [address];
  const fixed = own.find((prefix) => familyOf(prefix.address) === 6);
  if (address6 === "dhcp" && fixed !== undefined)
    context.complain(
      [...path, "address6"],
      `is dhcp, and address: has ${formatPrefix(fixed)} of IPv6 already`,
      "remove one of them",
    );
  if (prefix6 === undefined) return { address6 };
  context.record([...path, "prefix6"], String(prefix6), "declared");
  return { address6, prefix6Length: prefix6 };
}

function gatewaysOf(
  path: Path,
  declared: UplinkShape["gateway"],
  addresses: readonly Prefix[],
  context: Context,
): readonly IpAddress[] {
  if (declared === undefined) return [];
  const place = [...path, "gateway"];
  const gateways = typeof declared === "string" ? [declared] : declared;
  gateways.forEach((gateway, index) => {
    const at = typeof declared === "string" ? place : [...place, index];
    const family = familyOf(gateway);
    const others = gateways.slice(0, index);
    if (others.some((other) => familyOf(other) === family))
      context.complain(at, `is a second gateway for IPv${family}`, "write one of each family");
    else checkGateway(at, gateway, addresses, context);
    context.record(at, gateway, "declared");
  });
  return gateways;
}

/** A gateway is reached straight from one of the addresses; with nothing but single addresses (/32) any is taken to be. */
function checkGateway(path: Path, gateway: IpAddress, addresses: readonly Prefix[], context: Context): void {
  const family = familyOf(gateway);
  const own = addresses.filter(({ address }) => familyOf(address) === family);
  const subnets = own.filter(({ length }) => length < (family === 4 ? 32 : 128)).map(networkOf);
  const example = family === 4 ? "203.0.113.2/24" : "2001:db8::2/64";
  if (own.length === 0)
    context.complain(
      path,
      `is an IPv${family} gateway, and the uplink has no IPv${family} address`,
      `add one to address:, such as ${example}`,
    );
  else if (own.some(({ address }) => address === gateway))
    context.complain(path, "is the uplink's own address", "write the address of the router that it leads to");
  else if (isLinkLocal6(gateway) || subnets.length === 0) return;
  else if (!subnets.some((subnet) => contains(subnet, gateway)))
    context.complain(
      path,
      `is not on the uplink's link: it lies outside ${subnets.map(formatPrefix).join(" and ")}`,
      `use a router's address there, such as ${firstHost<IpAddress>(subnets[0]!)}`,
    );
  else if (!subnets.some((subnet) => isHost(subnet, gateway)))
    context.complain(
      path,
      "is an address that no host has",
      `use a router's address, such as ${firstHost<IpAddress>(subnets[0]!)}`,
    );
}

function isHost(subnet: Prefix, address: IpAddress): boolean {
  const whole = familyOf(subnet.address) === 4 ? 32 : 128;
  return subnet.length > whole - 2 ? contains(subnet, address) : canBeHost(subnet, address);
}

function dnsOf({ dns }: UplinkShape): DnsSettings {
  return dns !== undefined && "length" in dns ? { servers: dns } : dnsSettings(dns);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** An uplink's subnet is not one of the file's networks: packets to it would have two ways. */
export function checkUplinkSubnets(
  uplinks: readonly Uplink[],
  networks: readonly Network[],
  file: FileShape,
  context: Context,
): void {
  for (const { name, addresses } of uplinks) {
    const listed = Array.isArray(file.uplinks?.[name]?.address);
    addresses.forEach((prefix, index) => {
      for (const each of networks) {
        const { name: network, namespace, subnet6, position } = each;
        if (namespace !== "") continue;
        const subnets: readonly (Prefix | undefined)[] = [...bridgeSubnets(each).map(({ subnet }) => subnet), subnet6];
        const theirs = subnets.find((other) => other !== undefined && overlaps(other, prefix));
        if (theirs === undefined) continue;
        context.complain(
          ["uplinks", name, "address", ...(listed ? [index] : [])],
          `overlaps ${formatPrefix(theirs)} of the network ${network} (line ${position.line})`,
          "give the network a subnet of its own",
        );
      }
    });
  }
}
