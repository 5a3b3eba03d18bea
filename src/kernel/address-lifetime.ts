/** How long the kernel keeps an address that is there. */
import type { Prefix } from "../base/address.ts";
import { newAddress } from "../netlink/route/address.ts";
import { RouteNetlink } from "./netlink.ts";

/**
 * `ip address change A/L dev IF valid_lft SECONDS preferred_lft SECONDS`, in our own namespace; what else the address has
 * stays.
 * @param told IFA_F_* bits of the address, which are set anew; preferred: default as long as it is valid
 * @throws NetlinkError
 */
export async function extendAddress(
  linkIndex: number,
  { address, length: prefixLength }: Prefix,
  validSeconds: number,
  { preferredSeconds = validSeconds, flags = 0 }: { readonly preferredSeconds?: number; readonly flags?: number } = {},
): Promise<void> {
  await using netlink = RouteNetlink.open();
  const told = { linkIndex, address, prefixLength, validSeconds, preferredSeconds, flags };
  await netlink.execute([newAddress(told, { replace: true })]);
}
