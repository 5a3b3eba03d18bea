/** The longest packet that leaves whole towards the clients of an address. */
import type { IpAddress } from "../../base/address.ts";
import { RouteNetlink } from "../../kernel/netlink.ts";
import { decodeAddress, dumpAddresses } from "../../netlink/route/address.ts";
import { decodeLink, dumpLinks } from "../../netlink/route/link.ts";

/** Of an address that is on no interface (0.0.0.0), and of Ethernet. */
export const USUAL_MTU_BYTES = 1500;

/** `ip link show` of the interface that has the address. @throws SystemCallError, NetlinkError */
export async function mtuBytesOf(address: IpAddress, namespacePath: string | undefined): Promise<number> {
  await using netlink = RouteNetlink.open(namespacePath === undefined ? {} : { namespacePath });
  const found = (await netlink.dump(dumpAddresses(), decodeAddress)).find((own) => own.address === address);
  if (found === undefined) return USUAL_MTU_BYTES;
  const links = await netlink.dump(dumpLinks(), decodeLink);
  return links.find(({ index }) => index === found.linkIndex)?.mtuBytes ?? USUAL_MTU_BYTES;
}
