/** A network's DHCPv4 server. */
import type { Ipv4Address, Ipv4Prefix, MacAddress } from "../../base/address.ts";
import type { BootKind } from "../../protocol/pxe/client.ts";
import type { ObjectBase } from "./base.ts";

/** Both ends included. */
export interface DhcpRange {
  readonly first: Ipv4Address;
  readonly last: Ipv4Address;
}

/** What a client of a network's DHCP server is told beside its address. */
export interface DhcpTold {
  /** By code, value in hexadecimal; an empty one is not told. */
  readonly options: readonly { readonly code: number; readonly hex: string }[];
  /** From where the boot file is fetched. */
  readonly nextServer?: Ipv4Address;
  readonly serverName?: string;
  readonly bootFile?: string;
  /** The same as an address http://… for firmware that boots by HTTP. */
  readonly bootUrl?: string;
  /** It is iPXE, and not told to iPXE. */
  readonly bootsIpxe?: true;
}

/** A client that is known; exactly one of mac, clientIdHex and circuitIdHex is there. */
export interface DhcpKnownHost extends DhcpTold {
  readonly mac?: MacAddress;
  readonly clientIdHex?: string;
  readonly circuitIdHex?: string;
  readonly name?: string;
  /** Nobody else gets it; absent: any of the ranges. */
  readonly address?: Ipv4Address;
  readonly leaseSeconds?: number;
}

/** Clients of one kind: all that is there has to match. */
interface DhcpClientClass extends DhcpTold {
  readonly name: string;
  readonly vendor?: string;
  readonly user?: string;
  readonly architectures?: readonly number[];
  /** What the network's boot files are for. */
  readonly boots?: BootKind;
  readonly macPrefix?: string;
  readonly range?: DhcpRange;
  readonly leaseSeconds?: number;
}

/** Another subnet of a network's DHCP server; what it does not say is the network's. */
export interface DhcpFurtherSubnet extends DhcpTold {
  readonly subnet: Ipv4Prefix;
  readonly ranges: readonly DhcpRange[];
  readonly leaseSeconds?: { readonly default?: number; readonly minimum?: number; readonly maximum?: number };
  /** The host's own address there. */
  readonly gateway?: Ipv4Address;
  /** It is not on the bridge: its clients come through a relay agent. */
  readonly relayed?: true;
}

/** What keeps those at one port of a bridge from taking a DHCP server's addresses; all at least 1. */
export interface DhcpLimits {
  readonly leasesPerPort?: number;
  readonly newLeasesPerSecond?: number;
  readonly newLeasesPerSecondOfPort?: number;
}

/** The DHCPv4 server on a network's bridge. */
export interface NetworkDhcpObject extends ObjectBase, DhcpTold {
  readonly kind: "dhcp-network";
  readonly namespace: string;
  readonly linkKey: string;
  readonly interfaceName: string;
  /** FILE/NETWORK: all objects that say the same share one server and its leases. */
  readonly network: string;
  /** Its hosts join what the network's own object says, where there is one. */
  readonly joins?: true;
  /** Source address and server identifier: the bridge's own. */
  readonly serverAddress: Ipv4Address;
  readonly prefixLength: number;
  readonly mtuBytes: number;
  /** Of the first subnet. */
  readonly ranges: readonly DhcpRange[];
  readonly leaseSeconds: { readonly default: number; readonly minimum: number; readonly maximum: number };
  readonly authoritative: boolean;
  readonly rapidCommit: boolean;
  readonly knownOnly: boolean;
  /** Believe a circuit also in what no relay agent sent. */
  readonly trustCircuit?: true;
  /** Absent, and what is absent of it: the server's defaults. */
  readonly limits?: DhcpLimits;
  /** Clients that ask are told that their names are known to the DNS (RFC 4702). */
  readonly updatesNames?: true;
  /** MAC addresses, or how they begin, that get no answer. */
  readonly ignore: readonly string[];
  readonly hosts: readonly DhcpKnownHost[];
  readonly classes: readonly DhcpClientClass[];
  /** Absent: none. */
  readonly furtherSubnets?: readonly DhcpFurtherSubnet[];
}
