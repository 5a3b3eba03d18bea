/** ISC dhcpd's configuration to networks. Pure: what cannot be taken is told, nothing is thrown. */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  ipv4FromNumber,
  type Ipv4Prefix,
  ipv4ToNumber,
  netmaskOf,
  parseIpv4,
} from "../../base/address.ts";
import { DHCP4_OPTION } from "../../wire/dhcp4/option-table.ts";
import { Budget } from "../budget.ts";
import { type DraftNetwork, Names, networkName, type Settings, valuesOf } from "../draft.ts";
import { findLink, joinNetworks } from "../join.ts";
import type { ImportOptions } from "../options.ts";
import type { Origin, Problems } from "../problem.ts";
import { Classes, type ClassPools, othersOf } from "./classes.ts";
import { HostReader } from "./hosts.ts";
import { DhcpdConfiguration } from "./read.ts";
import { around, inherited, type Scope, settle, type Subnet } from "./scope.ts";

/** dhcpd.conf(5): default-lease-time, max-lease-time, min-lease-time. */
const DEFAULT_SECONDS = 43_200;
const MAXIMUM_SECONDS = 86_400;

export function importDhcpd(text: string, { included, link, problems }: ImportOptions): DraftNetwork[] {
  return new Importer(new DhcpdConfiguration(text, included, problems), link, problems).networks;
}

class Importer {
  readonly networks: DraftNetwork[] = [];
  readonly #configuration: DhcpdConfiguration;
  readonly #problems: Problems;
  readonly #budget: Budget;
  readonly #classes: Classes;
  readonly #names = new Names();
  /** By the subnet that the file declares. */
  readonly #bySubnet = new Map<Subnet, DraftNetwork>();

  constructor(configuration: DhcpdConfiguration, link: Ipv4Prefix | undefined, problems: Problems) {
    this.#configuration = configuration;
    this.#problems = problems;
    this.#budget = new Budget(problems);
    this.#classes = new Classes(configuration, problems, this.#budget);
    const served = this.#served(link);
    for (const subnet of served) this.#addNetwork(subnet, served.length);
    new HostReader(configuration, this.#bySubnet, this.#budget, problems).addAll();
    this.#joinShared();
    if (link !== undefined) this.#joinRelayed(link);
  }

  /** Subnets with a range or a host, and the one that the server is on. */
  #served(link: Ipv4Prefix | undefined): readonly Subnet[] {
    const { subnets, hosts } = this.#configuration;
    const ofHosts = new Set(
      hosts.flatMap(({ addresses }) => addresses.map(({ value }) => this.#configuration.subnetOf(value))),
    );
    const isServed = (subnet: Subnet): boolean => {
      const isLink = link !== undefined && formatPrefix(subnet.prefix) === formatPrefix(link);
      const hasRange = [subnet.scope, ...subnet.pools].some(({ ranges }) => ranges.length > 0);
      return isLink || hasRange || ofHosts.has(subnet);
    };
    for (const subnet of subnets) {
      if (isServed(subnet)) continue;
      const words = formatPrefix(subnet.prefix);
      this.#problems.tell(
        subnet.scope.origin,
        `no range and no host of ${words} is declared, so nobody is served there`,
        link === undefined
          ? `nothing is to be done, unless this host is on it and relay agents on the others: then import with --link ${words}`
          : "nothing is to be done, unless hosts of it shall get addresses: then give it a range",
      );
    }
    // Room for them is kept before anything is made that holds for all.
    return subnets.filter(isServed).filter(({ scope, pools }) => {
      const ranges = [scope, ...pools].reduce((sum, each) => sum + each.ranges.length, 0);
      return this.#budget.take(10 + ranges, scope.origin);
    });
  }

  #addNetwork(subnet: Subnet, count: number): void {
    const plain = count === 1 ? "lan" : `lan${this.networks.length + 1}`;
    const shared = subnet.sharedNetwork;
    const name = this.#names.unused(shared === undefined ? plain : networkName(shared, plain));
    const network = buildNetwork(name, subnet, this.#configuration, this.#classes, this.#problems);
    if (!this.#budget.take(valuesOf(network.settings), subnet.scope.origin)) network.settings.options.clear();
    this.#bySubnet.set(subnet, network);
    this.networks.push(network);
  }

  /** The subnets of a shared network are on one link. */
  #joinShared(): void {
    const byName = Map.groupBy(this.#bySubnet, ([{ sharedNetwork }]) => sharedNetwork);
    for (const [name, group] of byName) {
      const [main, ...others] = group.map(([, network]) => network);
      if (name === undefined || main === undefined) continue;
      joinNetworks(main, others, "also", this.#problems);
      this.#remove(others);
    }
  }

  #joinRelayed(link: Ipv4Prefix): void {
    const main = findLink(this.networks, link, this.#problems);
    if (main === undefined) return;
    const others = this.networks.filter((network) => network !== main);
    joinNetworks(main, others, "relayed", this.#problems);
    this.#remove(others);
  }

  #remove(networks: readonly DraftNetwork[]): void {
    const gone = new Set(networks);
    const rest = this.networks.filter((network) => !gone.has(network));
    this.networks.splice(0, this.networks.length, ...rest);
  }
}

function buildNetwork(
  name: string,
  subnet: Subnet,
  configuration: DhcpdConfiguration,
  classes: Classes,
  problems: Problems,
): DraftNetwork {
  const { scope, prefix, pools } = subnet;
  const open = pools.filter(({ members }) => members.allowed.length === 0);
  const ranges = [...scope.ranges, ...open.flatMap((pool) => pool.ranges)];
  const ofClasses = poolsOfClasses(pools);
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
    { ranges: ranges.length, hasClassRanges: ofClasses.size > 0 },
    problems,
  );
  const gateway = gatewayOf(subnet, settings);
  const where = scope.origin.file === undefined ? "" : ` of ${scope.origin.file}`;
  tellMembers(pools, ofClasses, configuration, problems);
  return {
    name,
    subnet: { value: prefix, origin: scope.origin },
    ...(gateway === undefined ? {} : { gateway }),
    also: [],
    relayed: [],
    comment: `Line ${scope.origin.line}${where}. This host gets the gateway's address on the network.`,
    ranges,
    settings: withLeaseTimes(settings),
    authoritative: inherited(scope, ({ authoritative }) => authoritative) ?? false,
    ...(knownOnly === undefined ? {} : { knownOnly: { value: true, origin: knownOnly } }),
    ignore: [],
    hosts: [],
    classes: classes.of(all, ofClasses),
  };
}

function poolsOfClasses(pools: readonly Scope[]): ClassPools {
  const found = new Map<string, Scope[]>();
  for (const pool of pools) {
    for (const { value } of pool.members.allowed) {
      const known = found.get(value);
      if (known === undefined) found.set(value, [pool]);
      else known.push(pool);
    }
  }
  return found;
}

function tellMembers(
  pools: readonly Scope[],
  ofClasses: ClassPools,
  { classes }: DhcpdConfiguration,
  problems: Problems,
): void {
  for (const { members } of pools) {
    for (const { value, origin } of [...members.allowed, ...members.denied])
      if (!classes.has(value))
        problems.tell(origin, `there is no class ${value}`, "look for its declaration, and give the class a range");
    for (const { value, origin } of members.denied)
      if (!ofClasses.has(value))
        problems.tell(origin, "a class is not shut out of a range", "give the class a range of its own");
  }
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
