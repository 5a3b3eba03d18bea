/** What a file is by its first bytes, whatever it is called. */
import { gunzipSync, constants as zlib } from "node:zlib";
import type { BootPlatform } from "../../protocol/pxe/client.ts";

/** So much of a file's beginning tells what it is. */
export const HEAD_BYTES = 64 * 1024;

/** IMAGE_FILE_HEADER.Machine of PE/COFF. */
const MACHINES: ReadonlyMap<number, BootPlatform> = new Map([
  [0x014c, "efi-ia32"],
  [0x8664, "efi-x64"],
  [0x01c2, "efi-arm32"],
  [0xaa64, "efi-arm64"],
]);
const PE_OFFSET = 0x3c;
/** Of bzImage: Linux Documentation/arch/x86/boot.rst. */
const LINUX_MAGIC_OFFSET = 0x202;
/** `setup_sects` and `syssize` there. */
const LINUX_SECTORS_OFFSET = 0x1f1;
const LINUX_USUAL_SECTORS = 4;
const LINUX_SIZE_OFFSET = 0x1f4;
/** Linux Documentation/arch/arm64/booting.rst. */
const ARM64_MAGIC_OFFSET = 0x38;
/** ECMA-119 §8: the first volume descriptor, in sector 16. */
const ISO_MAGIC_OFFSET = 0x8001;
/** Filling at the end of an image, 150 sectors as a rule, may have been left out. */
const SPARE_BYTES = 512 * 1024;

const COMPRESSED: readonly Uint8Array[] = [
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], // xz
  [0x42, 0x5a, 0x68], // bzip2
  [0x02, 0x21, 0x4c, 0x18], // lz4, the legacy format that the kernel reads
  [0x5d, 0x00, 0x00], // lzma
  [0x89, 0x4c, 0x5a, 0x4f], // lzop
].map((bytes) => Uint8Array.from(bytes));
const CPIO = /^07070[127]/;
/** What an initial RAM disk is called: of other compressed files there are many. */
const INITRD_NAME = /init|ramdisk|rootfs|cpio/i;

export type Content =
  /** On which platforms it runs; BIOS loads it through a boot loader. */
  | { readonly kind: "kernel"; readonly platforms: readonly BootPlatform[]; readonly wholeBytes?: number }
  | { readonly kind: "initrd" }
  | { readonly kind: "iso"; readonly wholeBytes: number }
  | { readonly kind: "efi"; readonly platform: BootPlatform };

/** @param head the file's first {@link HEAD_BYTES}, or all of it @returns undefined: nothing that can be booted */
export function contentOf(name: string, head: Buffer): Content | undefined {
  const platform = platformOfProgram(head);
  const firmware = platform === undefined ? [] : [platform];
  if (textAt(head, LINUX_MAGIC_OFFSET, 4) === "HdrS")
    return { kind: "kernel", platforms: ["bios", ...firmware], wholeBytes: kernelBytes(head) };
  if (textAt(head, ARM64_MAGIC_OFFSET, 4) === "ARM\u0064" || (platform !== undefined && textAt(head, 4, 4) === "zimg"))
    return { kind: "kernel", platforms: firmware };
  if (platform !== undefined) return { kind: "efi", platform };
  if (textAt(head, ISO_MAGIC_OFFSET, 5) === "CD001") return { kind: "iso", wholeBytes: imageBytes(head) };
  return isInitrd(name, head) ? { kind: "initrd" } : undefined;
}

/** Whether the file is shorter than what it says of itself: the rest of it is on its way. */
export function isCut(content: Content, bytes: number): boolean {
  const wholeBytes = "wholeBytes" in content ? content.wholeBytes : undefined;
  return wholeBytes !== undefined && bytes + SPARE_BYTES < wholeBytes;
}

/** Its beginning for real mode, in sectors of 512 bytes, and the rest of it, in units of 16. */
function kernelBytes(head: Buffer): number {
  const sectors = head[LINUX_SECTORS_OFFSET] || LINUX_USUAL_SECTORS;
  return (sectors + 1) * 512 + head.readUInt32LE(LINUX_SIZE_OFFSET) * 16;
}

/** ECMA-119 §8.4.8 and §8.4.12: blocks, and bytes in each. */
function imageBytes(head: Buffer): number {
  const descriptor = ISO_MAGIC_OFFSET - 1;
  if (head.length < descriptor + 132) return 0;
  return head.readUInt32LE(descriptor + 80) * head.readUInt16LE(descriptor + 128);
}

/** A program for UEFI firmware, or a kernel that can pass for one. */
function platformOfProgram(head: Buffer): BootPlatform | undefined {
  if (textAt(head, 0, 2) !== "MZ" || head.length < PE_OFFSET + 4) return undefined;
  const offset = head.readUInt32LE(PE_OFFSET);
  if (offset + 6 > head.length || textAt(head, offset, 4) !== "PE\0\0") return undefined;
  return MACHINES.get(head.readUInt16LE(offset + 4));
}

function isInitrd(name: string, head: Buffer): boolean {
  if (CPIO.test(textAt(head, 0, 6))) return true;
  if (head[0] === 0x1f && head[1] === 0x8b) return holdsCpio(head);
  return INITRD_NAME.test(name) && COMPRESSED.some((magic) => head.subarray(0, magic.length).equals(magic));
}

function holdsCpio(head: Buffer): boolean {
  try {
    // Only the beginning is there: what it holds so far is taken without its end.
    const inner = gunzipSync(head, { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: 64 * HEAD_BYTES });
    return CPIO.test(textAt(inner, 0, 6));
  } catch {
    // Damaged, or it swells beyond all measure: nothing that a kernel would start from.
    return false;
  }
}

function textAt(bytes: Buffer, offset: number, length: number): string {
  return bytes.toString("latin1", offset, offset + length);
}
