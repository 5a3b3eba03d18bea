/** A network's IPv6 section: defaults, and checks against its subnet, the file's other subnets and within itself. */
import {
  contains,
  formatPrefix,
  type Ipv6Address,
  type Ipv6Prefix,
  ipFromBigint,
  ipToBigint,
  networkOf,
  overlaps,
} from "../base/address.ts";
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { Ip6Host, NetworkIp6 } from "./model.ts";
import { macsOfMachines } from "./network-dhcp.ts";
import type { FileShape } from "./schema.ts";
import { canBeHost, checkHost, hostRange } from "./subnets.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type SectionShape = Exclude<NonNullable<NetworkShape["ipv6"]>, boolean>;
type HostShape = NonNullable<SectionShape["hosts"]>[number];

interface Place {
  readonly network: string;
  readonly subnet: Ipv6Prefix;
  readonly gateway: Ipv6Address;
  /** Of the section. */
  readonly path: Path;
}

const DEFAULT_LEASE_SECONDS = 12 * 3600;
const DEFAULT_PREFIX_LENGTH = 60;
/** Hosts make their own addresses from prefixes of this length (RFC 4862 §5.5.3, RFC 2464 §4). */
const AUTONOMOUS_LENGTH = 64;
/** Of the default range in a subnet that has room for it. */
const USUAL_ADDRESSES = 0x1_0000n;

/** Undefined: nothing is served to the network as a whole. */
export function buildIp6(
  file: FileShape,
  network: string,
  shape: NetworkShape,
  { subnet6, gateway6 }: { readonly subnet6?: Ipv6Prefix; readonly gateway6?: Ipv6Address },
  context: Context,
): NetworkIp6 | undefined {
  if (shape.ipv6 === undefined || shape.ipv6 === false) return undefined;
  const path = ["networks", network, "ipv6"];
  if (subnet6 === undefined || gateway6 === undefined) {
    if (!context.isWritten(["networks", network, "subnet6"]))
      context.complain(path, "stands without subnet6", "add subnet6:, such as subnet6: fd00:50::/64");
    return undefined;
  }
  const section: SectionShape = shape.ipv6 === true ? {} : shape.ipv6;
  const place: Place = { network, subnet: subnet6, gateway: gateway6, path };
  const mode = modeOf(section, place, context);
  const isKnownOnly = flag("known-only", section, place, context);
  const range = isKnownOnly ? undefined : rangeOf(mode, section, place, context);
  const delegate = isKnownOnly ? undefined : delegateOf(file, section, place, context);
  for (const key of isKnownOnly ? (["range", "prefixes"] as const) : [])
    if (section[key] !== undefined)
      context.complain(
        [...path, key],
        "is given to nobody: only known hosts get something",
        "remove it, or known-only",
      );
  checkHosts(file, section, delegate, place, context);
  return {
    mode,
    ...(range === undefined ? {} : { range }),
    leaseSeconds: context.value([...path, "lease"], section.lease, DEFAULT_LEASE_SECONDS),
    ...(delegate === undefined ? {} : { delegate }),
    routes: section.routes ?? [],
    ntpServers: section.ntp ?? [],
    rapidCommit: flag("rapid-commit", section, place, context),
    hosts: (section.hosts ?? []).map(hostOf),
  };
}

function modeOf(section: SectionShape, { subnet, path }: Place, context: Context): NetworkIp6["mode"] {
  const canMake = subnet.length === AUTONOMOUS_LENGTH;
  const mode = context.value([...path, "mode"], section.mode, canMake ? "slaac" : "dhcp");
  if (mode !== "dhcp" && !canMake)
    context.complain(
      [...path, "mode"],
      `hosts make their own addresses in a /${AUTONOMOUS_LENGTH} only, and subnet6 is ${formatPrefix(subnet)}`,
      "write mode: dhcp, or a subnet6 of that length",
    );
  return mode;
}

function flag(key: "rapid-commit" | "known-only", section: SectionShape, { path }: Place, context: Context): boolean {
  const declared = section[key];
  context.record([...path, key], String(declared ?? false), declared === undefined ? "default" : "declared");
  return declared ?? false;
}

function rangeOf(
  mode: NetworkIp6["mode"],
  { range }: SectionShape,
  { network, subnet, gateway, path }: Place,
  context: Context,
): NetworkIp6["range"] {
  const place = [...path, "range"];
  if (mode === "slaac") {
    if (range !== undefined)
      context.complain(place, "is given to nobody: hosts make their own addresses", "write mode: dhcp or both");
    return undefined;
  }
  if (range === undefined) {
    const usual = usualRange(subnet);
    context.record(place, `${usual.first}-${usual.last}`, "default");
    return usual;
  }
  context.record(place, `${range.first}-${range.last}`, "declared");
  const outside = [range.first, range.last].find((address) => !canBeHost(subnet, address));
  const { first, last } = hostRange(subnet);
  if (outside !== undefined)
    context.complain(
      place,
      `${outside} cannot be a host's in ${formatPrefix(subnet)}, the subnet6 of ${network}`,
      `use addresses from ${ipFromBigint(first, 6)} to ${ipFromBigint(last, 6)}`,
    );
  else if (range.first === gateway && range.last === gateway)
    context.complain(place, "holds the gateway alone, which no client gets", "use further addresses");
  return range;
}

function usualRange(subnet: Ipv6Prefix): NonNullable<NetworkIp6["range"]> {
  const base = ipToBigint(subnet.address);
  const size = 1n << BigInt(128 - subnet.length);
  const first = size >= 2n * USUAL_ADDRESSES ? USUAL_ADDRESSES : size / 2n;
  const address = (offset: bigint): Ipv6Address => ipFromBigint(base + offset, 6) as Ipv6Address;
  return { first: address(first), last: address(2n * first - 1n) };
}

function delegateOf(
  file: FileShape,
  { prefixes }: SectionShape,
  { network, path }: Place,
  context: Context,
): NetworkIp6["delegate"] {
  if (prefixes === undefined) return undefined;
  const { from } = prefixes;
  const place = [...path, "prefixes"];
  const length = context.value(
    [...place, "length"],
    prefixes.length,
    Math.max(DEFAULT_PREFIX_LENGTH, Math.min(from.length, AUTONOMOUS_LENGTH)),
  );
  context.record([...place, "from"], formatPrefix(from), "declared");
  if (from.length > AUTONOMOUS_LENGTH)
    context.complain([...place, "from"], "has no room for a prefix of 64 bits", "write a shorter one, such as a /48");
  else if (length < from.length)
    context.complain(
      [...place, "length"],
      `is shorter than that of ${formatPrefix(from)}`,
      `write ${from.length} to ${AUTONOMOUS_LENGTH}`,
    );
  for (const [name, { subnet6, ipv6 }] of besides(file, network)) {
    if (subnet6 !== undefined && overlaps(subnet6, from))
      context.complain(
        [...place, "from"],
        `overlaps ${formatPrefix(subnet6)}, the subnet6 of ${name}`,
        "use a prefix that no network has",
      );
    // Of two networks the later one is told of.
    if (name === network) break;
    const other = typeof ipv6 === "object" ? ipv6.prefixes?.from : undefined;
    if (other !== undefined && overlaps(other, from))
      context.complain(
        [...place, "from"],
        `overlaps ${formatPrefix(other)}, which ${name} gives away`,
        "give each network prefixes of its own",
      );
  }
  return { from, length };
}

/** The networks of the same namespace, this one among them. */
function besides(file: FileShape, network: string): readonly (readonly [string, NetworkShape])[] {
  const all = Object.entries(file.networks ?? {});
  return all.filter(([, { namespace }]) => namespace === file.networks?.[network]?.namespace);
}

const IDENTITIES = ["mac", "duid"] as const;

function checkHosts(
  file: FileShape,
  { hosts = [] }: SectionShape,
  delegate: NetworkIp6["delegate"],
  place: Place,
  context: Context,
): void {
  const machines = macsOfMachines(file, place.network);
  const known = new Map<string, number>();
  hosts.forEach((host, index) => {
    const path = [...place.path, "hosts", index];
    checkIdentity(path, context);
    for (const key of IDENTITIES) {
      const value = host[key];
      if (value === undefined) continue;
      const other = known.get(`${key} ${value}`);
      if (other !== undefined)
        context.complain([...path, key], `is that of hosts[${other}] already`, "give each host its own");
      else known.set(`${key} ${value}`, index);
    }
    const machine = host.mac === undefined ? undefined : machines.get(host.mac);
    if (machine !== undefined)
      context.complain([...path, "mac"], `is that of the machine ${machine}`, "give the address to the machine's NIC");
    if (host.address !== undefined)
      checkAddress(host.address, hosts.slice(0, index), [...path, "address"], place, context);
    if (host.prefix !== undefined)
      checkPrefix(host.prefix, hosts.slice(0, index), delegate, [...path, "prefix"], {
        file,
        network: place.network,
        context,
      });
  });
}

/** By what it is known, and what it gets. */
function checkIdentity(path: Path, context: Context): void {
  const written = IDENTITIES.filter((key) => context.isWritten([...path, key]));
  if (written.length !== 1)
    context.complain(
      path,
      written.length === 0 ? "does not say which client it is" : `is known by ${written.join(" and ")}`,
      "write one of mac and duid",
    );
  if (!["address", "prefix"].some((key) => context.isWritten([...path, key])))
    context.complain(path, "gets nothing of its own", "write an address or a prefix, or both");
}

function checkAddress(
  address: Ipv6Address,
  earlier: readonly HostShape[],
  path: Path,
  { network, subnet, gateway }: Place,
  context: Context,
): void {
  if (!checkHost(path, address, subnet, network, context)) return;
  context.record(path, address, "declared");
  const other = earlier.findIndex((host) => host.address === address);
  if (address === gateway) context.complain(path, `is the gateway of ${network}`, "give another one");
  else if (other >= 0) context.complain(path, `is that of hosts[${other}] already`, "give each host its own");
}

function checkPrefix(
  prefix: Ipv6Prefix,
  earlier: readonly HostShape[],
  delegate: NetworkIp6["delegate"],
  path: Path,
  { file, network, context }: { readonly file: FileShape; readonly network: string; readonly context: Context },
): void {
  context.record(path, formatPrefix(prefix), "declared");
  const taken = besides(file, network).find(([, { subnet6 }]) => subnet6 !== undefined && overlaps(subnet6, prefix));
  const other = earlier.findIndex((host) => host.prefix !== undefined && overlaps(host.prefix, prefix));
  if (taken !== undefined)
    context.complain(path, `overlaps the subnet6 of ${taken[0]}`, "use a prefix that no network has");
  else if (other >= 0) context.complain(path, `overlaps that of hosts[${other}]`, "give each host its own");
  else if (delegate !== undefined && overlaps(delegate.from, prefix) && !isPart(prefix, delegate))
    context.complain(
      path,
      `is not one of the prefixes of ${delegate.length} bits out of ${formatPrefix(delegate.from)}`,
      `write one such as ${formatPrefix({ address: delegate.from.address, length: delegate.length })}, or of elsewhere`,
    );
}

function isPart(prefix: Ipv6Prefix, { from, length }: NonNullable<NetworkIp6["delegate"]>): boolean {
  return prefix.length === length && contains(from, prefix.address) && networkOf(prefix).address === prefix.address;
}

function hostOf({ mac, duid, address, prefix }: HostShape): Ip6Host {
  return {
    ...(mac === undefined ? {} : { macAddress: mac }),
    ...(duid === undefined ? {} : { duidHex: duid }),
    ...(address === undefined ? {} : { address }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}
