/**
 * Networks that were imported, as a network file. What the file's own reader refuses is left out and told, so that the
 * result is always one that it takes.
 */
import { Document, isMap, isPair, isScalar, isSeq, Scalar, visit } from "yaml";
import { formatPrefix } from "../base/address.ts";
import { extendPath, NetworkFileError } from "../model/mistakes.ts";
import type { Plain, PlainMap } from "../model/document.ts";
import { parseNetworkFile } from "../model/parse.ts";
import { FOREVER_SECONDS } from "../protocol/leases/time.ts";
import {
  type DraftClass,
  type DraftDns,
  type DraftHost,
  type DraftNetwork,
  type DraftSubnet,
  type Located,
  MOST_CLASSES,
  MOST_HOSTS,
  type Settings,
} from "./draft.ts";
import { formatOption } from "./option-value.ts";
import type { Origin, Problems } from "./problem.ts";

/** Each round finds what was hidden behind the mistakes of the one before. */
const MOST_ROUNDS = 20;
/** After so many what is wrong somewhere is left out as a whole network. */
const FINE_ROUNDS = 5;
const LINE_WIDTH = 120;

export interface NetworkFile {
  /** YAML. */
  readonly text: string;
  readonly content: PlainMap;
}

/** @param title the first line, a comment @returns undefined when nothing is left */
export function formatNetworkFile(
  networks: readonly DraftNetwork[],
  title: string,
  problems: Problems,
): NetworkFile | undefined {
  const dropped = new Set<Origin>();
  const limited = networks.map((network) => withinLimits(network, problems));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { content, origins } = buildFile(limited, dropped);
    if (Object.keys(content["networks"]).length === 0) return undefined;
    const text = writeYaml(content, limited, title);
    const mistakes = mistakesOf(text);
    if (mistakes.length === 0) return { text, content };
    for (const { path, reason, remedy, value } of mistakes) {
      const origin = originOf(path, origins, round >= FINE_ROUNDS);
      // Of the file as a whole: then nothing of it can be used.
      if (origin === undefined) {
        problems.tell({ line: 1, text: path }, reason, remedy);
        return undefined;
      }
      dropped.add(origin);
      problems.tell(origin, value === undefined ? reason : `${value} ${reason}`, remedy);
    }
  }
  return undefined;
}

/** What a network file takes of each kind. */
const MOST = {
  ranges: 256,
  ignore: 10_000,
  hosts: MOST_HOSTS,
  classes: MOST_CLASSES,
  also: 64,
  relayed: 1000,
  allow: 1000,
  records: 10_000,
  forward: 16,
} as const;

function withinLimits(network: DraftNetwork, problems: Problems): DraftNetwork {
  const limit = <T extends { readonly origin: Origin }>(kind: keyof typeof MOST, items: readonly T[]): T[] => {
    for (const { origin } of items.slice(MOST[kind]))
      problems.tell(origin, `a network has at most ${MOST[kind]} of these`, "part them among several networks");
    return items.slice(0, MOST[kind]);
  };
  const limitSubnets = (kind: "also" | "relayed", subnets: readonly DraftSubnet[]): DraftSubnet[] => {
    const located = subnets.map((subnet) => ({ subnet, origin: subnet.subnet.origin }));
    return limit(kind, located).map(({ subnet }) => ({ ...subnet, ranges: limit("ranges", subnet.ranges) }));
  };
  const limitDns = (dns: DraftDns): DraftDns => ({
    ...dns,
    forward: limit("forward", dns.forward),
    records: limit("records", dns.records),
    ...(dns.allow === undefined ? {} : { allow: limit("allow", dns.allow) }),
  });
  return {
    ...network,
    also: limitSubnets("also", network.also),
    relayed: limitSubnets("relayed", network.relayed),
    ranges: limit("ranges", network.ranges),
    ignore: limit("ignore", network.ignore),
    hosts: limit("hosts", network.hosts),
    classes: limit("classes", network.classes),
    ...(network.dns === undefined ? {} : { dns: limitDns(network.dns) }),
  };
}

function mistakesOf(text: string): NetworkFileError["mistakes"] {
  try {
    parseNetworkFile(text, "imported.yaml", { folder: "/" });
    return [];
  } catch (error) {
    if (error instanceof NetworkFileError) return error.mistakes;
    throw error;
  }
}

/** What stands at the path or around it: the nearest of it, or the outermost. */
function originOf(path: string, origins: ReadonlyMap<string, Origin>, isOutermost: boolean): Origin | undefined {
  let found: Origin | undefined;
  for (let at = path; at !== ""; at = at.replace(/(\.[^.[\]]+|\[[^[\]]*\]|^[^.[]+)$/, "")) {
    const origin = origins.get(at);
    if (origin !== undefined) found = origin;
    if ((found !== undefined && !isOutermost) || !/[.[]/.test(at)) return found;
  }
  return found;
}

class Builder {
  readonly dropped: ReadonlySet<Origin>;
  readonly origins = new Map<string, Origin>();

  constructor(dropped: ReadonlySet<Origin>) {
    this.dropped = dropped;
  }

  has(located: Located<unknown> | undefined): located is Located<unknown> {
    return located !== undefined && !this.dropped.has(located.origin);
  }

  /** The value at the path, unless it was dropped. */
  value<T>(path: string, located: Located<T> | undefined): T | undefined {
    if (located === undefined || this.dropped.has(located.origin)) return undefined;
    this.origins.set(path, located.origin);
    return located.value;
  }

  /** Without the key the upper half of the subnet would be given out. @param path of what has them */
  ranges(path: string, ranges: readonly Located<string>[]): Plain {
    const at = extendPath(path, "range");
    const values = this.list(at, ranges, ({ value }) => value);
    if (values.length !== 1) return values;
    this.origins.set(at, ranges.find((range) => this.has(range))!.origin);
    return values[0]!;
  }

  subnets(
    path: string,
    subnets: readonly DraftSubnet[],
    build: (subnet: DraftSubnet, path: string) => PlainMap,
  ): Plain[] {
    const located = subnets.map((further) => ({ further, origin: further.subnet.origin }));
    return this.list(path, located, ({ further }, inner) => ({
      subnet: formatPrefix(further.subnet.value),
      ...build(further, inner),
    }));
  }

  list<T extends { readonly origin: Origin }>(
    path: string,
    items: readonly T[],
    build: (item: T, path: string) => Plain,
  ): Plain[] {
    return items
      .filter(({ origin }) => !this.dropped.has(origin))
      .map((item, i) => {
        this.origins.set(extendPath(path, i), item.origin);
        return build(item, extendPath(path, i));
      });
  }
}

function buildFile(networks: readonly DraftNetwork[], dropped: ReadonlySet<Origin>) {
  const builder = new Builder(dropped);
  const built: PlainMap = {};
  for (const network of networks) {
    if (dropped.has(network.subnet.origin)) continue;
    const path = extendPath("networks", network.name);
    builder.origins.set(path, network.subnet.origin);
    built[network.name] = buildNetwork(network, path, builder);
  }
  return { content: { version: 1, networks: built } satisfies PlainMap, origins: builder.origins };
}

function buildNetwork(network: DraftNetwork, path: string, builder: Builder): PlainMap {
  const gateway = builder.value(extendPath(path, "gateway"), network.gateway);
  const also = builder.subnets(extendPath(path, "also"), network.also, (further, inner) => {
    const own = builder.value(extendPath(inner, "gateway"), further.gateway);
    const dhcp = buildSubnet(further, extendPath(inner, "dhcp"), builder);
    return { ...(own === undefined ? {} : { gateway: own }), ...(further.ranges.length === 0 ? {} : { dhcp }) };
  });
  return {
    subnet: formatPrefix(network.subnet.value),
    ...(gateway === undefined ? {} : { gateway }),
    ...(also.length === 0 ? {} : { also }),
    ...(network.withoutDhcp === true ? {} : { dhcp: buildDhcp(network, extendPath(path, "dhcp"), builder) }),
    ...(network.dns === undefined ? {} : { dns: buildDns(network.dns, extendPath(path, "dns"), builder) }),
    ...buildBoot(network, extendPath(path, "boot"), builder),
  };
}

function buildDns({ allow, domains, cache, ...dns }: DraftDns, path: string, builder: Builder): PlainMap {
  const at = (key: string): string => extendPath(path, key);
  const plain = ({ value }: Located<string>): string => value;
  const askedFor: PlainMap = {};
  for (const located of domains) {
    const value = builder.value(extendPath(at("domains"), located.value.domain), located);
    if (value !== undefined) askedFor[value.domain] = [...value.servers];
  }
  const remembered = cache.map(
    ({ key, located }) => [key, builder.value(extendPath(at("cache"), key), located)] as const,
  );
  return withoutEmpty({
    domain: builder.value(at("domain"), dns.domain),
    forward: builder.list(at("forward"), dns.forward, plain),
    mode: builder.value(at("mode"), dns.mode),
    allow: allow === undefined ? undefined : builder.list(at("allow"), allow, plain),
    ttl: builder.value(at("ttl"), dns.ttl),
    records: builder.list(at("records"), dns.records, plain),
    domains: askedFor,
    cache: withoutEmpty(Object.fromEntries(remembered)),
  });
}

function buildBoot({ boot }: DraftNetwork, path: string, builder: Builder): { readonly boot?: PlainMap } {
  const root = builder.value(extendPath(path, "root"), boot?.root);
  if (root === undefined) return {};
  const key = boot?.file?.value.toLowerCase().endsWith(".efi") === true ? "uefi" : "bios";
  return { boot: { root, ...withoutEmpty({ [key]: builder.value(extendPath(path, key), boot?.file) }) } };
}

/** Ranges and settings of one of several subnets. */
function buildSubnet({ ranges, settings }: DraftSubnet, path: string, builder: Builder): PlainMap {
  return { range: builder.ranges(path, ranges), ...withoutEmpty(buildOwn(settings, path, builder)) };
}

/** Lease times, and what is told. */
function buildOwn(settings: Settings, path: string, builder: Builder): Record<string, Plain | undefined> {
  const lease = extendPath(path, "lease");
  const times = {
    default: builder.value(extendPath(lease, "default"), settings.leaseDefault),
    min: builder.value(extendPath(lease, "min"), settings.leaseMinimum),
    max: builder.value(extendPath(lease, "max"), settings.leaseMaximum),
  };
  return {
    lease:
      times.max === undefined && times.min === undefined
        ? formatSeconds(times.default)
        : withoutEmpty({
            default: formatSeconds(times.default),
            min: formatSeconds(times.min),
            max: formatSeconds(times.max),
          }),
    ...buildTold(settings, path, builder),
  };
}

function buildDhcp(network: DraftNetwork, path: string, builder: Builder): PlainMap {
  const { settings } = network;
  const at = (key: string): string => extendPath(path, key);
  const { lease, ...told } = buildOwn(settings, path, builder);
  const rest = withoutEmpty({
    lease,
    authoritative: network.authoritative ? undefined : false,
    "rapid-commit": builder.value(at("rapid-commit"), network.rapidCommit),
    "known-only": builder.value(at("known-only"), network.knownOnly),
    ignore: builder.list(at("ignore"), network.ignore, ({ value }) => value),
    ...told,
    hosts: builder.list(at("hosts"), network.hosts, (host, inner) => buildHost(host, inner, builder)),
    classes: builder.list(at("classes"), network.classes, (declared, inner) => buildClass(declared, inner, builder)),
  });
  const relayed = builder.subnets(at("relayed"), network.relayed, (further, inner) => {
    const router = builder.value(extendPath(inner, "router"), further.gateway);
    const { range, ...own } = buildSubnet(further, inner, builder);
    return { range: range!, ...(router === undefined ? {} : { router }), ...own };
  });
  return { range: builder.ranges(path, network.ranges), ...rest, ...(relayed.length === 0 ? {} : { relayed }) };
}

function buildTold(settings: Settings, path: string, builder: Builder): Record<string, Plain | undefined> {
  const options: PlainMap = {};
  for (const [code, option] of settings.options) {
    const [key, value] = formatOption(code, option.value);
    if (builder.value(extendPath(extendPath(path, "options"), key), option) !== undefined) options[key] = value;
  }
  return {
    options,
    "next-server": builder.value(extendPath(path, "next-server"), settings.nextServer),
    "server-name": builder.value(extendPath(path, "server-name"), settings.serverName),
    "boot-file": builder.value(extendPath(path, "boot-file"), settings.bootFile),
  };
}

function buildHost({ name, identity, address, settings }: DraftHost, path: string, builder: Builder): PlainMap {
  return withoutEmpty({
    name,
    mac: "mac" in identity ? identity.mac : undefined,
    "client-id": "clientId" in identity ? identity.clientId : undefined,
    "circuit-id": "circuitId" in identity ? identity.circuitId : undefined,
    address,
    ...buildTold(settings, path, builder),
    lease: formatSeconds(builder.value(extendPath(path, "lease"), settings.leaseDefault)),
  });
}

function buildClass({ name, match, ranges, settings }: DraftClass, path: string, builder: Builder): PlainMap {
  const { vendor, user, architecture, mac } = match;
  const [range] = ranges;
  return withoutEmpty({
    name,
    vendor,
    user,
    architecture: architecture === undefined ? undefined : [...architecture],
    mac,
    range: builder.value(extendPath(path, "range"), range),
    ...buildTold(settings, path, builder),
    lease: formatSeconds(builder.value(extendPath(path, "lease"), settings.leaseDefault)),
  });
}

/** Without keys that say nothing: absent values, empty lists and maps. */
function withoutEmpty(map: Readonly<Record<string, Plain | undefined>>): PlainMap {
  const kept: PlainMap = {};
  for (const [key, value] of Object.entries(map)) {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (value !== undefined && !isEmpty) kept[key] = value;
  }
  return kept;
}

function formatSeconds(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  if (seconds === FOREVER_SECONDS) return "infinite";
  if (seconds % 86_400 === 0 && seconds > 2 * 86_400) return `${seconds / 86_400}d`;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** Networks and their settings each in lines of their own, hosts, classes and options in one line each. */
function writeYaml(content: PlainMap, networks: readonly DraftNetwork[], title: string): string {
  const document = new Document(content);
  const comments = new Map(networks.map(({ name, comment }) => [name, comment]));
  visit(document, {
    Map(_, node, path) {
      const depth = path.filter((part) => isMap(part) || isSeq(part)).length;
      // The file, networks, one network, its DHCP section, then what stands in that.
      if (depth > 4 || (depth === 4 && node.items.length <= 3 && !isLong(path))) node.flow = true;
    },
    Seq(_, node, path) {
      if (!node.items.some(isMap) && !isLong(path)) node.flow = true;
    },
    Pair(_, pair, path) {
      const depth = path.filter((part) => isMap(part)).length;
      const key = isScalar(pair.key) ? String(pair.key.value) : "";
      const comment = depth === 2 ? comments.get(key) : undefined;
      if (comment !== undefined && isScalar(pair.key)) pair.key.commentBefore = ` ${comment}`;
      // An option by its number.
      if (isScalar(pair.key) && /^\d{1,3}$/.test(key)) pair.key.value = Number(key);
    },
    Scalar(position, node, path) {
      // Older readers of YAML take 12:34 for a number.
      const isValue = position !== "key" || !isPair(path.at(-1));
      if (isValue && typeof node.value === "string" && /^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(node.value))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  document.commentBefore = ` ${title}`;
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: true });
}

/** Whether these are options or records, which are read better in lines. */
function isLong(path: readonly unknown[]): boolean {
  const pair = path.at(-1);
  return isPair(pair) && isScalar(pair.key) && (pair.key.value === "options" || pair.key.value === "records");
}
