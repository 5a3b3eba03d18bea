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
export * from "../../netlink/route/address.ts";
export * from "../../netlink/route/bridge-port.ts";
export type { CreateMode } from "../../netlink/route/constants.ts";
export type { RouteEvent } from "../../netlink/route/event.ts";
export * from "../../netlink/route/forwarding.ts";
export type { BridgeData, BridgePort, LinkKindName } from "../../netlink/route/kinds/registry.ts";
export type { VethPeer } from "../../netlink/route/kinds/veth.ts";
export * from "../../netlink/route/link.ts";
export type { RouteMetrics } from "../../netlink/route/metrics.ts";
export * from "../../netlink/route/neighbour.ts";
export {
  NTF_MASTER,
  NTF_PROXY,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
} from "../../netlink/route/neighbour-message.ts";
export type { RouteNextHop } from "../../netlink/route/next-hop.ts";
export * from "../../netlink/route/route.ts";
export * from "../../netlink/route/rule.ts";
export { NetlinkError, RouteNetlink } from "../netlink.ts";
export { RouteMonitor, type RouteMonitorOptions } from "./monitor.ts";
