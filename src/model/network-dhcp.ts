/** A network's DHCP section: defaults, and checks against its subnets and within itself. */
import { SubnetTable } from "../base/subnet-table.ts";
import type { DhcpLimits } from "../state/object/network-dhcp.ts";
import type { Context } from "./context.ts";
import { checkRanges, rangesOf, type ServedSubnet } from "./dhcp-ranges.ts";
import { leaseOf, settingsOf } from "./dhcp-settings.ts";
import { furtherOnBridge, relayedSubnets } from "./dhcp-subnets.ts";
import type { Path } from "./mistakes.ts";
import type { DhcpClass, DhcpHost, Network, NetworkDhcp } from "./model.ts";
import type { FileShape } from "./schema.ts";
import { checkHost } from "./subnets.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type DhcpShape = Exclude<NonNullable<NetworkShape["dhcp"]>, boolean>;
type HostShape = NonNullable<DhcpShape["hosts"]>[number];
type ClassShape = NonNullable<DhcpShape["classes"]>[number];

interface Place {
  readonly network: string;
  readonly main: ServedSubnet;
  /** All of the network, {@link main} among them. */
  readonly subnets: SubnetTable<ServedSubnet>;
  /** Of the section. */
  readonly path: Path;
}

/** Undefined: the network has no server of its own. @param bridge the subnets on it */
export function buildDhcp(
  file: FileShape,
  network: string,
  shape: NetworkShape,
  bridge: Pick<Network, "subnet" | "gateway" | "also">,
  context: Context,
): NetworkDhcp | undefined {
  const path = ["networks", network];
  if (shape.dhcp === undefined || shape.dhcp === false) {
    complainWithoutServer(path, shape, context);
    return undefined;
  }
  const section: DhcpShape = shape.dhcp === true ? {} : shape.dhcp;
  const own = [...path, "dhcp"];
  const main: ServedSubnet = { subnet: bridge.subnet, gateway: bridge.gateway, name: network };
  const ranges = rangesOf(section.range, main, own, context);
  const onBridge = furtherOnBridge(path, network, shape, bridge.also, context);
  const before = [main, ...onBridge.map(({ served }) => served)];
  const further = [...onBridge, ...relayedSubnets(own, network, section, before, context)];
  const served = [main, ...further.map((each) => each.served)];
  const subnets = new SubnetTable(served.map((each) => [each.subnet, each] as const));
  const ofClasses = (section.classes ?? []).flatMap(({ range }, index) =>
    range === undefined ? [] : [{ path: [...own, "classes", index, "range"], range }],
  );
  checkRanges([...ranges, ...further.flatMap((each) => each.ranges), ...ofClasses], subnets, main, context);
  const place: Place = { network, main, subnets, path: own };
  checkHosts(file, section, place, context);
  checkClasses(section, place, context);
  return {
    ranges: ranges.map(({ range }) => range),
    leaseSeconds: leaseOf(section.lease, own, context),
    authoritative: flag("authoritative", section, true, place, context),
    rapidCommit: flag("rapid-commit", section, false, place, context),
    knownOnly: flag("known-only", section, false, place, context),
    trustCircuit: flag("trust-circuit", section, false, place, context),
    ...(section.limits === undefined ? {} : { limits: limitsOf(section.limits) }),
    ignoredMacPrefixes: section.ignore ?? [],
    ...settingsOf(section),
    hosts: (section.hosts ?? []).map(hostOf),
    classes: (section.classes ?? []).map(classOf),
    further: further.map(({ subnet }) => subnet),
  };
}

function complainWithoutServer(path: Path, { also = [] }: NetworkShape, context: Context): void {
  also.forEach(({ dhcp }, index) => {
    if (dhcp !== undefined && dhcp !== false)
      context.complain(
        [...path, "also", index, "dhcp"],
        "stands without a dhcp of the network",
        "add dhcp: beside subnet",
      );
  });
}

function limitsOf(shape: NonNullable<DhcpShape["limits"]>): DhcpLimits {
  const {
    "per-port": leasesPerPort,
    "new-per-second": newLeasesPerSecond,
    "new-per-second-per-port": newLeasesPerSecondOfPort,
  } = shape;
  return {
    ...(leasesPerPort === undefined ? {} : { leasesPerPort }),
    ...(newLeasesPerSecond === undefined ? {} : { newLeasesPerSecond }),
    ...(newLeasesPerSecondOfPort === undefined ? {} : { newLeasesPerSecondOfPort }),
  };
}

function flag(
  key: "authoritative" | "rapid-commit" | "known-only" | "trust-circuit",
  section: DhcpShape,
  otherwise: boolean,
  { path }: Place,
  context: Context,
): boolean {
  const declared = section[key];
  context.record([...path, key], String(declared ?? otherwise), declared === undefined ? "default" : "declared");
  return declared ?? otherwise;
}

const IDENTITIES = ["mac", "client-id", "circuit-id"] as const;

function checkHosts(file: FileShape, { hosts }: DhcpShape, place: Place, context: Context): void {
  const { path: section, network } = place;
  const machines = macsOfMachines(file, network);
  const known = {
    name: new Map<string, number>(),
    address: new Map<string, number>(),
    identity: new Map<string, number>(),
  };
  (hosts ?? []).forEach((host, index) => {
    const path = [...section, "hosts", index];
    const identities = IDENTITIES.filter((key) => host[key] !== undefined);
    const written = IDENTITIES.filter((key) => context.isWritten([...path, key]));
    if (written.length !== 1)
      context.complain(
        path,
        written.length === 0 ? "does not say which client it is" : `is known by ${written.join(" and ")}`,
        "write one of mac, client-id and circuit-id",
      );
    const unique = (which: keyof typeof known, at: string, value: string): void => {
      const other = known[which].get(value);
      if (other !== undefined)
        context.complain([...path, at], `is that of hosts[${other}] already`, "give each host its own");
      else known[which].set(value, index);
    };
    for (const key of identities) unique("identity", key, `${key} ${host[key]}`);
    if (host.name !== undefined) unique("name", "name", host.name);
    const machine = host.mac === undefined ? undefined : machines.get(host.mac);
    if (machine !== undefined)
      context.complain([...path, "mac"], `is that of the machine ${machine}`, "give the address to the machine's NIC");
    if (host.address === undefined) return;
    const at = place.subnets.find(host.address) ?? place.main;
    if (!checkHost([...path, "address"], host.address, at.subnet, at.name, context)) return;
    if (host.address === at.gateway)
      context.complain([...path, "address"], `is the gateway of ${at.name}`, "give another one");
    else unique("address", "address", host.address);
    context.record([...path, "address"], host.address, "declared");
  });
}

/** Machines by the MAC addresses that the file gives them on the network. */
export function macsOfMachines(file: FileShape, network: string): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(file.machines ?? {}).flatMap(([name, machine]) =>
      (machine.nics ?? []).flatMap((nic) =>
        "network" in nic && nic.network === network && nic.mac !== undefined ? [[nic.mac, name] as const] : [],
      ),
    ),
  );
}

const MATCHES = ["vendor", "user", "architecture", "mac"] as const;

function checkClasses({ classes }: DhcpShape, { path: section }: Place, context: Context): void {
  const names = new Map<string, number>();
  (classes ?? []).forEach(({ name, architecture }, index) => {
    const path = [...section, "classes", index];
    const other = names.get(name);
    if (other !== undefined)
      context.complain([...path, "name"], `is that of classes[${other}] already`, "give each class its own");
    names.set(name, index);
    const matches = MATCHES.filter((key) => context.isWritten([...path, key]));
    if (matches.length === 0 || architecture?.length === 0)
      context.complain(path, "matches no client", "write at least one of vendor, user, architecture and mac");
  });
}

function hostOf(shape: HostShape): DhcpHost {
  const { name, mac, "client-id": clientIdHex, "circuit-id": circuitIdHex, address, lease } = shape;
  return {
    ...(name === undefined ? {} : { name }),
    ...(mac === undefined ? {} : { macAddress: mac }),
    ...(clientIdHex === undefined ? {} : { clientIdHex }),
    ...(circuitIdHex === undefined ? {} : { circuitIdHex }),
    ...(address === undefined ? {} : { address }),
    ...(lease === undefined ? {} : { leaseSeconds: lease }),
    ...settingsOf(shape),
  };
}

function classOf(shape: ClassShape): DhcpClass {
  const { name, vendor, user, architecture, mac, range, lease } = shape;
  return {
    name,
    ...(vendor === undefined ? {} : { vendor }),
    ...(user === undefined ? {} : { user }),
    ...(architecture === undefined ? {} : { architectures: architecture }),
    ...(mac === undefined ? {} : { macPrefix: mac }),
    ...(range === undefined ? {} : { range }),
    ...(lease === undefined ? {} : { leaseSeconds: lease }),
    ...settingsOf(shape),
  };
}
