/** What a server has to know of the interface that it serves. */
import {
  familyOf,
  type Ipv4Address,
  type Ipv4Prefix,
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
} from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { decodeAddress, dumpAddresses } from "../netlink/route/address.ts";
import { decodeLink, dumpLinks, getLink, IFF_RUNNING } from "../netlink/route/link.ts";
import { NetlinkError } from "./netlink/error.ts";
import { RouteNetlink } from "./netlink.ts";

export interface ServedInterface {
  readonly index: number;
  readonly mac: MacAddress;
  readonly mtuBytes: number;
  readonly isBridge: boolean;
  /** In the kernel's order: primary ones first. */
  readonly addresses: readonly Ipv4Prefix[];
  /** With those of the link only (fe80::/10). */
  readonly ipv6Addresses: readonly Ipv6Prefix[];
}

const NO_MAC = "00:00:00:00:00:00";

/**
 * `ip address show dev NAME`, in our own namespace.
 * @throws NetloomError unfit-interface when there is none of that name, or it is no Ethernet
 */
export async function readInterface(name: string): Promise<ServedInterface> {
  await using netlink = RouteNetlink.open();
  const link = (await netlink.dump(dumpLinks(), decodeLink)).find((candidate) => candidate.name === name);
  const unfit = (reason: string, hint: string): NetloomError =>
    new NetloomError("unfit-interface", `interface ${name}: ${reason}`, { hint });
  if (link === undefined) throw unfit("there is none", "ip link shows what there is.");
  if (link.macAddress === undefined || link.macAddress === NO_MAC)
    throw unfit("it has no hardware address", "DHCP clients are reached through an Ethernet interface.");
  const all = await netlink.dump(dumpAddresses({ linkIndex: link.index }), decodeAddress);
  const ofFamily = (family: 4 | 6) =>
    all
      .filter(({ linkIndex, address }) => linkIndex === link.index && familyOf(address) === family)
      .map(({ address, prefixLength }) => ({ address, length: prefixLength }));
  return {
    index: link.index,
    mac: link.macAddress,
    mtuBytes: link.mtuBytes ?? 1500,
    isBridge: link.kind === "bridge",
    addresses: ofFamily(4).map(({ address, length }) => ({ address: address as Ipv4Address, length })),
    ipv6Addresses: ofFamily(6).map(({ address, length }) => ({ address: address as Ipv6Address, length })),
  };
}

interface LinkState {
  readonly index: number;
  /** Whether frames can pass. */
  readonly running: boolean;
  /** How often they began to. */
  readonly carrierUpCount: number;
}

/**
 * An interface of our own namespace; undefined: there is none of that name.
 * @throws NetlinkError
 */
export async function linkStateOf(name: string): Promise<LinkState | undefined> {
  await using netlink = RouteNetlink.open();
  try {
    const { index, flags, carrierUpCount = 0 } = await netlink.get(getLink({ name }), decodeLink);
    return { index, running: (flags & IFF_RUNNING) !== 0, carrierUpCount };
  } catch (error) {
    if (error instanceof NetlinkError && error.errnoName === "ENODEV") return undefined;
    throw error;
  }
}
