/** ISC dhcpd's configuration to networks. Pure: what cannot be taken is told, nothing is thrown. */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  ipv4FromNumber,
  ipv4ToNumber,
  netmaskOf,
  parseIpv4,
} from "../../base/address.ts";
import { DHCP4_OPTION } from "../../wire/dhcp4/option-table.ts";
import {
  cleanName,
  type DraftClass,
  type DraftNetwork,
  hostName,
  MOST_HOSTS,
  type Settings,
  unusedName,
} from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import { ClassBuilder, type ClassRange, othersOf } from "./classes.ts";
import { DhcpdConfiguration } from "./read.ts";
import { around, type Host, inherited, type Scope, settle, type Subnet } from "./scope.ts";

/** dhcpd.conf(5): default-lease-time, max-lease-time, min-lease-time. */
const DEFAULT_SECONDS = 43_200;
const MAXIMUM_SECONDS = 86_400;
const MOST_DEVICE_NAME = 15;
const ANYWHERE = new Set<Scope["kind"]>(["file", "shared-network", "subnet"]);

export function importDhcpd(text: string, problems: Problems): DraftNetwork[] {
  const configuration = new DhcpdConfiguration(text, problems);
  const names = new Set<string>();
  const served = configuration.subnets.filter((subnet) => isServed(subnet, configuration));
  for (const { scope, prefix } of configuration.subnets) {
    if (served.some((subnet) => subnet.scope === scope)) continue;
    problems.tell(
      scope.origin,
      `no range and no host of ${formatPrefix(prefix)} is declared, so nobody is served there`,
      "nothing is to be done, unless hosts of it shall get addresses: then give it a range",
    );
  }
  const networks = served.map((subnet, i) => {
    const shared = subnet.sharedNetwork;
    const siblings = served.filter(({ sharedNetwork }) => sharedNetwork !== undefined && sharedNetwork === shared);
    if (siblings.length > 1)
      problems.tell(
        subnet.scope.origin,
        `the subnets of shared-network ${shared} become networks of their own, each with a bridge`,
        "keep one of them with all hosts of the link, if they must stand on one link",
      );
    const plain = served.length === 1 ? "lan" : `lan${i + 1}`;
    const name = shared === undefined ? plain : cleanName(shared, plain, MOST_DEVICE_NAME - 2);
    return buildNetwork(unusedName(name, names), subnet, configuration, problems);
  });
  addHosts(networks, configuration, problems);
  return networks;
}

function isServed({ scope, prefix, pools }: Subnet, { hosts }: DhcpdConfiguration): boolean {
  if ([scope, ...pools].some(({ ranges }) => ranges.length > 0)) return true;
  return hosts.some(({ addresses }) => addresses.some(({ value }) => contains(prefix, value)));
}

function buildNetwork(
  name: string,
  subnet: Subnet,
  configuration: DhcpdConfiguration,
  problems: Problems,
): DraftNetwork {
  const { scope, prefix, pools } = subnet;
  const open = pools.filter(({ members }) => members.allowed.length === 0);
  const ranges = [...scope.ranges, ...open.flatMap((pool) => pool.ranges)];
  const classRanges = pools.flatMap((pool) =>
    pool.members.allowed.map((className): ClassRange => ({ className: className.value, pool })),
  );
  const scopes = around(scope);
  // What stands in the only pool holds for the network.
  const [single] = open.length === 1 && scope.ranges.length === 0 ? open : [];
  const all = single === undefined ? scopes : [single, ...scopes];
  const settings = settle(
    all.flatMap((at) => [...othersOf(at), at]),
    problems,
  );
  dropOwnOptions(settings, subnet);
  if (single === undefined) for (const pool of open) tellSettings(pool, problems);
  const knownOnly = readKnownOnly(
    subnet,
    open,
    { ranges: ranges.length, hasClassRanges: classRanges.length > 0 },
    problems,
  );
  const gateway = gatewayOf(subnet, settings);
  const comment = `Line ${scope.origin.line}. This host gets the gateway's address on the network.`;
  return {
    name,
    subnet: { value: prefix, origin: scope.origin },
    ...(gateway === undefined ? {} : { gateway }),
    comment,
    ranges,
    settings: withLeaseTimes(settings),
    authoritative: inherited(scope, ({ authoritative }) => authoritative) ?? false,
    ...(knownOnly === undefined ? {} : { knownOnly: { value: true, origin: knownOnly } }),
    ignore: [],
    hosts: [],
    classes: buildClasses(all, pools, classRanges, configuration, problems),
  };
}

function buildClasses(
  scopes: readonly Scope[],
  pools: readonly Scope[],
  ranges: readonly ClassRange[],
  configuration: DhcpdConfiguration,
  problems: Problems,
): DraftClass[] {
  const builder = new ClassBuilder(configuration, problems);
  for (const { members } of pools) {
    for (const { value, origin } of [...members.allowed, ...members.denied])
      if (!configuration.classes.has(value))
        problems.tell(origin, `there is no class ${value}`, "look for its declaration, and give the class a range");
    for (const { value, origin } of members.denied)
      if (!ranges.some(({ className }) => className === value))
        problems.tell(origin, "a class is not shut out of a range", "give the class a range of its own");
  }
  for (const declared of configuration.classes.values()) builder.addDeclared(declared, ranges);
  for (const scope of scopes) for (const conditional of scope.conditionals) builder.addConditional("", conditional);
  return builder.classes;
}

function readKnownOnly(
  { scope }: Subnet,
  open: readonly Scope[],
  { ranges, hasClassRanges }: { readonly ranges: number; readonly hasClassRanges: boolean },
  problems: Problems,
): Origin | undefined {
  if (ranges === 0 && !hasClassRanges) return scope.origin;
  const around = inherited(scope, ({ unknownClients }) => unknownClients);
  if (around?.value === "deny") return around.origin;
  const closed = open.filter(({ unknownClients }) => unknownClients?.value === "deny");
  if (closed.length === 0) return undefined;
  if (closed.length === open.length && scope.ranges.length === 0) return closed[0]!.unknownClients!.origin;
  for (const pool of closed)
    problems.tell(
      pool.unknownClients!.origin,
      "known and unknown hosts get addresses of the same ranges",
      "give the known hosts addresses under hosts:, or a class with a range",
    );
  return undefined;
}

/** Of one of several pools. */
function tellSettings(pool: Scope, problems: Problems): void {
  const { options, ...rest } = pool.settings;
  for (const { origin } of [...options.values(), ...Object.values(rest)])
    problems.tell(
      origin,
      "it holds for one range of several",
      "write it for the network or for a class with that range",
    );
}

/** Every client is told mask and broadcast address of its subnet anyway. */
function dropOwnOptions({ options }: Settings, { prefix }: Subnet): void {
  const own: readonly (readonly [number, Ipv4Address])[] = [
    [DHCP4_OPTION.subnetMask.code, netmaskOf(prefix.length)],
    [DHCP4_OPTION.broadcastAddress.code, broadcastOf(prefix)],
  ];
  for (const [code, address] of own) if (options.get(code)?.value.join(".") === address) options.delete(code);
}

/** The server's own address as far as the file tells it: else that of the router whom clients are told. */
function gatewayOf({ scope, prefix }: Subnet, { options }: Settings): DraftNetwork["gateway"] {
  const told = inherited(scope, ({ serverIdentifier }) => serverIdentifier);
  const isAddress = told !== undefined && /^\d+\.\d+\.\d+\.\d+$/.test(told.value);
  if (isAddress && contains(prefix, told.value as Ipv4Address))
    return { value: parseIpv4(told.value), origin: told.origin };
  const routers = options.get(DHCP4_OPTION.routers.code);
  const [first] = routers === undefined ? [] : (DHCP4_OPTION.routers.codec.decode(routers.value) ?? []);
  const standard = ipv4FromNumber(ipv4ToNumber(prefix.address) + 1);
  if (routers === undefined || first === undefined || first === standard || !contains(prefix, first)) return undefined;
  return { value: first, origin: routers.origin };
}

/** dhcpd's own times stand where the file says none. */
function withLeaseTimes(settings: Settings): Settings {
  const { leaseDefault, leaseMaximum, leaseMinimum } = settings;
  const origin = (leaseDefault ?? leaseMaximum ?? leaseMinimum)?.origin ?? { line: 1, text: "" };
  const maximum = leaseMaximum?.value ?? Math.max(MAXIMUM_SECONDS, leaseDefault?.value ?? 0);
  const normal = Math.min(leaseDefault?.value ?? DEFAULT_SECONDS, maximum);
  return {
    ...settings,
    leaseDefault: { value: normal, origin },
    leaseMaximum: { value: maximum, origin },
    ...(leaseMinimum === undefined
      ? {}
      : { leaseMinimum: { ...leaseMinimum, value: Math.min(leaseMinimum.value, normal) } }),
  };
}

function addHosts(networks: readonly DraftNetwork[], { hosts }: DhcpdConfiguration, problems: Problems): void {
  const unnamed = hosts.find((host) => inherited(host.scope, ({ tellsNames }) => tellsNames) !== true);
  if (unnamed !== undefined)
    problems.tell(
      unnamed.scope.origin,
      "hosts are told their names, which dhcpd does with use-host-decl-names alone",
      "remove name: from hosts that shall keep names of their own",
    );
  const names = new Map(networks.map((network) => [network, new Set<string>()]));
  for (const { scope } of hosts.slice(MOST_HOSTS))
    problems.tell(scope.origin, `a network has at most ${MOST_HOSTS} hosts`, "part them among several networks");
  for (const host of hosts.slice(0, MOST_HOSTS)) {
    const { scope, addresses } = host;
    const { origin } = scope;
    const settings = settle(
      around(scope, ({ kind }) => !ANYWHERE.has(kind)),
      problems,
    );
    for (const { branches } of scope.conditionals)
      problems.tell(branches[0]?.statement.origin ?? origin, "a host has no conditions", "write a class with its mac");
    const identity = identityOf(host, problems);
    if (identity === undefined) {
      problems.tell(origin, "it says neither the host's MAC address nor its client identifier", "add one of them");
      continue;
    }
    const booting = inherited(scope, (at) => at.booting);
    if (booting?.value === "deny" && "mac" in identity) {
      for (const network of networks) network.ignore.push({ value: identity.mac, origin });
      continue;
    }
    for (const [network, taken] of names) {
      const [address, ...more] = addresses.filter(({ value }) => contains(network.subnet.value, value));
      for (const { value, origin: at } of more)
        problems.tell(
          at,
          `a host has one address in a network, ${value} is another one`,
          "make a host of its own of it",
        );
      if (address !== undefined)
        network.hosts.push({
          name: unusedName(hostName(host.name), taken),
          origin,
          identity,
          address: address.value,
          settings: hostSettings(settings),
        });
      else if (addresses.length === 0) addWithoutAddress(network, host.name, identity, settings, origin, problems);
    }
    for (const { value, origin: at } of addresses)
      if (!networks.some(({ subnet }) => contains(subnet.value, value)))
        problems.tell(
          at,
          `${value} is of no subnet that the file declares`,
          "declare its subnet, or change the address",
        );
  }
}

type Identity = DraftNetwork["hosts"][number]["identity"];

function identityOf({ hardware, clientId, circuitId }: Host, problems: Problems): Identity | undefined {
  if (hardware !== undefined) {
    for (const other of [clientId, circuitId])
      if (other !== undefined)
        problems.tell(other.origin, "a host is told by one thing, here by its MAC address", "nothing is to be done");
    return { mac: hardware.value };
  }
  if (clientId !== undefined) return { clientId: clientId.value };
  return circuitId === undefined ? undefined : { circuitId: circuitId.value };
}

/** A host has one lease time. */
function hostSettings(settings: Settings): Settings {
  const { leaseMinimum: _minimum, leaseMaximum, leaseDefault, ...rest } = settings;
  const lease = leaseDefault ?? leaseMaximum;
  return lease === undefined ? rest : { ...rest, leaseDefault: lease };
}

/** What is told to a host that gets an address of the range is told to a class of one. */
function addWithoutAddress(
  network: DraftNetwork,
  name: string,
  identity: Identity,
  settings: Settings,
  origin: Origin,
  problems: Problems,
): void {
  const hasContent = settings.options.size > 0 || Object.keys(settings).length > 1;
  if (!("mac" in identity)) {
    problems.tell(origin, "a host without an address cannot be known by this", "give it an address");
    return;
  }
  if (network.knownOnly !== undefined)
    problems.tell(
      origin,
      "a host without an address is not known, and only known ones are served",
      "give it an address",
    );
  if (!hasContent) {
    if (network.knownOnly === undefined)
      problems.tell(origin, "it has no address of its own and is told nothing of its own", "nothing is to be done");
    return;
  }
  const taken = new Set(network.classes.map((known) => known.name));
  const match = { mac: identity.mac };
  // What is said of one host counts before what is said of its kind.
  const declared = { name: unusedName(hostName(name), taken), origin, match, ranges: [] };
  network.classes.unshift({ ...declared, settings: hostSettings(settings) });
}
