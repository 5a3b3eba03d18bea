/** The DHCPsrv.ini of haneWIN's DHCP server to networks. Pure: what cannot be taken is told, nothing is thrown. */
import {
  contains,
  type Ipv4Address,
  ipv4FromNumber,
  type Ipv4Prefix,
  ipv4ToNumber,
  netmaskOf,
  networkOf,
  parseIpv4,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { DHCP4_OPTION } from "../../wire/dhcp4/option-table.ts";
import {
  cleanName,
  type DraftNetwork,
  emptySettings,
  type Located,
  Names,
  networkName,
  type Settings,
} from "../draft.ts";
import { findLink, joinNetworks } from "../join.ts";
import type { ImportOptions } from "../options.ts";
import type { Problems } from "../problem.ts";
import { type Line, readSections, type Section } from "./lines.ts";
import { isOn, judge, UNKNOWN } from "./untaken.ts";

/** haneWIN serves no more interfaces. */
const MOST_PROFILES = 32;
const DEFAULT_LENGTH = 24;

const NAME_SERVER_KEYS = ["dns1ip", "dns2ip"];
const PROFILE_KEYS = new Set(
  "interfaceip subnetmask baseip range gatewayip dns1ip dns2ip nextip bootname bootfile defaultoptions".split(" "),
);

export function importHanewin(text: string, { link, problems }: ImportOptions): DraftNetwork[] {
  const sections = readSections(text, problems);
  const foreign = sections.flatMap(({ lines }) => lines).find(({ key }) => /^ippool_\d+$/.test(key));
  if (foreign !== undefined) {
    const reason = "this dhcpsrv.ini is not haneWIN's but that of DHCP Server for Windows, which is not read";
    problems.tell(foreign.origin, reason, "write its pools as networks: docs/network-file.md");
    return [];
  }
  const profiles = profilesOf(sections, problems);
  const common = readCommon(
    sections.filter((section) => !profiles.includes(section) && !isProfile(section)),
    problems,
  );
  const names = new Names();
  const networks = profiles.flatMap((section) => {
    const network = readProfile(section, common, names, problems);
    return network === undefined ? [] : [network];
  });
  if (link === undefined) return networks;
  const main = findLink(networks, link, problems);
  if (main === undefined) return networks;
  const others = networks.filter((network) => network !== main);
  joinBoot(main, others, problems);
  joinNetworks(main, others, "relayed", problems);
  return [main];
}

/** All clients of a network are told the same boot file. */
function joinBoot(main: DraftNetwork, others: readonly DraftNetwork[], problems: Problems): void {
  for (const { boot } of others) {
    if (boot === undefined) continue;
    main.boot ??= boot;
    const { file = boot.root } = boot;
    if (main.boot.file?.value !== boot.file?.value)
      problems.tell(file.origin, "all clients of a network have one boot file", "write classes with their boot-file");
  }
}

/** Sections that `Profile0=NAME` and its like name; where none does, those that say which addresses are given. */
function profilesOf(sections: readonly Section[], problems: Problems): readonly Section[] {
  const named = sections.flatMap(({ lines }) => lines.filter(({ key }) => /^profile\d+$/.test(key)));
  const known = new Map(sections.map((section) => [section.name.toLowerCase(), section]));
  const profiles = new Set<Section>();
  for (const { value, origin } of named) {
    const section = value === "" ? undefined : known.get(value.toLowerCase());
    if (section !== undefined) profiles.add(section);
    else if (value !== "") problems.tell(origin, `there is no section [${value}]`, "add it, or remove the line");
  }
  for (const section of sections) {
    if (profiles.has(section) || !isProfile(section)) continue;
    if (named.length === 0) profiles.add(section);
    else problems.tell(section.origin, "no profile names this section", "remove it, or add Profile1=NAME");
  }
  const all = [...profiles];
  for (const { origin } of all.slice(MOST_PROFILES))
    problems.tell(origin, `haneWIN serves ${MOST_PROFILES} interfaces`, "remove it, or import it by itself");
  return all.slice(0, MOST_PROFILES);
}

function isProfile({ lines }: Section): boolean {
  return lines.some(({ key }) => key === "baseip");
}

/** What holds for all interfaces. */
interface Common {
  /** Boot files are served. */
  readonly servesFiles: boolean;
  /** The folder with them, as it is to be called here. */
  readonly root?: Located<string>;
  /** Only interfaces with these addresses are served; absent: all. */
  readonly only?: Located<readonly string[]>;
}

function readCommon(sections: readonly Section[], problems: Problems): Common {
  let servesFiles = true;
  let only: Located<readonly string[]> | undefined;
  let folder: Line | undefined;
  for (const line of sections.flatMap(({ lines }) => lines)) {
    const { key, value, origin } = line;
    if (/^profile\d+$/.test(key)) continue;
    if (key === "tftpenable") servesFiles = isOn(value);
    else if (key === "include" && /^[\d.,; ]*\.[\d.,; ]*$/.test(value))
      only = { value: value.split(/[,; ]+/).filter((word) => word !== ""), origin };
    else if (key === "include" && !isOn(value)) continue;
    else if (key === "tftpdirectory") folder = line;
    else if (!PROFILE_KEYS.has(key)) tell(line, problems);
    else problems.tell(origin, "it stands in no section of an interface", "write it below [NAME] and Profile0=NAME");
  }
  const root = folder === undefined || !servesFiles ? undefined : rootOf(folder, problems);
  return { servesFiles, ...(only === undefined ? {} : { only }), ...(root === undefined ? {} : { root }) };
}

/** A folder of another machine, which is expected beside the network file. */
function rootOf({ value, origin }: Line, problems: Problems): Located<string> | undefined {
  if (value === "") return undefined;
  const name = cleanName(value.replace(/[\\/]+$/, "").replace(/^.*[\\/:]/s, ""), "boot");
  problems.tell(
    origin,
    "it is a folder of that machine",
    `copy it to ./${name} beside the network file, or put root: right`,
  );
  return { value: `./${name}`, origin };
}

function tell(line: Line, problems: Problems): void {
  const judged = judge(line);
  const advice = judged === undefined ? UNKNOWN : judged.advice;
  if (advice !== undefined) problems.tell(line.origin, ...advice);
}

function readProfile(
  section: Section,
  { servesFiles, only, root }: Common,
  names: Names,
  problems: Problems,
): DraftNetwork | undefined {
  const values = new Map<string, Line>();
  for (const line of section.lines) {
    if (!PROFILE_KEYS.has(line.key)) tell(line, problems);
    else if (line.value !== "") values.set(line.key, line);
  }
  const base = readAddress(values.get("baseip"), problems);
  if (base === undefined) {
    problems.tell(section.origin, "it does not say from where addresses are given", "add BaseIP=192.168.1.100");
    return undefined;
  }
  const own = readAddress(values.get("interfaceip"), problems);
  const router = readAddress(values.get("gatewayip"), problems);
  if (only !== undefined && own !== undefined && !only.value.includes(own.value)) {
    problems.tell(section.origin, `its address ${own.value} is not among those of Include`, "nothing is to be done");
    return undefined;
  }
  const subnet = { value: subnetOf(base, values.get("subnetmask"), problems), origin: section.origin };
  const range = rangeOf(base, values.get("range"), problems);
  const taken = [base.value, ...(router === undefined ? [] : [router.value])];
  const gateway = own ?? { value: freeAddress(subnet.value, taken), origin: { ...section.origin } };
  const network: DraftNetwork = {
    name: names.unused(networkName(section.name, "lan")),
    subnet,
    gateway,
    also: [],
    relayed: [],
    comment: `Line ${section.origin.line}. This host gets the gateway's address on the network.`,
    ranges: range === undefined ? [] : [range],
    settings: emptySettings(),
    authoritative: true,
    ignore: [],
    hosts: [],
    classes: [],
  };
  if (own === undefined)
    problems.tell(
      section.origin,
      `it does not say which address the server itself has; ${gateway.value} is taken for it`,
      "write this host's address at gateway:",
    );
  if (range === undefined) network.knownOnly = { value: true, origin: { ...section.origin } };
  const { settings } = network;
  readOptions(values.get("defaultoptions"), settings, problems);
  setAddresses(settings, DHCP4_OPTION.routers.code, [router]);
  const nameServers = NAME_SERVER_KEYS.map((key) => readAddress(values.get(key), problems));
  setAddresses(settings, DHCP4_OPTION.nameServers.code, nameServers);
  const file = values.get("bootfile");
  const path = file === undefined ? undefined : { value: file.value.replaceAll("\\", "/"), origin: file.origin };
  const next = readAddress(values.get("nextip"), problems);
  const serverName = values.get("bootname");
  if (serverName !== undefined) settings.serverName = serverName;
  if (root !== undefined) network.boot = { root, ...(path === undefined ? {} : { file: path }) };
  else if (path !== undefined) settings.bootFile = path;
  // What the server has itself is told without a word.
  if (next !== undefined && (root === undefined || next.value !== gateway.value)) settings.nextServer = next;
  else if (root === undefined && path !== undefined && servesFiles)
    settings.nextServer = { value: gateway.value, origin: path.origin };
  return network;
}

function setAddresses(
  settings: Settings,
  code: number,
  addresses: readonly (Located<Ipv4Address> | undefined)[],
): void {
  const known = addresses.filter((each) => each !== undefined);
  const [first] = known;
  if (first === undefined) return;
  const value = Uint8Array.from(known.flatMap((each) => each.value.split(".").map(Number)));
  settings.options.set(code, { value, origin: first.origin });
}

/** All in one line of decimal numbers: of each option its code, how many bytes follow, and these. */
function readOptions(line: Line | undefined, settings: Settings, problems: Problems): void {
  if (line === undefined) return;
  const words = line.value.split(/[\s,]+/);
  const bytes = words.map(Number);
  for (let at = 0; at < bytes.length; ) {
    const [code = 0, length] = bytes.slice(at, at + 2);
    const end = at + 2 + (length ?? 0);
    const isRight = words.slice(at, end).every((word) => /^\d{1,3}$/.test(word) && Number(word) <= 255);
    if (length === undefined || end > bytes.length || !isRight) {
      problems.tell(line.origin, "they are no options in decimal numbers", "write them at options: of the network");
      return;
    }
    // Of its own: one that cannot be taken takes none of the others with it.
    const origin = { ...line.origin, text: `DefaultOptions: option ${code}` };
    settings.options.set(code, { value: Uint8Array.from(bytes.slice(at + 2, end)), origin });
    at = end;
  }
}

/** Undefined also for one that is none, which is told. */
function readAddress(line: Line | undefined, problems: Problems): Located<Ipv4Address> | undefined {
  if (line === undefined || line.value === "0.0.0.0") return undefined;
  try {
    return { value: parseIpv4(line.value), origin: line.origin };
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    problems.tell(line.origin, `"${line.value}" is not an IPv4 address`, "write one such as 192.168.1.100");
    return undefined;
  }
}

function subnetOf(base: Located<Ipv4Address>, mask: Line | undefined, problems: Problems): Ipv4Prefix {
  const length = Array.from({ length: 33 }, (_, bits) => bits).find((bits) => netmaskOf(bits) === mask?.value);
  if (length === undefined)
    problems.tell(
      mask?.origin ?? base.origin,
      mask === undefined ? `no SubnetMask stands beside it; length ${DEFAULT_LENGTH} is taken` : "it is no netmask",
      "see whether subnet is right",
    );
  return networkOf({ address: base.value, length: length ?? DEFAULT_LENGTH });
}

/** So many addresses from the first on. Undefined: none. */
function rangeOf(base: Located<Ipv4Address>, count: Line | undefined, problems: Problems): Located<string> | undefined {
  if (count === undefined) {
    problems.tell(
      base.origin,
      "no Range says how many addresses are given; one is taken",
      "see whether range is right",
    );
    return { value: `${base.value}-${base.value}`, origin: base.origin };
  }
  const addresses = Number(count.value);
  const last = ipv4ToNumber(base.value) + addresses - 1;
  if (!/^\d{1,8}$/.test(count.value) || last > 0xffffffff) {
    problems.tell(count.origin, "it is no number of addresses", "write how many there are, such as Range=50");
    return undefined;
  }
  if (addresses > 0) return { value: `${base.value}-${ipv4FromNumber(last)}`, origin: count.origin };
  problems.tell(count.origin, "nobody but known hosts gets an address", "write hosts: with their MAC addresses");
  return undefined;
}

/** The first address of the subnet that is none of these. */
function freeAddress(subnet: Ipv4Prefix, taken: readonly Ipv4Address[]): Ipv4Address {
  const first = ipv4ToNumber(subnet.address) + 1;
  const candidates = [0, ...taken.keys()].map((_, i) => ipv4FromNumber((first + i) >>> 0));
  return candidates.find((address) => contains(subnet, address) && !taken.includes(address)) ?? subnet.address;
}
