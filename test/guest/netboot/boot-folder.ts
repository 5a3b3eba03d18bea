/** Folders that can be booted over the network, made of the test guest's kernel and a program that tells one line. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS } from "../../support/guest-image.ts";
import { shell } from "../../support/network.ts";

/** iPXE for UEFI by the firmware's own network driver (Debian's package ipxe). */
const IPXE_EFI = "/usr/lib/ipxe/snponly.efi";
/** What makes one program of a kernel, its initial RAM disk and its command line (Debian's package systemd-boot-efi). */
const EFI_STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
/** What firmware with Microsoft's keys starts, and what that starts (Debian's packages shim-signed, grub-efi-amd64-signed). */
const SIGNED = ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"];

export class BootFolders {
  readonly #folder: string;

  /** @param folder empty, of the test's own */
  constructor(folder: string) {
    this.#folder = folder;
    shell(`cd ${folder}
      mkdir -p tree/dev
      gcc -Os -static -s -o tree/init ${join(import.meta.dirname, "init.c")}
      cd tree; find . | cpio --quiet -o -H newc | gzip -1 >../initrd.img`);
  }

  /** A kernel and its initial RAM disk, and iPXE for UEFI firmware. */
  loose(name: string, word: string): string {
    return this.#withKernel(name, word, [IPXE_EFI]);
  }

  /** The same with shim and GRUB, as Debian's packages have them; the kernel has Debian's signature, too. */
  signed(name: string, word: string): string {
    return this.#withKernel(name, word, SIGNED);
  }

  #withKernel(name: string, word: string, loaders: readonly string[]): string {
    const root = this.#make(name);
    copyFileSync(GUEST_KERNEL, join(root, "vmlinuz"));
    copyFileSync(join(this.#folder, "initrd.img"), join(root, "initrd.img"));
    for (const loader of loaders) copyFileSync(loader, join(root, basename(loader)));
    writeFileSync(join(root, "cmdline.txt"), `${GUEST_KERNEL_ARGUMENTS} ${word}\n`);
    return root;
  }

  /** One program for UEFI firmware that holds all. */
  unified(name: string, word: string): string {
    const root = this.#make(name);
    writeFileSync(join(root, "cmdline.txt"), `${GUEST_KERNEL_ARGUMENTS} ${word}`);
    const sections = [
      ["cmdline", join(root, "cmdline.txt"), "0x30000"],
      ["linux", GUEST_KERNEL, "0x2000000"],
      ["initrd", join(this.#folder, "initrd.img"), "0x4000000"],
    ].map(([section, file, place]) => `--add-section .${section}=${file} --change-section-vma .${section}=${place}`);
    shell(`objcopy ${sections.join(" ")} ${EFI_STUB} ${join(root, "bootx64.efi")}; rm ${join(root, "cmdline.txt")}`);
    return root;
  }

  #make(name: string): string {
    const root = join(this.#folder, name);
    mkdirSync(root);
    return root;
  }
}
