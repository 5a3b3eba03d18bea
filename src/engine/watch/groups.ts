/** Multicast groups of the kernel that tell of changes (linux/rtnetlink.h, linux/netfilter/nfnetlink.h). */
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "../../netlink/route/constants.ts";

export const RTNLGRP = {
  link: RTNLGRP_LINK,
  neighbour: RTNLGRP_NEIGH,
  ipv4Address: RTNLGRP_IPV4_IFADDR,
  ipv4Route: RTNLGRP_IPV4_ROUTE,
  ipv4Rule: RTNLGRP_IPV4_RULE,
  ipv6Address: RTNLGRP_IPV6_IFADDR,
  ipv6Route: RTNLGRP_IPV6_ROUTE,
  ipv6Rule: RTNLGRP_IPV6_RULE,
  /** RTNLGRP_IPV4_NETCONF and RTNLGRP_IPV6_NETCONF. */
  ipv4Parameter: 24,
  ipv6Parameter: 25,
} as const;

export const NFNLGRP_NFTABLES = 7;

/**
 * Parameters whose change raises an event (enum in linux/netconf.h); `ip_forward` is conf/all/forwarding by another
 * name.
 */
const WITH_EVENT =
  /^net\/ipv4\/ip_forward$|^net\/ipv[46]\/conf\/[^/]+\/(?:forwarding|rp_filter|mc_forwarding|bc_forwarding|proxy_arp|proxy_ndp|ignore_routes_with_linkdown)$/;

/** Whether the kernel tells of a change of this parameter (path below /proc/sys). */
export function raisesEvent(path: string): boolean {
  return WITH_EVENT.test(path) && !/^net\/ipv6\/.*\/rp_filter$/.test(path);
}
