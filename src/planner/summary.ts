/** What a step does, as a person would say it. */
import { formatPrefix } from "../base/address.ts";
import type { StateObject } from "../state/object.ts";
import type { BootServerObject } from "../state/object/boot-server.ts";
import type { LinkObject, NextHop, RouteObject } from "../state/object/kernel.ts";
import type { Dhcp6ClientObject } from "../state/object/lease-client.ts";
import type { NetworkDhcpObject } from "../state/object/network-dhcp.ts";
import type { NetworkDnsObject } from "../state/object/network-dns.ts";
import type { Ip6NetworkObject } from "../state/object/network-ip6.ts";
import type { VmNic, VmObject } from "../state/object/vm.ts";
import { rangesGiven } from "../state/dhcp-ranges.ts";
import { differInPrefixRoute } from "../state/prefix-route.ts";
import { differsOnlyInNics, keptNics } from "../state/vm.ts";
import { destinationOf, inNamespace, type LinkByKey, linkName, type Names } from "./names.ts";

const DNS_PORT = 53;
const DNS_TLS_PORT = 853;

export function summarize(before: StateObject | undefined, after: StateObject | undefined, names: Names): string {
  if (after === undefined) return before === undefined ? "" : deletion(before, names);
  if (before === undefined) return creation(after, names);
  return change(before, after, names);
}

function creation(object: StateObject, names: Names): string {
  const links = names.after;
  switch (object.kind) {
    case "namespace":
      return `create namespace ${object.name}`;
    case "link":
      return linkCreation(object, links);
    case "address":
      return `give ${linkName(links, object.linkKey)} address ${object.address}/${object.prefixLength}${inNamespace(object.namespace)}`;
    case "route":
      return `add ${routeWords(object, links)}`;
    case "neighbour":
      return `add neighbour ${object.address} at ${object.macAddress} on ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "sysctl":
      return `set ${object.path.replaceAll("/", ".")} to ${object.value}${inNamespace(object.namespace)}`;
    case "nft-table":
      return `load nft table ${object.family} ${object.name}${inNamespace(object.namespace)}`;
    case "foreign-accept":
      return `accept ${acceptWords(object)} in chain ${object.chain}${inNamespace(object.namespace)}`;
    case "file":
      return `write file ${object.path}`;
    case "ip6-single":
      return `serve IPv6 advertisements and DHCPv6 on ${object.interfaceName}${inNamespace(object.namespace)} to ${object.clientMac}`;
    case "ip6-network":
      return `serve IPv6 advertisements and DHCPv6 on ${object.interfaceName}${inNamespace(object.namespace)}: ${served6(object)}`;
    case "dns-network":
      return object.joins === true
        ? `tell the DNS server on ${object.interfaceName}${inNamespace(object.namespace)} of ${hostWords(object)}`
        : `answer DNS questions on ${object.interfaceName}${inNamespace(object.namespace)}: ${answered(object)}`;
    case "dhcp-network":
      return `serve DHCP on ${object.interfaceName}${inNamespace(object.namespace)} ${served(object)}`;
    case "boot-server":
      return `serve boot files of ${object.root} on ${object.interfaceName}${inNamespace(object.namespace)} by ${protocols(object)}${object.proxy === undefined ? "" : ", beside another DHCP server"}`;
    case "dhcp-single":
      return `serve DHCP on ${object.interfaceName}${inNamespace(object.namespace)}: ${object.lease.address}/${object.lease.prefixLength} to ${object.clientMac}`;
    case "dhcp-client":
      return `ask a DHCP server for the address of ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "dhcp6-client":
      return `ask a DHCPv6 server for ${wishWords(object)} of ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "vm":
      return `start VM ${object.name}${inNamespace(object.namespace)}, ${object.memoryMebibytes} MiB, ${object.cpus} CPU${object.cpus === 1 ? "" : "s"}`;
  }
}

function deletion(object: StateObject, names: Names): string {
  const links = names.before;
  switch (object.kind) {
    case "namespace":
      return `delete namespace ${object.name}`;
    case "link": {
      const peer =
        object.link.type === "veth" || object.link.type === "veth-peer" ? links(object.link.peerKey) : undefined;
      const along =
        peer === undefined
          ? ""
          : ` and its peer ${peer.name}${peer.namespace === object.namespace ? "" : inNamespace(peer.namespace)}`;
      return `delete ${kindWord(object)} ${object.name}${inNamespace(object.namespace)}${along}`;
    }
    case "address":
      return `take address ${object.address}/${object.prefixLength} from ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "route":
      return `delete ${routeWords(object, links)}`;
    case "neighbour":
      return `delete neighbour ${object.address} on ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "sysctl":
      return `leave ${object.path.replaceAll("/", ".")}${inNamespace(object.namespace)}`;
    case "nft-table":
      return `delete nft table ${object.family} ${object.name}${inNamespace(object.namespace)}`;
    case "foreign-accept":
      return `no longer accept ${acceptWords(object)} in chain ${object.chain}${inNamespace(object.namespace)}`;
    case "file":
      return `delete file ${object.path}`;
    case "ip6-single":
    case "ip6-network":
      return `stop IPv6 advertisements and DHCPv6 on ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "dns-network":
      if (object.joins === true)
        return `have the DNS server on ${object.interfaceName}${inNamespace(object.namespace)} forget ${hostWords(object)}`;
      return `stop answering DNS questions on ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "dhcp-single":
    case "dhcp-network":
      return `stop DHCP on ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "boot-server":
      return `stop serving boot files on ${object.interfaceName}${inNamespace(object.namespace)}`;
    case "dhcp-client":
      return `give the DHCP lease of ${object.interfaceName}${inNamespace(object.namespace)} back`;
    case "dhcp6-client":
      return `give the DHCPv6 lease of ${object.interfaceName}${inNamespace(object.namespace)} back`;
    case "vm":
      return `stop VM ${object.name}`;
  }
}

function change(before: StateObject, after: StateObject, names: Names): string {
  switch (after.kind) {
    case "namespace":
      return `set up lo in ${after.name}`;
    case "link":
      return before.kind === "link" ? linkChange(before, after, names) : creation(after, names);
    case "address":
      if (before.kind === "address" && differInPrefixRoute(before, after))
        return `${after.prefixRoute === false ? "delete" : "restore"} the route to the prefix of ${after.address}/${after.prefixLength} on ${linkName(names.after, after.linkKey)}${inNamespace(after.namespace)}`;
      return creation(after, names);
    case "route":
      return `change route to ${destinationOf(after)}${inNamespace(after.namespace)}: ${hopWords(after.nextHops, names.after)}${
        before.kind === "route" ? ` instead of ${hopWords(before.nextHops, names.before)}` : ""
      }`;
    case "sysctl":
      return `${creation(after, names)}${before.kind === "sysctl" && before.value !== after.value ? ` (was ${before.value})` : ""}`;
    case "nft-table":
      return `load nft table ${after.family} ${after.name} anew${inNamespace(after.namespace)}`;
    case "file":
      return `rewrite file ${after.path}`;
    case "ip6-single":
    case "ip6-network":
    case "boot-server":
    case "dns-network":
    case "dhcp-network":
    case "dhcp-client":
    case "dhcp6-client":
      return `${creation(after, names)}, as changed`;
    case "dhcp-single":
      return `serve DHCP on ${after.interfaceName}${inNamespace(after.namespace)} as changed: ${after.lease.address}/${after.lease.prefixLength} to ${after.clientMac}`;
    case "vm":
      if (before.kind === "vm" && differsOnlyInNics(before, after)) return plugging(before, after);
      return `restart VM ${after.name}${inNamespace(after.namespace)} as changed, ${after.memoryMebibytes} MiB, ${after.cpus} CPU${after.cpus === 1 ? "" : "s"}`;
    default:
      return creation(after, names);
  }
}

/** "unplug NIC nic1 (tap1) from VM web in pod1 while it runs" */
function plugging(before: VmObject, after: VmObject): string {
  const place = inNamespace(after.namespace);
  const [lost, gained] = [missingNics(before, after), missingNics(after, before)];
  if (lost.length === 0 && gained.length === 0) return `see that VM ${after.name}${place} has its NICs`;
  return [
    ...(lost.length === 0 ? [] : [`unplug ${nicWords(lost)} from VM ${after.name}${place} while it runs`]),
    ...(gained.length === 0 ? [] : [`plug ${nicWords(gained)} into VM ${after.name}${place} while it runs`]),
  ].join(", ");
}

/** Those that one has and the other has not, or not so. */
function missingNics(one: VmObject, other: VmObject): VmNic[] {
  const kept = keptNics(one.nics, other.nics);
  return one.nics.filter((nic) => !kept.includes(nic));
}

function nicWords(nics: readonly VmNic[]): string {
  return nics.map((nic) => `NIC ${nic.id} (${nic.tapName}, MAC ${nic.macAddress})`).join(" and ");
}

function linkCreation(object: LinkObject, links: LinkByKey): string {
  const details = linkDetails(object, links);
  const place = inNamespace(object.namespace);
  if (object.link.type === "veth-peer")
    return [`set up ${object.name}${place}, the peer of ${linkName(links, object.link.peerKey)}`, ...details].join(
      ", ",
    );
  if (object.link.type !== "veth") return [`create ${kindWord(object)} ${object.name}${place}`, ...details].join(", ");
  const peer = links(object.link.peerKey);
  const other =
    peer === undefined
      ? ""
      : ` with peer ${peer.name}${peer.namespace === object.namespace ? "" : inNamespace(peer.namespace)}`;
  return [`create veth ${object.name}${place}${other}`, ...details].join(", ");
}

function kindWord(object: LinkObject): string {
  switch (object.link.type) {
    case "veth-peer":
      return "veth";
    case "adopted":
      return "link";
    default:
      return object.link.type;
  }
}

function linkDetails(object: LinkObject, links: LinkByKey): string[] {
  return [
    ...(object.macAddress === undefined ? [] : [`MAC ${object.macAddress}`]),
    ...(object.mtuBytes === undefined ? [] : [`MTU ${object.mtuBytes}`]),
    ...(typeof object.masterKey === "string" ? [`port of ${linkName(links, object.masterKey)}`] : []),
    ...(object.learning === undefined ? [] : [`learning ${object.learning ? "on" : "off"}`]),
    ...(object.allMulticast === undefined ? [] : [`all multicast ${object.allMulticast ? "on" : "off"}`]),
    ...(object.up === undefined ? [] : [object.up ? "up" : "down"]),
  ];
}

/** "rename eth0 to eth0-nic in pod1, give it MAC …, make it a port of k6t-eth0" */
function linkChange(before: LinkObject, after: LinkObject, names: Names): string {
  const renamed = before.name !== after.name;
  const parts = linkChanges(before, after, names);
  if (renamed) return [`rename ${before.name} to ${after.name}${inNamespace(after.namespace)}`, ...parts].join(", ");
  const subject = `${kindWord(after)} ${after.name}${inNamespace(after.namespace)}`;
  return parts.length === 0 ? `mark ${subject} as netloom's` : `change ${subject}: ${parts.join(", ")}`;
}

function linkChanges(before: LinkObject, after: LinkObject, names: Names): string[] {
  const parts: string[] = [];
  if (after.macAddress !== undefined && after.macAddress !== before.macAddress)
    parts.push(`give it MAC ${after.macAddress}`);
  if (after.mtuBytes !== undefined && after.mtuBytes !== before.mtuBytes)
    parts.push(`MTU ${after.mtuBytes} instead of ${before.mtuBytes ?? "?"}`);
  if (after.masterKey !== undefined && after.masterKey !== (before.masterKey ?? null)) {
    parts.push(
      after.masterKey === null
        ? `take it out of ${linkName(names.before, before.masterKey ?? "")}`
        : `make it a port of ${linkName(names.after, after.masterKey)}`,
    );
  }
  if (after.learning !== undefined && after.learning !== before.learning)
    parts.push(`learning ${after.learning ? "on" : "off"}`);
  if (after.allMulticast !== undefined && after.allMulticast !== before.allMulticast)
    parts.push(`all multicast ${after.allMulticast ? "on" : "off"}`);
  if (after.ipv6AddressGeneration !== undefined && after.ipv6AddressGeneration !== before.ipv6AddressGeneration) {
    parts.push(
      `IPv6 address generation ${GENERATION_MODES[after.ipv6AddressGeneration] ?? after.ipv6AddressGeneration}`,
    );
  }
  if (before.link.type === "bridge" && after.link.type === "bridge") {
    const { stp, forwardDelayCentiseconds } = after.link;
    if (stp !== undefined && stp !== before.link.stp) parts.push(`spanning tree ${stp ? "on" : "off"}`);
    if (forwardDelayCentiseconds !== undefined && forwardDelayCentiseconds !== before.link.forwardDelayCentiseconds) {
      parts.push(`forward delay ${forwardDelayCentiseconds / 100} s`);
    }
  }
  if (after.up !== undefined && after.up !== before.up) parts.push(after.up ? "up" : "down");
  return parts;
}

/** IN6_ADDR_GEN_MODE_* as `ip link set addrgenmode` spells them. */
export const GENERATION_MODES = ["eui64", "none", "stable_secret", "random"] as const;

/** Of a server for a thousand relayed subnets a person wants to read a few. */
const NAMED_RANGES = 4;

const ROUTE_TYPES: Readonly<Record<number, string>> = {
  2: "local",
  3: "broadcast",
  5: "multicast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
  9: "throw",
};

/** The word `ip route` has for a type other than unicast. */
export function routeType(object: RouteObject): string | undefined {
  return object.type === undefined || object.type === 1
    ? undefined
    : (ROUTE_TYPES[object.type] ?? `type ${object.type}`);
}

function routeWords(object: RouteObject, links: LinkByKey): string {
  const type = routeType(object);
  const what =
    object.destination.length === 0
      ? "the default route"
      : `${type === undefined ? "" : `${type} `}route to ${destinationOf(object)}`;
  const table = object.table === undefined || object.table === 254 ? "" : `, table ${object.table}`;
  return (
    [what, hopWords(object.nextHops, links)].filter((part) => part !== "").join(" ") +
    table +
    inNamespace(object.namespace)
  );
}

function hopWords(hops: readonly NextHop[], links: LinkByKey): string {
  return hops
    .map((hop) =>
      [
        ...(hop.gateway === undefined ? [] : [`via ${hop.gateway}`]),
        ...(hop.linkKey === undefined ? [] : [`on ${linkName(links, hop.linkKey)}`]),
      ].join(" "),
    )
    .join(" and ");
}

function acceptWords(object: StateObject & { kind: "foreign-accept" }): string {
  return [
    `${object.family === 6 ? "IPv6 " : ""}${object.establishedOnly === true ? "answers" : "packets"}`,
    ...(object.inInterface === undefined ? [] : [`from ${object.inInterface}`]),
    ...(object.outInterface === undefined ? [] : [`to ${object.outInterface}`]),
  ].join(" ");
}

/** "from 192.0.2.100-192.0.2.199, with 2 known hosts", "to 1 machine" */
function served(object: NetworkDhcpObject): string {
  const { hosts, knownOnly } = object;
  const count = (word: string): string => `${hosts.length} ${word}${hosts.length === 1 ? "" : "s"}`;
  const ranges = rangesGiven(object);
  if (ranges.length === 0) return `to ${count("machine")}`;
  const further = ranges.length > NAMED_RANGES ? ` and ${ranges.length - NAMED_RANGES} more ranges` : "";
  const named = ranges.slice(0, NAMED_RANGES).map(({ first, last }) => `${first}-${last}`);
  const from = `from ${named.join(", ")}${further}`;
  if (knownOnly) return `${from}, to ${count("known host")} alone`;
  return hosts.length === 0 ? from : `${from}, with ${count("known host")}`;
}

/** "hosts make addresses of fd00:50::/64, addresses from …, prefixes of 60 bits out of fd00:60::/48, with 1 known host" */
function served6({ prefixes, range, delegate, hosts }: Ip6NetworkObject): string {
  const made = prefixes.filter(({ autonomous }) => autonomous).map(({ prefix }) => formatPrefix(prefix));
  return [
    ...(made.length === 0 ? [] : [`hosts make addresses of ${made.join(", ")}`]),
    ...(range === undefined ? [] : [`addresses from ${range.first}-${range.last}`]),
    ...(delegate === undefined ? [] : [`prefixes of ${delegate.length} bits out of ${formatPrefix(delegate.from)}`]),
    ...(hosts.length === 0 ? [] : [`${hosts.length} known host${hosts.length === 1 ? "" : "s"}`]),
  ].join(", ");
}

function protocols({ share }: BootServerObject): string {
  return share === undefined ? "TFTP and HTTP" : `TFTP, HTTP and SMB (${share})`;
}

function hostWords({ hosts }: NetworkDnsObject): string {
  return hosts.map(({ name }) => name).join(", ");
}

/** "the names in lan.example, others by asking 192.0.2.53, else the root servers" */
function answered({ domain, mode, upstreams, domains }: NetworkDnsObject): string {
  const asked = upstreams.map(({ address, port, tlsName }) => {
    const usual = port === (tlsName === undefined ? DNS_PORT : DNS_TLS_PORT);
    return `${address}${usual ? "" : `#${port}`}${tlsName === undefined ? "" : " by TLS"}`;
  });
  const roots = mode === "forward-only" ? [] : ["the root servers"];
  const words = [...(asked.length === 0 ? [] : [asked.join(", ")]), ...roots].join(", else ");
  const apart = domains.map((each) => each.domain).join(", ");
  return [
    `the names in ${domain}`,
    words === "" ? "no others" : `others by asking ${words}`,
    ...(apart === "" ? [] : [`${apart} by servers of ${domains.length === 1 ? "its" : "their"} own`]),
  ].join(", ");
}

function wishWords({ address, prefixLength }: Dhcp6ClientObject): string {
  const prefix = prefixLength === undefined ? [] : [`a prefix of ${prefixLength} bits`];
  return [...(address ? ["the address"] : []), ...prefix].join(" and ");
}
