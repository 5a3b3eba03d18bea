/** What a loader has to find in the folder, and whether it is there. */
import { basename, dirname, join } from "node:path";
import type { LoaderNeed } from "./loaders.ts";
import type { Grub } from "./seen-files.ts";

/** Of a folder. Names count in upper and lower case alike. */
export interface FolderNames {
  /** In lower case, of all files. */
  readonly names: { readonly has: (name: string) => boolean };
  /** All files as they are written, by their paths in lower case. */
  readonly paths: ReadonlyMap<string, string>;
  /** In lower case. */
  readonly folders: ReadonlySet<string>;
  /** See {@link standInNames}. */
  readonly standIns: ReadonlyMap<string, string>;
  readonly grub: (file: string) => Grub | undefined;
}

/** What a shim loads. */
export interface SecondStage {
  /** By which it asks, beside itself. */
  readonly name: string;
  /** The file that it gets. */
  readonly file: string;
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

/** It finds no disk with its file where it runs, and has no means to ask for it. */
const LOCAL_GRUB: Lack = { what: "the means to load over the network (grubnetx64.efi has them)", isGrubFile: false };

/** @returns undefined when all is there */
export function lackOf(file: string, need: LoaderNeed, found: FolderNames): Lack | undefined {
  switch (need) {
    case "pxelinux": {
      const isThere = found.folders.has(join(dirname(file), "pxelinux.cfg").toLowerCase());
      return isThere ? undefined : { what: "pxelinux.cfg beside it", isGrubFile: false };
    }
    case "second-stage":
      return lackOfShim(file, found);
    case GRUB_FILE:
      if (found.grub(file) === "local") return LOCAL_GRUB;
      return found.names.has(need) ? undefined : { what: need, isGrubFile: true };
    default:
      return found.names.has(need) ? undefined : { what: need, isGrubFile: false };
  }
}

/** What stands beside it counts by its own name before what stands for it. */
export function secondStageOf(shim: string, { paths, standIns }: FolderNames): SecondStage | undefined {
  for (const name of secondStageNames(shim)) {
    const path = join(dirname(shim), name).toLowerCase();
    const file = paths.get(path) ?? standIns.get(path);
    if (file !== undefined) return { name, file };
  }
  return undefined;
}

function lackOfShim(file: string, found: FolderNames): Lack | undefined {
  const second = secondStageOf(file, found)?.file;
  if (second === undefined) return { what: `${secondStageNames(file).join(" or ")} beside it`, isGrubFile: false };
  const grub = found.grub(second);
  if (grub === "local")
    return { what: `a GRUB that loads over the network (grubnetx64.efi), not ${second}`, isGrubFile: false };
  // It may be something else that was given that name.
  if (found.names.has(GRUB_FILE) || grub === undefined) return undefined;
  return { what: `a ${GRUB_FILE} for ${second}`, isGrubFile: true };
}

/** openSUSE's shim and that of others have other ideas. */
function secondStageNames(shim: string): readonly string[] {
  const suffix = /(x64|ia32|aa64|arm)/i.exec(basename(shim))?.[1]?.toLowerCase();
  return suffix === undefined ? ["grub.efi", "grubx64.efi"] : [`grub${suffix}.efi`];
}
