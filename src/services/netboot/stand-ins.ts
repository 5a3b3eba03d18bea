/**
 * Files that are given by another name than their own. A shim asks for grubx64.efi beside it, and for mmx64.efi when it
 * is to learn a key; in packages of Debian and Ubuntu these are called grubx64.efi.signed and mmx64.efi.signed, and the
 * GRUB that knows the network is grubnetx64.efi.signed.
 */
import { basename, dirname, join } from "node:path";
import { EFI_NAME, unsignedName } from "./loaders.ts";
import type { Grub } from "./seen-files.ts";

const GRUB_NAME = /^grub(?:net)?(x64|ia32|aa64|arm)[\w.-]*\.efi$/;

/**
 * @param paths all files as they are written, by their paths in lower case
 * @returns files by the path in lower case that each stands for; nothing where there is a file of that very name
 */
export function standInNames(
  paths: ReadonlyMap<string, string>,
  grub: (file: string) => Grub | undefined,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [lower, file] of paths) {
    if (!EFI_NAME.test(lower)) continue;
    for (const name of namesFor(basename(lower))) {
      const path = join(dirname(lower), name);
      if (paths.has(path)) continue;
      const other = found.get(path);
      if (other === undefined || isBetter(file, other, grub)) found.set(path, file);
    }
  }
  return found;
}

/** Names in lower case: of which it may pass for one. */
function namesFor(name: string): string[] {
  const plain = unsignedName(name);
  const suffix = GRUB_NAME.exec(plain)?.[1];
  return [plain, ...(suffix === undefined ? [] : [`grub${suffix}.efi`])].filter((each) => each !== name);
}

/** One that can do what it is there for; else the shorter name is that of what is meant for everybody. */
function isBetter(file: string, other: string, grub: (file: string) => Grub | undefined): boolean {
  const [local, otherLocal] = [grub(file) === "local", grub(other) === "local"];
  return local === otherLocal ? file.length < other.length : otherLocal;
}
