/** A network's DNS section: what its machines are told, or a server of its own, with checks against the rest of the file. */
import type { IpAddress, Prefix } from "../base/address.ts";
import type { DnsUpstream } from "../protocol/dns/config.ts";
import type { Context } from "./context.ts";
import { recordsOf } from "./dns-records.ts";
import type { Path } from "./mistakes.ts";
import type { DnsSettings, Network, NetworkDns } from "./model.ts";
import type { FileShape } from "./schema.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type DnsShape = Exclude<NonNullable<NetworkShape["dns"]>, boolean>;

const DEFAULT_TTL_SECONDS = 3600;
const DEFAULT_CACHE = {
  size: 16 * 1024 * 1024,
  "min-ttl": 0,
  "max-ttl": 86_400,
  "max-negative": 3600,
  stale: 86_400,
} as const;
/** A label, a dot and it make a name at most. */
const LONGEST_DOMAIN = 253 - 64;
/** What a machine is told without there being a server. */
const TOLD: ReadonlySet<string> = new Set(["servers", "search"]);

/** @param gateways the bridge's own addresses */
export function buildDns(
  file: FileShape,
  name: string,
  shape: NetworkShape,
  gateways: readonly IpAddress[],
  context: Context,
): Pick<Network, "dns" | "dnsServer"> {
  const section = typeof shape.dns === "object" ? shape.dns : {};
  const dns = dnsSettings(section);
  const path = ["networks", name, "dns"];
  const isServer = shape.dns === true || context.keys(path).some((key) => !TOLD.has(key));
  if (!isServer) return { dns };
  if (dns.servers !== undefined)
    context.complain(
      [...path, "servers"],
      "stands beside a server of the network's own, which machines are told",
      "write forward: instead to have it ask them, or leave it alone with search:",
    );
  const domain = context.value([...path, "domain"], section.domain, `${labelOf(name)}.internal`);
  if (domain.length > LONGEST_DOMAIN)
    context.complain(
      [...path, "domain"],
      "leaves no room for a host's name before it",
      `use at most ${LONGEST_DOMAIN} characters`,
    );
  checkForwarding(section, path, context);
  const asked = [
    ...(section.forward ?? []).map((upstream, index) => ({ upstream, at: ["forward", index] })),
    ...Object.entries(section.domains ?? {}).flatMap(([apart, upstreams]) =>
      upstreams.map((upstream, index) => ({ upstream, at: ["domains", apart, index] })),
    ),
  ];
  // The same address in this host's own namespace, from where it asks, is somebody else's.
  for (const { upstream, at } of asked)
    if ((shape.namespace ?? "") === "" && gateways.includes(upstream.address))
      context.complain([...path, ...at], "is this very network's own server", "name a server elsewhere");
  const names = namesOf(file, name, shape, context);
  const ttlSeconds = context.value([...path, "ttl"], section.ttl, DEFAULT_TTL_SECONDS);
  const domains = domainsOf(section, domain, path, context);
  const privateAnswers = privateAnswersOf(section, path, context);
  return {
    dns,
    dnsServer: {
      domain,
      ...(section.forward === undefined ? {} : { forward: section.forward }),
      ...(section.mode === undefined ? {} : { mode: section.mode }),
      ...(section.allow === undefined ? {} : { allow: allowOf(section.allow, path, context) }),
      records: recordsOf(section.records ?? [], { domain, ttlSeconds, names, path }, context),
      namesLeases: flag("leases", section, true, path, context),
      domains,
      ...(privateAnswers === undefined ? {} : { privateAnswers }),
      mixedCase: flag("mixed-case", section, false, path, context),
      cache: cacheOf(section.cache ?? {}, [...path, "cache"], context),
    },
  };
}

/** The declared settings without the schema's wrapping. */
export function dnsSettings(declared: DnsSettings | undefined): DnsSettings {
  return {
    ...(declared?.servers === undefined ? {} : { servers: declared.servers }),
    ...(declared?.search === undefined ? {} : { search: declared.search }),
  };
}

/** A name as one label of a domain. */
function labelOf(name: string): string {
  const label = name.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return label.replace(/^-+|-+$/g, "") || "network";
}

function checkForwarding({ mode, forward }: DnsShape, path: Path, context: Context): void {
  if (mode !== undefined) context.record([...path, "mode"], mode, "declared");
  if (mode === "recursive" && forward !== undefined)
    context.complain(
      [...path, "forward"],
      "is asked nothing: with mode: recursive the server asks by itself",
      "remove it, or write mode: forward-first",
    );
  if (mode !== "recursive" && forward?.length === 0)
    context.complain([...path, "forward"], "is empty", "name a server, such as [9.9.9.9], or write mode: recursive");
}

function flag(
  key: "leases" | "mixed-case",
  section: DnsShape,
  otherwise: boolean,
  path: Path,
  context: Context,
): boolean {
  const declared = section[key];
  context.record([...path, key], String(declared ?? otherwise), declared === undefined ? "default" : "declared");
  return declared ?? otherwise;
}

function allowOf(allow: readonly (string | Prefix)[], path: Path, context: Context): NonNullable<NetworkDns["allow"]> {
  allow.forEach((each, index) => {
    if (typeof each === "string") context.checkReference([...path, "allow", index], each, "networks", "network");
  });
  return {
    networks: allow.filter((each) => typeof each === "string"),
    prefixes: allow.filter((each) => typeof each !== "string"),
  };
}

function domainsOf({ domains = {} }: DnsShape, own: string, path: Path, context: Context): NetworkDns["domains"] {
  return Object.entries(domains).map(([domain, upstreams]: readonly [string, readonly DnsUpstream[]]) => {
    const place = [...path, "domains", domain];
    if (domain === own)
      context.complainAtKey(place, "is the network's own domain", "remove it, or give the network another domain");
    if (upstreams.length === 0) context.complain(place, "is empty", "name a server, such as [10.0.0.53]");
    return { domain, upstreams };
  });
}

function privateAnswersOf(section: DnsShape, path: Path, context: Context): readonly string[] | undefined {
  const declared = section["private-answers"];
  if (Array.isArray(declared)) return declared;
  const place = [...path, "private-answers"];
  context.record(place, String(declared ?? false), declared === undefined ? "default" : "declared");
  return declared === true ? undefined : [];
}

function cacheOf(section: NonNullable<DnsShape["cache"]>, path: Path, context: Context): NetworkDns["cache"] {
  const value = (key: keyof typeof DEFAULT_CACHE): number =>
    context.value([...path, key], section[key], DEFAULT_CACHE[key]);
  const maximumTtlSeconds = value("max-ttl");
  const minimumTtlSeconds = value("min-ttl");
  if (minimumTtlSeconds > maximumTtlSeconds)
    context.complain(
      [...path, section["min-ttl"] === undefined ? "max-ttl" : "min-ttl"],
      "is longer than max-ttl",
      "make it shorter",
    );
  return {
    bytes: value("size"),
    minimumTtlSeconds,
    maximumTtlSeconds,
    maximumNegativeSeconds: value("max-negative"),
    staleSeconds: value("stale"),
  };
}

/** The labels of machines and hosts on the network, with what has them; complains of a host that is called as a machine. */
function namesOf(file: FileShape, network: string, shape: NetworkShape, context: Context): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, machine] of Object.entries(file.machines ?? {})) {
    const isThere = (machine.nics ?? []).some((nic) => "network" in nic && nic.network === network);
    if (isThere) names.set(name.toLowerCase(), `the machine ${name}`);
  }
  const hosts = typeof shape.dhcp === "object" ? (shape.dhcp.hosts ?? []) : [];
  hosts.forEach(({ name }, index) => {
    if (name === undefined) return;
    const path = ["networks", network, "dhcp", "hosts", index, "name"];
    const label = name.toLowerCase();
    const other = names.get(label);
    if (other?.startsWith("the machine") === true)
      context.complain(path, `is that of ${other}, which the network's DNS server knows by it`, "give it another one");
    else names.set(label, `the host ${name}`);
  });
  return names;
}
