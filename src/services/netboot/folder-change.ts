/** In what a folder is another one than before, for whoever boots from it. */
import type { BootFiles } from "../../protocol/pxe/offer.ts";
import { entryTitle } from "./choose.ts";
import type { FoundFolder } from "./scan.ts";

export interface FolderChange {
  /** In words, as the menu has them. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Files that are not offered yet. */
  readonly arriving: readonly string[];
  /** What was not told yet. */
  readonly notes: readonly string[];
  /** What clients get now. */
  readonly files: BootFiles;
  /** That is something else than before, not only in the menu. */
  readonly changesFiles: boolean;
}

interface Offered {
  readonly folder: FoundFolder;
  readonly files: BootFiles;
}

/** @returns undefined when nothing is worth telling */
export function folderChange(before: Offered, now: Offered): FolderChange | undefined {
  const [old, present] = [titlesOf(before.folder), titlesOf(now.folder)];
  const change = {
    added: without(present, old),
    removed: without(old, present),
    arriving: without(now.folder.arriving, before.folder.arriving),
    notes: without(now.folder.notes, before.folder.notes),
    files: now.files,
    changesFiles: JSON.stringify(before.files) !== JSON.stringify(now.files),
  };
  const { added, removed, arriving, notes, changesFiles } = change;
  return changesFiles || [added, removed, arriving, notes].some(({ length }) => length > 0) ? change : undefined;
}

function titlesOf({ loaders, kernels, windows, images, script }: FoundFolder): string[] {
  return [
    ...loaders.map((loader) => entryTitle({ kind: "loader", loader })),
    ...kernels.map((kernel) => entryTitle({ kind: "kernel", kernel })),
    ...(windows === undefined ? [] : [entryTitle({ kind: "windows", windows })]),
    ...images.map((image) => entryTitle({ kind: "image", image })),
    ...(script === undefined ? [] : [`Script: ${script}`]),
  ];
}

function without(all: readonly string[], known: readonly string[]): string[] {
  const set = new Set(known);
  return all.filter((each) => !set.has(each));
}
