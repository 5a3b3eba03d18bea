/** From drafts to a network file's content. */
import { formatPrefix } from "../base/address.ts";
import { extendPath } from "../model/mistakes.ts";
import type { Plain, PlainMap } from "../model/document.ts";
import { FOREVER_SECONDS } from "../protocol/leases/time.ts";
import type { DraftClass, DraftDns, DraftHost, DraftNetwork, DraftSubnet, Located, Settings } from "./draft.ts";
import { formatOption } from "./option-value.ts";
import type { Origin } from "./problem.ts";

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

/** The content of the file, and where each of its values came from, by path. */
export function buildFile(networks: readonly DraftNetwork[], dropped: ReadonlySet<Origin>) {
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
