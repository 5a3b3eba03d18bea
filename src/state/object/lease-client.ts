/** DHCP clients of interfaces that somebody else made. */
import type { ObjectBase } from "./base.ts";

/**
 * A DHCPv4 client of an interface that somebody else made. What its lease makes of the interface is a unit of its own,
 * so that it changes without a change of the file.
 */
export interface DhcpClientObject extends ObjectBase {
  readonly kind: "dhcp-client";
  readonly namespace: string;
  readonly interfaceName: string;
  /** Of the routes; the lower one wins. */
  readonly metric: number;
  /** The host does without IPv4 where the network does (RFC 8925). */
  readonly ipv6OnlyOk?: true;
}

/**
 * A DHCPv6 client of an interface that somebody else made, whose lease is a unit of its own as that of a DHCPv4 one. It
 * asks for an address, a prefix, or both.
 */
export interface Dhcp6ClientObject extends ObjectBase {
  readonly kind: "dhcp6-client";
  readonly namespace: string;
  readonly interfaceName: string;
  readonly address: boolean;
  /** Wished for; absent: no prefix is asked for. */
  readonly prefixLength?: number;
}
