/** The menu for GRUB where the folder has no grub.cfg: its Linux kernels. */
import { BOOT_PLATFORMS, type BootPlatform } from "../../protocol/pxe/client.ts";
import { entryTitle, MOST_ENTRIES } from "./choose.ts";
import type { FoundFolder, FoundKernel } from "./scan.ts";

/** How long a menu waits for a person: shorter where there is nothing to choose. */
const WAIT_SECONDS = 8;
const WAIT_FOR_NOTHING_SECONDS = 2;

/** `$grub_cpu-$grub_platform`. */
const GRUB_PLATFORMS: Readonly<Record<BootPlatform, string>> = {
  bios: "i386-pc",
  "efi-ia32": "i386-efi",
  "efi-x64": "x86_64-efi",
  "efi-arm32": "arm-efi",
  "efi-arm64": "arm64-efi",
};

/** @returns undefined where there is nothing to choose from, or the folder has a file of its own */
export function makeGrubMenu({ kernels, hasGrubFile }: FoundFolder): string | undefined {
  if (hasGrubFile || kernels.length === 0) return undefined;
  // Not every GRUB has a command for conditions.
  const isMixed = new Set(kernels.map(({ platforms }) => platforms.join())).size > 1;
  const entries = isMixed
    ? BOOT_PLATFORMS.flatMap((platform) => platformEntries(platform, kernels))
    : kernels.slice(0, MOST_ENTRIES).flatMap(entryOf);
  return [
    "# Made by netloom of what its folder holds.",
    `set timeout=${kernels.length === 1 ? WAIT_FOR_NOTHING_SECONDS : WAIT_SECONDS}`,
    ...entries,
    "",
  ].join("\n");
}

function platformEntries(platform: BootPlatform, kernels: readonly FoundKernel[]): string[] {
  const fitting = kernels.filter(({ platforms }) => platforms.includes(platform)).slice(0, MOST_ENTRIES);
  if (fitting.length === 0) return [];
  const condition = `if [ "$grub_cpu-$grub_platform" = "${GRUB_PLATFORMS[platform]}" ]; then`;
  return [condition, ...fitting.flatMap(entryOf), "fi"];
}

function entryOf(found: FoundKernel): string[] {
  const { kernel, initrd, commandLine } = found;
  return [
    `menuentry ${quoted(entryTitle({ kind: "kernel", kernel: found }))} {`,
    `  linux ${[`/${kernel}`, ...wordsOf(commandLine)].map(quoted).join(" ")}`,
    ...(initrd === undefined ? [] : [`  initrd ${quoted(`/${initrd}`)}`]),
    "}",
  ];
}

/**
 * What stands between double quotes belongs together, as for the kernel. GRUB quotes a word with spaces by itself, and
 * would put a backslash before each quote that it is given.
 */
function wordsOf(commandLine: string): string[] {
  return Array.from(commandLine.matchAll(/(?:[^\s"]|"[^"]*"?)+/g), ([word]) => word.replaceAll('"', ""));
}

/** As GRUB takes it, letter by letter. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
