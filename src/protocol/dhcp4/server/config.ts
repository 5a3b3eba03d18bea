/** What a DHCPv4 server for the subnets of one link, and of those that are relayed to it, is told. */
import type { Ipv4Address, Ipv4Prefix, MacAddress } from "../../../base/address.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { BootKind } from "../../pxe/client.ts";

/** Durations in seconds: 1 to 4294967295, which is for ever. */
export interface LeaseSeconds {
  /** For a client that does not ask for a duration. */
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * What a client is told beside its address. Host, classes in their order, range, subnet and network may each say a part
 * of it; each value, and each option, is that of the first of them that says it.
 */
export interface Dhcp4Settings {
  /** An empty value withholds what the next ones say. */
  readonly options?: Dhcp4Options;
  /** A bound that is not named comes from the next one that does; a default beyond the bounds is moved to them. */
  readonly leaseSeconds?: Partial<LeaseSeconds>;
  /** `siaddr`, from where the boot file is fetched. */
  readonly nextServer?: Ipv4Address;
  /** `sname`, at most 63 bytes. */
  readonly serverName?: string;
  /** `file`, at most 127 bytes. */
  readonly bootFile?: string;
  /** The boot file for firmware that boots by HTTP, which knows nothing but addresses http://…; in place of the name. */
  readonly bootUrl?: string;
  /** The boot file is iPXE, which would load itself for ever: iPXE is told what the next ones say. */
  readonly bootsIpxe?: true;
}

export interface AddressRange {
  readonly first: Ipv4Address;
  /** At least `first`. */
  readonly last: Ipv4Address;
}

interface Dhcp4Range extends AddressRange, Dhcp4Settings {}

interface Dhcp4Subnet extends Dhcp4Settings {
  readonly subnet: Ipv4Prefix;
  /** Of this subnet and without a common address; none where all clients are `hosts` with an address. */
  readonly ranges: readonly Dhcp4Range[];
}

export interface Dhcp4FurtherSubnet extends Dhcp4Subnet {
  /** The server's own address there, which nobody gets. */
  readonly ownAddress?: Ipv4Address;
  /** A link of its own: only clients whose relay agent names it get its addresses, and no others. */
  readonly relayed?: true;
}

/** By what a host is known. */
type Dhcp4HostIdentity =
  | { readonly mac: MacAddress }
  /** Option 61, with its type byte. */
  | { readonly clientIdentifier: Uint8Array }
  /** Sub-option 1 of a relay agent's option 82: whoever is at that port. */
  | { readonly circuitId: Uint8Array };

export interface Dhcp4Host extends Dhcp4Settings {
  readonly identity: Dhcp4HostIdentity;
  /** One label of a domain name: the host's name whatever it calls itself, and its option 12. */
  readonly name?: string;
  /** Of one of the subnets, within the ranges or not; nobody else gets it. Without one, or on another link, it is any of the ranges. */
  readonly address?: Ipv4Address;
}

/** The beginning of a MAC address, 1 to 6 bytes: "00:50:56". */
export type MacPrefix = string;

/** Clients of one kind: all that is named must match. */
export interface Dhcp4Class extends Dhcp4Settings {
  /** For messages to people. */
  readonly name: string;
  /** How the vendor class, option 60, begins. */
  readonly vendorClass?: string;
  /** One of the user classes of option 77 (RFC 3004), or all of it, as iPXE sends it. */
  readonly userClass?: string;
  /** One of these is among the architectures of option 93 (RFC 4578 §2.1). */
  readonly architectures?: readonly number[];
  /** It wants to boot, and is of this kind. */
  readonly boots?: BootKind;
  readonly macPrefix?: MacPrefix;
  /** Of one of the subnets, beside their ranges: only the class's clients get its addresses, and on that link only these. */
  readonly range?: AddressRange;
}

/** What keeps a flood of messages from using up the addresses, each with a default that fits the ranges' size. */
export interface Dhcp4Limits {
  /** Addresses that are offered and not requested at one time; with more of them the oldest offer is given to others. */
  readonly offers?: number;
  /** Clients without an address that get an offer and do not come back, in a second. */
  readonly newClientsPerSecond?: number;
  /** Addresses that are in quarantine at one time because somebody else was found to use them. */
  readonly declined?: number;
  /** Of these because one client said so. */
  readonly declinedPerClient?: number;
  /** Leases of clients at one port of the bridge, or at one circuit of a relay; default any number. */
  readonly leasesPerPort?: number;
  /**
   * The same for each address that is free: the fewer are left, the fewer may one port have. Default 8. Where
   * `leasesPerPort` is given it holds only for clients behind circuits, of which there may be any number at one port.
   */
  readonly leasesForEachFree?: number;
  /** Leases that are given in a second, on average, to clients that have none; four times as many at once. */
  readonly newLeasesPerSecond?: number;
  /** Those at one port or circuit. */
  readonly newLeasesPerSecondOfPort?: number;
}

/** Ask whether somebody uses an address before it is offered to a client that did not have it. */
export interface Dhcp4Probe {
  /** How long an answer is waited for, in seconds: of ARP on the link, and of an ICMP echo through a relay. */
  readonly arpSeconds?: number;
  readonly icmpSeconds?: number;
  /** Clients that wait at one time; further ones are answered at once. */
  readonly atOnce?: number;
}

/** The first subnet, whose settings are those of the network, and all that is not a subnet's. */
export interface Dhcp4ServerConfig extends Dhcp4Subnet {
  /** Source address and server identifier; of the first subnet. */
  readonly serverAddress: Ipv4Address;
  readonly serverMac: MacAddress;
  readonly leaseSeconds: LeaseSeconds;
  /** Subnet mask and broadcast address are added. */
  readonly options: Dhcp4Options;
  /**
   * More subnets. Those on the same link are used when those before them are full. They have the network's settings except the
   * options that belong to one subnet: mask, broadcast address, routers and static routes.
   */
  readonly furtherSubnets?: readonly Dhcp4FurtherSubnet[];
  readonly hosts?: readonly Dhcp4Host[];
  readonly classes?: readonly Dhcp4Class[];
  /** Hardware addresses, or how they begin, whose messages are not answered. */
  readonly ignore?: readonly MacPrefix[];
  /** Only `hosts` are answered. */
  readonly knownOnly?: boolean;
  /**
   * Believe where a client is (option 82, circuit) also when no relay agent sent its message: a switch puts that into what
   * its clients send, and lets none write it themselves. Default false.
   */
  readonly trustCircuit?: boolean;
  /** No other server gives addresses on this link: clients that this one does not know get an answer, too. */
  readonly authoritative: boolean;
  /**
   * Nobody has said that it is to serve the link, and another server may turn up there: it refuses nobody an address that
   * is not of its ranges, not even a client that comes from another link. Without `authoritative`.
   */
  readonly uninvited?: true;
  /** Give the address at once to a client that wishes it (RFC 4039); only where there is one server. */
  readonly rapidCommit: boolean;
  /** The names of leases go into the network's DNS, which clients are told so (RFC 4702 §4); default false. */
  readonly updatesNames?: boolean;
  readonly limits?: Dhcp4Limits;
  /** The link is a bridge, and who hands frames over can tell at which of its ports a client is. */
  readonly hasPorts?: true;
  /** Absent: addresses are offered without a probe. */
  readonly probe?: Dhcp4Probe;
  /** Bytes of IP that a frame of the link carries; default 1500. */
  readonly mtuBytes?: number;
}
