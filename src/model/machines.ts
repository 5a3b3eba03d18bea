/** Machines: who claims which address and MAC, namespace machines, and VMs (vms.ts). */
import { formatPrefix, type Ipv4Address, type Ipv6Address, overlaps, type Prefix } from "../base/address.ts";
import { type Addresses, allocateAddresses, type Claim, placeIn } from "./addresses.ts";
import type { Context } from "./context.ts";
import { formatPath, type Path } from "./mistakes.ts";
import type { Machine, NamespaceMachine, Network, PodNic } from "./model.ts";
import { hostEndName, podInterfaceName } from "./names.ts";
import { dnsSettings } from "./network-dns.ts";
import { subnetsOf } from "./networks.ts";
import { type KnownNic, numberNics } from "./nic-numbers.ts";
import type { FileShape } from "./schema.ts";
import { buildVm, isOnNetworks, type MachineShape } from "./vms.ts";

type NamespaceShape = Extract<MachineShape, { kind: "namespace" }>;

interface MachineSurroundings {
  /** Relative paths of the file start here. */
  readonly folder: string;
  /** Addresses of an earlier run, by "pod1/0" and "pod1/0/6". */
  readonly previous: ReadonlyMap<string, string>;
  /** NICs straight on networks that guests have, by machine. */
  readonly previousNics: ReadonlyMap<string, readonly KnownNic[]>;
  /** Addresses that something besides the file has, by network (placeIn), with what has them. */
  readonly taken: ReadonlyMap<string, string>;
  readonly networks: readonly Network[];
  /** Interface names on the host that are spoken for. */
  readonly devices: ReadonlySet<string>;
}

export function buildMachines(file: FileShape, around: MachineSurroundings, context: Context): readonly Machine[] {
  const shapes = Object.entries(file.machines ?? {});
  const numbers = numbersOf(shapes, around.previousNics);
  const addresses = allocate(shapes, numbers, around, context);
  const devices = new Set(around.devices);
  const pods = new Map<string, NamespaceMachine>();
  for (const [name, shape] of shapes)
    if (shape.kind === "namespace") pods.set(name, buildPod(name, shape, addresses, devices, context));
  const occupied = new Map<string, string>();
  const having = (section: "dhcp" | "ipv6") =>
    new Set(around.networks.flatMap((network) => (network[section] === undefined ? [] : [network.name])));
  const [served, served6] = [having("dhcp"), having("ipv6")];
  return shapes.map(([name, shape]): Machine => {
    if (shape.kind === "namespace") return pods.get(name)!;
    const vmAround = { pods, occupied, folder: around.folder, numbers, addresses, devices, served, served6 };
    return buildVm(name, shape, vmAround, context);
  });
}

/** Of the NICs of each machine, in their order. */
function numbersOf(
  shapes: readonly (readonly [string, MachineShape])[],
  previous: ReadonlyMap<string, readonly KnownNic[]>,
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    shapes.map(([name, shape]) => {
      const isGuest = shape.kind === "vm" && isOnNetworks(shape);
      return [name, isGuest ? numberNics(shape.nics, previous.get(name) ?? []) : (shape.nics ?? []).map((_, i) => i)];
    }),
  );
}

/** Take all declared MAC addresses, before any is derived: a derived one gives way. */
export function claimDeclaredMacs(file: FileShape, context: Context): void {
  for (const [name, shape] of Object.entries(file.machines ?? {})) {
    if (shape.kind !== "namespace" && !isOnNetworks(shape)) continue;
    shape.nics.forEach((nic, index) => {
      const path = ["machines", name, "nics", index, "mac"];
      if (nic.mac === undefined) return;
      context.claimMac(path, nic.mac);
      context.record(path, nic.mac, "declared");
    });
  }
}

function allocate(
  shapes: readonly (readonly [string, MachineShape])[],
  numbers: ReadonlyMap<string, readonly number[]>,
  around: MachineSurroundings,
  context: Context,
): Addresses {
  const subnets = new Map(around.networks.map((network) => [network.name, subnetsOf(network)]));
  const claims: Claim[] = [];
  for (const [name, shape] of shapes) {
    if (shape.kind !== "namespace" && !isOnNetworks(shape)) continue;
    shape.nics.forEach((nic, index) => {
      const path: Path = ["machines", name, "nics", index];
      context.checkReference([...path, "network"], nic.network, "networks", "network");
      const earlier = shape.nics.slice(0, index).map(({ network }) => network);
      checkDistinct([...path, "network"], nic.network, earlier, around.networks, context);
      const network = subnets.get(nic.network);
      if (network === undefined) return;
      // Nobody tells such a guest its address: it has the one that the file says, if any.
      const always = !("dhcp" in nic) || nic.dhcp !== "none";
      const { address, address6 } = nic;
      const key = `${name}/${numbers.get(name)?.[index] ?? index}`;
      if (always || address !== undefined)
        claims.push({ path: [...path, "address"], key, subnets: network.ipv4, declared: address });
      if (network.ipv6 !== undefined) {
        if (always || address6 !== undefined)
          claims.push({ path: [...path, "address6"], key: `${key}/6`, subnets: [network.ipv6], declared: address6 });
      } else if (address6 !== undefined) {
        const reason = `the network ${nic.network} has no IPv6 subnet`;
        context.complain([...path, "address6"], reason, `add subnet6: to ${nic.network}, or remove address6`);
      }
    });
  }
  const all = [...subnets.values()].flatMap(({ ipv4, ipv6 }) => [...ipv4, ...(ipv6 === undefined ? [] : [ipv6])]);
  const taken = new Map([...around.taken, ...addressesOfHosts(around, context)]);
  const given = allocateAddresses(claims, all, around.previous, taken, context);
  return {
    of(machine, nic) {
      const address = given.get(`${machine}/${nic}`) as Ipv4Address | undefined;
      const address6 = given.get(`${machine}/${nic}/6`) as Ipv6Address | undefined;
      return {
        ...(address === undefined ? {} : { address }),
        ...(address6 === undefined ? {} : { address6 }),
      };
    },
  };
}

/** Networks in different namespaces may have the same subnet, which is of no use to a machine on both. */
function checkDistinct(
  path: Path,
  name: string,
  earlier: readonly string[],
  networks: readonly Network[],
  context: Context,
): void {
  const own = networks.find((network) => network.name === name);
  if (earlier.length === 0 || own === undefined) return;
  for (const other of networks) {
    if (other === own || !earlier.includes(other.name)) continue;
    const shared = prefixesOf(own).find((prefix) => prefixesOf(other).some((theirs) => overlaps(theirs, prefix)));
    if (shared === undefined) continue;
    context.complain(
      path,
      `its subnet ${formatPrefix(shared)} overlaps ${other.name}'s, on which the machine is too`,
      "put the machine on one of them, or give one another subnet",
    );
  }
}

function prefixesOf(network: Network): readonly Prefix[] {
  const { ipv4, ipv6 } = subnetsOf(network);
  return [...ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(({ prefix }) => prefix);
}

/** What the networks' DHCP servers keep for hosts, with what has it. */
function addressesOfHosts({ networks, taken }: MachineSurroundings, context: Context): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  for (const network of networks) {
    const { name } = network;
    for (const section of ["dhcp", "ipv6"] as const) {
      network[section]?.hosts.forEach(({ address }, index) => {
        if (address === undefined) return;
        const path = ["networks", name, section, "hosts", index, "address"];
        const owner = taken.get(placeIn(name, address));
        if (owner !== undefined) context.complain(path, `is used twice, by ${owner} already`, "give another one");
        kept.set(placeIn(name, address), formatPath(path));
      });
    }
  }
  return kept;
}

function buildPod(
  name: string,
  shape: NamespaceShape,
  addresses: Addresses,
  devices: Set<string>,
  context: Context,
): NamespaceMachine {
  const path = ["machines", name];
  const nics = shape.nics.flatMap((nic, index): readonly PodNic[] => {
    const place = [...path, "nics", index];
    const { address, address6 } = addresses.of(name, index);
    const interfaceName = podInterfaceName(index);
    const hostDevice = hostEndName(name, interfaceName, devices);
    devices.add(hostDevice);
    // Without an address there is a mistake, and no model in the end.
    if (address === undefined) return [];
    const macAddress = nic.mac ?? context.deriveMac([...place, "mac"]);
    return [
      {
        index,
        position: context.position(place),
        network: nic.network,
        interfaceName,
        hostDevice,
        address,
        ...(address6 === undefined ? {} : { address6 }),
        macAddress,
      },
    ];
  });
  return { kind: "namespace", name, position: context.position(path, true), nics, dns: dnsSettings(shape.dns) };
}
