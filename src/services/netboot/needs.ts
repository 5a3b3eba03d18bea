/** What a loader has to find in the folder, and whether it is there. */
import { basename, dirname, join } from "node:path";
import type { LoaderNeed } from "./loaders.ts";

/** Of a folder. Names count in upper and lower case alike. */
export interface FolderNames {
  /** In lower case, of all files. */
  readonly names: { readonly has: (name: string) => boolean };
  /** All files as they are written, by their paths in lower case. */
  readonly paths: ReadonlyMap<string, string>;
  /** In lower case. */
  readonly folders: ReadonlySet<string>;
  readonly isGrub: (file: string) => boolean;
}

/** What a loader does not find. */
export interface Lack {
  /** In words. */
  readonly what: string;
  /** GRUB's, which can be made for it. */
  readonly isGrubFile: boolean;
}

/** What GRUB looks for, in a folder that its image says. */
export const GRUB_FILE = "grub.cfg";

/** @returns undefined when all is there */
export function lackOf(file: string, need: LoaderNeed, found: FolderNames): Lack | undefined {
  switch (need) {
    case "pxelinux": {
      const isThere = found.folders.has(join(dirname(file), "pxelinux.cfg").toLowerCase());
      return isThere ? undefined : { what: "pxelinux.cfg beside it", isGrubFile: false };
    }
    case "second-stage":
      return lackOfShim(file, found);
    default:
      return found.names.has(need) ? undefined : { what: need, isGrubFile: need === GRUB_FILE };
  }
}

function lackOfShim(file: string, found: FolderNames): Lack | undefined {
  const suffix = /(x64|ia32|aa64|arm)/i.exec(basename(file))?.[1]?.toLowerCase() ?? "";
  const name = `grub${suffix}.efi`;
  const second = found.paths.get(join(dirname(file), name).toLowerCase());
  if (second === undefined) return { what: `${name} beside it`, isGrubFile: false };
  // It may be something else that was given that name.
  if (found.names.has(GRUB_FILE) || !found.isGrub(second)) return undefined;
  return { what: `a ${GRUB_FILE} for ${second}`, isGrubFile: true };
}
