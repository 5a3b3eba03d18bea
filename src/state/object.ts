/**
 * The vocabulary of desired state: one value type per kernel object and per service instance.
 *
 * Every value is plain JSON. `key` identifies the object for its whole life, also when the kernel's name
 * for it changes; `origin` says which declared object it came from ("network lan", "machine vm1"), for
 * messages. A property that is absent is not cared about: it is neither compared nor changed.
 *
 * Namespaces are named as `ip netns` does: "" is the namespace that netloom runs in, "pod1" stands for
 * /run/netns/pod1, and an absolute path is taken as it is.
 */
import type { BootServerObject } from "./object/boot-server.ts";
import type {
  NamespaceObject,
  LinkObject,
  AddressObject,
  RouteObject,
  NeighbourObject,
  SysctlObject,
  NftTableObject,
  ForeignAcceptObject,
  FileObject,
} from "./object/kernel.ts";
import type { DhcpClientObject, Dhcp6ClientObject } from "./object/lease-client.ts";
import type { NetworkDhcpObject } from "./object/network-dhcp.ts";
import type { NetworkDnsObject } from "./object/network-dns.ts";
import type { Ip6NetworkObject } from "./object/network-ip6.ts";
import type { SingleDhcpObject, Ip6SingleObject } from "./object/one-guest.ts";
import type { VmObject } from "./object/vm.ts";

export type KernelObject =
  | NamespaceObject
  | LinkObject
  | AddressObject
  | RouteObject
  | NeighbourObject
  | SysctlObject
  | NftTableObject
  | ForeignAcceptObject
  | FileObject;

export type ServiceObject =
  | SingleDhcpObject
  | Ip6SingleObject
  | NetworkDhcpObject
  | Ip6NetworkObject
  | BootServerObject
  | NetworkDnsObject
  | DhcpClientObject
  | Dhcp6ClientObject
  | VmObject;

export type StateObject = KernelObject | ServiceObject;

export const SERVICE_KINDS: ReadonlySet<unknown> = new Set<ServiceObject["kind"]>([
  "dhcp-single",
  "ip6-single",
  "dhcp-network",
  "ip6-network",
  "boot-server",
  "dns-network",
  "dhcp-client",
  "dhcp6-client",
  "vm",
]);

/** Whether it is run by us and not by the kernel. */
export function isService(object: StateObject | undefined): object is ServiceObject {
  return SERVICE_KINDS.has(object?.kind);
}

/** What a message calls it: "bridge lan", "address 192.0.2.1/24 in pod1". */
export function nameOf(object: StateObject): string {
  switch (object.kind) {
    case "namespace":
      return `namespace ${object.name}`;
    case "link":
      return `${object.link.type === "veth-peer" ? "veth" : object.link.type} ${object.name}${inside(object.namespace)}`;
    case "address":
      return `address ${object.address}/${object.prefixLength}${inside(object.namespace)}`;
    case "route":
      return `route ${object.destination.length === 0 ? "default" : `${object.destination.address}/${object.destination.length}`}${inside(object.namespace)}`;
    case "neighbour":
      return `neighbour ${object.address}${inside(object.namespace)}`;
    case "sysctl":
      return `sysctl ${object.path.replaceAll("/", ".")}${inside(object.namespace)}`;
    case "nft-table":
      return `nft table ${object.family} ${object.name}${inside(object.namespace)}`;
    case "foreign-accept":
      return `accept rule in chain ${object.chain}${inside(object.namespace)}`;
    case "file":
      return `file ${object.path}`;
    case "dhcp-single":
      return `DHCP on ${object.interfaceName}${inside(object.namespace)}`;
    case "ip6-single":
      return `IPv6 for the guest on ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp-network":
      return `DHCP on ${object.interfaceName}${inside(object.namespace)}`;
    case "ip6-network":
      return `IPv6 on ${object.interfaceName}${inside(object.namespace)}`;
    case "boot-server":
      return `boot files on ${object.interfaceName}${inside(object.namespace)}`;
    case "dns-network":
      return `DNS on ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp-client":
      return `DHCP client of ${object.interfaceName}${inside(object.namespace)}`;
    case "dhcp6-client":
      return `DHCPv6 client of ${object.interfaceName}${inside(object.namespace)}`;
    case "vm":
      return `VM ${object.name}`;
  }
}

function inside(namespace: string): string {
  return namespace === "" ? "" : ` in ${namespace}`;
}
