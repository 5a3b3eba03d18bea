/** From what a folder has to what each kind of client gets of it. */
import { BOOT_PLATFORMS, type BootPlatform } from "../../protocol/pxe/client.ts";
import type { BootFiles, PlatformFiles } from "../../protocol/pxe/offer.ts";
import type { FoundFolder, FoundKernel, FoundLoader, FoundWindows } from "./scan.ts";

/** What a person can choose in the menu. */
export type MenuEntry =
  | { readonly kind: "loader"; readonly loader: FoundLoader }
  | { readonly kind: "kernel"; readonly kernel: FoundKernel }
  | { readonly kind: "windows"; readonly windows: FoundWindows }
  | { readonly kind: "image"; readonly image: string };

/** The menu's own name below the root, as iPXE asks for it. */
export const MENU_FILE = "boot.ipxe";
/** Of a menu. */
export const MOST_ENTRIES = 40;
const ARM64_NAME = /arm64|aarch64/i;

export function chooseFiles(folder: FoundFolder): BootFiles {
  return Object.fromEntries(BOOT_PLATFORMS.map((platform) => [platform, filesFor(platform, folder)]));
}

function filesFor(platform: BootPlatform, folder: FoundFolder): PlatformFiles {
  const loader = bestLoader(platform, folder)?.file;
  const httpFile = platform === "bios" ? undefined : (loader ?? imagesFor(platform, folder)[0]);
  const ipxe = fileForIpxe(platform, folder);
  return {
    ...(loader === undefined ? {} : { loader }),
    ...(httpFile === undefined ? {} : { httpFile }),
    ...(ipxe === undefined ? {} : { ipxe }),
  };
}

/** A loader that finds its own configuration is what the folder was made for; else iPXE, for which a menu is made. */
function bestLoader(platform: BootPlatform, folder: FoundFolder): FoundLoader | undefined {
  const { loaders, script } = folder;
  const fitting = loaders.filter((loader) => loader.platform === platform);
  const ipxe = fitting.find(({ isIpxe }) => isIpxe);
  if (script !== undefined && ipxe !== undefined) return ipxe;
  const ready = fitting.find(({ isIpxe, isReady }) => isReady && !isIpxe);
  return ready ?? ipxe ?? fitting.find((loader) => takesGrubMenu(loader, folder)) ?? fitting[0];
}

/** A grub.cfg is all that it lacks, and one can be made. */
export function takesGrubMenu({ lacks, platform }: FoundLoader, folder: FoundFolder): boolean {
  return lacks?.isGrubFile === true && folder.kernels.some(({ platforms }) => platforms.includes(platform));
}

/** Never what would load iPXE once more. */
function fileForIpxe(platform: BootPlatform, folder: FoundFolder): string | undefined {
  if (folder.script !== undefined) return folder.script;
  const entries = menuEntries(platform, folder);
  const [only] = entries;
  // Alone it starts as if firmware had loaded it, with all that firmware was told.
  if (entries.length === 1 && only?.kind === "loader") return only.loader.file;
  const isOffered = bestLoader(platform, folder)?.isIpxe === true;
  return entries.length > 0 || isOffered ? MENU_FILE : undefined;
}

/** Loaders that are iPXE, in lower case. */
export function ipxeLoaders({ loaders }: FoundFolder): string[] {
  return loaders.filter(({ isIpxe }) => isIpxe).map(({ file }) => file.toLowerCase());
}

/** The first one is what boots when nobody chooses. */
export function menuEntries(platform: BootPlatform, folder: FoundFolder): MenuEntry[] {
  const others = folder.loaders.filter((loader) => loader.platform === platform && !loader.isIpxe);
  const ready = others.filter(({ isReady }) => isReady);
  const isX86 = platform === "bios" || platform === "efi-x64";
  const loaderEntry = (loader: FoundLoader) => ({ kind: "loader", loader }) as const;
  const entries: MenuEntry[] = [
    ...ready.slice(0, 1).map(loaderEntry),
    ...folder.kernels
      .filter(({ platforms }) => platforms.includes(platform))
      .map((kernel) => ({ kind: "kernel", kernel }) as const),
    ...(folder.windows !== undefined && isX86 ? [{ kind: "windows", windows: folder.windows } as const] : []),
    ...imagesFor(platform, folder).map((image) => ({ kind: "image", image }) as const),
  ];
  return (entries.length > 0 ? entries : others.slice(0, 1).map(loaderEntry)).slice(0, MOST_ENTRIES);
}

function imagesFor(platform: BootPlatform, { images }: FoundFolder): string[] {
  if (platform === "efi-arm64") return images.filter((image) => ARM64_NAME.test(image));
  return platform === "bios" || platform === "efi-x64" ? images.filter((image) => !ARM64_NAME.test(image)) : [];
}

/** In words. */
export function entryTitle(entry: MenuEntry): string {
  switch (entry.kind) {
    case "loader":
      return `${entry.loader.title}: ${entry.loader.file}`;
    case "kernel":
      return `Linux: ${entry.kernel.kernel}${entry.kernel.initrd === undefined ? "" : ` with ${entry.kernel.initrd}`}`;
    case "windows":
      return `Windows PE: ${entry.windows.image}`;
    case "image":
      return `Disc: ${entry.image}`;
  }
}
