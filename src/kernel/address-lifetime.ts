/** How long the kernel keeps an address that is there. */
import type { Ipv4Prefix } from "../base/address.ts";
import { newAddress } from "../netlink/route/address.ts";
import { RouteNetlink } from "./netlink.ts";

/**
 * `ip address change A/L dev IF valid_lft SECONDS`, in our own namespace; what else the address has stays.
 * @throws NetlinkError
 */
export async function extendAddress(linkIndex: number, prefix: Ipv4Prefix, validSeconds: number): Promise<void> {
  await using netlink = RouteNetlink.open();
  const { address, length: prefixLength } = prefix;
  await netlink.execute([newAddress({ linkIndex, address, prefixLength, validSeconds }, { replace: true })]);
}
