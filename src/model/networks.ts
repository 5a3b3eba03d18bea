/** Networks and routers: checks between them, defaults, derived names. */
import { contains, formatPrefix, overlaps, type Prefix } from "../base/address.ts";
import type { Context } from "./context.ts";
import { delegatedOf } from "./delegated.ts";
import type { Path } from "./mistakes.ts";
import type { BridgeSubnet, Network, Router } from "./model.ts";
import { interfaceNameFault } from "./names.ts";
import { buildBoot } from "./network-boot.ts";
import { buildDns } from "./network-dns.ts";
import { buildDhcp } from "./network-dhcp.ts";
import { buildIp6 } from "./network-ip6.ts";
import type { FileShape } from "./schema.ts";
import { checkHost, firstHost, type Subnet } from "./subnets.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];

/** @param folder of the file */
export function buildNetworks(file: FileShape, folder: string, context: Context): readonly Network[] {
  const devices = new Map<string, string>();
  for (const [name, uplink] of Object.entries(file.uplinks ?? {}))
    devices.set(placeOf("", uplink.device), `the uplink ${name}`);
  const networks: Network[] = [];
  const overlaps = new Overlaps(context);
  for (const [name, network] of Object.entries(file.networks ?? {})) {
    const path = ["networks", name];
    const { namespace = "" } = network;
    checkNamespace(path, namespace, context);
    overlaps.check(path, network);
    checkDevice(path, name, network, devices, context);
    if (network.gateway !== undefined) checkHost([...path, "gateway"], network.gateway, network.subnet, name, context);
    context.record([...path, "subnet"], formatPrefix(network.subnet), "declared");
    if (network.mtu !== undefined) context.record([...path, "mtu"], String(network.mtu), "declared");
    const gateway = context.value([...path, "gateway"], network.gateway, firstHost(network.subnet));
    const also = furtherSubnets(path, name, network, context);
    const dhcp = buildDhcp(file, name, network, { subnet: network.subnet, gateway, also }, context);
    const addressing6 = ipv6Of(path, name, network, context);
    const ipv6 = buildIp6(file, name, network, addressing6, context);
    const boot = buildBoot(name, network, folder, context);
    const delegated = delegatedOf(name, network, context);
    const gateways = [gateway, ...also.map((each) => each.gateway), addressing6.gateway6].filter(
      (own) => own !== undefined,
    );
    networks.push({
      name,
      position: context.position(path, true),
      kind: context.value([...path, "kind"], network.kind, "bridge"),
      namespace,
      subnet: network.subnet,
      gateway,
      also,
      ...addressing6,
      ...delegated,
      ports: network.ports ?? [],
      device: context.value([...path, "device"], network.device, name),
      macAddress: context.deriveMac([...path, "mac"]),
      ...(network.mtu === undefined ? {} : { mtuBytes: network.mtu }),
      ...buildDns(file, name, network, gateways, context),
      ...(dhcp === undefined ? {} : { dhcp }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
      ...(boot === undefined ? {} : { boot }),
      ...(isGuarded(path, network, context) ? { guard: true as const } : {}),
    });
  }
  checkPorts(file, devices, context);
  return networks;
}

/** Where there is a server of ours, unless one of its sections says otherwise. */
function isGuarded(path: Path, { dhcp, ipv6 }: NetworkShape, context: Context): boolean {
  const declared = Object.entries({ dhcp, ipv6 }).flatMap(([key, section]) => {
    if (section === undefined || section === false) return [];
    const guard = section === true ? undefined : section.guard;
    context.record([...path, key, "guard"], String(guard ?? true), guard === undefined ? "default" : "declared");
    return [guard ?? true];
  });
  return declared.length > 0 && declared.every(Boolean);
}

/** The network's subnets: those of IPv4 that are on its bridge, and that of IPv6. */
export function subnetsOf(network: Network): { readonly ipv4: readonly [Subnet, ...Subnet[]]; readonly ipv6?: Subnet } {
  const { name, subnet6, gateway6, dhcp, ipv6: section } = network;
  const given =
    dhcp === undefined
      ? []
      : [
          ...dhcp.ranges,
          ...dhcp.further.flatMap(({ ranges }) => ranges),
          ...dhcp.classes.flatMap(({ range }) => range ?? []),
        ];
  const place = ({ subnet, gateway }: BridgeSubnet): Subnet => ({
    network: name,
    prefix: subnet,
    gateway,
    given: given.filter(({ first }) => contains(subnet, first)),
  });
  const ipv4: readonly [Subnet, ...Subnet[]] = [place(network), ...network.also.map(place)];
  if (subnet6 === undefined || gateway6 === undefined) return { ipv4 };
  const ranges = section?.range === undefined ? {} : { given: [section.range] };
  return { ipv4, ipv6: { network: name, prefix: subnet6, gateway: gateway6, ...ranges } };
}

interface KnownNetwork {
  readonly path: Path;
  readonly subnets: readonly Prefix[];
}

/** Subnets by namespace: only those of one namespace may not overlap. */
class Overlaps {
  readonly #context: Context;
  readonly #others = new Map<string, KnownNetwork[]>();

  constructor(context: Context) {
    this.#context = context;
  }

  check(path: Path, network: NetworkShape): void {
    const { namespace = "", subnet, subnet6, also = [] } = network;
    const others = this.#others.get(namespace) ?? [];
    this.#check([...path, "subnet"], subnet, others);
    also.forEach((further, index) => this.#check([...path, "also", index, "subnet"], further.subnet, others));
    if (subnet6 !== undefined) this.#check([...path, "subnet6"], subnet6, others);
    const own = [subnet, ...also.map((further) => further.subnet), ...(subnet6 === undefined ? [] : [subnet6])];
    others.push({ path, subnets: own });
    this.#others.set(namespace, others);
  }

  #check(path: Path, own: Prefix, others: readonly KnownNetwork[]): void {
    for (const other of others) {
      for (const theirs of other.subnets) {
        if (!overlaps(theirs, own)) continue;
        const { line } = this.#context.position(other.path, true);
        this.#context.complain(
          path,
          `overlaps ${formatPrefix(theirs)} of the network ${other.path.at(-1)} (line ${line})`,
          "give each network a subnet of its own, or a namespace of its own",
        );
      }
    }
  }
}

/** Those of `also`; one that the network has already is left out. */
function furtherSubnets(path: Path, name: string, network: NetworkShape, context: Context): readonly BridgeSubnet[] {
  const known = [network.subnet];
  return (network.also ?? []).flatMap(({ subnet, gateway }, index): BridgeSubnet[] => {
    const place = [...path, "also", index];
    const other = known.find((each) => overlaps(each, subnet));
    if (other !== undefined) {
      const reason = `overlaps ${formatPrefix(other)} of this network`;
      context.complain([...place, "subnet"], reason, "give it another subnet");
      return [];
    }
    known.push(subnet);
    if (gateway !== undefined) checkHost([...place, "gateway"], gateway, subnet, name, context);
    context.record([...place, "subnet"], formatPrefix(subnet), "declared");
    return [{ subnet, gateway: context.value([...place, "gateway"], gateway, firstHost(subnet)) }];
  });
}

/** The namespace of a machine is that machine's. */
function checkNamespace(path: Path, namespace: string, context: Context): void {
  if (namespace === "") return;
  const place = [...path, "namespace"];
  context.record(place, namespace, "declared");
  if (context.machine(namespace).kind === "namespace")
    context.complain(place, `is the machine ${namespace}'s own`, "give the network a namespace of another name");
}

/** Interface names are one namespace's. */
function placeOf(namespace: string, device: string): string {
  return namespace === "" ? device : `${namespace}/${device}`;
}

function ipv6Of(
  path: Path,
  name: string,
  { subnet6, gateway6 }: NetworkShape,
  context: Context,
): Pick<Network, "subnet6" | "gateway6"> {
  const place = [...path, "gateway6"];
  if (subnet6 === undefined) {
    if (gateway6 !== undefined)
      context.complain(place, "stands without subnet6", "add subnet6:, such as subnet6: fd00:50::/64");
    return {};
  }
  context.record([...path, "subnet6"], formatPrefix(subnet6), "declared");
  if (gateway6 !== undefined) checkHost(place, gateway6, subnet6, name, context);
  return { subnet6, gateway6: context.value(place, gateway6, firstHost(subnet6)) };
}

/** Ports are devices that nothing else in the file speaks for. */
function checkPorts(file: FileShape, devices: ReadonlyMap<string, string>, context: Context): void {
  const users = new Map<string, string>();
  for (const [name, network] of Object.entries(file.networks ?? {})) {
    (network.ports ?? []).forEach((device, index) => {
      const place = placeOf(network.namespace ?? "", device);
      const owner = devices.get(place) ?? users.get(place);
      const path = ["networks", name, "ports", index];
      if (owner !== undefined)
        context.complain(path, `the device ${device} is taken by ${owner}`, "name a device that nothing else uses");
      else context.record(path, device, "declared");
      users.set(place, `the network ${name} as a port`);
    });
  }
}

function checkDevice(
  path: Path,
  name: string,
  { device: declared, namespace = "" }: NetworkShape,
  devices: Map<string, string>,
  context: Context,
): void {
  const device = declared ?? name;
  const place = placeOf(namespace, device);
  const fault = interfaceNameFault(device);
  if (declared === undefined && fault !== undefined) {
    context.complainAtKey(
      path,
      `its bridge would be called ${JSON.stringify(device)}, which ${fault}`,
      "add device: with a name of at most 15 letters, digits and . _ -",
    );
  }
  const owner = devices.get(place);
  if (owner !== undefined) {
    context.complain(
      declared === undefined ? path : [...path, "device"],
      `the device name ${device} is taken by ${owner}`,
      "add device: with another name",
    );
  }
  devices.set(place, `the network ${name}`);
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
      const namespace = file.networks?.[network]?.namespace;
      if (namespace !== undefined)
        context.complain(
          place,
          `the network ${network} is in the namespace ${namespace}, and a router leads only to networks of this host's own`,
          `take it out of the router, or namespace: out of ${network}`,
        );
    });
    context.checkReference([...path, "uplink"], router.uplink, "uplinks", "uplink");
    context.record([...path, "uplink"], router.uplink, "declared");
    const nat = context.value([...path, "nat"], router.nat, "masquerade");
    return { name, position: context.position(path, true), networks: router.networks, uplink: router.uplink, nat };
  });
}
