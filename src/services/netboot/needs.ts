/** What a loader has to find in the folder, and whether it is there. */
import { basename, dirname, join } from "node:path";
import type { LoaderNeed } from "./loaders.ts";

/** Of a folder. Names count in upper and lower case alike. */
export interface FolderNames {
  /** Of all files, by their names in lower case. */
  readonly files: ReadonlyMap<string, string>;
  /** In lower case. */
  readonly folders: ReadonlySet<string>;
  readonly isGrub: (file: string) => boolean;
}

/** @returns what is missing, in words; undefined when all is there */
export function lackOf(file: string, need: LoaderNeed, names: FolderNames): string | undefined {
  switch (need) {
    case "pxelinux":
      return names.folders.has(join(dirname(file), "pxelinux.cfg").toLowerCase())
        ? undefined
        : "pxelinux.cfg beside it";
    case "second-stage":
      return lackOfShim(file, names);
    default:
      return names.files.has(need) ? undefined : need;
  }
}

function lackOfShim(file: string, names: FolderNames): string | undefined {
  const suffix = /(x64|ia32|aa64|arm)/i.exec(basename(file))?.[1]?.toLowerCase() ?? "";
  const name = `grub${suffix}.efi`;
  const wanted = join(dirname(file), name).toLowerCase();
  const second = [...names.files.values()].find((path) => path.toLowerCase() === wanted);
  if (second === undefined) return `${name} beside it`;
  // It may be something else that was given that name.
  return names.files.has("grub.cfg") || !names.isGrub(second) ? undefined : `a grub.cfg for ${second}`;
}
