/** What the DHCP clients of uplinks have of their own, by family: how a lease is held and how it is told. */
import { hostname } from "node:os";
import { formatPrefix } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../protocol/dhcp4/client/lease.ts";
import { describeLease6 } from "../protocol/dhcp6/client/describe.ts";
import type { Dhcp6Lease } from "../protocol/dhcp6/client/lease.ts";
import { steadySeconds } from "../services/clock.ts";
import type { Dhcp6ClientObject, DhcpClientObject } from "../state/object/lease-client.ts";
import { dhcpUnitName, LeaseSession } from "./lease-session.ts";
import { dhcp6UnitName, Lease6Session } from "./lease6-session.ts";

/** What holds a lease. */
export interface HeldLease<Lease> {
  readonly interfaceIndex: number;
  readonly state: string;
  /** What stands on the host. */
  readonly lease: Lease | undefined;
  /** Milliseconds since 1970; undefined: never. */
  readonly nextAttempt: number | undefined;
  giveBack(): Promise<void>;
  letGo(): Promise<void>;
}

interface SessionEvents<Lease> {
  readonly onLease: (lease: Lease) => void;
  /** Files may hang on what is gone; those of a DHCPv4 lease keep what the last one said until there is another. */
  readonly onLoss: () => void;
  readonly onFailure: (error: unknown) => void;
}

type Details = Readonly<Record<string, string | number>>;

export interface UplinkFamily<Object, Lease> {
  /** "DHCP", "DHCPv6" */
  readonly protocol: string;
  unitName(interfaceName: string): string;
  open(object: Object, stateFolder: string, logger: Logger, events: SessionEvents<Lease>): Promise<HeldLease<Lease>>;
  /** For the log. */
  summary(lease: Lease): Details;
  /** For the status, where lists are shown as they are. */
  details(lease: Lease): Details;
  /** What files are compiled from. */
  told(lease: Lease): unknown;
}

/** The first label of this host's name; undefined when no server could take it. */
export function ownHostName(): string | undefined {
  const [label = ""] = hostname().split(".");
  return /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label) ? label : undefined;
}

function ownName(): { readonly hostName?: string } {
  const hostName = ownHostName();
  return hostName === undefined ? {} : { hostName };
}

export const UPLINK_DHCP4: UplinkFamily<DhcpClientObject, Dhcp4Lease> = {
  protocol: "DHCP",
  unitName: dhcpUnitName,
  open: ({ interfaceName, metric, ipv6OnlyOk }, stateFolder, logger, { onLease, onFailure }) =>
    LeaseSession.open({
      stateFolder,
      interfaceName,
      wishes: { ...ownName(), ...(ipv6OnlyOk === undefined ? {} : { ipv6OnlyOk }) },
      metric,
      logger,
      onLease,
      onLoss: ({ address, reason }) => logger.warn("DHCP address given up", { address, reason }),
      onFailure,
    }),
  summary: ({ address, server, leaseSeconds }) => ({ address, server, leaseSeconds }),
  details({ address, prefixLength, server, leaseSeconds, nameServers, searchDomains, ntpServers, routers }) {
    return {
      address: `${address}/${prefixLength}`,
      server,
      ...(leaseSeconds === INFINITE_LEASE_SECONDS ? {} : { leaseSeconds }),
      ...inWords({ routers, nameServers, searchDomains, ntpServers }),
    };
  },
  told: ({ nameServers, searchDomains, domainName, mtuBytes }) => [nameServers, searchDomains, domainName, mtuBytes],
};

export const UPLINK_DHCP6: UplinkFamily<Dhcp6ClientObject, Dhcp6Lease> = {
  protocol: "DHCPv6",
  unitName: dhcp6UnitName,
  open: ({ interfaceName, address, prefixLength }, stateFolder, logger, { onLease, onLoss, onFailure }) =>
    Lease6Session.open({
      stateFolder,
      interfaceName,
      wishes: {
        ...ownName(),
        wishes: { address, ...(prefixLength === undefined ? {} : { prefix: { length: prefixLength } }) },
      },
      logger,
      onLease,
      onLoss: ({ lease, reason }) => {
        logger.warn("DHCPv6 lease given up", { ...leased(lease), reason });
        onLoss();
      },
      onFailure,
    }),
  summary: (lease) => ({ ...leased(lease), server: lease.serverAddress }),
  details(lease) {
    const { serverAddress: server, nameServers, searchDomains, ntpServers } = lease;
    const { addresses, prefixes } = describeLease6(lease, steadySeconds());
    const durations = [...addresses, ...prefixes].flatMap(({ validSeconds }) => validSeconds ?? []);
    return {
      ...leased(lease),
      server,
      ...(durations.length === 0 ? {} : { leaseSeconds: Math.min(...durations) }),
      ...inWords({ nameServers, searchDomains, ntpServers }),
    };
  },
  told: ({ nameServers, searchDomains, prefixes }) => [nameServers, searchDomains, prefixes.map(formatPrefix)],
};

function leased({ addresses, prefixes }: Dhcp6Lease): Readonly<Record<string, string>> {
  return inWords({ addresses: addresses.map(({ address }) => address), prefixes: prefixes.map(formatPrefix) });
}

function inWords(lists: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(lists).flatMap(([name, list]) => (list.length === 0 ? [] : [[name, list.join(",")]])),
  );
}
