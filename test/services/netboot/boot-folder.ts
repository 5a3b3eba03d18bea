/** A folder of files that look like what boots, by name and by their first bytes. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

function program(machine: number, bytes = 4096): Buffer {
  const head = Buffer.alloc(bytes);
  head.write("MZ", 0);
  head.writeUInt32LE(0x80, 0x3c);
  head.write("PE\0\0", 0x80);
  head.writeUInt16LE(machine, 0x84);
  return head;
}

export const EFI_X64 = program(0x8664);
export const EFI_IA32 = program(0x014c);
export const EFI_ARM64 = program(0xaa64);
/** bzImage that UEFI can start, too. */
export const KERNEL = ((): Buffer => {
  const head = program(0x8664);
  head.write("HdrS", 0x202);
  return head;
})();
export const INITRD = gzipSync(Buffer.from(`070701${"0".repeat(5000)}`));
/** An image that says how many sectors it has, and as many as it has. */
export function isoOf(toldSectors: number, sectors: number): Buffer {
  const image = Buffer.alloc(sectors * 2048);
  image.write("CD001", 0x8001);
  image.writeUInt32LE(toldSectors, 0x8000 + 80);
  image.writeUInt16LE(2048, 0x8000 + 128);
  return image;
}
export const ISO = isoOf(20, 20);
/** Debian's grubx64.efi, which knows disks only. */
export const DISK_GRUB_EFI = Buffer.concat([EFI_X64, Buffer.from("GNU GRUB  version %s")]);
export const GRUB_EFI = Buffer.concat([DISK_GRUB_EFI, Buffer.from("../../grub-core/net/tftp.c")]);
export const IPXE_EFI = Buffer.concat([EFI_X64, Buffer.from("%s initialising devices...")]);

/** Of another folder, absolute, or relative to the link. */
export interface Link {
  readonly link: string;
}

/** Files by their path. The folder goes with the returned object. */
export function makeFolder(
  files: Readonly<Record<string, Buffer | string | Link>>,
): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "netloom-boot-"));
  for (const [name, content] of Object.entries(files)) {
    const target = join(path, name);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof content === "object" && "link" in content) symlinkSync(content.link, target);
    else writeFileSync(target, content);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
