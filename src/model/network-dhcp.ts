/** A network's DHCP section: defaults, and checks against its subnet and within itself. */
import { formatPrefix, type Ipv4Address, type Ipv4Prefix, ipFromBigint, ipToBigint } from "../base/address.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { AddressRange, DhcpClass, DhcpHost, DhcpSettings, NetworkDhcp } from "./model.ts";
import type { FileShape } from "./schema.ts";
import { canBeHost, checkHost, hostRange } from "./subnets.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type DhcpShape = Exclude<NonNullable<NetworkShape["dhcp"]>, boolean>;
type HostShape = NonNullable<DhcpShape["hosts"]>[number];
type ClassShape = NonNullable<DhcpShape["classes"]>[number];

interface Place {
  readonly network: string;
  readonly subnet: Ipv4Prefix;
  readonly gateway: Ipv4Address;
  /** Of the section. */
  readonly path: Path;
}

const DEFAULT_LEASE_SECONDS = 12 * 3600;
/** A client may ask for less, but not so little that it comes all the time. */
const SHORTEST_LEASE_SECONDS = 120;

/** Undefined: the network has no server of its own. */
export function buildDhcp(
  file: FileShape,
  network: string,
  shape: NetworkShape,
  gateway: Ipv4Address,
  context: Context,
): NetworkDhcp | undefined {
  if (shape.dhcp === undefined || shape.dhcp === false) return undefined;
  const section: DhcpShape = shape.dhcp === true ? {} : shape.dhcp;
  const place: Place = { network, subnet: shape.subnet, gateway, path: ["networks", network, "dhcp"] };
  const ranges = rangesOf(section, place, context);
  checkApart(ranges, section, place, context);
  checkHosts(file, section, place, context);
  checkClasses(section, place, context);
  return {
    ranges: ranges.map(({ range }) => range),
    leaseSeconds: leaseOf(section, place, context),
    authoritative: flag("authoritative", section, true, place, context),
    rapidCommit: flag("rapid-commit", section, false, place, context),
    knownOnly: flag("known-only", section, false, place, context),
    ignoredMacPrefixes: section.ignore ?? [],
    ...settingsOf(section),
    hosts: (section.hosts ?? []).map(hostOf),
    classes: (section.classes ?? []).map(classOf),
  };
}

function flag(
  key: "authoritative" | "rapid-commit" | "known-only",
  section: DhcpShape,
  otherwise: boolean,
  { path }: Place,
  context: Context,
): boolean {
  const declared = section[key];
  context.record([...path, key], String(declared ?? otherwise), declared === undefined ? "default" : "declared");
  return declared ?? otherwise;
}

interface PlacedRange {
  readonly path: Path;
  readonly range: AddressRange;
}

function rangesOf({ range }: DhcpShape, { subnet, path }: Place, context: Context): readonly PlacedRange[] {
  const place = [...path, "range"];
  if (range === undefined) {
    const half = upperHalf(subnet);
    context.record(place, formatRange(half), "default");
    return [{ path: place, range: half }];
  }
  if ("first" in range) {
    context.record(place, formatRange(range), "declared");
    return [{ path: place, range }];
  }
  return range.map((one, index) => {
    context.record([...place, index], formatRange(one), "declared");
    return { path: [...place, index], range: one };
  });
}

function upperHalf(subnet: Ipv4Prefix): AddressRange {
  const { first, last } = hostRange(subnet);
  // The host's addresses of a /30 are two: the upper one is left for clients.
  return {
    first: ipFromBigint((first + last + 1n) / 2n, 4) as Ipv4Address,
    last: ipFromBigint(last, 4) as Ipv4Address,
  };
}

/** All ranges lie in the subnet and have no address in common, those of classes among them. */
function checkApart(ranges: readonly PlacedRange[], { classes }: DhcpShape, place: Place, context: Context): void {
  const all = [
    ...ranges,
    ...(classes ?? []).flatMap(({ range }, index) =>
      range === undefined ? [] : [{ path: [...place.path, "classes", index, "range"], range }],
    ),
  ];
  all.forEach(({ path, range }, index) => {
    const outside = [range.first, range.last].find((address) => !canBeHost(place.subnet, address));
    if (outside !== undefined) {
      const { first, last } = hostRange(place.subnet);
      context.complain(
        path,
        `${outside} cannot be a host's in ${formatPrefix(place.subnet)}, the subnet of ${place.network}`,
        `use addresses from ${ipFromBigint(first, 4)} to ${ipFromBigint(last, 4)}`,
      );
      return;
    }
    const other = all.slice(0, index).find((earlier) => meet(earlier.range, range));
    if (other !== undefined)
      context.complain(path, `overlaps the range ${formatRange(other.range)}`, "give each range addresses of its own");
    else if (range.first === place.gateway && range.last === place.gateway)
      context.complain(path, "holds the gateway alone, which no client gets", "use further addresses");
  });
}

function meet(a: AddressRange, b: AddressRange): boolean {
  return ipToBigint(a.first) <= ipToBigint(b.last) && ipToBigint(b.first) <= ipToBigint(a.last);
}

function formatRange({ first, last }: AddressRange): string {
  return `${first}-${last}`;
}

function leaseOf({ lease }: DhcpShape, { path }: Place, context: Context): NetworkDhcp["leaseSeconds"] {
  const place = [...path, "lease"];
  if (lease === undefined || typeof lease === "number") {
    const seconds = context.value(place, lease, DEFAULT_LEASE_SECONDS);
    return { default: seconds, minimum: Math.min(SHORTEST_LEASE_SECONDS, seconds), maximum: seconds };
  }
  const bound = lease.max ?? lease.min ?? DEFAULT_LEASE_SECONDS;
  const usual = lease.default ?? Math.min(Math.max(DEFAULT_LEASE_SECONDS, lease.min ?? 0), lease.max ?? bound);
  context.record([...place, "default"], String(usual), lease.default === undefined ? "default" : "declared");
  const minimum = context.value([...place, "min"], lease.min, Math.min(SHORTEST_LEASE_SECONDS, usual));
  const maximum = context.value([...place, "max"], lease.max, usual);
  if (minimum > usual) context.complain([...place, "min"], "is longer than the default", "make it shorter");
  if (maximum < usual) context.complain([...place, "max"], "is shorter than the default", "make it longer");
  return { default: usual, minimum, maximum };
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
    if (!checkHost([...path, "address"], host.address, place.subnet, network, context)) return;
    if (host.address === place.gateway)
      context.complain([...path, "address"], `is the gateway of ${network}`, "give another one");
    else unique("address", "address", host.address);
    context.record([...path, "address"], host.address, "declared");
  });
}

/** Machines by the MAC addresses that the file gives them on the network. */
function macsOfMachines(file: FileShape, network: string): ReadonlyMap<string, string> {
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

type SettingsShape = Pick<DhcpShape, "options" | "next-server" | "server-name" | "boot-file">;

function settingsOf(shape: SettingsShape): DhcpSettings {
  const { options, "next-server": nextServer, "server-name": serverName, "boot-file": bootFile } = shape;
  return {
    options: options ?? [],
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
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
