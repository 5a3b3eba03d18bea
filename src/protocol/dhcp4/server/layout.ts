/** Where the addresses of a configuration lie: ranges, subnets, and what nobody may get. */
import {
  broadcastOf,
  contains,
  type Ipv4Address,
  ipv4ToNumber,
  type Ipv4Prefix,
  networkOf,
} from "../../../base/address.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { AddressRange, Dhcp4ServerConfig, Dhcp4Settings, Dhcp4Subnet } from "./config.ts";

/** Addresses for which the same is said. */
export interface Place {
  readonly index: number;
  readonly subnet: Ipv4Prefix;
  /** Those of a range, of its subnet and of the network, as far as there are such; the first that says something counts. */
  readonly settings: readonly Dhcp4Settings[];
}

export interface RangePlace extends Place {
  readonly first: number;
  readonly last: number;
  /** Only for clients of this class, by its number in the configuration. */
  readonly classIndex: number | undefined;
}

/** Options of one subnet, which another one on the same link does not have. */
const OF_SUBNET: ReadonlySet<number> = new Set(
  [
    DHCP4_OPTION.subnetMask,
    DHCP4_OPTION.broadcastAddress,
    DHCP4_OPTION.routers,
    DHCP4_OPTION.staticRoutes,
    DHCP4_OPTION.classlessRoutes,
    DHCP4_OPTION.microsoftClasslessRoutes,
  ].map(({ code }) => code),
);

export class Layout {
  /** In the order in which addresses are given out. */
  readonly ranges: readonly RangePlace[];
  /** Addresses outside the ranges, by subnet. */
  readonly subnets: readonly Place[];
  /** The subnets' ends, the server's own address, and the routers that clients are told. */
  readonly #excluded = new Set<Ipv4Address>();
  /** Addresses of hosts: nobody else's. */
  readonly #reserved: ReadonlySet<Ipv4Address>;
  readonly #sorted: readonly RangePlace[];

  constructor(config: Dhcp4ServerConfig) {
    const { furtherSubnets = [], classes = [], hosts = [] } = config;
    const inherited = inheritedBy(config);
    const subnets: Place[] = [];
    const ranges: RangePlace[] = [];
    const place = (subnet: Ipv4Prefix, settings: readonly Dhcp4Settings[]): Place => ({
      index: subnets.length + ranges.length,
      subnet,
      settings,
    });
    const addRange = (
      at: Place,
      range: AddressRange,
      settings: readonly Dhcp4Settings[],
      classIndex?: number,
    ): void => {
      const [first, last] = [ipv4ToNumber(range.first), ipv4ToNumber(range.last)];
      ranges.push({ ...place(at.subnet, [...settings, ...at.settings]), first, last, classIndex });
    };
    for (const each of [config, ...furtherSubnets]) {
      const subnet = place(networkOf(each.subnet), each === config ? [config] : [each, inherited]);
      subnets.push(subnet);
      for (const range of each.ranges) addRange(subnet, range, [range]);
      this.#exclude(each);
    }
    for (const [classIndex, { range }] of classes.entries()) {
      const subnet = range === undefined ? undefined : subnets.find((each) => contains(each.subnet, range.first));
      if (range !== undefined && subnet !== undefined) addRange(subnet, range, [], classIndex);
    }
    this.#excluded.add(config.serverAddress);
    this.subnets = subnets;
    this.ranges = ranges;
    this.#sorted = ranges.toSorted((a, b) => a.first - b.first);
    this.#reserved = new Set(hosts.map(({ address }) => address).filter((address) => address !== undefined));
  }

  #exclude({ subnet, options, ranges }: Dhcp4Subnet): void {
    for (const each of [options, ...ranges.map((range) => range.options)]) {
      const routers = each?.get(DHCP4_OPTION.routers.code);
      if (routers === undefined) continue;
      for (const router of DHCP4_OPTION.routers.codec.decode(routers) ?? []) this.#excluded.add(router);
    }
    if (subnet.length >= 31) return;
    this.#excluded.add(networkOf(subnet).address);
    this.#excluded.add(broadcastOf(subnet));
  }

  /** Undefined outside the ranges. */
  rangeOf(address: number): RangePlace | undefined {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]!.last < address) low = middle + 1;
      else high = middle;
    }
    const found = this.#sorted[low];
    return found !== undefined && found.first <= address ? found : undefined;
  }

  subnetOf(address: Ipv4Address): Place | undefined {
    for (const place of this.subnets) if (contains(place.subnet, address)) return place;
    return undefined;
  }

  /** The range's, else the subnet's; undefined for an address of elsewhere. */
  placeOf(address: Ipv4Address): Place | undefined {
    return this.rangeOf(ipv4ToNumber(address)) ?? this.subnetOf(address);
  }

  isReserved(address: Ipv4Address): boolean {
    return this.#reserved.has(address);
  }

  /** Whether an address of a range may go to anybody. */
  isGivenOut(address: Ipv4Address): boolean {
    return !this.#excluded.has(address) && !this.#reserved.has(address);
  }
}

/** What a further subnet has from the network. */
function inheritedBy({ options, leaseSeconds, nextServer, serverName, bootFile }: Dhcp4ServerConfig): Dhcp4Settings {
  const shared: Dhcp4Options = new Map([...options].filter(([code]) => !OF_SUBNET.has(code)));
  return {
    options: shared,
    leaseSeconds,
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}
