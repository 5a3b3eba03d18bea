/** What boot loaders look for though it is hardly ever there, and go on without: no failure. */

/**
 * A configuration of the very machine. PXELINUX: pxelinux.cfg/ and a UUID, 01- and the MAC address, the IPv4 address in
 * hexadecimal and ever less of it.
 */
const PXELINUX =
  /(?:^|\/)pxelinux\.cfg\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|01(?:-[0-9a-f]{2}){6}|[0-9a-f]{1,8})$/i;
/** GRUB: the same behind grub.cfg-; lists of its modules. */
const GRUB = /(?:^|\/)(?:grub\.cfg-[0-9a-f-]+|[\w-]+-(?:efi|pc)\/(?:command|crypto|fs|terminal)\.lst)$/i;
/** Lists of what is revoked, and further certificates. */
const SHIM = /(?:^|\/)(?:revocations\w*|shim_certificate\w*)\.efi$/i;

export function isSearch(file: string): boolean {
  return PXELINUX.test(file) || GRUB.test(file) || SHIM.test(file);
}
