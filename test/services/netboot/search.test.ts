import { expect, test } from "vitest";
import { isSearch } from "../../../src/services/netboot/search.ts";

test.each([
  ["pxelinux.cfg/01-52-54-00-00-00-17", true],
  ["amd64/pxelinux.cfg/C0000267", true],
  ["pxelinux.cfg/C", true],
  ["pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d", true],
  ["grub/grub.cfg-01-52-54-00-00-00-17", true],
  ["grub/x86_64-efi/command.lst", true],
  ["boot/grub/i386-pc/fs.lst", true],
  ["revocations_sbat.efi", true],
  ["efi/shim_certificate_0.efi", true],
  ["pxelinux.cfg/default", false],
  ["grub/grub.cfg", false],
  ["grub/x86_64-efi/linux.mod", false],
  ["menu.lst", false],
  ["shimx64.efi", false],
  ["vmlinuz-C0000267", false],
])("%s is what a loader goes on without: %s", (file, expected) => {
  expect(isSearch(file)).toBe(expected);
});
