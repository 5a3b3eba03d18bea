/** Uplinks, networks and routers: checks between them, defaults, derived names. */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  type Ipv4Prefix,
  ipv4FromNumber,
  ipv4ToNumber,
  overlaps,
} from "../base/address.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { DnsSettings, Network, Router, Uplink } from "./model.ts";
import { interfaceNameFault } from "./names.ts";
import type { FileShape } from "./schema.ts";

export function buildUplinks(file: FileShape, context: Context): readonly Uplink[] {
  const users = new Map<string, string>();
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
    const address = context.value([...path, "address"], uplink.address, "keep");
    return { name, position: context.position(path, true), device: uplink.device, address };
  });
}

export function buildNetworks(file: FileShape, context: Context): readonly Network[] {
  const devices = new Map<string, string>();
  for (const [name, uplink] of Object.entries(file.uplinks ?? {})) devices.set(uplink.device, `the uplink ${name}`);
  const networks: Network[] = [];
  for (const [name, network] of Object.entries(file.networks ?? {})) {
    const path = ["networks", name];
    for (const other of networks) {
      if (overlaps(other.subnet, network.subnet)) {
        context.complain(
          [...path, "subnet"],
          `overlaps ${formatPrefix(other.subnet)} of the network ${other.name} (line ${other.position.line})`,
          "give each network a subnet of its own",
        );
      }
    }
    checkDevice(path, name, network.device, devices, context);
    const first = ipv4FromNumber(ipv4ToNumber(network.subnet.address) + 1);
    if (network.gateway !== undefined) checkHost([...path, "gateway"], network.gateway, network.subnet, name, context);
    context.record([...path, "subnet"], formatPrefix(network.subnet), "declared");
    if (network.mtu !== undefined) context.record([...path, "mtu"], String(network.mtu), "declared");
    networks.push({
      name,
      position: context.position(path, true),
      kind: context.value([...path, "kind"], network.kind, "bridge"),
      subnet: network.subnet,
      gateway: context.value([...path, "gateway"], network.gateway, first),
      device: context.value([...path, "device"], network.device, name),
      macAddress: context.deriveMac([...path, "mac"]),
      ...(network.mtu === undefined ? {} : { mtuBytes: network.mtu }),
      dns: dnsSettings(network.dns),
    });
  }
  return networks;
}

function checkDevice(
  path: Path,
  name: string,
  declared: string | undefined,
  devices: Map<string, string>,
  context: Context,
): void {
  const device = declared ?? name;
  const fault = interfaceNameFault(device);
  if (declared === undefined && fault !== undefined) {
    context.complainAtKey(
      path,
      `its bridge would be called ${JSON.stringify(device)}, which ${fault}`,
      "add device: with a name of at most 15 letters, digits and . _ -",
    );
  }
  const owner = devices.get(device);
  if (owner !== undefined) {
    context.complain(
      declared === undefined ? path : [...path, "device"],
      `the device name ${device} is taken by ${owner}`,
      "add device: with another name",
    );
  }
  devices.set(device, `the network ${name}`);
}

/** Complains unless the address can be a host's in the subnet. Returns whether it can. */
export function checkHost(
  path: Path,
  address: Ipv4Address,
  subnet: Ipv4Prefix,
  network: string,
  context: Context,
): boolean {
  const range = `use ${ipv4FromNumber(ipv4ToNumber(subnet.address) + 1)} to ${ipv4FromNumber(ipv4ToNumber(broadcastOf(subnet)) - 1)}`;
  const reason = !contains(subnet, address)
    ? `lies outside ${formatPrefix(subnet)}, the subnet of ${network}`
    : address === subnet.address
      ? `is the network address of ${network}`
      : address === broadcastOf(subnet)
        ? `is the broadcast address of ${network}`
        : undefined;
  if (reason !== undefined) context.complain(path, reason, range);
  return reason === undefined;
}

export function buildRouters(file: FileShape, context: Context): readonly Router[] {
  const routed = new Map<string, string>();
  return Object.entries(file.routers ?? {}).map(([name, router]) => {
    const path = ["routers", name];
    if (router.networks.length === 0)
      context.complain([...path, "networks"], "is empty", "name the networks that it routes, such as [lan]");
    router.networks.forEach((network, index) => {
      const place = [...path, "networks", index];
      context.checkReference(place, network, "networks", "network");
      const other = routed.get(network);
      if (other === name) context.complain(place, `names ${network} twice`, "name it once");
      else if (other !== undefined)
        context.complain(
          place,
          `the network ${network} belongs to the router ${other} already`,
          "a network has one router",
        );
      routed.set(network, name);
    });
    context.checkReference([...path, "uplink"], router.uplink, "uplinks", "uplink");
    context.record([...path, "uplink"], router.uplink, "declared");
    const nat = context.value([...path, "nat"], router.nat, "masquerade");
    return { name, position: context.position(path, true), networks: router.networks, uplink: router.uplink, nat };
  });
}

/** The declared settings without the schema's wrapping. */
export function dnsSettings(declared: DnsSettings | undefined): DnsSettings {
  return {
    ...(declared?.servers === undefined ? {} : { servers: declared.servers }),
    ...(declared?.search === undefined ? {} : { search: declared.search }),
  };
}
