/** The DHCP part of a dnsmasq configuration to networks. Pure: what cannot be taken is told, nothing is thrown. */
import { broadcastOf, type Ipv4Address, ipv4FromNumber, type Ipv4Prefix, ipv4ToNumber } from "../../base/address.ts";
import { utf8Encode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { DHCP4_OPTION } from "../../wire/dhcp4/option-table.ts";
import { Budget } from "../budget.ts";
import {
  type DraftNetwork,
  emptySettings,
  MOST_NETWORKS,
  mergeSettings,
  Names,
  networkName,
  type Settings,
  valuesOf,
} from "../draft.ts";
import { findLink, joinNetworks } from "../join.ts";
import type { ImportOptions } from "../options.ts";
import type { Problems } from "../problem.ts";
import { SubnetIndex } from "../subnet-index.ts";
import { Encapsulated } from "./encapsulated.ts";
import { Hosts } from "./host-reader.ts";
import { type Line, readAllLines } from "./lines.ts";
import { readMatch } from "./matches.ts";
import { type Container, readBoot, readOption, readTags } from "./options.ts";
import { type RangeLine, readRange } from "./ranges.ts";
import { Tags } from "./tags.ts";
import { adviceOn, WITHOUT_EFFECT } from "./untaken.ts";

/** dnsmasq(8), dhcp-range: one hour. */
const DEFAULT_SECONDS = 3600;
const TAG_SETTERS = new Set(["dhcp-match", "dhcp-vendorclass", "dhcp-userclass", "dhcp-mac"]);

export function importDnsmasq(text: string, { included, link, problems }: ImportOptions): DraftNetwork[] {
  return new Importer(readAllLines(text, included), link, problems).networks;
}

/** A range for clients with tags alone. */
interface ClassRange {
  readonly network: DraftNetwork;
  readonly tags: readonly string[];
  readonly located: DraftNetwork["ranges"][number];
  readonly leaseSeconds: number | undefined;
}

class Importer {
  readonly networks: DraftNetwork[] = [];
  readonly #byKey: ReadonlyMap<string, readonly Line[]>;
  readonly #problems: Problems;
  readonly #tags = new Tags();
  /** What clients of all networks are told. */
  readonly #common: Settings = emptySettings();
  /** Options that clients are told the server's own address for, or nothing at all. */
  readonly #ownAddress = new Set<number>();
  readonly #silent = new Set<number>();
  readonly #encapsulated = new Encapsulated();
  readonly #bySubnet = new SubnetIndex<DraftNetwork>();
  readonly #byInterface = new Map<string, DraftNetwork>();
  readonly #budget: Budget;
  readonly #hosts: Hosts;
  #usesBoot = false;

  constructor(lines: readonly Line[], link: Ipv4Prefix | undefined, problems: Problems) {
    this.#byKey = Map.groupBy(lines, ({ key }) => key);
    this.#problems = problems;
    this.#budget = new Budget(problems);
    this.#readRanges();
    this.#readListenAddresses();
    for (const line of lines) if (TAG_SETTERS.has(line.key)) this.#readTagSetter(line);
    this.#hosts = new Hosts({
      networks: this.networks,
      bySubnet: this.#bySubnet,
      tags: this.#tags,
      common: this.#common,
      budget: this.#budget,
      problems,
    });
    this.#hosts.readAll(this.#values("dhcp-host"));
    for (const line of lines) this.#attempt(line, () => this.#readLine(line));
    this.#encapsulated.finish(this.#common);
    const classRanges = Map.groupBy(this.#classRanges, ({ network }) => network);
    for (const network of this.networks) this.#complete(network, classRanges.get(network) ?? []);
    for (const line of this.#values("shared-network")) this.#attempt(line, () => this.#joinShared(line));
    if (link !== undefined) this.#joinRelayed(link);
  }

  #attempt(line: Line, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error;
      this.#problems.tell(line.origin, error.message, error.hint ?? "put the value right");
    }
  }

  #values(key: string): readonly Line[] {
    return this.#byKey.get(key) ?? [];
  }

  #readRanges(): void {
    const ranges: RangeLine[] = [];
    for (const line of this.#values("dhcp-range"))
      this.#attempt(line, () => {
        ranges.push(readRange(line));
      });
    const names = new Names();
    const subnets = new Set(ranges.map(({ subnet }) => subnet.address)).size;
    const interfaces = this.#values("interface").flatMap(({ values }) => values);
    for (const range of ranges) {
      const known = this.#bySubnet.find(range.first);
      if (known === undefined && this.networks.length >= MOST_NETWORKS) {
        this.#tell(range.line, [`a file has at most ${MOST_NETWORKS} networks`, "part it"]);
        continue;
      }
      // Room for them is kept before anything is made that holds for all.
      if (!this.#budget.take(known === undefined ? 11 : 1, range.line.origin)) continue;
      const network = known ?? this.#addNetwork(range, subnets, interfaces, names);
      this.#addRange(network, range);
    }
  }

  #readListenAddresses(): void {
    for (const { values, origin } of this.#values("listen-address")) {
      for (const value of values) {
        if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(value)) continue;
        const network = this.#bySubnet.find(value as Ipv4Address);
        if (network !== undefined) network.gateway ??= { value: value as Ipv4Address, origin };
      }
    }
  }

  #addNetwork(range: RangeLine, subnets: number, interfaces: readonly string[], names: Names): DraftNetwork {
    const { origin } = range.line;
    const named = range.interfaceName ?? range.sets[0] ?? (subnets === 1 ? interfaces[0] : undefined);
    const plain = subnets === 1 ? "lan" : `lan${this.networks.length + 1}`;
    // A bridge cannot have the name that the served interface has, unless it is one.
    const name = named === undefined || interfaces.includes(named) ? plain : networkName(named, plain);
    const where = origin.file === undefined ? "" : ` of ${origin.file}`;
    const network: DraftNetwork = {
      name: names.unused(name),
      subnet: { value: range.subnet, origin },
      also: [],
      relayed: [],
      comment: `Line ${origin.line}${where}. This host gets the gateway's address on the network.`,
      ranges: [],
      settings: emptySettings(),
      authoritative: this.#values("dhcp-authoritative").length > 0,
      ignore: [],
      hosts: [],
      classes: [],
    };
    const [rapid] = this.#values("dhcp-rapid-commit");
    if (rapid !== undefined) network.rapidCommit = { value: true, origin: rapid.origin };
    if (range.isGuessed)
      this.#problems.tell(
        origin,
        `the netmask is that of dnsmasq's interface; length ${range.subnet.length} is taken for it`,
        "see whether subnet is right",
      );
    this.networks.push(network);
    this.#bySubnet.add(range.subnet, network);
    if (range.interfaceName !== undefined) this.#byInterface.set(range.interfaceName, network);
    for (const tag of [...range.sets, ...(range.interfaceName === undefined ? [] : [range.interfaceName])])
      this.#tags.of(tag).networks.add(network);
    return network;
  }

  #addRange(network: DraftNetwork, { line, first, last, tags, sets, leaseSeconds, isStatic }: RangeLine): void {
    const { origin } = line;
    for (const tag of sets) {
      const { networks } = this.#tags.of(tag);
      if (!networks.has(network) && networks.size === 0) networks.add(network);
    }
    if (leaseSeconds !== undefined && tags.length === 0)
      network.settings.leaseDefault ??= { value: leaseSeconds, origin };
    if (isStatic) {
      if (network.ranges.length === 0) network.knownOnly = { value: true, origin };
      return;
    }
    const located = { value: `${first}-${last}`, origin };
    if (tags.length === 0) {
      network.ranges.push(located);
      delete network.knownOnly;
      return;
    }
    this.#classRanges.push({ network, tags, located, leaseSeconds });
  }

  readonly #classRanges: ClassRange[] = [];

  #readTagSetter(line: Line): void {
    const [tag = "", ...words] = line.values;
    // The older form has the bare tag.
    const match = tag === "" ? undefined : readMatch(line, words);
    if (match === undefined)
      this.#tell(line, ["clients are not told apart by this", "write a class with vendor, user, architecture or mac"]);
    else if (!this.#tags.add(tag.replace(/^(set|net):/, ""), match))
      this.#tell(line, ["too many kinds of clients have this tag", "part it"]);
  }

  #tell({ origin }: Line, [reason, remedy]: readonly [string, string]): void {
    this.#problems.tell(origin, reason, remedy);
  }

  #readLine(line: Line): void {
    switch (line.key) {
      case "dhcp-range":
      case "dhcp-host":
      case "dhcp-authoritative":
      case "dhcp-rapid-commit":
      case "listen-address":
        return;
      case "shared-network":
        return;
      case "dhcp-option-force":
        this.#tell(line, ["clients are told the options that they ask for", "see whether the client asks for it"]);
        return this.#readOption(line);
      case "dhcp-option":
        return this.#readOption(line);
      case "dhcp-boot":
        return this.#readBoot(line);
      case "domain":
        return this.#readDomain(line);
      case "dhcp-ignore":
        return this.#readIgnore(line);
      case "interface":
        return this.#tell(line, [
          "a network is a bridge of its own",
          `make the interface a port of it (ports: [${line.values.join(", ")}]), or serve it as it is: netloom dhcp serve --interface`,
        ]);
      default:
        if (!TAG_SETTERS.has(line.key) && !WITHOUT_EFFECT.has(line.key)) this.#tell(line, adviceOn(line.key));
    }
  }

  #audience(line: Line, tags: readonly string[]): Settings[] {
    const audience = this.#tags.audience(tags, this.#common, line.origin);
    if (audience === undefined)
      this.#tell(line, [
        `no class of a network file is ${tags.map((tag) => `tag:${tag}`).join(",")}`,
        "write a class with vendor, user, architecture or mac, or write it for the host or the network",
      ]);
    return audience ?? [];
  }

  #readOption(line: Line): void {
    const { tags, code, bytes, isOwnAddress, within } = readOption(line.values);
    if (within !== undefined && bytes !== undefined) return this.#readInner(line, tags, within, code, bytes);
    if (bytes === undefined && tags.length === 0) (isOwnAddress ? this.#ownAddress : this.#silent).add(code);
    else if (bytes === undefined)
      this.#tell(line, ["what some clients alone are not told cannot be said", "tell the others in classes"]);
    else
      for (const settings of this.#audience(line, tags))
        settings.options.set(code, { value: bytes, origin: line.origin });
  }

  /** What is in an option of a vendor's clients is told to a class of them. */
  #readInner(line: Line, tags: readonly string[], within: Container, code: number, value: Uint8Array): void {
    const { vendor } = within;
    const tag = `vendor:${vendor}`;
    if (vendor !== undefined && !this.#tags.has(tag)) this.#tags.add(tag, { vendor });
    for (const settings of this.#audience(line, vendor === undefined ? tags : [...tags, tag]))
      this.#encapsulated.add(settings, within, code, { value, origin: line.origin });
  }

  #readBoot(line: Line): void {
    const { tags, file, serverName, server } = readBoot(line.values);
    const { origin } = line;
    this.#usesBoot = true;
    for (const settings of this.#audience(line, tags)) {
      settings.bootFile = { value: file, origin };
      if (serverName !== undefined) settings.serverName = { value: serverName, origin };
      if (server !== undefined) settings.nextServer = { value: server, origin };
    }
  }

  #readDomain(line: Line): void {
    const [name = "", subnet] = line.values;
    if (subnet !== undefined || name === "" || name === "#") {
      this.#tell(line, ["a domain of some addresses alone", "write it as the option domain-name of their network"]);
      return;
    }
    this.#common.options.set(DHCP4_OPTION.domainName.code, { value: utf8Encode(name), origin: line.origin });
  }

  #readIgnore(line: Line): void {
    const { tags } = readTags(line.values);
    const [tag = ""] = tags;
    if (tags.length === 1 && tag === "!known") {
      for (const network of this.networks) network.knownOnly = { value: true, origin: line.origin };
      return;
    }
    const { matches } = this.#tags.of(tag);
    const macs = matches.flatMap(({ vendor, user, architecture, mac }) =>
      mac !== undefined && vendor === undefined && user === undefined && architecture === undefined ? [mac] : [],
    );
    if (tags.length === 1 && macs.length === matches.length && macs.length > 0)
      for (const mac of macs) this.#hosts.ignore(mac, line);
    else this.#tell(line, ["only MAC addresses are ignored", "write the clients' MAC addresses under ignore:"]);
  }

  /** What dnsmasq does where nothing is said. */
  #complete(network: DraftNetwork, classRanges: readonly ClassRange[]): void {
    for (const { tags, located, leaseSeconds } of classRanges)
      this.#addClassRange(network, tags, located, leaseSeconds);
    const { origin } = network.subnet;
    const settings = mergeSettings(this.#common, network.settings);
    const own = network.gateway?.value ?? ipv4FromNumber(ipv4ToNumber(network.subnet.value.address) + 1);
    for (const { code } of [DHCP4_OPTION.routers, DHCP4_OPTION.nameServers]) {
      if (settings.options.has(code) || this.#silent.has(code)) continue;
      if (code === DHCP4_OPTION.nameServers.code && !this.#ownAddress.has(code)) {
        this.#problems.tell(
          origin,
          "dnsmasq tells clients its own address as name server, whose DNS is not imported",
          "write dns: true, or options: { domain-name-servers: […] }",
        );
      } else settings.options.set(code, { value: bytesOf(own), origin });
    }
    for (const code of this.#ownAddress) settings.options.set(code, { value: bytesOf(own), origin });
    const { subnet } = network;
    if (settings.options.get(DHCP4_OPTION.broadcastAddress.code)?.value.join(".") === broadcastOf(subnet.value))
      settings.options.delete(DHCP4_OPTION.broadcastAddress.code);
    if (this.#usesBoot) settings.nextServer ??= { value: own, origin };
    settings.leaseDefault ??= { value: DEFAULT_SECONDS, origin };
    if (!this.#budget.take(valuesOf(settings), origin)) settings.options.clear();
    Object.assign(network.settings, settings);
    for (const made of this.#tags.classesFor(network))
      if (this.#budget.take(4 + valuesOf(made.settings), made.origin)) network.classes.push(made);
  }

  /** `INTERFACE|ADDRESS,ADDRESS`: the subnets of both are on one link. */
  #joinShared(line: Line): void {
    const [link = "", address = ""] = line.values;
    const main = this.#byInterface.get(link) ?? this.#networkOf(link);
    const other = this.#networkOf(address);
    if (main === undefined || other === undefined || main === other) {
      this.#tell(line, ["it does not name the subnets of two ranges", "write two addresses, one of each"]);
      return;
    }
    joinNetworks(main, [other], "also", this.#problems);
    this.networks.splice(this.networks.indexOf(other), 1);
  }

  #networkOf(address: string): DraftNetwork | undefined {
    const found = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) ? this.#bySubnet.find(address as Ipv4Address) : undefined;
    return found === undefined || !this.networks.includes(found) ? undefined : found;
  }

  #joinRelayed(link: Ipv4Prefix): void {
    const main = findLink(this.networks, link, this.#problems);
    if (main === undefined) return;
    const others = this.networks.filter((network) => network !== main);
    joinNetworks(main, others, "relayed", this.#problems);
    this.networks.splice(0, this.networks.length, main);
  }

  #addClassRange(
    network: DraftNetwork,
    tags: readonly string[],
    located: DraftNetwork["ranges"][number],
    leaseSeconds: number | undefined,
  ): void {
    const [tag = ""] = tags;
    const classes = tags.length === 1 ? this.#tags.classesIn(tag, network, located.origin) : [];
    const [only] = classes;
    if (only === undefined || classes.length > 1) {
      this.#problems.tell(
        located.origin,
        `no single class of a network file is ${tags.map((name) => `tag:${name}`).join(",")}`,
        "write a class with this range",
      );
      return;
    }
    only.ranges.push(located);
    if (leaseSeconds !== undefined) only.settings.leaseDefault = { value: leaseSeconds, origin: located.origin };
  }
}

function bytesOf(address: Ipv4Address): Uint8Array {
  return Uint8Array.from(address.split(".").map(Number));
}
