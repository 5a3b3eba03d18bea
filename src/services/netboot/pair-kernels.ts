/** Which initial RAM disk belongs to which kernel: they lie side by side and end with the same version. */
import { basename, dirname } from "node:path";

/** What stands before the version. */
const PREFIX = /^(vmlinu[xz]|linux|bzimage|kernel|image|initrd|initramfs|initram|init|ramdisk)(\.img|\.gz)?[-._]?/i;
const SUFFIX = /\.(img|gz|xz|zst|lz4|lzma|bz2|cpio|efi|signed)$/i;

interface KernelPair {
  readonly kernel: string;
  readonly initrd: string | undefined;
}

/** @returns one for each kernel, in their order; a kernel beside several disks of which none fits is alone */
export function pairKernels(kernels: readonly string[], initrds: readonly string[]): KernelPair[] {
  const disksOf = Map.groupBy(initrds, dirname);
  const kernelsOf = Map.groupBy(kernels, dirname);
  const disks = new Map(
    Array.from(disksOf, ([folder, paths]) => [
      folder,
      // Of several of one version the first.
      new Map(paths.toReversed().map((path) => [versionOf(path), path])),
    ]),
  );
  return kernels.map((kernel) => {
    const folder = dirname(kernel);
    const beside = disksOf.get(folder) ?? [];
    const only = beside.length === 1 && kernelsOf.get(folder)?.length === 1 ? beside[0] : undefined;
    return { kernel, initrd: disks.get(folder)?.get(versionOf(kernel)) ?? only };
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
