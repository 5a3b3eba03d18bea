/** Which initial RAM disk belongs to which kernel: they lie side by side and end with the same version. */
import { basename, dirname } from "node:path";

/** What stands before the version. */
const PREFIX = /^(vmlinu[xz]|linux|bzimage|kernel|image|initrd|initramfs|initram|init|ramdisk)(\.img|\.gz)?[-._]?/i;
const SUFFIX = /\.(img|gz|xz|zst|lz4|lzma|bz2|cpio|efi)$/i;

interface KernelPair {
  readonly kernel: string;
  readonly initrd: string | undefined;
}

/** @returns one for each kernel, in their order; a kernel beside several disks of which none fits is alone */
export function pairKernels(kernels: readonly string[], initrds: readonly string[]): KernelPair[] {
  return kernels.map((kernel) => {
    const beside = initrds.filter((path) => dirname(path) === dirname(kernel));
    const version = versionOf(kernel);
    const fitting = beside.find((path) => versionOf(path) === version);
    const siblings = kernels.filter((path) => dirname(path) === dirname(kernel));
    const only = beside.length === 1 && siblings.length === 1 ? beside[0] : undefined;
    return { kernel, initrd: fitting ?? only };
  });
}

function versionOf(path: string): string {
  let rest = basename(path).replace(PREFIX, "");
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(SUFFIX, "");
  }
  return /^(img|gz|xz|zst|cpio)$/i.test(rest) ? "" : rest;
}
