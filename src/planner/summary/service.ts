/** What a step does to a service, as a person would say it. */
import { formatPrefix } from "../../base/address.ts";
import type { ServiceObject, StateObject } from "../../state/object.ts";
import type { BootServerObject } from "../../state/object/boot-server.ts";
import type { Dhcp6ClientObject } from "../../state/object/lease-client.ts";
import type { NetworkDhcpObject } from "../../state/object/network-dhcp.ts";
import type { NetworkDnsObject } from "../../state/object/network-dns.ts";
import type { Ip6NetworkObject } from "../../state/object/network-ip6.ts";
import type { VmNic, VmObject } from "../../state/object/vm.ts";
import { rangesGiven } from "../../state/dhcp-ranges.ts";
import { differsOnlyInNics, keptNics } from "../../state/vm.ts";
import { inNamespace } from "../names.ts";

const DNS_PORT = 53;
const DNS_TLS_PORT = 853;
/** Of a server for a thousand relayed subnets a person wants to read a few. */
const NAMED_RANGES = 4;

export function serviceCreation(object: ServiceObject): string {
  switch (object.kind) {
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

export function serviceDeletion(object: ServiceObject): string {
  switch (object.kind) {
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

export function serviceChange(before: StateObject, after: ServiceObject): string {
  switch (after.kind) {
    case "dhcp-single":
      return `serve DHCP on ${after.interfaceName}${inNamespace(after.namespace)} as changed: ${after.lease.address}/${after.lease.prefixLength} to ${after.clientMac}`;
    case "vm":
      if (before.kind === "vm" && differsOnlyInNics(before, after)) return plugging(before, after);
      return `restart VM ${after.name}${inNamespace(after.namespace)} as changed, ${after.memoryMebibytes} MiB, ${after.cpus} CPU${after.cpus === 1 ? "" : "s"}`;
    default:
      return `${serviceCreation(after)}, as changed`;
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
  const asked = upstreams.map(({ address, port, tlsName, from }) => {
    const usual = port === (tlsName === undefined ? DNS_PORT : DNS_TLS_PORT);
    return `${address}${usual ? "" : `#${port}`}${tlsName === undefined ? "" : " by TLS"}${from === "network" ? " on the network" : ""}`;
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
