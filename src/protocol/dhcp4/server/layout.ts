/** Where the addresses of a configuration lie: ranges, subnets, and what nobody may get. */
import { broadcastOf, type Ipv4Address, ipv4ToNumber, type Ipv4Prefix, networkOf } from "../../../base/address.ts";
import { SubnetTable } from "../../../base/subnet-table.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { AddressRange, Dhcp4FurtherSubnet, Dhcp4ServerConfig, Dhcp4Settings } from "./config.ts";

/** Addresses for which the same is said. */
export interface Place {
  readonly index: number;
  /** Addresses of one link go to its clients alone: {@link OWN_LINK}, or a number of each relayed subnet. */
  readonly link: number;
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

/** The link that the server itself is on. */
export const OWN_LINK = 0;

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
  readonly #subnetTable: SubnetTable<Place>;

  constructor(config: Dhcp4ServerConfig) {
    const { furtherSubnets = [], classes = [], hosts = [] } = config;
    const inherited = inheritedBy(config);
    const subnets: Place[] = [];
    const ranges: RangePlace[] = [];
    const place = (subnet: Ipv4Prefix, link: number, settings: readonly Dhcp4Settings[]): Place => ({
      index: subnets.length + ranges.length,
      link,
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
      ranges.push({ ...place(at.subnet, at.link, [...settings, ...at.settings]), first, last, classIndex });
    };
    const all: readonly Dhcp4FurtherSubnet[] = [config, ...furtherSubnets];
    for (const [number, each] of all.entries()) {
      const link = each.relayed === true ? number : OWN_LINK;
      const subnet = place(networkOf(each.subnet), link, each === config ? [config] : [each, inherited]);
      subnets.push(subnet);
      for (const range of each.ranges) addRange(subnet, range, [range]);
      this.#exclude(each);
    }
    this.#subnetTable = new SubnetTable(subnets.map((subnet) => [subnet.subnet, subnet] as const));
    for (const [classIndex, { range }] of classes.entries()) {
      const subnet = range === undefined ? undefined : this.#subnetTable.find(range.first);
      if (range !== undefined && subnet !== undefined) addRange(subnet, range, [], classIndex);
    }
    this.#excluded.add(config.serverAddress);
    this.subnets = subnets;
    this.ranges = ranges;
    this.#sorted = ranges.toSorted((a, b) => a.first - b.first);
    this.#reserved = new Set(hosts.map(({ address }) => address).filter((address) => address !== undefined));
  }

  #exclude({ subnet, options, ranges, ownAddress }: Dhcp4FurtherSubnet): void {
    if (ownAddress !== undefined) this.#excluded.add(ownAddress);
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
    return this.#subnetTable.find(address);
  }

  /** The range's, else the subnet's; undefined for an address of elsewhere. */
  placeOf(address: Ipv4Address): Place | undefined {
    return this.rangeOf(ipv4ToNumber(address)) ?? this.subnetOf(address);
  }

  /** How many addresses of a range may go to anybody. */
  addressesOf({ first, last }: RangePlace): number {
    let addresses = last - first + 1;
    for (const address of new Set([...this.#excluded, ...this.#reserved])) {
      const number = ipv4ToNumber(address);
      if (number >= first && number <= last) addresses--;
    }
    return addresses;
  }

  isReserved(address: Ipv4Address): boolean {
    return this.#reserved.has(address);
  }

  /** Whether an address of a range may go to anybody. */
  isGivenOut(address: Ipv4Address): boolean {
    return !this.#excluded.has(address) && !this.#reserved.has(address);
  }
}

/** Whether an option of the first subnet is not told in the others. */
export function isOfSubnet(code: number): boolean {
  return OF_SUBNET.has(code);
}

/** What a further subnet has from the network, on the same link or not. */
function inheritedBy({
  options,
  leaseSeconds,
  nextServer,
  serverName,
  bootFile,
  bootsIpxe,
}: Dhcp4ServerConfig): Dhcp4Settings {
  const shared: Dhcp4Options = new Map([...options].filter(([code]) => !isOfSubnet(code)));
  return {
    options: shared,
    leaseSeconds,
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
    ...(bootsIpxe === undefined ? {} : { bootsIpxe }),
  };
}
