/**
 * `netloom/netlink`: links, addresses, routes, rules, neighbours and forwarding entries for programs in Node.
 *
 * ```js
 * import { RouteNetlink, decodeLink, dumpLinks, newLink } from "netloom/netlink";
 * await using netlink = RouteNetlink.open();
 * await netlink.execute([newLink({ kind: "bridge", name: "br0" })]);
 * const links = await netlink.dump(dumpLinks(), decodeLink);
 * ```
 */
export {
  type IpAddress,
  type MacAddress,
  type Prefix,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
} from "../../base/address.ts";
export { NetloomError } from "../../base/errors.ts";
export { NetlinkError, RouteNetlink } from "../../kernel/netlink.ts";
export type { NetlinkMessage, NetlinkRequest } from "../../netlink/message.ts";
export * from "../../netlink/route/address.ts";
export * from "../../netlink/route/bridge-port.ts";
export * from "../../netlink/route/event.ts";
export * from "../../netlink/route/forwarding.ts";
export * from "../../netlink/route/link.ts";
export * from "../../netlink/route/neighbour.ts";
export * from "../../netlink/route/route.ts";
export * from "../../netlink/route/rule.ts";
