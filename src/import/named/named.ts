/**
 * BIND's configuration and zone files to a network with a DNS server. Pure: what cannot be taken is told, nothing is
 * thrown.
 */
import {
  contains,
  type IpAddress,
  type Ipv4Address,
  type Ipv4Prefix,
  ipFromBytes,
  networkOf,
  parseIpv4,
} from "../../base/address.ts";
import { DNS_TYPE } from "../../wire/dns/types.ts";
import { Budget } from "../budget.ts";
import { type DraftDns, type DraftNetwork, emptySettings, type Located } from "../draft.ts";
import type { Included } from "../included.ts";
import type { ImportOptions } from "../options.ts";
import type { Origin, Problems } from "../problem.ts";
import { firstHost } from "../../model/subnets.ts";
import { readIp } from "./addresses.ts";
import { ClientLists, type OwnNetwork } from "./clients.ts";
import { NamedConfiguration, type NamedZone } from "./configuration.ts";
import { readOptions } from "./options.ts";
import { tellUnserved, ZoneRecords } from "./records.ts";
import { ServerLists } from "./servers.ts";
import { tellUntaken } from "./untaken-statements.ts";
import { readZoneFile, type ZoneFile } from "./zone-file.ts";

const NETWORK = "lan";
const FALLBACK = "192.168.50.0";
const SUBNET_LENGTH = 24;

/** What Debian's and Red Hat's files declare for everybody, and every server here has by itself. */
const STOCK_ZONES: ReadonlySet<string> = new Set([
  "",
  "localhost",
  "localhost.localdomain",
  "127.in-addr.arpa",
  "0.0.127.in-addr.arpa",
  "1.0.0.127.in-addr.arpa",
  "0.in-addr.arpa",
  "255.in-addr.arpa",
  `1.${"0.".repeat(31)}ip6.arpa`,
]);
const PRIMARY: ReadonlySet<string> = new Set(["master", "primary"]);
/** Others know these names: they are asked. */
const ASKED: ReadonlyMap<string, string> = new Map([
  ["forward", "forwarders"],
  ["slave", "masters"],
  ["secondary", "primaries"],
  ["stub", "masters"],
  ["static-stub", "server-addresses"],
]);

export function importNamed(text: string, { included, link, problems }: ImportOptions): DraftNetwork[] {
  const configuration = new NamedConfiguration(text, { included, problems });
  const first = configuration.zones[0]?.origin ?? configuration.options.values().next().value?.origin;
  if (first === undefined) return [];
  return [new Importer(configuration, included, problems).network(first, link)];
}

interface Primary {
  readonly zone: NamedZone;
  readonly file: ZoneFile;
}

class Importer {
  readonly #configuration: NamedConfiguration;
  readonly #included: Included;
  readonly #problems: Problems;
  readonly #budget: Budget;
  readonly #servers: ServerLists;

  constructor(configuration: NamedConfiguration, included: Included, problems: Problems) {
    this.#configuration = configuration;
    this.#included = included;
    this.#problems = problems;
    this.#budget = new Budget(problems);
    this.#servers = new ServerLists(configuration, { budget: this.#budget, problems });
  }

  network(origin: Origin, link: Ipv4Prefix | undefined): DraftNetwork {
    const primaries = this.#configuration.zones.flatMap((zone) => this.#read(zone));
    const subnet = link ?? this.#subnetOf(primaries, origin);
    const main = mainZone(primaries, subnet);
    const gateway = this.#gatewayOf(subnet, main);
    return {
      name: NETWORK,
      subnet: { value: subnet, origin: { ...origin } },
      ...(gateway === undefined ? {} : { gateway }),
      also: [],
      relayed: [],
      comment: "This host gets the gateway's address on the network, and answers there.",
      ranges: [],
      settings: emptySettings(),
      authoritative: true,
      ignore: [],
      hosts: [],
      classes: [],
      withoutDhcp: true,
      dns: this.#dns(primaries, main, { name: NETWORK, subnet, gateway: gateway?.value ?? firstHost(subnet) }),
    };
  }

  #dns(primaries: readonly Primary[], main: Primary | undefined, network: OwnNetwork): DraftDns {
    const records = new ZoneRecords(main?.zone.name, main?.file.ttlSeconds, this.#problems);
    for (const { zone, file } of primaries) records.addZone(zone.name, file);
    for (const primary of primaries) if (primary !== main) tellUnserved(primary.zone, primary.file, this.#problems);
    const clients = new ClientLists(this.#configuration, { network, budget: this.#budget, problems: this.#problems });
    const options = readOptions(this.#configuration, { servers: this.#servers, clients }, this.#problems);
    tellUntaken(this.#configuration, this.#problems);
    return {
      ...options,
      ...(main === undefined ? {} : { domain: { value: main.zone.name, origin: { ...main.zone.origin } } }),
      ...(records.ttl === undefined ? {} : { ttl: { value: records.ttl, origin: { ...main!.zone.origin } } }),
      records: records.lines,
      domains: [...this.#asked(), ...records.delegations],
    };
  }

  /** A zone whose records stand in a file. */
  #read(zone: NamedZone): Primary[] {
    const { name, type, settings, origin } = zone;
    if (STOCK_ZONES.has(name) || ASKED.has(type) || type === "") return [];
    if (!PRIMARY.has(type)) {
      if (type !== "hint")
        this.#problems.tell(origin, `zones of type ${type} are not served`, "keep named for it: domains:");
      return [];
    }
    const path = settings.get("file");
    if (path === undefined) {
      this.#problems.tell(origin, "the zone has no file", 'write file "db.example";');
      return [];
    }
    const directory = this.#configuration.options.get("directory")?.words[1];
    const given = path.words[1] ?? "";
    const file = directory !== undefined && !given.startsWith("/") ? `${directory.replace(/\/$/, "")}/${given}` : given;
    const options = { included: this.#included, problems: this.#problems, budget: this.#budget };
    return [{ zone, file: readZoneFile([file, given, ...endsOf(given)], name, path.origin, options) }];
  }

  /** Zones that other servers know. */
  #asked(): DraftDns["domains"][number][] {
    return this.#configuration.zones.flatMap(({ name, type, settings, origin }) => {
      const key = ASKED.get(type);
      if (name === "" && type === "forward")
        this.#problems.tell(origin, "it is about all names", "write its forwarders into options, and import again");
      if (key === undefined || STOCK_ZONES.has(name)) return [];
      const statement = settings.get(key) ?? settings.get(key === "primaries" ? "masters" : "primaries");
      const servers = statement === undefined ? [] : this.#servers.servers(statement);
      if (servers.length === 0) {
        this.#problems.tell(origin, `nobody is named to ask about ${name}`, `write ${key} { 192.0.2.53; };`);
        return [];
      }
      if (type !== "forward")
        this.#problems.tell(
          origin,
          `the zone is not copied: ${servers.map(({ value }) => value).join(", ")} is asked, and the answers are kept`,
          "see whether it answers this host",
        );
      return [{ value: { domain: name, servers: servers.map(({ value }) => value) }, origin: { ...origin } }];
    });
  }

  /** That of a zone of reverse names, of an address that named listens on, or of the hosts. */
  #subnetOf(primaries: readonly Primary[], origin: Origin): Ipv4Prefix {
    const reverse = primaries.flatMap(({ zone }) => subnetOfReverse(zone.name) ?? []);
    const listens = this.#listenAddresses().map(({ value }) => value);
    const hosts = primaries.flatMap(({ file }) => addressesOf(file));
    const around = [...listens, ...hosts][0];
    const found = reverse.find(({ length }) => length === SUBNET_LENGTH) ?? reverse[0];
    const address = found === undefined ? (around ?? parseIpv4(FALLBACK)) : found.address;
    const subnet = networkOf({ address, length: found?.length ?? SUBNET_LENGTH });
    if (found === undefined)
      this.#problems.tell(
        origin,
        `no zone tells which subnet the network has; ${subnet.address}/${subnet.length} is taken`,
        "import with --link SUBNET",
      );
    return subnet;
  }

  #gatewayOf(subnet: Ipv4Prefix, main: Primary | undefined): Located<Ipv4Address> | undefined {
    const listens = this.#listenAddresses().find(({ value }) => contains(subnet, value));
    if (listens !== undefined || main === undefined) return listens;
    // named's own host is what the zone says of its server.
    const { records } = main.file;
    const own = records.find(({ name, type }) => type === DNS_TYPE.NS && name === main.zone.name);
    const server = own?.words[0]?.text.toLowerCase().replace(/\.$/, "");
    const host = records.find(
      ({ name, type }) => type === DNS_TYPE.A && (name === server || name === `${server}.${main.zone.name}`),
    );
    const address = host === undefined ? undefined : (ipFromBytes(host.data) as Ipv4Address);
    return host === undefined || address === undefined || !contains(subnet, address)
      ? undefined
      : { value: address, origin: { ...host.origin } };
  }

  #listenAddresses(): Located<Ipv4Address>[] {
    const block = this.#configuration.options.get("listen-on")?.block ?? [];
    return block.flatMap(({ words, origin }) => {
      const address: IpAddress | undefined = readIp(words[0] ?? "");
      if (address === undefined || address.includes(":") || address.startsWith("127.")) return [];
      return [{ value: address as Ipv4Address, origin: { ...origin } }];
    });
  }
}

/** A copy of named's folder has the file further down: "named/db.example" and "db.example" of "/etc/named/db.example". */
function endsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

/** Of forward names, the one with most hosts in the subnet. */
function mainZone(primaries: readonly Primary[], subnet: Ipv4Prefix): Primary | undefined {
  const inside = ({ file }: Primary): number => addressesOf(file).filter((address) => contains(subnet, address)).length;
  const forward = primaries.filter(({ zone }) => !zone.name.endsWith(".arpa"));
  return forward.toSorted((a, b) => inside(b) - inside(a))[0];
}

function addressesOf({ records }: ZoneFile): Ipv4Address[] {
  return records.flatMap(({ type, data }) => (type === DNS_TYPE.A ? [ipFromBytes(data) as Ipv4Address] : []));
}

/** 192.168.50.0/24 of "50.168.192.in-addr.arpa". */
function subnetOfReverse(name: string): Ipv4Prefix | undefined {
  const labels = /^((?:\d{1,3}\.){1,3})in-addr\.arpa$/.exec(name)?.[1]?.split(".").slice(0, -1).toReversed();
  if (labels === undefined) return undefined;
  const address = readIp([...labels, "0", "0", "0"].slice(0, 4).join("."));
  return address === undefined ? undefined : { address: address as Ipv4Address, length: 8 * labels.length };
}
