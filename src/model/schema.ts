/** The network file's shape: which keys there are and what each accepts by itself. References are checked later. */
import * as v from "valibot";
import { bootPath, shareName } from "./boot-leaf.ts";
import { allowed, cacheSize, lifetime, lifetimeOrNever, recordLine, upstream } from "./dns-leaf.ts";
import { duration, headText, hostName, identifier, macPrefix, namedOptions, range } from "./dhcp-leaf.ts";
import { customOptions } from "./dhcp-options.ts";
import { duid, prefix6, range6 } from "./ip6-leaf.ts";
import { described, type JsonSchema, jsonOf, jsonSchemaOf, type KeyText, mapJson, when } from "./json-schema.ts";
import {
  commandLine,
  deviceName,
  domain,
  domainKey,
  fileName,
  guestPort,
  integer,
  ipv4,
  ipv6,
  leaf,
  line,
  mac,
  memory,
  nameKey,
  nameServer,
  path,
  reference,
  Refused,
  subnet,
  subnet6,
  word,
  yesOrNo,
} from "./leaf.ts";
import { suggestion } from "./suggest.ts";
import { addressSource, addressSource6, gatewayAddress, ownAddress } from "./uplink-leaf.ts";
import {
  BINDING_NIC_TEXTS,
  BOOT_TEXTS,
  DHCP_CLASS_TEXTS,
  DHCP_HOST_TEXTS,
  DHCP_LIMITS_TEXTS,
  DHCP_TEXTS,
  DNS_CACHE_TEXTS,
  DNS_TEXTS,
  FILE_TEXTS,
  FURTHER_DHCP_TEXTS,
  FURTHER_SUBNET_TEXTS,
  IP6_HOST_TEXTS,
  IP6_TEXTS,
  LEASE_TEXTS,
  NAMESPACE_NIC_TEXTS,
  NAMESPACE_TEXTS,
  NETWORK_DNS_TEXTS,
  NETWORK_TEXTS,
  NETWORK_VM_TEXTS,
  POD_VM_TEXTS,
  PREFIX6_TEXTS,
  PREFIXES_TEXTS,
  RELAYED_SUBNET_TEXTS,
  ROUTER_TEXTS,
  TAP_NIC_TEXTS,
  UPLINK_TEXTS,
} from "./texts.ts";

/** NICs of one machine; QEMU's machine type has room for little more. */
const MAXIMUM_NICS = 16;
/** QEMU gives each queue a thread of the kernel's vhost; more than a few serve nobody. */
const MAXIMUM_QUEUES = 8;
/** Further ones on one bridge. */
const MAXIMUM_SUBNETS = 64;
const MAXIMUM_RELAYED = 1000;

const NOT_A_MAP = leaf<never>(
  (value) => new Refused(value === null ? "has no value" : "is not a map", "write a map, key: value"),
);
const NOT_A_LIST = leaf<never>(
  (value) => new Refused(value === null ? "has no value" : "is not a list", "write a list, [first, second]"),
);

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A map with exactly these keys, and a text for each. The message of an unknown key's issue is the remedy. */
function map<const E extends v.ObjectEntries>(entries: E, texts: { readonly [K in keyof E]: KeyText }) {
  const schema = v.strictObject(entries, (issue) =>
    issue.expected === "never" ? suggestion(String(issue.input), Object.keys(entries)) : "add it",
  );
  return described(
    v.lazy<typeof schema | typeof NOT_A_MAP>((input) => (isMap(input) ? schema : NOT_A_MAP)),
    mapJson(entries, texts),
  );
}

/** A map from names that the file chooses. */
function named<const S extends v.GenericSchema>(value: S, key = nameKey) {
  const schema = v.record(key, value);
  return described(
    v.lazy<typeof schema | typeof NOT_A_MAP>((input) => (isMap(input) ? schema : NOT_A_MAP)),
    { type: "object", propertyNames: jsonOf(key), additionalProperties: jsonOf(value) },
  );
}

function list<const S extends v.GenericSchema>(item: S, most: number, what: string) {
  const schema = v.array(item);
  const tooMany = leaf<never>(
    (value) => new Refused(`holds ${Array.isArray(value) ? value.length : 0} ${what}`, `use at most ${most}`),
  );
  return described(
    v.lazy<typeof schema | typeof NOT_A_LIST>((input) => {
      if (!Array.isArray(input)) return NOT_A_LIST;
      return input.length > most ? tooMany : schema;
    }),
    { type: "array", maxItems: most, items: jsonOf(item) },
  );
}

const version = described(
  leaf<1>((value) => {
    if (value === 1) return 1;
    return new Refused(
      typeof value === "number" ? "is a version that this netloom does not read" : "is not a version",
      "write version: 1",
    );
  }),
  { const: 1 },
);

const dns = map(
  {
    servers: v.exactOptional(list(nameServer, 8, "name servers")),
    search: v.exactOptional(list(domain, 16, "domains")),
  },
  DNS_TEXTS,
);

/** Two readers for two forms of one value. */
function either<const A extends v.GenericSchema, const B extends v.GenericSchema>(
  isFirst: (input: unknown) => boolean,
  first: A,
  second: B,
) {
  return described(
    v.lazy<A | B>((input) => (isFirst(input) ? first : second)),
    { anyOf: [jsonOf(first), jsonOf(second)] },
  );
}

const isList = (input: unknown): boolean => Array.isArray(input);
/** keep and dhcp hold neither. */
const isAddress = (input: unknown): boolean => typeof input === "string" && /[.:/]/.test(input);

const uplink = map(
  {
    device: deviceName,
    address: v.exactOptional(
      either(isList, list(ownAddress, 64, "addresses"), either(isAddress, ownAddress, addressSource)),
    ),
    "ipv6-only-ok": v.exactOptional(yesOrNo),
    address6: v.exactOptional(addressSource6),
    prefix6: v.exactOptional(integer(16, 64, " (bits)")),
    gateway: v.exactOptional(either(isList, list(gatewayAddress, 2, "gateways"), gatewayAddress)),
    dns: v.exactOptional(either(isList, list(nameServer, 8, "name servers"), dns)),
  },
  UPLINK_TEXTS,
);

const told = {
  options: v.exactOptional(namedOptions),
  "next-server": v.exactOptional(ipv4),
  "server-name": v.exactOptional(headText(63, "tftp.example.org")),
  "boot-file": v.exactOptional(headText(127, "pxelinux.0")),
};

const dhcpHost = map(
  {
    name: v.exactOptional(hostName),
    mac: v.exactOptional(mac),
    "client-id": v.exactOptional(identifier(2, 255)),
    "circuit-id": v.exactOptional(identifier(1, 253)),
    address: v.exactOptional(ipv4),
    ...told,
    lease: v.exactOptional(duration),
  },
  DHCP_HOST_TEXTS,
);

const dhcpClass = map(
  {
    name: reference,
    vendor: v.exactOptional(line),
    user: v.exactOptional(line),
    architecture: v.exactOptional(list(integer(0, 65535, ""), 64, "architectures")),
    mac: v.exactOptional(macPrefix),
    range: v.exactOptional(range),
    ...told,
    lease: v.exactOptional(duration),
  },
  DHCP_CLASS_TEXTS,
);

const leaseTimes = map(
  { default: v.exactOptional(duration), min: v.exactOptional(duration), max: v.exactOptional(duration) },
  LEASE_TEXTS,
);

const ranges = either(isList, list(range, 256, "ranges"), range);
const lease = v.exactOptional(either(isMap, leaseTimes, duration));

const relayedSubnet = map(
  { subnet, range: ranges, router: v.exactOptional(ipv4), lease, ...told },
  RELAYED_SUBNET_TEXTS,
);

const dhcpLimits = map(
  {
    "per-port": v.exactOptional(integer(1, 0xffff, " leases")),
    "new-per-second": v.exactOptional(integer(1, 1_000_000, " leases")),
    "new-per-second-per-port": v.exactOptional(integer(1, 1_000_000, " leases")),
  },
  DHCP_LIMITS_TEXTS,
);

const dhcp = map(
  {
    range: v.exactOptional(ranges),
    lease,
    authoritative: v.exactOptional(yesOrNo),
    "rapid-commit": v.exactOptional(yesOrNo),
    "known-only": v.exactOptional(yesOrNo),
    "trust-circuit": v.exactOptional(yesOrNo),
    limits: v.exactOptional(dhcpLimits),
    guard: v.exactOptional(yesOrNo),
    ignore: v.exactOptional(list(macPrefix, 10_000, "MAC addresses")),
    ...told,
    hosts: v.exactOptional(list(dhcpHost, 10_000, "hosts")),
    classes: v.exactOptional(list(dhcpClass, 256, "classes")),
    relayed: v.exactOptional(list(relayedSubnet, MAXIMUM_RELAYED, "subnets")),
  },
  DHCP_TEXTS,
);

const furtherDhcp = map({ range: v.exactOptional(ranges), lease, ...told }, FURTHER_DHCP_TEXTS);

const furtherSubnet = map(
  {
    subnet,
    gateway: v.exactOptional(ipv4),
    dhcp: v.exactOptional(either((input) => typeof input === "boolean", yesOrNo, furtherDhcp)),
  },
  FURTHER_SUBNET_TEXTS,
);

const ip6Host = map(
  {
    mac: v.exactOptional(mac),
    duid: v.exactOptional(duid),
    address: v.exactOptional(ipv6),
    prefix: v.exactOptional(prefix6),
  },
  IP6_HOST_TEXTS,
);

const ip6 = map(
  {
    mode: v.exactOptional(word(["slaac", "dhcp", "both"])),
    range: v.exactOptional(range6),
    lease: v.exactOptional(duration),
    prefixes: v.exactOptional(map({ from: prefix6, length: v.exactOptional(integer(1, 64, " bits")) }, PREFIXES_TEXTS)),
    routes: v.exactOptional(list(prefix6, 64, "routes")),
    ntp: v.exactOptional(list(ipv6, 8, "time servers")),
    "rapid-commit": v.exactOptional(yesOrNo),
    "known-only": v.exactOptional(yesOrNo),
    guard: v.exactOptional(yesOrNo),
    hosts: v.exactOptional(list(ip6Host, 10_000, "hosts")),
  },
  IP6_TEXTS,
);

const boot = map(
  {
    root: path,
    bios: v.exactOptional(bootPath),
    uefi: v.exactOptional(bootPath),
    ipxe: v.exactOptional(bootPath),
    share: v.exactOptional(shareName),
  },
  BOOT_TEXTS,
);

const upstreams = list(upstream, 16, "servers");

const networkDns = map(
  {
    servers: v.exactOptional(list(nameServer, 8, "name servers")),
    search: v.exactOptional(list(domain, 16, "domains")),
    domain: v.exactOptional(domain),
    forward: v.exactOptional(upstreams),
    mode: v.exactOptional(word(["forward-first", "forward-only", "recursive"])),
    allow: v.exactOptional(list(allowed, 1000, "entries")),
    records: v.exactOptional(list(recordLine, 10_000, "records")),
    domains: v.exactOptional(named(upstreams, domainKey)),
    ttl: v.exactOptional(lifetime),
    leases: v.exactOptional(yesOrNo),
    "private-answers": v.exactOptional(either(isList, list(domain, 1000, "domains"), yesOrNo)),
    "mixed-case": v.exactOptional(yesOrNo),
    cache: v.exactOptional(
      map(
        {
          size: v.exactOptional(cacheSize),
          "min-ttl": v.exactOptional(lifetime),
          "max-ttl": v.exactOptional(lifetime),
          "max-negative": v.exactOptional(lifetime),
          stale: v.exactOptional(lifetimeOrNever),
        },
        DNS_CACHE_TEXTS,
      ),
    ),
  },
  NETWORK_DNS_TEXTS,
);

const network = map(
  {
    kind: v.exactOptional(word(["bridge"], ["vlan", "vxlan", "flat", "macvlan", "gre", "geneve"])),
    namespace: v.exactOptional(reference),
    subnet,
    gateway: v.exactOptional(ipv4),
    also: v.exactOptional(list(furtherSubnet, MAXIMUM_SUBNETS, "subnets")),
    subnet6: v.exactOptional(subnet6),
    gateway6: v.exactOptional(ipv6),
    prefix6: v.exactOptional(map({ from: reference, number: integer(0, 0xffff_ffff, "") }, PREFIX6_TEXTS)),
    ports: v.exactOptional(list(deviceName, 64, "ports")),
    device: v.exactOptional(deviceName),
    mtu: v.exactOptional(integer(68, 65535, " bytes")),
    dns: v.exactOptional(either((input) => typeof input === "boolean", yesOrNo, networkDns)),
    dhcp: v.exactOptional(either((input) => typeof input === "boolean", yesOrNo, dhcp)),
    ipv6: v.exactOptional(either((input) => typeof input === "boolean", yesOrNo, ip6)),
    boot: v.exactOptional(boot),
  },
  NETWORK_TEXTS,
);

const router = map(
  {
    networks: list(reference, 256, "networks"),
    uplink: reference,
    nat: v.exactOptional(word(["masquerade", "none"], ["source"])),
  },
  ROUTER_TEXTS,
);

const namespaceMachine = map(
  {
    kind: word(["namespace"]),
    nics: list(
      map(
        {
          network: reference,
          address: v.exactOptional(ipv4),
          address6: v.exactOptional(ipv6),
          mac: v.exactOptional(mac),
        },
        NAMESPACE_NIC_TEXTS,
      ),
      MAXIMUM_NICS,
      "NICs",
    ),
    dns: v.exactOptional(dns),
  },
  NAMESPACE_TEXTS,
);

const bindingNic = map(
  {
    binding: word(["bridge", "masquerade", "macvtap"], ["user", "passt", "sriov"]),
    profile: v.exactOptional(word(["modern", "legacy"])),
    dhcp: v.exactOptional(word(["single", "none"], ["network"])),
    queues: v.exactOptional(integer(1, MAXIMUM_QUEUES, " queues")),
    ports: v.exactOptional(list(guestPort, 256, "ports")),
    options: v.exactOptional(customOptions),
  },
  BINDING_NIC_TEXTS,
);

const tapNic = map(
  {
    network: reference,
    address: v.exactOptional(ipv4),
    address6: v.exactOptional(ipv6),
    mac: v.exactOptional(mac),
    dhcp: v.exactOptional(word(["single", "network", "none"])),
    queues: v.exactOptional(integer(1, MAXIMUM_QUEUES, " queues")),
    options: v.exactOptional(customOptions),
  },
  TAP_NIC_TEXTS,
);

const guest = {
  kind: word(["vm"]),
  image: v.exactOptional(path),
  kernel: v.exactOptional(path),
  initrd: v.exactOptional(path),
  append: v.exactOptional(commandLine),
  memory: v.exactOptional(memory),
  cpus: v.exactOptional(integer(1, 255, " CPUs")),
  accelerator: v.exactOptional(word(["auto", "kvm", "tcg"])),
};

const vmInPod = map(
  { ...guest, in: reference, nics: v.exactOptional(list(bindingNic, MAXIMUM_NICS, "NICs")) },
  POD_VM_TEXTS,
);

const vmOnNetworks = map(
  {
    ...guest,
    nics: list(tapNic, MAXIMUM_NICS, "NICs"),
    dns: v.exactOptional(dns),
  },
  NETWORK_VM_TEXTS,
);

/** A machine whose kind is missing or not known: nothing else in it can be judged. */
const unknownKind = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, never>(({ dataset, addIssue, NEVER }) => {
    const input = isMap(dataset.value) ? dataset.value : {};
    const kinds = ["namespace", "vm"];
    const message = input.kind === undefined ? 'the key "kind" is missing' : "is not a kind of machine";
    const expected = typeof input.kind === "string" ? suggestion(input.kind, kinds) : "add kind: namespace or kind: vm";
    addIssue({ message, expected, path: [{ type: "object", origin: "value", input, key: "kind", value: input.kind }] });
    return NEVER;
  }),
);

/** Whether the NICs are those of a VM in a pod, whose `in` was forgotten. */
function bindsNics(nics: unknown): boolean {
  return Array.isArray(nics) && nics.some((nic) => isMap(nic) && "binding" in nic);
}

/** The rule of `machine`, for JSON Schema. */
function machineJson(): JsonSchema {
  const isNamespace = { properties: { kind: { const: "namespace" } }, required: ["kind"] };
  const isVm = { properties: { kind: { const: "vm" } }, required: ["kind"] };
  const binds = { type: "object", required: ["binding"] };
  const inPod = {
    anyOf: [{ required: ["in"] }, { properties: { nics: { type: "array", contains: binds } }, required: ["nics"] }],
  };
  return {
    type: "object",
    required: ["kind"],
    properties: { kind: { title: "Kind", enum: ["namespace", "vm"] } },
    allOf: [
      when(isNamespace, jsonOf(namespaceMachine)),
      when({ allOf: [isVm, inPod] }, jsonOf(vmInPod)),
      when({ allOf: [isVm, { not: inPod }] }, jsonOf(vmOnNetworks)),
    ],
  };
}

const machine = described(
  v.lazy<typeof namespaceMachine | typeof vmInPod | typeof vmOnNetworks | typeof unknownKind>((input) => {
    if (!isMap(input)) return NOT_A_MAP;
    if (input.kind === "namespace") return namespaceMachine;
    if (input.kind !== "vm") return unknownKind;
    return "in" in input || bindsNics(input.nics) ? vmInPod : vmOnNetworks;
  }),
  machineJson(),
);

export const networkFile = map(
  {
    version,
    name: v.exactOptional(fileName),
    uplinks: v.exactOptional(named(uplink)),
    networks: v.exactOptional(named(network)),
    routers: v.exactOptional(named(router)),
    machines: v.exactOptional(named(machine)),
  },
  FILE_TEXTS,
);

/** A file of good shape. */
export type FileShape = v.InferOutput<typeof networkFile>;

/** The file's shape as JSON Schema, draft 2020-12. */
export function networkFileJsonSchema(): JsonSchema {
  return jsonSchemaOf(networkFile, "Network file of netloom");
}
