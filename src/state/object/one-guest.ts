/** What serves exactly one guest on its tap: DHCPv4, and router advertisements with DHCPv6. */
import type { SingleServerConfig } from "../../protocol/dhcp4/single-server.ts";
import type { GuestPlace6 } from "../../protocol/guest-lease6.ts";
import type { ObjectBase } from "./base.ts";

interface OnTap extends ObjectBase {
  readonly namespace: string;
  readonly linkKey: string;
  /** The interface's name at the time the service runs. */
  readonly interfaceName: string;
}

/** A DHCPv4 server for exactly one client, raw on one tap. */
export interface SingleDhcpObject extends OnTap, SingleServerConfig {
  readonly kind: "dhcp-single";
}

/** Router advertisements and a DHCPv6 server for exactly one guest, raw on one tap. */
export interface Ip6SingleObject extends OnTap, GuestPlace6 {
  readonly kind: "ip6-single";
}
