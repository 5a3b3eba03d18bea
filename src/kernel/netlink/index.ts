/**
 * `netloom/netlink`: the kernel's links, addresses, routes, rules, neighbours and forwarding entries.
 *
 * Make requests (`newLink`, `deleteRoute`…) and hand them to a {@link RouteNetlink} in one list; read with its `dump`
 * and the matching decoder; follow changes with a {@link RouteMonitor}.
 *
 *     await using netlink = RouteNetlink.open({ namespacePath: "/run/netns/pod1" });
 *     await netlink.execute([newLink({ name: "br0", kind: "bridge", up: true })]);
 *     const links = await netlink.dump(dumpLinks(), decodeLink);
 */
export type { NetlinkMessage, NetlinkRequest } from "../../netlink/message.ts";
export {
  decodeAddress,
  deleteAddress,
  dumpAddresses,
  IFA_F_HOMEADDRESS,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  type InterfaceAddress,
  newAddress,
} from "../../netlink/route/address.ts";
export {
  type BridgePortLink,
  decodeBridgePort,
  dumpBridgePorts,
  setBridgePort,
} from "../../netlink/route/bridge-port.ts";
export type { CreateMode } from "../../netlink/route/constants.ts";
export type { RouteEvent } from "../../netlink/route/event.ts";
export {
  decodeForwarding,
  deleteForwarding,
  dumpForwarding,
  type ForwardingEntry,
  newForwarding,
} from "../../netlink/route/forwarding.ts";
export type { BridgeData, BridgePort, LinkKindName } from "../../netlink/route/kinds/registry.ts";
export type { VethPeer } from "../../netlink/route/kinds/veth.ts";
export {
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  IFF_LOOPBACK,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_UP,
  type Link,
  type LinkFieldChoice,
  type LinkSelector,
  type LinkSettings,
  linkDecoder,
  newLink,
  setLink,
} from "../../netlink/route/link.ts";
export type { RouteMetrics } from "../../netlink/route/metrics.ts";
export {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  type Neighbour,
  newNeighbour,
} from "../../netlink/route/neighbour.ts";
export {
  NTF_MASTER,
  NTF_PROXY,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
} from "../../netlink/route/neighbour-message.ts";
export type { RouteNextHop } from "../../netlink/route/next-hop.ts";
export {
  decodeRoute,
  deleteRoute,
  dumpRoutes,
  newRoute,
  type Route,
  type RouteFilter,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
} from "../../netlink/route/route.ts";
export { decodeRule, deleteRule, dumpRules, newRule, type Rule } from "../../netlink/route/rule.ts";
export { NetlinkError, RouteNetlink } from "../netlink.ts";
export { RouteMonitor, type RouteMonitorOptions } from "./monitor.ts";
