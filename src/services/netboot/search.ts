/** Boot loaders look for a configuration of the very machine first, by names that are hardly ever there: no failure. */

/** PXELINUX: pxelinux.cfg/ and a UUID, 01- and the MAC address, the IPv4 address in hexadecimal and ever less of it. */
const PXELINUX =
  /(?:^|\/)pxelinux\.cfg\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|01(?:-[0-9a-f]{2}){6}|[0-9a-f]{1,8})$/i;
/** GRUB: the same behind grub.cfg-. */
const GRUB = /(?:^|\/)grub\.cfg-[0-9a-f-]+$/i;

export function isSearch(file: string): boolean {
  return PXELINUX.test(file) || GRUB.test(file);
}
