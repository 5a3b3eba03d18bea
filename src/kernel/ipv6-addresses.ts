/** Where an interface stands with its IPv6 addresses: which ones are its own, and which somebody else has. */
import { familyOf, type Ipv6Address, isLinkLocal6 } from "../base/address.ts";
import {
  decodeAddress,
  dumpAddresses,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  type InterfaceAddress,
} from "../netlink/route/address.ts";
import { RouteNetlink } from "./netlink.ts";

/** RFC 4862 §5.4: an address is looked for on the link before it is used. */
type AddressStanding = "tentative" | "duplicate" | "ours";

/** `ip -6 address show dev NAME`, in our own namespace. @throws NetlinkError */
export async function ipv6Standings(linkIndex: number): Promise<ReadonlyMap<Ipv6Address, AddressStanding>> {
  await using netlink = RouteNetlink.open();
  const all = await netlink.dump(dumpAddresses({ linkIndex }), decodeAddress);
  return new Map(
    all
      .filter((found) => found.linkIndex === linkIndex && familyOf(found.address) === 6)
      .map((found) => [found.address as Ipv6Address, standingOf(found)]),
  );
}

function standingOf({ flags = 0 }: InterfaceAddress): AddressStanding {
  if ((flags & IFA_F_DADFAILED) !== 0) return "duplicate";
  return (flags & IFA_F_TENTATIVE) === 0 ? "ours" : "tentative";
}

/** The address that a client on the link speaks from; undefined: there is none yet. */
export async function linkLocalOf(linkIndex: number): Promise<Ipv6Address | undefined> {
  for (const [address, standing] of await ipv6Standings(linkIndex))
    if (standing === "ours" && isLinkLocal6(address)) return address;
  return undefined;
}
